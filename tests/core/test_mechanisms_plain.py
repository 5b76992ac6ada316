"""PLAIN."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto import Credentials, LocalProtocolError, Response
from pop3_proto.mechanisms import Plain, PlainServer
from pop3_proto.mechanisms.strings import prepared_credentials

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)


# RFC 4616, section 4.
@pytest.mark.parametrize(
    ("client", "message", "claim"),
    [
        (
            Plain("tim", "tanstaaftanstaaf"),
            b"\0tim\0tanstaaftanstaaf",
            Credentials("tim", "tanstaaftanstaaf"),
        ),
        (
            Plain("Kurt", "xipj3plmq", "Ursel"),
            b"Ursel\0Kurt\0xipj3plmq",
            Credentials("Kurt", "xipj3plmq", "Ursel"),
        ),
    ],
)
def test_the_examples_of_the_rfc(client: Plain, message: bytes, claim: Credentials) -> None:
    assert client.respond(b"") == Response(message, last=True)
    assert PlainServer().step(message) == claim


@given(texts, texts, st.just("") | texts)
def test_the_server_understands_the_client(name: str, password: str, other: str) -> None:
    message = Plain(name, password, other).respond(b"").data
    assert PlainServer().step(message) == prepared_credentials(name, password, other)


def test_octets_are_sent_as_they_are() -> None:
    message = Plain(b"b\xe4r", b"\xff", b"\xfe").respond(b"").data
    assert message == b"\xfe\0b\xe4r\0\xff"


@pytest.mark.parametrize(
    ("name", "password", "other", "what"),
    [
        ("", "secret", "", "the name is empty"),
        ("alice", "", "", "the password is empty"),
        ("al\0ice", "secret", "", "the name contains NUL"),
        ("alice", "sec\0ret", "", "the password contains NUL"),
        ("alice", "secret", "b\0b", "the authorization identity contains NUL"),
    ],
)
def test_what_plain_cannot_carry(name: str, password: str, other: str, what: str) -> None:
    with pytest.raises(LocalProtocolError, match=what):
        Plain(name, password, other)


@pytest.mark.parametrize("response", [b"\0\0", b"\0alice\0", b"\0\0secret", b"\0alice\0\x07"])
def test_nobody(response: bytes) -> None:
    assert PlainServer().step(response) == Credentials("", "")


@pytest.mark.parametrize(
    ("response", "why"),
    [
        (b"", "three parts"),
        (b"alice\0secret", "three parts"),
        (b"\0alice\0sec\0ret", "three parts"),
        (b"\0alice\0sec\xffret", "UTF-8"),
        (b"\0ali\xffce\0secret", "UTF-8"),
        (b"\xff\0alice\0secret", "UTF-8"),
    ],
)
def test_what_makes_no_sense(response: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        PlainServer().step(response)
