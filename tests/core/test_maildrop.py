"""What a server asks of an application, and how it finds out what more that can do."""

import pytest

from pop3_proto import (
    Announced,
    Announcing,
    LoginInterval,
    MessageEntry,
    Pop3Error,
    Refused,
    ResponseCode,
    Retention,
    Utf8Aware,
)


class Everything:
    """Announces, and has surrogates."""

    announced = Announced(LoginInterval(60), Retention(None), utf8=True)

    def enable_utf8(self) -> None:
        pass


@pytest.mark.parametrize("ability", [Announcing, Utf8Aware])
def test_what_an_application_can_do_is_seen_by_its_methods(ability: type) -> None:
    assert isinstance(Everything(), ability)
    assert not isinstance(object(), ability)


def test_nothing_is_announced_unasked() -> None:
    assert Announced() == Announced(login_interval=None, retention=None, utf8=False)


def test_a_message_may_be_sent_everywhere_unless_it_says_otherwise() -> None:
    assert MessageEntry(1, b"a") == (1, b"a", False)
    assert MessageEntry(1, b"a", needs_utf8=True).needs_utf8


def test_a_refusal_has_a_text_and_perhaps_a_code() -> None:
    refusal = Refused("busy", ResponseCode.of("IN-USE"))
    assert isinstance(refusal, Pop3Error)
    assert (str(refusal), refusal.text, str(refusal.code)) == ("busy", "busy", "IN-USE")
    assert Refused("no").code is None
