"""POP3 on asyncio: `connect` for a client, `serve` for a server."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext, suppress
from functools import partial
from typing import Final, Unpack, cast

from pop3_proto import Authenticator

from ._async_client import Client, Message
from ._async_server import Server, host_of
from ._async_session import dialing, open_client
from ._opening import ClientOptions, opening
from ._sessions import ServerOptions, Sessions
from ._timeouts import Timeouts
from ._tls import client_context

__all__ = [
    "Client",
    "ClientOptions",
    "Message",
    "Server",
    "ServerOptions",
    "Timeouts",
    "client_context",
    "connect",
    "serve",
]

MOST_UNREAD: Final = 512 * 1024
"""Octets that have arrived and are not wanted yet; above it, the peer has to wait."""

LAST_WORDS: Final = 0.5
"""Seconds for what is still to be sent when a connection is closed."""

NEXT_ADDRESS: Final = 0.25
"""Seconds until a host's next address is tried, too (RFC 8305, section 5)."""


class ProtocolStream(asyncio.Protocol):
    """A connection as a stream, with back-pressure in both directions."""

    def __init__(self, connected: Callable[["ProtocolStream"], None] | None = None) -> None:
        self._connected = connected
        self._transport: asyncio.Transport | None = None
        self._arrived: deque[bytes] = deque()
        self._unread = 0
        self._ended = False
        self._closed = False
        self._lost: Exception | None = None
        self._full = False
        self._change = asyncio.Event()

    @property
    def address(self) -> str:
        """Where the peer is."""
        peer: object = self.transport.get_extra_info("peername")
        return host_of(peer)

    @property
    def transport(self) -> asyncio.Transport:
        """What carries the octets."""
        if self._transport is None:
            raise ConnectionError("there is no connection yet")
        return self._transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is of another class
        if self._connected:
            self._connected(self)

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
                    _ = await self._change.wait()
        if self._closed:
            raise self._lost or ConnectionResetError("the connection is closed")

    async def receive(self, within: float | None) -> bytes:
        """Some octets, or none at their end."""
        if within == 0:
            await self._look()
        elif not self._arrived:
            async with asyncio.timeout(within):
                while not self._arrived and not self._ended:
                    _ = await self._change.wait()
        if self._arrived:
            return self._next()
        if self._lost:
            raise self._lost
        if not self._ended:
            raise TimeoutError("nothing is there")
        return b""

    async def close(self, last: bytes) -> None:
        """Close the connection."""
        if self._closed:
            return
        if last and not self._full:
            self.transport.write(last)
        self.transport.close()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS):
                    while not self._closed:
                        _ = await self._change.wait()
        finally:
            self.transport.abort()

    async def _look(self) -> None:
        # An event loop looks at its sockets between two rounds, and acts on it in the second.
        for _ in range(2):
            if not self._arrived and not self._ended:
                await asyncio.sleep(0)

    def _next(self) -> bytes:
        data = self._arrived.popleft()
        self._unread -= len(data)
        if self._unread <= MOST_UNREAD and not self._ended:
            self.transport.resume_reading()
        return data

    def _wake(self) -> None:
        self._change.set()
        self._change.clear()


class Loop:
    """What the rest asks of asyncio."""

    def time(self) -> float:
        """The loop's clock."""
        return asyncio.get_running_loop().time()

    async def off_loop(self, function: Callable[[], object]) -> object:
        """Call a function in a thread; a cancellation comes behind it."""
        running = asyncio.get_running_loop().run_in_executor(None, function)
        cancelled = False
        while not running.done():
            try:
                _ = await asyncio.wait([running])
            except asyncio.CancelledError:
                cancelled = True
        if cancelled and (task := asyncio.current_task()):
            _ = task.cancel()
        return running.result()

    def shield(self) -> AbstractContextManager[object]:
        """Nothing: a cancellation comes once."""
        return nullcontext()


async def connect(host: str, port: int | None = None, **options: Unpack[ClientOptions]) -> Client:
    """Connect to a server, read its greeting and start TLS; then log in.

    The port is the usual one where it is left out: 995 for implicit TLS, 110 otherwise. Raises
    OSError (ssl.SSLError and TimeoutError among them), CommandFailed where the server refuses the
    session or STLS, and RemoteProtocolError where this is no POP3 server.
    """
    new = opening(host, **options)
    loop = asyncio.get_running_loop()
    address = host, new.policy.port if port is None else port
    dial = partial(loop.create_connection, ProtocolStream, *address)
    if isinstance(loop, asyncio.BaseEventLoop):  # others do not race addresses
        dial = partial(dial, happy_eyeballs_delay=NEXT_ADDRESS)
    with dialing(host):
        async with asyncio.timeout(new.timeouts.connect):
            _, stream = await dial()
    return await open_client(stream, new, Loop())


@asynccontextmanager
async def serve(
    authenticator: Authenticator,
    host: str = "127.0.0.1",
    port: int = 0,
    **options: Unpack[ServerOptions],
) -> AsyncGenerator[Server]:
    """Serve in tasks of their own, one for each connection, until the context ends.

    Port 0 takes a free one, see `Server.port`. Passwords are taken inside TLS only, unless
    `allow_insecure_auth` is set. Methods of maildrops and authenticators that are not asynchronous
    are called in threads. Raises ValueError for options that do not fit together.
    """
    server = AsyncioServer(Sessions(authenticator, **options), Loop())
    await server.listen(host, port)
    try:
        yield server
    finally:
        await server.close()


class AsyncioServer(Server):
    """A listener, and a task for each connection."""

    _listener: asyncio.Server

    def __init__(self, sessions: Sessions, loop: Loop) -> None:
        super().__init__(sessions, loop)
        self._tasks = set[asyncio.Task[None]]()
        self._closed = asyncio.Event()

    async def listen(self, host: str, port: int) -> None:
        """Take connections from now on."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: ProtocolStream(self._begin), host, port)
        self.host, self.port = self._listener.sockets[0].getsockname()[:2]

    async def wait(self) -> None:
        _ = await self._closed.wait()

    async def close(self, grace: float = 0.0) -> None:
        self._listener.close()
        if grace and self._tasks:
            _ = await asyncio.wait(self._tasks, timeout=grace)
        for task in self._tasks:
            _ = task.cancel()
        if self._tasks:
            _ = await asyncio.wait(self._tasks)
        self._closed.set()

    def _begin(self, stream: ProtocolStream) -> None:
        task = asyncio.get_running_loop().create_task(self._hold(stream, stream.address))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
