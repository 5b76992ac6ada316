"""POP3 on asyncio: `connect` for a client, `serve` for a server."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext, suppress
from functools import partial
from typing import Final, Self

from ._async_adapter import Adapter
from ._async_client import Client, Message
from ._async_server import Server
from ._event_loop import Event
from ._hosts import is_address
from ._opening import ClientOptions
from ._protocol_stream import ProtocolStream
from ._proxies import EVER, Route
from ._sessions import ServerOptions
from ._socket_stream import hasten
from ._timeouts import Timeouts
from ._tls import client_context
from .streams import AsyncStream

__all__ = [
    "Client",
    "ClientOptions",
    "Message",
    "Server",
    "ServerOptions",
    "Timeouts",
    "client_context",
    "connect",
    "connect_stream",
    "connect_unix",
    "serve",
    "serve_stream",
    "serve_unix",
]

NEXT_ADDRESS: Final = 0.25
"""Seconds until a host's next address is tried, too (RFC 8305, section 5)."""


class Tasks:
    """A group of tasks."""

    def __init__(self) -> None:
        self._tasks = set[asyncio.Task[None]]()

    def start_soon(self, function: Callable[[], Coroutine[object, object, None]], /) -> None:
        """Run a function in a task of its own."""
        task = asyncio.get_running_loop().create_task(function())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def cancel_scope(self) -> Self:
        """What `cancel` is asked of, as with other libraries."""
        return self

    def cancel(self) -> None:
        """Cancel all tasks; those that have not begun come to their first `await`, so that they
        can let go of what they were given."""
        for task in self._tasks:
            _ = asyncio.get_running_loop().call_soon(task.cancel)

    async def ended(self) -> None:
        """Wait until all tasks have ended; a cancellation is theirs too, and comes behind it."""
        cancelled: asyncio.CancelledError | None = None
        while self._tasks:
            try:
                _ = await asyncio.wait(self._tasks)
            except asyncio.CancelledError as error:
                cancelled = error
                self.cancel()
        if cancelled:
            raise cancelled


class Asyncio(Adapter[socket.socket]):
    """The loop that runs."""

    async def dial(
        self, host: str, port: int, local_address: str | None, within: float | None
    ) -> ProtocolStream:
        loop = asyncio.get_running_loop()
        source = None if local_address is None else (local_address, 0)
        create = partial(loop.create_connection, ProtocolStream, host, port, local_addr=source)
        # Other loops do not race addresses; and a race that is cancelled may lose what it has won.
        races = isinstance(loop, asyncio.BaseEventLoop) and not is_address(host)
        async with asyncio.timeout(within):
            connecting = create(happy_eyeballs_delay=NEXT_ADDRESS) if races else create()
            stream: ProtocolStream
            _, stream = await connecting
        return stream

    async def dial_socks(
        self, route: Route, local_address: str | None, within: float | None
    ) -> AsyncStream:
        from python_socks.async_.asyncio import Proxy

        source = None if local_address is None else (local_address, 0)
        within = EVER if within is None else within
        proxy = Proxy(*route.socks())
        return await self.attach(
            await proxy.connect(route.host, route.port, within, local_addr=source)
        )

    async def dial_unix(self, path: str, within: float | None) -> ProtocolStream:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(within):
            return (await loop.create_unix_connection(ProtocolStream, path))[1]

    async def attach(self, stream: socket.socket | AsyncStream) -> AsyncStream:
        if not isinstance(stream, socket.socket):
            return stream
        try:
            return await self.adopt(stream)
        except BaseException:
            stream.close()
            raise

    async def adopt(self, sock: socket.socket) -> ProtocolStream:
        hasten(sock)
        loop = asyncio.get_running_loop()
        return (await loop.connect_accepted_socket(ProtocolStream, sock))[1]

    @staticmethod
    def time() -> float:
        return asyncio.get_running_loop().time()

    async def off_loop(self, function: Callable[[], object]) -> object:
        running = asyncio.get_running_loop().run_in_executor(None, function)
        done = asyncio.Event()  # the 20th part of a hop cheaper than asyncio.wait
        running.add_done_callback(lambda _: done.set())
        cancelled = False
        while not done.is_set():
            try:
                _ = await done.wait()
            except asyncio.CancelledError:
                cancelled = True
        if cancelled and (task := asyncio.current_task()):
            _ = task.uncancel()  # or it would count twice
            _ = task.cancel()
        return running.result()

    def shield(self) -> AbstractContextManager[object]:
        return nullcontext()  # a cancellation comes once

    def new_event(self) -> Event:
        return asyncio.Event()

    async def wait(self, event: Event, within: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                _ = await event.wait()

    async def readable(self, sock: socket.socket) -> None:
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(sock, ready.set)
        try:
            _ = await ready.wait()
        finally:
            _ = loop.remove_reader(sock)

    @asynccontextmanager
    async def group(self) -> AsyncGenerator[Tasks]:
        tasks = Tasks()
        try:
            yield tasks
        except BaseException:
            tasks.cancel()
            raise
        finally:
            await tasks.ended()


_adapter = Asyncio()
connect = _adapter.connect
connect_unix = _adapter.connect_unix
connect_stream = _adapter.connect_stream
serve = _adapter.serve
serve_stream = _adapter.serve_stream
serve_unix = _adapter.serve_unix
