"""EXTERNAL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto import Certified, LocalProtocolError, Response
from pop3_proto.mechanisms import External, ExternalServer


# RFC 4422, appendix A.4.
@pytest.mark.parametrize("authorization", ["", "fred@example.com"])
def test_the_examples_of_the_rfc(authorization: str) -> None:
    message = authorization.encode()
    assert External(authorization).respond(b"") == Response(message, last=True)
    assert ExternalServer().step(message) == Certified(authorization)


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_the_server_understands_the_client(authorization: str) -> None:
    message = External(authorization).respond(b"").data
    assert ExternalServer().step(message) == Certified(authorization)


def test_octets_are_sent_as_they_are() -> None:
    assert External(b"\xff").respond(b"").data == b"\xff"


def test_what_external_cannot_carry() -> None:
    with pytest.raises(LocalProtocolError, match="the authorization identity contains NUL"):
        External("bob\0")


@pytest.mark.parametrize("response", [b"\0", b"bob\0", b"\xff", b"\x07", "\u00ad".encode()])
def test_what_makes_no_sense(response: bytes) -> None:
    with pytest.raises(ValueError, match=r"UTF-8|SASLprep"):
        ExternalServer().step(response)
