"""Ends of line, however the message is cut, against what a reader checks at a glance."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from pop3_adapters._line_ends import to_disk, to_wire

OCTETS = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"x", b"\0"])).map(b"".join)
PIECES = st.lists(OCTETS, max_size=8)


def wire(message: bytes) -> bytes:
    form = re.sub(rb"(?<!\r)\n", b"\r\n", message)
    return form if not form or form.endswith(b"\n") else form + b"\r\n"


@given(PIECES)
@example([b"a\r", b"\nb"])
@example([b"a\r", b"", b"\nb"])
@example([b"\r", b"\r", b"\n", b"\n"])
@example([b"a\r"])
def test_on_the_wire(pieces: list[bytes]) -> None:
    assert b"".join(to_wire(pieces)) == wire(b"".join(pieces))


@given(PIECES)
def test_no_bare_lf_and_no_half_line_goes_out(pieces: list[bytes]) -> None:
    sent = b"".join(to_wire(pieces))
    assert sent.count(b"\n") == sent.count(b"\r\n")
    assert not sent or sent.endswith(b"\r\n")
    assert b"".join(to_wire([sent])) == sent


@given(PIECES)
@example([b"a\r", b"\nb\r"])
@example([b"\r", b"\r", b"\n"])
def test_on_disk(pieces: list[bytes]) -> None:
    assert b"".join(to_disk(pieces)) == b"".join(pieces).replace(b"\r\n", b"\n")


@given(PIECES)
def test_there_and_back(pieces: list[bytes]) -> None:
    sent = b"".join(to_wire(pieces))
    if b"\r\r\n" not in sent:
        assert b"".join(to_wire(to_disk([sent]))) == sent
