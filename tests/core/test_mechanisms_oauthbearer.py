"""OAUTHBEARER."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pop3_proto import LocalProtocolError, Response
from pop3_proto.base64 import decode_base64, encode_base64
from pop3_proto.mechanisms import OAuthBearer, OAuthBearerServer, TokenRefusal

NAME = "user@example.com"
TOKEN = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
IN_BASE64 = b"QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"

names = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E))
tokens = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1)


# RFC 7628, section 4.1.
@pytest.mark.parametrize(
    ("port", "text"),
    [
        (
            143,
            b"bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9",
        ),
        (
            587,
            b"bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9NTg3AWF1dGg9",
        ),
    ],
)
def test_the_examples_of_the_rfc(port: int, text: bytes) -> None:
    response = OAuthBearer(NAME, TOKEN, "server.example.com", port).respond(b"")
    assert encode_base64(response.data) == text + IN_BASE64
    assert response.last
    claim = OAuthBearerServer().step(response.data)
    assert (claim.token, claim.authorization) == (TOKEN, NAME)


# Section 4.3: how a client asks what a token has to be good for.
def test_a_client_without_a_token() -> None:
    response = decode_base64(
        b"bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9AQE="
    )
    claim = OAuthBearerServer().step(response or b"")
    assert (claim.token, claim.authorization) == ("", NAME)


@given(names, tokens)
@example("=2C", "x")
@example("=3D", "x")
def test_the_server_understands_the_client(name: str, token: str) -> None:
    claim = OAuthBearerServer().step(OAuthBearer(name, token).respond(b"").data)
    assert (claim.token, claim.authorization) == (token, name)


@pytest.mark.parametrize(
    ("client", "message"),
    [
        (OAuthBearer("", "x"), b"n,,\1auth=Bearer x\1\1"),
        (OAuthBearer("a,b=c", "x"), b"n,a=a=2Cb=3Dc,\1auth=Bearer x\1\1"),
        (OAuthBearer(b"b\xe4r", "x"), b"n,a=b\xe4r,\1auth=Bearer x\1\1"),
        (OAuthBearer("", "x", "host"), b"n,,\1host=host\1auth=Bearer x\1\1"),
        (OAuthBearer("", "x", port=110), b"n,,\1port=110\1auth=Bearer x\1\1"),
    ],
)
def test_what_is_said(client: OAuthBearer, message: bytes) -> None:
    assert client.respond(b"") == Response(message, last=True)


def test_the_client_understands_the_refusal() -> None:
    client = OAuthBearer(NAME, TOKEN)
    claim = OAuthBearerServer().step(client.respond(b"").data)
    assert client.respond(claim.refusal) == Response(b"\1", last=False)
    assert client.refusal == TokenRefusal(claim.refusal, status="invalid_token")
    assert json.loads(claim.refusal)


@pytest.mark.parametrize(
    ("name", "token", "host", "what"),
    [
        ("a\0", TOKEN, "", "the name contains NUL"),
        ("a\1", TOKEN, "", r"the name contains U\+0001"),
        (NAME, TOKEN + "\n", "", "a token consists of"),
        (NAME, TOKEN, "m\u00fcller.example", "give it in IDNA's form"),
        (NAME, TOKEN, "a\1b", "give it in IDNA's form"),
    ],
)
def test_what_oauthbearer_cannot_carry(name: str, token: str, host: str, what: str) -> None:
    with pytest.raises(LocalProtocolError, match=what):
        OAuthBearer(name, token, host)


@pytest.mark.parametrize(
    ("response", "authorization"),
    [
        (b"n,,\1auth=Bearer x\1\1", ""),
        (b"y,,\1auth=bearer x\1\1", ""),
        (b"n,a=alice,\1auth=Bearer x\1host=h\1unknown=\1\1", "alice"),
    ],
)
def test_what_other_clients_say(response: bytes, authorization: str) -> None:
    claim = OAuthBearerServer().step(response)
    assert (claim.token, claim.authorization) == ("x", authorization)


@pytest.mark.parametrize(
    ("response", "why"),
    [
        (b"", "begins with"),
        (b"\1", "begins with"),
        (b"p,,\1auth=Bearer x\1\1", "begins with"),
        (b"p=tls-unique,,\1auth=Bearer x\1\1", "begins with"),
        (b"n,user=someuser@example.com,\1auth=Bearer x\1\1", "begins with"),
        (b"n,a=,\1auth=Bearer x\1\1", "begins with"),
        (b"n,a=a=2cb,\1auth=Bearer x\1\1", "begins with"),
        (b"n,,auth=Bearer x\1\1", "begins with"),
        (b"n,,\1", "keys and values"),
        (b"n,,\1\1", "keys and values"),
        (b"n,,\1auth=Bearer x\1", "keys and values"),
        (b"n,,\1host=h\1\1", "the key `auth`"),
        (b"n,,\1auth=Basic x\1\1", "no token"),
        (b"n,a=\xff,\1auth=Bearer x\1\1", "UTF-8"),
        (b"n,a=\0,\1auth=Bearer x\1\1", "UTF-8"),
        (b"n,a=\x07,\1auth=Bearer x\1\1", "SASLprep"),
    ],
)
def test_what_makes_no_sense(response: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        OAuthBearerServer().step(response)
