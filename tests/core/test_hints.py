"""What the words of a refusal seem to mean."""

import pytest

from pop3_proto import Hint
from pop3_proto.hints import WORDS, hint


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"Can't get lock. Mailbox in use", Hint.LOCKED),
        (b"[x] Unable to lock maildrop: Mailbox is locked by POP server", Hint.LOCKED),
        (b"login allowed only every 15 minutes", Hint.TOO_SOON),
        (b"POP Download Exceeded for user", Hint.TOO_MUCH),
        (b"QUOTA: your mailbox is full and in use", Hint.OVER_QUOTA),
        (b"authentication failed", None),
        (b"", None),
    ],
)
def test_hint(text: bytes, kind: Hint | None) -> None:
    assert hint(text) is kind


@pytest.mark.parametrize(("kind", "words"), WORDS)
def test_the_words_are_found_in_any_case(kind: Hint, words: tuple[bytes, ...]) -> None:
    for word in words:
        assert word.islower()
        assert hint(b"no: %b." % word.upper()) is kind


def test_there_are_words_for_each() -> None:
    assert {kind for kind, _ in WORDS} == set(Hint)
