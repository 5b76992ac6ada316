"""A connection of asyncio's as a stream."""

import asyncio
from contextlib import suppress
from typing import Final, cast

__all__ = ["ProtocolStream"]

MOST_UNREAD: Final = 512 * 1024
"""Octets that have arrived and are not wanted yet; above it, the peer has to wait."""

FLUSHING: Final = 0.5
"""Seconds for what has not gone out yet when a connection is closed."""


class ProtocolStream(asyncio.Protocol):
    """A connection as a stream, with back-pressure in both directions."""

    __slots__ = (
        *("_arrived", "_change", "_closed", "_ended", "_full", "_lost", "_transport", "_unread"),
    )

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._arrived: list[bytes] = []
        self._unread = 0
        self._ended = False
        self._closed = False
        self._lost: Exception | None = None
        self._full = False
        self._change: asyncio.Event | None = None

    @property
    def transport(self) -> asyncio.Transport:
        """What carries the octets."""
        if self._transport is None:
            raise ConnectionError("there is no connection yet")
        return self._transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is of another class

    def data_received(self, data: bytes) -> None:
        self._arrived.append(data)
        self._unread += len(data)
        if self._unread > MOST_UNREAD:
            self.transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        self._ended = True
        self._wake()
        return True  # this side may still have something to say

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = self._closed = True
        self._lost = exc
        self._wake()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._wake()

    async def send(self, data: bytes, within: float | None) -> None:
        """Send all octets."""
        if not self._closed:
            self.transport.write(data)
            async with asyncio.timeout(within):
                while self._full and not self._closed:
                    await self._changed()
        if self._closed:
            raise self._lost or ConnectionResetError("the connection is closed")

    async def receive(self, within: float | None) -> bytes:
        """Some octets, or none at their end."""
        if within == 0:
            await self._look()
        elif not self._arrived:
            async with asyncio.timeout(within):
                while not self._arrived and not self._ended:
                    await self._changed()
        if self._arrived:
            return self._next()
        if self._lost:
            raise self._lost
        if not self._ended:
            raise TimeoutError("nothing is there")
        return b""

    async def close(self) -> None:
        """Close the connection."""
        if self._closed:
            return
        self.transport.close()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSHING):
                    while not self._closed:
                        await self._changed()
        finally:
            if not self._closed:
                self.transport.abort()

    async def _look(self) -> None:
        # An event loop looks at its sockets between two rounds, and acts on it in the second.
        for _ in range(2):
            if not self._arrived and not self._ended:
                await asyncio.sleep(0)

    def _next(self) -> bytes:
        data = b"".join(self._arrived)
        self._arrived.clear()
        self._unread = 0
        if not self._ended:
            self.transport.resume_reading()
        return data

    async def _changed(self) -> None:
        # Made only while somebody waits: an event takes a kilobyte.
        self._change = self._change or asyncio.Event()
        _ = await self._change.wait()

    def _wake(self) -> None:
        if self._change:
            self._change.set()
            self._change = None
