"""Names and passwords as octets, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto import Credentials, LocalProtocolError
from pop3_proto.mechanisms.strings import (
    authorization_from,
    from_octets,
    prepared_credentials,
    to_octets,
)

SOFT_HYPHEN = "\u00ad"


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("alice", b"alice"),
        ("b\u00e4r", b"b\xc3\xa4r"),
        (b"b\xe4r", b"b\xe4r"),
        ("pass word  two ", b"pass word  two "),
        ("a\r\nb", b"a\r\nb"),
        (SOFT_HYPHEN, SOFT_HYPHEN.encode()),
    ],
)
def test_text_is_sent_as_utf_8_and_octets_as_they_are(text: str | bytes, octets: bytes) -> None:
    assert to_octets(text, "name") == octets


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the password is empty, which no server takes: give one"),
        (b"", "the password is empty, which no server takes: give one"),
        ("hunter2\0", "the password contains NUL, which no server takes: leave it out"),
        (b"hunter2\0", "the password contains NUL, which no server takes: leave it out"),
        ("hunter2\udcff", "the password contains surrogates: give it as bytes"),
    ],
)
def test_what_no_mechanism_can_carry(text: str | bytes, message: str) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        to_octets(text, "password")
    assert str(caught.value) == message
    assert caught.value.__context__ is None


def test_nothing_where_it_is_allowed() -> None:
    assert to_octets("", "trace", empty=True) == b""


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_text_comes_out_as_it_went_in(text: str) -> None:
    assert from_octets(to_octets(text, "name", empty=True)) == text


@pytest.mark.parametrize("octets", [b"hunter2\xff", b"hunter2\0", b"\xed\xa0\x80", b"\xc0\x80"])
def test_what_is_no_text(octets: bytes) -> None:
    with pytest.raises(ValueError, match=r"^the response is not in UTF-8, or contains NUL$") as e:
        from_octets(octets)
    # An error of decoding would have the octets in it.
    assert type(e.value) is ValueError
    assert e.value.__context__ is None


def test_authorization_identities_are_prepared() -> None:
    assert authorization_from(b"") == ""
    assert authorization_from("\u2168".encode()) == "IX"


@pytest.mark.parametrize("identity", ["\x07", SOFT_HYPHEN, "\ufffc"])
def test_authorization_identities_that_cannot_be_prepared(identity: str) -> None:
    with pytest.raises(ValueError, match="SASLprep refuses the authorization identity"):
        authorization_from(identity.encode())


def test_credentials_are_prepared() -> None:
    claim = prepared_credentials("I\u00adX", "\u2168", "\u00aa")
    assert claim == Credentials("IX", "IX", "a")


@pytest.mark.parametrize("nothing", ["", SOFT_HYPHEN, "\x07", "\ufffc"])
def test_what_cannot_be_prepared_is_nobody(nothing: str) -> None:
    nobody = Credentials("", "")
    assert prepared_credentials(nothing, "secret") == nobody
    assert prepared_credentials("alice", nothing) == nobody
    if nothing:
        assert prepared_credentials("alice", "secret", nothing) == nobody
