"""What carries octets to a peer and back: three methods, which may be your own."""

from typing import Protocol, runtime_checkable

__all__ = ["AsyncStream", "Stream"]


@runtime_checkable
class Stream(Protocol):
    """A transport that blocks. `within` is in seconds, None for ever."""

    def send(self, data: bytes, within: float | None) -> None:
        """Send all octets, or raise OSError: TimeoutError where they are not taken in time."""
        ...

    def receive(self, within: float | None) -> bytes:
        """Some octets, at least one, or none at their end.

        Raises OSError: TimeoutError where nothing came in time, and then nothing is lost. Within
        0 seconds, it does not wait; a transport that cannot tell raises TimeoutError.
        """
        ...

    def close(self) -> None:
        """Let go of the transport, at once; may be called more than once.

        Another thread that sends or receives meanwhile is woken.
        """
        ...


class AsyncStream(Protocol):
    """A transport in an event loop. `within` is in seconds, None for ever."""

    async def send(self, data: bytes, within: float | None) -> None:
        """Send all octets, or raise OSError: TimeoutError where they are not taken in time."""
        ...

    async def receive(self, within: float | None) -> bytes:
        """Some octets, at least one, or none at their end.

        Raises OSError: TimeoutError where nothing came in time. Then, and where this is cancelled,
        nothing is lost: octets that have arrived come out of the next call. Within 0 seconds, it
        does not wait; a transport that cannot tell raises TimeoutError.
        """
        ...

    async def close(self) -> None:
        """Let go of the transport, at once; may be called more than once.

        Another task that sends or receives meanwhile is woken.
        """
        ...
