"""A server in an event loop, as its users hold it."""

import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeAlias

from ._async_session import hold_session
from ._deadlines import Deadlines
from ._event_loop import EventLoop, Group
from ._listening import Arrival, Listener
from ._primed_stream import AsyncPrimedStream
from ._proxy_protocol import introduction
from ._sessions import Sessions, log
from ._steps import take_steps_async
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
        self._closing = loop.new_event()
        self._deaf = loop.new_event()
        self._closed = loop.new_event()
        self._cancel: Callable[[], object]
        _ = tasks.start_soon(self._run)

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
        _ = self._cancel()
        _ = await self._closed.wait()

    async def _run(self) -> None:
        try:
            # Whoever is cancelled with the sessions, it must not be the one who closes the server.
            async with self._loop.group() as tasks:
                self._cancel = tasks.cancel_scope.cancel
                await self._listen(tasks)
        finally:
            _ = self._closed.set()

    async def _listen(self, tasks: Group) -> None:
        try:
            async with self._loop.group() as accepting:
                for sock in self._listener.sockets:
                    _ = accepting.start_soon(partial(self._accept, sock, tasks))
                _ = await self._closing.wait()
                _ = accepting.cancel_scope.cancel()
        finally:
            self._listener.close()
            _ = self._deaf.set()

    async def _accept(self, sock: socket.socket, tasks: Group) -> None:
        while True:
            await self._loop.readable(sock)
            try:
                for arrival in self._listener.arrivals(sock):
                    _ = tasks.start_soon(partial(self._hold, arrival))
            except OSError as error:
                log.warning("a connection could not be accepted: %s", error)
                # Out of descriptors: it will be so for a while.
                await self._loop.wait(self._closing, 0.1)

    async def _hold(self, arrival: Arrival) -> None:
        """One connection, from its first octet to its last."""
        new = self._sessions.new(self._loop.time, self._pause, lambda: arrival.address)
        try:
            stream = await self._stream(arrival.sock)
            if stream and arrival.proxied:
                stream = await self._introduced(stream, arrival, new.deadlines)
            if stream:
                await hold_session(stream, new, self._loop)
        finally:
            self._listener.leave(arrival)

    async def _pause(self, seconds: float) -> None:
        await self._loop.wait(self._closing, seconds)

    async def _introduced(
        self, stream: AsyncStream, arrival: Arrival, deadlines: Deadlines
    ) -> AsyncStream | None:
        try:
            left = deadlines.until(deadlines.handshake(None))
            address, rest = await take_steps_async(stream, introduction(), left)
            if self._listener.introduce(arrival, address):
                return AsyncPrimedStream(stream, rest)
            await stream.send(self._sessions.refusal, 1.0)
        except (OSError, ValueError) as error:
            log.warning("a proxy was refused: %s", error)
        except BaseException:
            await self._close(stream)
            raise
        await self._close(stream)
        return None

    async def _close(self, stream: AsyncStream) -> None:
        with self._loop.shield():
            await stream.close()

    async def _stream(self, sock: socket.socket) -> AsyncStream | None:
        try:
            return await self._adopt(sock)
        except (OSError, ValueError):  # it has gone again
            sock.close()
        except BaseException:
            sock.close()
            raise
        return None


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
