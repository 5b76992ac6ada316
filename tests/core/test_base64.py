"""Base64 that is strict."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto.base64 import decode_base64, encode_base64


@given(st.binary())
def test_what_is_encoded_is_decoded(data: bytes) -> None:
    assert decode_base64(encode_base64(data)) == data
    assert b"\n" not in encode_base64(data)


@given(st.text("AB/+= -_\n").map(str.encode) | st.binary())
def test_there_is_one_text_for_each_data(text: bytes) -> None:
    """But for the bits of the last character that stand for nothing."""
    data = decode_base64(text)
    if data is not None:
        assert encode_base64(data)[:-3] == text[:-3]
        assert len(encode_base64(data)) == len(text)


# The decoder that one finds first takes most of these.
@pytest.mark.parametrize(
    "text",
    [
        b"=",
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
def test_what_is_no_base64(text: bytes) -> None:
    assert decode_base64(text) is None


def test_nothing() -> None:
    assert decode_base64(b"") == b""
    assert encode_base64(b"") == b""
