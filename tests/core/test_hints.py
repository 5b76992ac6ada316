"""What the words of a refusal seem to mean."""

import pytest

from pop3_proto import Hint
from pop3_proto.hints import WORDS, hint

TOLD: dict[bytes, Hint | None] = {
    b"Can't get lock. Mailbox in use": Hint.LOCKED,
    b"[x] Unable to lock maildrop: Mailbox is locked by POP server": Hint.LOCKED,
    b"Unable to lock mailbox": Hint.LOCKED,
    b"maildrop already locked": Hint.LOCKED,
    b"Mailbox busy": Hint.LOCKED,
    b"lock busy! Is another session active?": Hint.LOCKED,
    b"please WAIT A FEW MINUTES": Hint.LOCKED,
    b"login allowed only every 15 minutes": Hint.TOO_SOON,
    b"Exceeded the login limit for a 15 minute period": Hint.TOO_SOON,
    b"POP Download Exceeded for user": Hint.TOO_MUCH,
    b"Download exceed. msg=10": Hint.TOO_MUCH,
    b"QUOTA: your mailbox is full and in use": Hint.OVER_QUOTA,
    b"authentication failed": None,
    b"invalid login username or password": None,
    b"login user unknown": None,
    b"domain user not found": None,
    b"mailbox unlocked by admin": None,
    b"corporate limit": None,
    b"": None,
}


@pytest.mark.parametrize("text", TOLD)
def test_hint(text: bytes) -> None:
    assert hint(text) is TOLD[text]
    assert hint(text.upper()) is TOLD[text]


def test_there_are_words_for_each() -> None:
    assert {kind for kind, _ in WORDS} == set(Hint)
