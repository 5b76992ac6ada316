"""An mbox as a maildrop."""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from pop3_proto import MessageEntry, Refused
from pop3_proto.responses import IN_USE

from .._line_ends import to_wire
from .._mbox import Span, is_mbox, pieces_of, spans, unquote
from .._mbox_lock import LockedMbox
from ._mbox_rewrite import recover, rewrite

__all__ = ["MboxMaildrop"]

CHANGING: Final = re.compile(
    rb"^(?:Status|X-Status|X-Keywords|X-UID|X-IMAP|X-IMAPbase|X-Mozilla-Status2?|X-Mozilla-Keys"
    rb"|Content-Length|Lines):[^\n]*\n(?:[ \t][^\n]*\n)*",
    re.IGNORECASE | re.MULTILINE,
)


class _Message(NamedTuple):
    span: Span
    octets: int
    digest: str


class MboxMaildrop:
    """The messages in an mbox, in their order there; a file that is missing is an empty maildrop.

    The session holds a dot-lock and a lock of fcntl from `open` to `close`, as delivery agents do
    while they deliver: those that keep either wait for its end, and what comes in spite of them
    is kept. `>From ` in a message loses its `>`. Nothing is held in memory but where the messages
    are.

    A unique-id is a hash of the message and its `From ` line, and which of its copies it is.
    The headers in which mail readers write what they have done (`Status`, `X-UID` and the like)
    are sent like the others, and are not hashed, where they are in the first 256 KiB. Where one of
    several equal copies is deleted, the others move up: nobody can tell them apart.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = path
        self._mbox: LockedMbox | None = None
        self._messages: list[_Message] = []

    def open(self) -> Sequence[MessageEntry]:
        """Lock and list. Raises OSError where this is no mbox, or cannot be locked."""
        try:
            mbox = LockedMbox(self._path)
        except BlockingIOError:
            raise Refused("another session or program has the maildrop", IN_USE) from None
        self._mbox = mbox
        try:
            self._messages = [] if mbox.file is None else _list(mbox, mbox.file)
        except BaseException:
            self.close()
            raise
        return _entries(self._messages)

    def read(self, index: int) -> Iterator[bytes]:
        """The message in pieces, with CRLF as the end of each line."""
        mbox, file = self._open_mbox()
        mbox.touch()
        return _wire_form(file, self._messages[index].span)

    def delete(self, indexes: Collection[int]) -> None:
        """Delete all of these, or none where it fails.

        Raises OSError, and deletes nothing, where the messages are not where they were.
        """
        mbox, file = self._open_mbox()
        mbox.check()
        size = os.fstat(file).st_size
        now = list(_index(file, size))
        if now[: len(self._messages)] != self._messages:
            raise OSError(f"{mbox.path} was changed in spite of the locks, nothing is deleted")
        parts = pairwise([*(message.span.start for message in now), size])
        gone = set(indexes)
        rewrite(file, mbox.path, [part for n, part in enumerate(parts) if n not in gone])

    def close(self) -> None:
        """Unlock."""
        if self._mbox:
            self._mbox.close()
            self._mbox = None

    def _open_mbox(self) -> tuple[LockedMbox, int]:
        if self._mbox is None or self._mbox.file is None:
            raise OSError("the mbox is not open, or was missing when it was")
        return self._mbox, self._mbox.file


def _list(mbox: LockedMbox, file: int) -> list[_Message]:
    if not is_mbox(file):
        raise OSError(f"{mbox.path} is no mbox: it does not begin with 'From '")
    recover(file, mbox.path)
    return list(_index(file, os.fstat(file).st_size))


def _index(file: int, size: int) -> Iterator[_Message]:
    for span in spans(file, size):
        pieces = _wire_form(file, span)
        first = next(pieces, b"")
        hashed = hashlib.sha256(b"".join(pieces_of(file, span.start, span.content)))
        hashed.update(_without_changing_headers(first))
        octets = len(first)
        for piece in pieces:
            octets += len(piece)
            hashed.update(piece)
        yield _Message(span, octets, hashed.hexdigest()[:40])


def _entries(messages: list[_Message]) -> list[MessageEntry]:
    copies = Counter[str]()
    entries: list[MessageEntry] = []
    for message in messages:
        copies[message.digest] += 1
        unique_id = f"{message.digest}.{copies[message.digest]}".encode("ascii")
        entries.append(MessageEntry(message.octets, unique_id))
    return entries


def _wire_form(file: int, span: Span) -> Iterator[bytes]:
    return to_wire(unquote(pieces_of(file, span.content, span.end)))


def _without_changing_headers(beginning: bytes) -> bytes:
    if beginning.startswith(b"\r\n"):
        return beginning
    headers, empty_line, body = beginning.partition(b"\r\n\r\n")
    end = b"\r\n" if empty_line else b""
    return CHANGING.sub(b"", headers + end) + end + body
