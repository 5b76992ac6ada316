"""LOGIN."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto import Credentials, LocalProtocolError, Response
from pop3_proto.mechanisms import Login, LoginServer
from pop3_proto.mechanisms.strings import prepared_credentials

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)


def test_what_is_said() -> None:
    client, server = Login("alice", "secret"), LoginServer()
    assert server.step(b"") == b"Username:"
    assert client.respond(b"Username:") == Response(b"alice", last=False)
    assert server.step(b"alice") == b"Password:"
    assert client.respond(b"Password:") == Response(b"secret", last=True)
    assert server.step(b"secret") == Credentials("alice", "secret")


@given(texts, texts, st.binary(), st.binary())
def test_the_server_understands_the_client(
    name: str, password: str, question: bytes, other: bytes
) -> None:
    """The client does not mind in which words it is asked."""
    client, server = Login(name, password), LoginServer()
    _ = server.step(b""), server.step(client.respond(question).data)
    assert server.step(client.respond(other).data) == prepared_credentials(name, password)


def test_octets_are_sent_as_they_are() -> None:
    client = Login(b"b\xe4r", b"\xff")
    assert [client.respond(b"").data, client.respond(b"").data] == [b"b\xe4r", b"\xff"]


@pytest.mark.parametrize(
    ("name", "password", "what"),
    [
        ("", "secret", "the name is empty"),
        ("alice", "", "the password is empty"),
        ("al\0ice", "secret", "the name contains NUL"),
        ("alice", "sec\0ret", "the password contains NUL"),
    ],
)
def test_what_login_cannot_carry(name: str, password: str, what: str) -> None:
    with pytest.raises(LocalProtocolError, match=what):
        Login(name, password)


@pytest.mark.parametrize(
    ("name", "password"), [(b"", b"secret"), (b"alice", b""), (b"\x07", b"secret"), (b"", b"")]
)
def test_nobody(name: bytes, password: bytes) -> None:
    server = LoginServer()
    assert server.step(b"") == b"Username:"
    assert server.step(name) == b"Password:"
    assert server.step(password) == Credentials("", "")


def test_what_makes_no_sense() -> None:
    server = LoginServer()
    assert server.step(b"") == b"Username:"
    with pytest.raises(ValueError, match="UTF-8"):
        server.step(b"\xff")
    assert server.step(b"alice") == b"Password:"
    with pytest.raises(ValueError, match="NUL"):
        server.step(b"sec\0ret")
