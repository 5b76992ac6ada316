"""ANONYMOUS."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto import Guest, LocalProtocolError, Response
from pop3_proto.base64 import decode_base64
from pop3_proto.mechanisms import Anonymous, AnonymousServer

LONG_ADDRESS = "x" * 260 + "@example.com"


# RFC 4505, section 4.
def test_the_example_of_the_rfc() -> None:
    message = decode_base64(b"c2lyaGM=") or b""
    assert Anonymous("sirhc").respond(b"") == Response(message, last=True)
    assert AnonymousServer().step(message) == Guest("sirhc")


@given(st.text())
def test_the_server_takes_what_the_client_sends(trace: str) -> None:
    try:
        message = Anonymous(trace).respond(b"").data
    except LocalProtocolError:
        return
    assert AnonymousServer().step(message) == Guest(trace)


@pytest.mark.parametrize("trace", ["", "\u00e4" * 255, "alice@example.com", LONG_ADDRESS])
def test_traces(trace: str) -> None:
    assert AnonymousServer().step(Anonymous(trace).respond(b"").data) == Guest(trace)


@pytest.mark.parametrize(
    ("trace", "why"),
    [
        ("x" * 256, "255 characters"),
        ("@" * 1025, "1024 characters"),
        ("a\nb", "prohibits"),
        ("\x1b[2J", "prohibits"),
        ("\u202eb", "prohibits"),
    ],
)
def test_what_is_no_trace(trace: str, why: str) -> None:
    with pytest.raises(LocalProtocolError, match=f"cannot be sent as a trace: .*{why}"):
        Anonymous(trace)
    with pytest.raises(ValueError, match=why):
        AnonymousServer().step(trace.encode())


@pytest.mark.parametrize("trace", ["\0", "\ud800"])
def test_what_is_no_text(trace: str) -> None:
    with pytest.raises(LocalProtocolError, match="the trace contains"):
        Anonymous(trace)
    with pytest.raises(ValueError, match="UTF-8"):
        AnonymousServer().step(trace.encode("utf-8", "surrogatepass"))
