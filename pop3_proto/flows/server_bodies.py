"""The bodies of a server's replies, as they are read from the application."""

from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Sequence,
)
from functools import partial
from typing import Final, TypeAlias

from .core import Flow, invoke

__all__ = ["LONG", "TOGETHER", "Bodies", "Read"]

TOGETHER: Final = 64 * 1024
"""Octets that are read at once: to go to a thread costs 80 µs each time."""

LONG: Final = 0.01
"""Seconds after which no further body is begun while one waits to be sent."""

Read: TypeAlias = Callable[[], Iterable[bytes] | AsyncIterable[bytes]]


class Bodies:
    """What a client waits for, in the order in which it has asked: the first one is being sent.

    Asynchronous pieces are asked for one by one, plain ones until they have as many octets as are
    wanted `together`: those of the bodies behind, too, where the first one has fewer.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._readers = deque[_Reader]()

    @property
    def empty(self) -> bool:
        """Whether nothing is waited for."""
        return not self._readers

    @property
    def ended(self) -> bool:
        """Whether `next` has given the last octets of the first body."""
        return self._readers[0].ended

    @property
    def next_at_hand(self) -> bool:
        """Whether the body behind the first one has been read as well."""
        return len(self._readers) > 1 and self._readers[1].found is not None

    def ask(self, reads: Iterable[Read]) -> None:
        """Bodies are waited for, whose pieces each of `reads` gives; none behind one that may have
        begun when it was asked for, as two of those may be in each other's way."""
        for read in reads:
            reader = _Reader(read)
            self._readers.append(reader)
            if not reader.has_yet_to_begin:
                break

    def next(self, together: int) -> Flow[bytes]:
        """The next octets of the first body."""
        reader = self._readers[0]
        if reader.asynchronous is not None:
            octets: bytes | None = yield from invoke(partial(anext, reader.asynchronous, None))
            reader.ended = octets is None
            return octets or b""
        if reader.found is None:
            yield from invoke(lambda: self._gather(together))
        return reader.take()

    def leave(self) -> Flow[None]:
        """Let go of the first body, where that has come to its end or not."""
        yield from self._readers.popleft().close()

    def _gather(self, octets: int) -> None:
        end = self._clock() + LONG
        for reader in self._readers:
            octets -= reader.gather(octets)
            if octets <= 0 or self._clock() >= end:
                break


class _Reader:
    """The pieces of a body, and what has been found in them."""

    def __init__(self, read: Read) -> None:
        self.plain: Iterator[bytes] = iter(())
        self.asynchronous: AsyncIterator[bytes] | None = None
        self.found: bytes | Exception | None = None
        self.ended = False
        self.has_yet_to_begin = True
        """Whether nothing has been done for its pieces so far, like moving in a file."""

        try:
            pieces = read()
            self.has_yet_to_begin = isinstance(pieces, Generator | Sequence)
            if isinstance(pieces, AsyncIterable):
                self.asynchronous = aiter(pieces)
            else:
                self.plain = iter(pieces)
        except Exception as error:
            self.found = error

    def gather(self, together: int) -> int:
        """Find so many octets, or the end; how many they are."""
        if self.found is not None or self.asynchronous is not None:
            return 0
        gathered: list[bytes] = []
        octets = 0
        try:
            while octets < together and not self.ended:
                piece = next(self.plain, None)
                if piece is None:
                    self.ended = True
                else:
                    gathered.append(piece)
                    octets += len(piece)
            self.found = b"".join(gathered)
        except Exception as error:
            self.found = error
        return octets

    def take(self) -> bytes:
        """What has been found; raises what was raised instead."""
        found, self.found = self.found, None
        if isinstance(found, Exception):
            raise found
        return found or b""

    def close(self) -> Flow[None]:
        """Let go of what the pieces come from, where they did not come to their end."""
        pieces = self.plain if self.asynchronous is None else self.asynchronous
        if self.ended and isinstance(pieces, Generator | AsyncGenerator):
            return  # it has done that itself
        close = getattr(pieces, "aclose", None) or getattr(pieces, "close", None)
        if close:
            yield from invoke(close)
