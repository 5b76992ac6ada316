"""TOP shows the headers, the blank line, and so many lines of the body."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto.top import TopCutter
from tests.core.machines import cut_anywhere

LINE = st.sampled_from([b"", b"", b"Subject: x", b"text", b".", b"\r", b"a\rb"])
MESSAGE = st.lists(LINE).map(lambda lines: b"".join(line + b"\r\n" for line in lines))


def reference(message: bytes, lines: int) -> bytes:
    headers, blank, body = (b"\r\n" + message).partition(b"\r\n\r\n")
    shown = body.split(b"\r\n")[:lines]
    if not blank or len(body.split(b"\r\n")) <= lines:
        return message
    return (headers + blank)[2:] + b"".join(line + b"\r\n" for line in shown)


def top(parts: list[bytes], lines: int) -> bytes:
    cutter = TopCutter(lines)
    shown = b""
    for part in parts:
        shown += cutter.cut(part)
        if cutter.done:
            break
    return shown


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        (0, b"A: b\r\nC: d\r\n\r\n"),
        (1, b"A: b\r\nC: d\r\n\r\none\r\n"),
        (2, b"A: b\r\nC: d\r\n\r\none\r\n\r\n"),
        (3, b"A: b\r\nC: d\r\n\r\none\r\n\r\nthree\r\n"),
        (4, b"A: b\r\nC: d\r\n\r\none\r\n\r\nthree\r\n"),
        (10**19 - 1, b"A: b\r\nC: d\r\n\r\none\r\n\r\nthree\r\n"),
    ],
)
def test_lines_of_the_body(lines: int, shown: bytes) -> None:
    assert top([b"A: b\r\nC: d\r\n\r\none\r\n\r\nthree\r\n"], lines) == shown


def test_a_message_without_a_body_is_shown_whole() -> None:
    assert top([b"A: b\r\nC: d\r\n"], 0) == b"A: b\r\nC: d\r\n"


def test_a_message_without_headers_begins_with_the_blank_line() -> None:
    assert top([b"\r\none\r\ntwo\r\n"], 1) == b"\r\none\r\n"


def test_nothing_more_is_wanted_once_it_is_done() -> None:
    cutter = TopCutter(1)
    cutter.cut(b"A: b\r\n\r\n")
    assert not cutter.done
    cutter.cut(b"one\r\ntwo")
    assert cutter.done


@given(st.data())
def test_it_does_not_matter_how_the_message_comes(data: st.DataObject) -> None:
    message = data.draw(MESSAGE)
    lines = data.draw(st.integers(0, 5))
    expected = reference(message, lines)
    assert top([message], lines) == expected
    assert top(data.draw(cut_anywhere(message)), lines) == expected


@given(st.data())
def test_a_last_line_without_an_end(data: st.DataObject) -> None:
    message = data.draw(MESSAGE)
    if b"\r\n\r\n" in message:
        assert top(data.draw(cut_anywhere(message + b"rest")), 99) == message + b"rest"
