"""The lines of an mbox: where its messages lie, and how a line that looks like one's beginning is
told from it (the rules known as mboxrd)."""

import os
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

__all__ = ["Span", "ends_in_empty_line", "is_mbox", "pieces_of", "quote", "spans", "unquote"]

PIECE: Final = 256 * 1024
SEPARATOR: Final = re.compile(rb"\n(\r?\n)From ")
LONGEST_SEPARATOR: Final = len(b"\n\r\nFrom ")
EMPTY_LINE_AT_END: Final = re.compile(rb"\n(\r?\n)\Z")

LIKE_A_SEPARATOR: Final = re.compile(rb"(\n>*)From ")
PERHAPS_LIKE_ONE: Final = re.compile(rb"\n>*(F(?:r(?:om?)?)?)?")
QUOTED: Final = re.compile(rb"(\n)>(?=>*From )")
PERHAPS_QUOTED: Final = re.compile(rb"\n(?:>*(>(?:F(?:r(?:om?)?)?)?))?")


class Span(NamedTuple):
    """A message in an mbox, in octets from the beginning of the file."""

    start: int
    """Of its `From ` line."""

    content: int
    """Behind that line."""

    end: int
    """Of the content: the empty line that may follow belongs to the file."""


def is_mbox(file: int) -> bool:
    """Whether this is the descriptor of an mbox; an empty file is one."""
    return os.pread(file, 5, 0) in (b"", b"From ")


def pieces_of(file: int, start: int, end: int) -> Iterator[bytes]:
    """A part of a file. Raises OSError where it is not all there."""
    while start < end:
        piece = os.pread(file, min(PIECE, end - start), start)
        if not piece:
            raise OSError("the mbox became shorter while it was read")
        start += len(piece)
        yield piece


def spans(file: int, size: int) -> Iterator[Span]:
    """The messages in the first `size` octets of an mbox.

    A `From ` line begins a message at the beginning of the file and behind an empty line, and
    nowhere else: not every program quotes the ones in the middle of a paragraph.
    """
    start = 0
    for end, following in _separators(file, size):
        yield Span(start, _behind_line(file, start, size), end)
        start = following
    if start < size:
        yield Span(start, _behind_line(file, start, size), size - len(_last_line(file, size)))


def ends_in_empty_line(file: int, size: int) -> bool:
    """Whether a message may be appended behind the first `size` octets as they are."""
    return size == 0 or bool(_last_line(file, size))


def quote(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """`From `, `>From `, `>>From ` ... at the beginning of a line get one more `>`."""
    # The new `>` goes behind the old ones, of which there may be more than fit into memory.
    return _replaced(pieces, LIKE_A_SEPARATOR, rb"\1>From ", PERHAPS_LIKE_ONE)


def unquote(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """`>From `, `>>From ` ... at the beginning of a line lose one `>`."""
    return _replaced(pieces, QUOTED, rb"\1", PERHAPS_QUOTED)


def _separators(file: int, size: int) -> Iterator[tuple[int, int]]:
    """Each `From ` line but the first, and before that where the empty line before it begins."""
    seen = found = 0
    before = b""
    for piece in pieces_of(file, 0, size):
        window = before + piece
        offset = seen - len(before)
        for match in SEPARATOR.finditer(window):
            if offset + match.start() >= found:
                found = offset + match.end()
                yield offset + match.start(1), offset + match.end(1)
        before = window[-LONGEST_SEPARATOR:]
        seen += len(piece)


def _behind_line(file: int, start: int, size: int) -> int:
    while start < size:
        piece = os.pread(file, min(256, size - start), start)
        at = piece.find(b"\n")
        if at >= 0:
            return start + at + 1
        start += len(piece) or size
    return size


def _last_line(file: int, size: int) -> bytes:
    """The last line if it is an empty one."""
    match = EMPTY_LINE_AT_END.search(os.pread(file, min(size, 3), max(size - 3, 0)))
    return match[1] if match else b""


def _replaced(
    pieces: Iterable[bytes],
    pattern: re.Pattern[bytes],
    replacement: bytes,
    undecided: re.Pattern[bytes],
) -> Iterator[bytes]:
    """Replace what begins with the end of the line before it, in pieces cut anywhere.

    `undecided` is how a piece ends that may continue as `pattern`; its group is to be held back.
    """
    before, held = b"\n", b""  # `before` only tells where in a line `held` begins
    for piece in pieces:
        whole = before + held + piece
        last = whole.rfind(b"\n")
        match = undecided.fullmatch(whole, last) if last >= 0 else None
        held = (match and match[1]) or b""
        yield pattern.sub(replacement, whole[: len(whole) - len(held)])[len(before) :]
        before = b"\n" if match else b""
    yield held
