"""A server in an event loop, as its users hold it."""

import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeAlias

from ._async_session import hold_session
from ._event_loop import EventLoop, Group
from ._listening import Listener
from ._sessions import Sessions, log
from .streams import AsyncStream

__all__ = ["Server", "serving"]

Adopt: TypeAlias = Callable[[socket.socket], Awaitable[AsyncStream]]
"""Makes a stream of a socket, which belongs to it from then on."""


class Server:
    """A server that runs until `close`, or until the `async with` statement ends."""

    def __init__(
        self, listener: Listener, sessions: Sessions, loop: EventLoop, adopt: Adopt, tasks: Group
    ) -> None:
        self.host = listener.host
        """The address that it listens on; the path of a Unix socket."""

        self.port = listener.port
        """The port that it listens on; 0 for a Unix socket."""

        self._listener = listener
        self._sessions = sessions
        self._loop = loop
        self._adopt = adopt
        self._tasks = tasks
        self._open = 0
        self._closing = loop.new_event()
        self._deaf = loop.new_event()
        self._closed = loop.new_event()
        _ = tasks.start_soon(self._listen)

    async def wait(self) -> None:
        """Wait until the server has been closed."""
        _ = await self._closed.wait()

    async def close(self, grace: float = 0.0) -> None:
        """Take no more connections, and end those that have not ended in `grace` seconds.

        Sessions that have not sent QUIT delete nothing.
        """
        _ = self._closing.set()
        _ = await self._deaf.wait()
        await self._loop.wait(self._closed, grace)
        _ = self._tasks.cancel_scope.cancel()
        _ = await self._closed.wait()

    async def _listen(self) -> None:
        try:
            async with self._loop.group() as accepting:
                for sock in self._listener.sockets:
                    _ = accepting.start_soon(partial(self._accept, sock))
                _ = await self._closing.wait()
                _ = accepting.cancel_scope.cancel()
        finally:
            self._listener.close()
            _ = self._deaf.set()
            self._see_whether_closed()

    async def _accept(self, sock: socket.socket) -> None:
        while True:
            await self._loop.readable(sock)
            try:
                for arrived, address in self._listener.arrivals(sock):
                    self._open += 1
                    _ = self._tasks.start_soon(partial(self._hold, arrived, address))
            except OSError as error:
                log.warning("a connection could not be accepted: %s", error)
                # Out of descriptors: it will be so for a while.
                await self._loop.wait(self._closing, 0.1)

    async def _hold(self, sock: socket.socket, address: str) -> None:
        """One connection, from its first octet to its last."""
        try:
            stream = await self._stream(sock)
            if stream:
                await hold_session(stream, self._sessions.new(self._loop.time), self._loop)
        finally:
            self._listener.leave(address)
            self._open -= 1
            self._see_whether_closed()

    async def _stream(self, sock: socket.socket) -> AsyncStream | None:
        try:
            return await self._adopt(sock)
        except (OSError, ValueError):  # it has gone again
            sock.close()
        except BaseException:
            sock.close()
            raise
        return None

    def _see_whether_closed(self) -> None:
        if self._deaf.is_set() and not self._open:
            _ = self._closed.set()


@asynccontextmanager
async def serving(
    listener: Listener, sessions: Sessions, loop: EventLoop, adopt: Adopt
) -> AsyncGenerator[Server]:
    """A server for as long as the context lasts."""
    async with loop.group() as tasks:
        server = Server(listener, sessions, loop, adopt, tasks)
        try:
            yield server
        finally:
            with loop.shield():
                await server.close()
