"""POP3 on anyio, and so on asyncio or trio: `connect` for a client, `serve` for a server."""

import math
import select
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from os import PathLike, fspath
from typing import Final, Unpack

import anyio
import anyio.lowlevel
import anyio.to_thread
from anyio.abc import ByteStream, Listener, SocketAttribute, SocketStream, TaskGroup
from anyio.streams.stapled import MultiListener

from pop3_proto import Authenticator

from ._async_client import Client, Message
from ._async_server import Server
from ._async_session import dialing, open_client
from ._gate import host_of, place_of
from ._opening import ClientOptions, opening, opening_unix
from ._sessions import ServerOptions, Sessions, log
from ._timeouts import Timeouts
from ._tls import client_context
from ._unix import MODE, forget, make_way

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

READ: Final = 256 * 1024

LAST_WORDS: Final = 0.5
"""Seconds for what is still to be sent when a connection is closed."""


class AnyioStream:
    """A stream of anyio's, most often a connected socket."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream

    @property
    def address(self) -> str:
        """Where the peer is; nothing where that has no name."""
        peer: object = self._stream.extra(SocketAttribute.remote_address, "")
        return host_of(peer)

    async def send(self, data: bytes, within: float | None) -> None:
        """Send all octets."""
        with os_errors(), fail_after(within):
            await self._stream.send(data)

    async def receive(self, within: float | None) -> bytes:
        """Some octets, or none at their end."""
        if within == 0:
            if not self._is_readable():
                raise TimeoutError("nothing is there")
            within = None
        over = suppress(anyio.EndOfStream, anyio.ClosedResourceError)
        with over, os_errors(), fail_after(within):
            return await self._stream.receive(READ)
        return b""

    async def close(self, last: bytes) -> None:
        """Close the connection."""
        with anyio.CancelScope(shield=True):
            if last:
                with suppress(OSError, anyio.BusyResourceError, anyio.ClosedResourceError):
                    await self.send(last, LAST_WORDS)
            await anyio.aclose_forcefully(self._stream)

    def _is_readable(self) -> bool:
        if not isinstance(self._stream, SocketStream):
            return False  # what it holds does not show from outside
        # Between two calls of receive() what arrives stays in the socket.
        sock = self._stream.extra(SocketAttribute.raw_socket)
        if sock.fileno() < 0:
            return True  # closed: receive() says so
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))


class Loop:
    """What the rest asks of anyio."""

    def time(self) -> float:
        """The clock of the run."""
        return anyio.current_time()

    async def off_loop(self, function: Callable[[], object]) -> object:
        """Call a function in a thread; a cancellation comes behind it."""
        with self.shield():
            return await anyio.to_thread.run_sync(function)

    def shield(self) -> AbstractContextManager[object]:
        """A scope that a cancellation around it does not reach."""
        return anyio.CancelScope(shield=True)


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
    if local_address is not None:
        check_source(local_address)
    with dialing(host), fail_after(new.timeouts.connect):
        stream = await anyio.connect_tcp(*new.where(port), local_host=local_address)
    return await open_client(AnyioStream(stream), new, Loop())


async def connect_unix(
    path: str | PathLike[str], *, host: str | None = None, **options: Unpack[ClientOptions]
) -> Client:
    """Connect to a server through a Unix socket, and go on as `connect` does.

    There is no TLS unless `tls` says so, and the password may go out without: nobody else can
    listen. With TLS, `host` is the name that the certificate has to be valid for.
    """
    new = opening_unix(host, **options)
    with dialing(fspath(path)), fail_after(new.timeouts.connect):
        stream = await anyio.connect_unix(path)
    return await open_client(AnyioStream(stream), new, Loop())


async def connect_stream(
    stream: ByteStream, *, host: str | None = None, **options: Unpack[ClientOptions]
) -> Client:
    """Go on as `connect` does, over a stream that is connected to a server.

    It is closed with the client, or here where something fails. `host` is the name that the
    certificate has to be valid for. Where something else protects it already, say
    `tls=TlsPolicy.NONE` here and `allow_insecure_auth=True` when logging in. Raises
    LocalProtocolError, and leaves it open, where there is to be TLS without `host`.
    """
    new = opening(host, **options)
    return await open_client(AnyioStream(stream), new, Loop())


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
    server = AnyioServer(Sessions(authenticator, **options), Loop())
    listener = await anyio.create_tcp_listener(local_host=host, local_port=port)
    async with anyio.create_task_group() as tasks:
        server.listen(tasks, listener)
        try:
            yield server
        finally:
            with anyio.CancelScope(shield=True):
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
    server = AnyioServer(Sessions(authenticator, **options), Loop())
    make_way(path)  # anyio would take the file of a server that is there
    listener = await anyio.create_unix_listener(fspath(path), mode=MODE)
    async with anyio.create_task_group() as tasks:
        server.listen(tasks, listener)
        try:
            yield server
        finally:
            with anyio.CancelScope(shield=True):
                await server.close()
            forget(path)


class AnyioServer(Server):
    """A listener, and a task group for the connections."""

    def __init__(self, sessions: Sessions, loop: Loop) -> None:
        super().__init__(sessions, loop)
        self._holding = anyio.CancelScope()
        self._closing = False
        self._deaf = anyio.Event()
        self._closed = anyio.Event()

    def listen(self, tasks: TaskGroup, listener: Listener[SocketStream]) -> None:
        """Take connections from now on."""
        self._listener = listener
        self.host, self.port = place_of(listener.extra(SocketAttribute.raw_socket).getsockname())
        _ = tasks.start_soon(self._run, listener)

    async def wait(self) -> None:
        await self._closed.wait()

    async def close(self, grace: float = 0.0) -> None:
        self._closing = True
        await self._stop_listening()
        with anyio.move_on_after(grace):
            await self._closed.wait()
        self._holding.cancel()
        await self._closed.wait()

    async def _stop_listening(self) -> None:
        # Accepting fails then. Where it is cancelled, asyncio may lose what it has just accepted.
        for sock in _sockets(self._listener):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        with anyio.move_on_after(LAST_WORDS):
            await self._deaf.wait()
        await self._listener.aclose()

    async def _run(self, listener: Listener[SocketStream]) -> None:
        with self._holding:
            async with anyio.create_task_group() as connections:
                async with listener:
                    await self._accept(listener, connections)
                self._deaf.set()
        self._closed.set()

    async def _accept(self, listener: Listener[SocketStream], connections: TaskGroup) -> None:
        while not self._closing:
            try:
                await listener.serve(self._begin, connections)
            except* (anyio.ClosedResourceError, anyio.BrokenResourceError):
                await anyio.lowlevel.checkpoint()
            except* OSError as errors:
                if not self._closing:
                    log.warning("a connection could not be accepted: %s", errors.exceptions[0])
                    await anyio.sleep(0.1)  # out of descriptors: it will be so for a while

    async def _begin(self, socket_stream: SocketStream) -> None:
        stream = AnyioStream(socket_stream)
        if self._closing:  # it was accepted in the last moment
            await stream.close(b"")
        else:
            await self._hold(stream, stream.address)


def _sockets(listener: Listener[SocketStream]) -> list[socket.socket]:
    several = listener.listeners if isinstance(listener, MultiListener) else [listener]
    return [each.extra(SocketAttribute.raw_socket) for each in several]


def check_source(address: str) -> None:
    """OSError where no connection can begin: on trio, anyio would leave a socket behind."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as sock:
        sock.bind((address, 0))


@contextmanager
def fail_after(seconds: float | None) -> Generator[None]:
    """TimeoutError where what is done in here is not done in time."""
    with anyio.move_on_after(math.inf if seconds is None else seconds) as scope:
        yield
    if scope.cancelled_caught:
        raise TimeoutError("time is up")


@contextmanager
def os_errors() -> Generator[None]:
    """What anyio says of a connection that is lost, as everybody else says it."""
    try:
        yield
    except anyio.BrokenResourceError as error:
        cause = error.__cause__
        lost = ConnectionResetError("the connection is lost")
        raise (cause if isinstance(cause, OSError) else lost) from None
