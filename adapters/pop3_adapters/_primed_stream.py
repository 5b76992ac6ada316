"""Streams of which something has been received already."""

from .streams import AsyncStream, Stream

__all__ = ["AsyncPrimedStream", "PrimedStream"]


class PrimedStream:
    """Gives some octets first, and then what the stream behind it receives."""

    def __init__(self, stream: Stream, first: bytes) -> None:
        self._stream = stream
        self._first = first

    def send(self, data: bytes, within: float | None) -> None:
        """Send all octets."""
        self._stream.send(data, within)

    def receive(self, within: float | None) -> bytes:
        """Some octets, or none at their end."""
        first, self._first = self._first, b""
        return first or self._stream.receive(within)

    def close(self) -> None:
        """Let go of the stream."""
        self._stream.close()


class AsyncPrimedStream:
    """Gives some octets first, and then what the stream behind it receives."""

    def __init__(self, stream: AsyncStream, first: bytes) -> None:
        self._stream = stream
        self._first = first

    async def send(self, data: bytes, within: float | None) -> None:
        """Send all octets."""
        await self._stream.send(data, within)

    async def receive(self, within: float | None) -> bytes:
        """Some octets, or none at their end."""
        first, self._first = self._first, b""
        return first or await self._stream.receive(within)

    async def close(self) -> None:
        """Let go of the stream."""
        await self._stream.close()
