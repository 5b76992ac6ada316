"""Base64 that is strict, names of mechanisms, and what a mechanism is."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto import ClientMechanism, Credentials, Response, ServerMechanism
from pop3_proto.sasl import (
    decode_base64,
    decode_initial,
    encode_base64,
    encode_initial,
    is_mechanism_name,
)


@given(st.binary())
def test_what_is_encoded_is_decoded(data: bytes) -> None:
    assert decode_base64(encode_base64(data)) == data
    assert decode_initial(encode_initial(data)) == data
    assert b"\n" not in encode_base64(data)


# The decoder that one finds first takes most of these.
@pytest.mark.parametrize(
    "text",
    [
        b"=AAA",
        b"AAA=BBB",
        b"AAAA\r\n",
        b"AAAA ",
        b" AAAA",
        b"AA AA",
        b"AA==AA==",
        b"A",
        b"AAA",
        b"AAAA=",
        b"AAAA====",
        b"AA=",
        b"====",
        b"*",
        b"AA-_",
        b"\xff\xff\xff\xff",
        b"AAA\0",
    ],
)
@pytest.mark.parametrize("decode", [decode_base64, decode_initial])
def test_what_is_no_base64(decode: Callable[[bytes], bytes | None], text: bytes) -> None:
    assert decode(text) is None


def test_nothing() -> None:
    assert decode_base64(b"") == decode_initial(b"=") == b""
    assert decode_base64(b"=") is None
    assert encode_base64(b"") == b""
    assert encode_initial(b"") == b"="


@pytest.mark.parametrize("name", [b"X", b"PLAIN", b"SCRAM-SHA-256-PLUS", b"X_1", b"X" * 20])
def test_names_of_mechanisms(name: bytes) -> None:
    assert is_mechanism_name(name)


@pytest.mark.parametrize("name", [b"", b"plain", b"X" * 21, b"A B", b"A+B", b"A\n", b"\xc3\x84"])
def test_what_is_no_name_of_a_mechanism(name: bytes) -> None:
    assert not is_mechanism_name(name)


def test_a_password_is_in_no_repr() -> None:
    assert repr(Credentials("alice", "hunter2")) == "Credentials(name='alice')"
    assert repr(Response(b"hunter2", last=True)) == "Response(last=True)"


class Plain:
    """PLAIN as a client and as a server have it (RFC 4616)."""

    name = "PLAIN"
    client_first = True

    def respond(self, challenge: bytes) -> Response:
        return Response(b"\0alice\0secret", last=not challenge)

    def step(self, response: bytes) -> bytes | Credentials:
        _, name, password = response.decode().split("\0")
        return Credentials(name, password)


def test_mechanisms_are_what_has_these_methods() -> None:
    client: ClientMechanism = Plain()
    server: ServerMechanism = Plain()
    assert server.client_first is client.client_first
    assert server.step(client.respond(b"").data) == Credentials("alice", "secret")
