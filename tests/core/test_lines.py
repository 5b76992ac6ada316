"""LineBuffer: lines and bulk out of whatever pieces arrive."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, SupportsIndex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto.lines import LineBuffer, breaks_line
from tests.core.machines import cut_anywhere

if TYPE_CHECKING:
    from typing_extensions import Buffer

TEXT = st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"bc", b""])).map(b"".join)
CUT_TEXT = TEXT.flatmap(lambda text: st.tuples(st.just(text), cut_anywhere(text)))


def lines_of(buffer: LineBuffer) -> Iterator[bytes]:
    while (line := buffer.take_line()) is not None:
        yield line


def test_a_line_is_taken_with_its_end() -> None:
    buffer = LineBuffer()
    buffer.feed(b"one\r\ntwo\nthr")
    assert buffer.take_line() == b"one\r\n"
    assert buffer.take_line() == b"two\n"
    assert buffer.take_line() is None
    assert buffer.unfinished == 3
    assert buffer.beginning() == b"thr"
    assert buffer.beginning(2) == b"th"
    buffer.feed(b"ee\n")
    assert buffer.take_line() == b"three\n"
    assert (buffer.unfinished, buffer.beginning()) == (0, b"")


@pytest.mark.parametrize(
    ("octets", "breaks"),
    [(b"", False), (b"a b\t\x0b\xff", False), (b"a\r", True), (b"\nb", True), (b"a\0b", True)],
)
def test_what_no_line_can_carry(octets: bytes, breaks: bool) -> None:
    assert breaks_line(octets) is breaks


@given(CUT_TEXT)
def test_lines_do_not_depend_on_how_the_input_was_cut(text: tuple[bytes, list[bytes]]) -> None:
    whole, parts = text
    buffer = LineBuffer()
    lines: list[bytes] = []
    for part in parts:
        buffer.feed(part)
        lines += lines_of(buffer)
    *complete, rest = whole.split(b"\n")
    assert lines == [line + b"\n" for line in complete]
    assert buffer.received == len(whole)
    assert buffer.start == len(whole) - len(rest)
    assert buffer.unfinished == len(rest)
    assert buffer.empty == (not rest)


def test_start_is_the_position_of_the_next_line_in_all_that_was_received() -> None:
    buffer = LineBuffer()
    assert (buffer.start, buffer.received, buffer.empty) == (0, 0, True)
    buffer.feed(b"abc\nde")
    assert (buffer.start, buffer.received, buffer.empty) == (0, 6, False)
    buffer.take_line()
    assert (buffer.start, buffer.empty) == (4, False)
    buffer.take_line()
    buffer.feed(b"f\ng")
    assert (buffer.start, buffer.received) == (4, 9)
    assert buffer.take_line() == b"def\n"
    assert buffer.start == 8


def test_what_is_not_a_line_is_used_in_bulk() -> None:
    buffer = LineBuffer()
    assert buffer.rest() == (b"", 0)
    buffer.feed(b"line\nbulk")
    buffer.take_line()
    buffer.feed(b"mo")
    buffer.feed(b"re\nx")
    chunk, position = buffer.rest()
    assert chunk[position:] == b"bulk"
    buffer.use(position + 2)
    assert buffer.rest() == (chunk, position + 2)
    assert buffer.start == 7
    buffer.use(len(chunk))
    chunk, position = buffer.rest()
    assert chunk[position:] == b"more\nx"
    buffer.use(2)
    assert buffer.take_line() == b"re\n"
    assert buffer.start == 14


def test_nothing_is_kept_of_what_has_been_used() -> None:
    buffer = LineBuffer()
    buffer.feed(b"line\nbulk")
    buffer.take_line()
    chunk, _ = buffer.rest()
    buffer.use(len(chunk))
    assert buffer.rest() == (b"", 0)
    buffer.feed(b"line\n")
    buffer.take_line()
    assert buffer.rest() == (b"", 0)


def test_lines_that_wait_are_seen_and_not_taken() -> None:
    buffer = LineBuffer()
    assert list(buffer.waiting()) == []
    buffer.feed(b"one\r\ntwo\nthree\nfo")
    assert list(buffer.waiting()) == [b"one\r\n", b"two\n", b"three\n"]
    assert buffer.start == 0
    assert buffer.take_line() == b"one\r\n"
    buffer.feed(b"ur\nfive\n")
    assert list(buffer.waiting()) == [b"two\n", b"three\n"]
    assert [buffer.take_line() for _ in range(3)] == [b"two\n", b"three\n", b"four\n"]
    assert list(buffer.waiting()) == [b"five\n"]


def test_no_line_waits_behind_one_that_was_begun() -> None:
    buffer = LineBuffer()
    buffer.feed(b"on")
    assert buffer.take_line() is None
    buffer.feed(b"e\ntwo\n")
    assert list(buffer.waiting()) == []
    assert buffer.take_line() == b"one\n"
    assert list(buffer.waiting()) == [b"two\n"]


@given(CUT_TEXT)
def test_what_waits_is_what_comes_next(text: tuple[bytes, list[bytes]]) -> None:
    buffer = LineBuffer()
    waited: list[bytes] = []
    for part in text[1]:
        buffer.feed(part)
        while True:
            waiting = list(buffer.waiting())
            assert waiting[: len(waited)] == waited[: len(waiting)]
            waited = waiting or waited
            line = buffer.take_line()
            if line is None:
                break
            assert not waited or waited.pop(0) == line
    assert not waited


def test_what_is_dropped_is_neither_there_nor_forgotten_in_the_count() -> None:
    buffer = LineBuffer()
    buffer.feed(b"one\ntw")
    buffer.feed(b"o\nthree")
    buffer.take_line()
    buffer.drop()
    assert (buffer.empty, buffer.start, buffer.received) == (True, 13, 13)
    assert buffer.take_line() is None
    buffer.feed(b"four\n")
    assert buffer.start == 13
    assert buffer.take_line() == b"four\n"


def test_the_beginning_of_a_line_can_be_dropped() -> None:
    buffer = LineBuffer()
    buffer.feed(b"far too lo")
    assert buffer.take_line() is None
    buffer.drop_unfinished()
    assert (buffer.unfinished, buffer.start, buffer.empty) == (0, 10, True)
    buffer.feed(b"ng\nnext\n")
    assert list(lines_of(buffer)) == [b"ng\n", b"next\n"]


class Searched(bytes):
    """Octets that count how many of them are searched."""

    looked_at = 0

    def find(
        self,
        sub: "Buffer | SupportsIndex",
        start: SupportsIndex | None = None,
        end: SupportsIndex | None = None,
        /,
    ) -> int:
        begin = 0 if start is None else int(start)
        found = super().find(sub, begin, end)
        Searched.looked_at += (len(self) if found < 0 else found + 1) - begin
        return found


class SearchedBuffer(LineBuffer):
    """A buffer that searches nothing else."""

    def _advance(self) -> None:
        super()._advance()
        self._chunk = Searched(self._chunk)


def test_each_octet_is_searched_once() -> None:
    Searched.looked_at = 0
    buffer = SearchedBuffer()
    text = b"a line\n" * 200 + b"x" * 3000
    for start in range(0, len(text), 1000):
        buffer.feed(text[start : start + 1000])
        assert all(line == b"a line\n" for line in lines_of(buffer))
    assert Searched.looked_at == len(text)
