"""A maildrop in memory, for tests and for programs that make their mail themselves."""

import hashlib
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

from pop3_proto import MessageEntry, Refused
from pop3_proto.responses import IN_USE

from .._line_ends import to_wire

__all__ = ["MemoryMaildrop"]


class MemoryMaildrop:
    """Messages as octets; one session at a time may have it open.

    The ends of lines may be LF or CRLF. A unique-id is a hash of the message, and which of its
    copies it is, so that the same messages have the same unique-ids in the next process.
    """

    def __init__(self, messages: Iterable[bytes] = ()) -> None:
        self._stored: dict[bytes, bytes] = {}
        self._copies: Counter[str] = Counter()
        self._snapshot: list[tuple[bytes, bytes]] = []
        self._changing = threading.Lock()
        self._in_use = threading.Lock()
        for message in messages:
            self.add(message)

    @property
    def messages(self) -> list[bytes]:
        """What it holds, in the form in which RETR sends it."""
        with self._changing:
            return list(self._stored.values())

    def add(self, message: bytes) -> None:
        """A message arrives; an open session does not see it."""
        wire = b"".join(to_wire([message]))
        digest = hashlib.sha256(wire).hexdigest()[:40]
        with self._changing:
            self._copies[digest] += 1
            self._stored[f"{digest}.{self._copies[digest]}".encode()] = wire

    def open(self) -> Sequence[MessageEntry]:
        """Lock and list."""
        if not self._in_use.acquire(blocking=False):
            raise Refused("another session has the maildrop", IN_USE)
        with self._changing:
            self._snapshot = list(self._stored.items())
        return [MessageEntry(len(message), name) for name, message in self._snapshot]

    def read(self, index: int) -> Iterator[bytes]:
        """The message, in one piece."""
        yield self._snapshot[index][1]

    def delete(self, indexes: Collection[int]) -> None:
        """Delete all of them."""
        with self._changing:
            for index in indexes:
                del self._stored[self._snapshot[index][0]]

    def close(self) -> None:
        """Unlock."""
        self._in_use.release()
