"""A server in an event loop, as its users hold it."""

from abc import ABC, abstractmethod

from ._async import AsyncStream
from ._async_session import EventLoop, hold_session
from ._sessions import Sessions, log

__all__ = ["Server"]


class Server(ABC):
    """A server that runs until `close`, or until the `async with` statement ends."""

    host: str
    """The address that it listens on; the path of a Unix socket."""

    port: int
    """The port that it listens on; 0 for a Unix socket."""

    def __init__(self, sessions: Sessions, loop: EventLoop) -> None:
        self._sessions = sessions
        self._loop = loop

    @abstractmethod
    async def wait(self) -> None:
        """Wait until the server has been closed."""

    @abstractmethod
    async def close(self, grace: float = 0.0) -> None:
        """Take no more connections, and end those that have not ended in `grace` seconds.

        Sessions that have not sent QUIT delete nothing.
        """

    async def _hold(self, stream: AsyncStream, address: str) -> None:
        """One connection, from its first octet to its last."""
        sessions = self._sessions
        if not sessions.gate.admit(address):
            log.info("a connection from %s was refused: there are too many", address)
            await _turn_away(stream, sessions.refusal)
            return
        try:
            await hold_session(stream, sessions.new(self._loop.time), self._loop)
        finally:
            sessions.gate.leave(address)


async def _turn_away(stream: AsyncStream, refusal: bytes) -> None:
    try:
        if refusal:
            await stream.send(refusal, 1.0)
    except OSError:
        pass  # it has gone already
    finally:
        await stream.close(b"")
