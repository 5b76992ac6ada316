"""XOAUTH2."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto import AccessToken, LocalProtocolError, Response
from pop3_proto.base64 import encode_base64
from pop3_proto.mechanisms import TokenRefusal, XOAuth2, XOAuth2Server

NAME = "someuser@example.com"
TOKEN = "vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg=="

tokens = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1)


# The example in Google's documentation.
def test_the_example() -> None:
    response = XOAuth2(NAME, TOKEN).respond(b"")
    assert response == Response(
        b"user=someuser@example.com\1auth=Bearer vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg==\1\1",
        last=True,
    )
    assert encode_base64(response.data) == (
        b"dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB2RjlkZnQ0cW1UYzJOdmIzUmxja0JoZEhSaGRt"
        b"bHpkR0V1WTI5dENnPT0BAQ=="
    )
    claim = XOAuth2Server().step(response.data)
    assert (claim.token, claim.authorization) == (TOKEN, NAME)


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1), tokens)
def test_the_server_understands_the_client(name: str, token: str) -> None:
    claim = XOAuth2Server().step(XOAuth2(name, token).respond(b"").data)
    assert (claim.token, claim.authorization) == (token, name)


def test_the_client_understands_the_refusal() -> None:
    client = XOAuth2(NAME, TOKEN)
    claim = XOAuth2Server().step(client.respond(b"").data)
    assert client.respond(claim.refusal) == Response(b"", last=False)
    assert client.refusal == TokenRefusal(claim.refusal, status="401", schemes="bearer")
    assert json.loads(claim.refusal)


@pytest.mark.parametrize(
    ("name", "token", "what"),
    [
        ("", TOKEN, "the name is empty"),
        ("a\0", TOKEN, "the name contains NUL"),
        ("a\1", TOKEN, r"the name contains U\+0001"),
        (NAME, TOKEN + "\n", "a token consists of"),
    ],
)
def test_what_xoauth2_cannot_carry(name: str, token: str, what: str) -> None:
    with pytest.raises(LocalProtocolError, match=what):
        XOAuth2(name, token)


def test_the_keys_come_in_any_order() -> None:
    claim = XOAuth2Server().step(b"auth=bearer x\1user=alice\1\1")
    assert (claim.token, claim.authorization) == ("x", "alice")


@pytest.mark.parametrize(
    ("response", "why"),
    [
        (b"", "keys and values"),
        (b"user=alice\1auth=Bearer x\1", "keys and values"),
        (b"user=alice\1\1", "the keys `user` and `auth`"),
        (b"auth=Bearer x\1\1", "the keys `user` and `auth`"),
        (b"user=alice\1auth=Bearer x\1port=1\1\1", "the keys `user` and `auth`"),
        (b"user=alice\1auth=\1\1", "no token"),
        (b"user=\xff\1auth=Bearer x\1\1", "UTF-8"),
        (b"user=\x07\1auth=Bearer x\1\1", "SASLprep"),
    ],
)
def test_what_makes_no_sense(response: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        XOAuth2Server().step(response)


def test_a_name_of_nobody_is_nobody_in_particular() -> None:
    assert isinstance(XOAuth2Server().step(b"user=\1auth=Bearer x\1\1"), AccessToken)
