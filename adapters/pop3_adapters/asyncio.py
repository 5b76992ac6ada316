"""POP3 on asyncio: `connect` for a client, `serve` for a server."""

import asyncio
import socket
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext, suppress
from functools import partial
from os import PathLike, fspath
from typing import Final, Unpack, cast

from pop3_proto import Authenticator

from ._async_client import Client, Message
from ._async_server import Server
from ._async_session import dialing, open_client
from ._gate import host_of
from ._hosts import is_address
from ._opening import ClientOptions, opening, opening_unix
from ._sessions import ServerOptions, Sessions
from ._timeouts import Timeouts
from ._tls import client_context
from ._unix import forget, listen_on

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
    "serve_unix",
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
            if not self._closed:
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


async def connect(
    host: str,
    port: int | None = None,
    *,
    local_address: str | None = None,
    **options: Unpack[ClientOptions],
) -> Client:
    """Connect to a server, read its greeting and start TLS; then log in.

    The host is a name, international ones too (`pip install 'pop3-proto[idna]'`), or an IP address.
    The port is the usual one where it is left out: 995 for implicit TLS, 110 otherwise. The
    connection begins at `local_address`, an IP address of this machine, where that is given.

    Raises OSError (ssl.SSLError and TimeoutError among them), CommandFailed where the server
    refuses the session or STLS, RemoteProtocolError where this is no POP3 server, and
    LocalProtocolError for what is no host.
    """
    new = opening(host, **options)
    loop = asyncio.get_running_loop()
    source = None if local_address is None else (local_address, 0)
    dial = partial(loop.create_connection, ProtocolStream, *new.where(port), local_addr=source)
    # Other loops do not race addresses; and a race that is cancelled may lose what it has won.
    if isinstance(loop, asyncio.BaseEventLoop) and not is_address(new.address):
        dial = partial(dial, happy_eyeballs_delay=NEXT_ADDRESS)
    with dialing(host):
        async with asyncio.timeout(new.timeouts.connect):
            _, stream = await dial()
    return await open_client(stream, new, Loop())


async def connect_unix(
    path: str | PathLike[str], *, host: str | None = None, **options: Unpack[ClientOptions]
) -> Client:
    """Connect to a server through a Unix socket, and go on as `connect` does.

    There is no TLS unless `tls` says so, and the password may go out without: nobody else can
    listen. With TLS, `host` is the name that the certificate has to be valid for.
    """
    new = opening_unix(host, **options)
    loop = asyncio.get_running_loop()
    with dialing(fspath(path)):
        async with asyncio.timeout(new.timeouts.connect):
            _, connected = await loop.create_unix_connection(ProtocolStream, fspath(path))
    return await open_client(connected, new, Loop())


async def connect_stream(
    stream: socket.socket, *, host: str | None = None, **options: Unpack[ClientOptions]
) -> Client:
    """Go on as `connect` does, over a socket that is connected to a server.

    It is closed with the client, or here where something fails. `host` is the name that the
    certificate has to be valid for. Where something else protects it already, say
    `tls=TlsPolicy.NONE` here and `allow_insecure_auth=True` when logging in. Raises
    LocalProtocolError, and leaves it open, where there is to be TLS without `host`.
    """
    new = opening(host, **options)
    loop = asyncio.get_running_loop()
    try:
        _, attached = await loop.create_connection(ProtocolStream, sock=stream)
    except BaseException:
        stream.close()
        raise
    return await open_client(attached, new, Loop())


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


@asynccontextmanager
async def serve_unix(
    authenticator: Authenticator, path: str | PathLike[str], **options: Unpack[ServerOptions]
) -> AsyncGenerator[Server]:
    """Serve on a Unix socket, as `serve` does on a port, until the context ends.

    Only the user who runs this may connect, until you change the mode of the file. Passwords are
    taken without TLS unless `allow_insecure_auth` is False. A file that a server left behind is
    replaced, and at the end it is removed. Raises OSError where somebody listens there already.
    """
    _ = options.setdefault("allow_insecure_auth", True)
    server = AsyncioServer(Sessions(authenticator, **options), Loop())
    await server.listen_unix(path)
    try:
        yield server
    finally:
        await server.close()
        forget(path)


class AsyncioServer(Server):
    """A listener, and a task for each connection."""

    _listener: asyncio.Server

    def __init__(self, sessions: Sessions, loop: Loop) -> None:
        super().__init__(sessions, loop)
        self._tasks = set[asyncio.Task[None]]()
        self._closing = False
        self._closed = asyncio.Event()

    async def listen(self, host: str, port: int) -> None:
        """Take connections from now on."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: ProtocolStream(self._begin), host, port)
        self.host, self.port = self._listener.sockets[0].getsockname()[:2]

    async def listen_unix(self, path: str | PathLike[str]) -> None:
        """Take connections from now on."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_unix_server(
            lambda: ProtocolStream(self._begin), sock=listen_on(path)
        )
        self.host, self.port = fspath(path), 0

    async def wait(self) -> None:
        _ = await self._closed.wait()

    async def close(self, grace: float = 0.0) -> None:
        self._closing = True
        await self._stop_listening()
        if grace and self._tasks:
            _ = await asyncio.wait(self._tasks, timeout=grace)
        for task in self._tasks:
            _ = task.cancel()
        if self._tasks:
            _ = await asyncio.wait(self._tasks)
        self._closed.set()

    async def _stop_listening(self) -> None:
        loop = asyncio.get_running_loop()
        for sock in self._listener.sockets:
            _ = loop.remove_reader(sock.fileno())
        # What has been accepted gets its transport in the next round, and its protocol in the one
        # behind that; where the listener is closed before, asyncio forgets to close it.
        for _ in range(2):
            await asyncio.sleep(0)
        self._listener.close()

    def _begin(self, stream: ProtocolStream) -> None:
        if self._closing:  # it was accepted in the last moment
            stream.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._hold(stream, stream.address))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
