"""Initial responses, names of mechanisms, and what a mechanism is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto import ClientMechanism, Credentials, Response, ServerMechanism
from pop3_proto.sasl import decode_initial, encode_initial, is_mechanism_name


@given(st.binary())
def test_an_initial_response_is_read_as_it_was_written(data: bytes) -> None:
    assert decode_initial(encode_initial(data)) == data


def test_an_initial_response_that_is_empty() -> None:
    assert encode_initial(b"") == b"="
    assert decode_initial(b"=") == b""


@pytest.mark.parametrize("text", [b"==", b"A", b"AAA", b"AA=A", b"*", b"AAAA\r\n"])
def test_what_is_no_initial_response(text: bytes) -> None:
    assert decode_initial(text) is None


@pytest.mark.parametrize("name", [b"X", b"PLAIN", b"SCRAM-SHA-256-PLUS", b"X_1", b"X" * 20])
def test_names_of_mechanisms(name: bytes) -> None:
    assert is_mechanism_name(name)


@pytest.mark.parametrize("name", [b"", b"plain", b"X" * 21, b"A B", b"A+B", b"A\n", b"\xc3\x84"])
def test_what_is_no_name_of_a_mechanism(name: bytes) -> None:
    assert not is_mechanism_name(name)


def test_a_password_is_in_no_repr() -> None:
    assert repr(Response(b"hunter2", last=True)) == "Response(last=True)"


class Plain:
    """PLAIN as a client and as a server have it (RFC 4616)."""

    name = "PLAIN"
    client_first = True
    shows_secret = True

    def respond(self, challenge: bytes) -> Response:
        return Response(b"\0alice\0secret", last=not challenge)

    def step(self, response: bytes) -> bytes | Credentials:
        _, name, password = response.decode().split("\0")
        return Credentials(name, password)


def test_mechanisms_are_what_has_these_methods() -> None:
    client: ClientMechanism = Plain()
    server: ServerMechanism = Plain()
    assert server.client_first is client.client_first
    assert server.shows_secret is client.shows_secret
    assert server.step(client.respond(b"").data) == Credentials("alice", "secret")
