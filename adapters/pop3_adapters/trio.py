"""POP3 on trio: `connect` for a client, `serve` for a server."""

import math
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from os import PathLike, fspath
from typing import Final, Unpack

import trio

from pop3_proto import Authenticator

from ._async_client import Client, Message
from ._async_server import Server
from ._async_session import dialing, open_client
from ._gate import host_of, place_of
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

READ: Final = 256 * 1024

LAST_WORDS: Final = 0.5
"""Seconds for what is still to be sent when a connection is closed."""


class TrioStream:
    """A stream of trio's, most often a connected socket."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._socket = stream.socket if isinstance(stream, trio.SocketStream) else None

    @property
    def address(self) -> str:
        """Where the peer is; nothing where it has gone already."""
        with suppress(OSError):
            peer: object = self._socket and self._socket.getpeername()
            return host_of(peer)
        return ""

    async def send(self, data: bytes, within: float | None) -> None:
        """Send all octets."""
        with os_errors(), fail_after(within):
            await self._stream.send_all(data)

    async def receive(self, within: float | None) -> bytes:
        """Some octets, or none at their end."""
        if within == 0:
            # What another stream holds does not show from outside.
            if not (self._socket and self._socket.is_readable()):
                raise TimeoutError("nothing is there")
            within = None
        with suppress(trio.ClosedResourceError), os_errors(), fail_after(within):
            return bytes(await self._stream.receive_some(READ))
        return b""

    async def close(self, last: bytes) -> None:
        """Close the connection."""
        with trio.CancelScope(shield=True):
            if last:
                with suppress(OSError, trio.BusyResourceError, trio.ClosedResourceError):
                    await self.send(last, LAST_WORDS)
            await trio.aclose_forcefully(self._stream)


class Loop:
    """What the rest asks of trio."""

    def time(self) -> float:
        """The clock of the run."""
        return trio.current_time()

    async def off_loop(self, function: Callable[[], object]) -> object:
        """Call a function in a thread; a cancellation comes behind it."""
        with self.shield():
            return await trio.to_thread.run_sync(function)

    def shield(self) -> AbstractContextManager[object]:
        """A scope that a cancellation around it does not reach."""
        return trio.CancelScope(shield=True)


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
    with dialing(host), fail_after(new.timeouts.connect):
        stream = await trio.open_tcp_stream(*new.where(port), local_address=local_address)
    return await open_client(TrioStream(stream), new, Loop())


async def connect_unix(
    path: str | PathLike[str], *, host: str | None = None, **options: Unpack[ClientOptions]
) -> Client:
    """Connect to a server through a Unix socket, and go on as `connect` does.

    There is no TLS unless `tls` says so, and the password may go out without: nobody else can
    listen. With TLS, `host` is the name that the certificate has to be valid for.
    """
    new = opening_unix(host, **options)
    with dialing(fspath(path)), fail_after(new.timeouts.connect):
        stream = await trio.open_unix_socket(path)
    return await open_client(TrioStream(stream), new, Loop())


async def connect_stream(
    stream: trio.abc.Stream, *, host: str | None = None, **options: Unpack[ClientOptions]
) -> Client:
    """Go on as `connect` does, over a stream that is connected to a server.

    It is closed with the client, or here where something fails. `host` is the name that the
    certificate has to be valid for. Where something else protects it already, say
    `tls=TlsPolicy.NONE` here and `allow_insecure_auth=True` when logging in. Raises
    LocalProtocolError, and leaves it open, where there is to be TLS without `host`.
    """
    new = opening(host, **options)
    return await open_client(TrioStream(stream), new, Loop())


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
    server = TrioServer(Sessions(authenticator, **options), Loop())
    listeners = await trio.open_tcp_listeners(port, host=host)
    async with trio.open_nursery() as nursery:
        server.listen(nursery, listeners)
        try:
            yield server
        finally:
            with trio.CancelScope(shield=True):
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
    server = TrioServer(Sessions(authenticator, **options), Loop())
    listener = trio.SocketListener(trio.socket.from_stdlib_socket(listen_on(path)))
    async with trio.open_nursery() as nursery:
        server.listen(nursery, [listener])
        try:
            yield server
        finally:
            with trio.CancelScope(shield=True):
                await server.close()
            forget(path)


class TrioServer(Server):
    """Listeners, and a nursery for the connections."""

    def __init__(self, sessions: Sessions, loop: Loop) -> None:
        super().__init__(sessions, loop)
        self._listening = trio.CancelScope()
        self._holding = trio.CancelScope()
        self._closed = trio.Event()

    def listen(self, nursery: trio.Nursery, listeners: list[trio.SocketListener]) -> None:
        """Take connections from now on."""
        self.host, self.port = place_of(listeners[0].socket.getsockname())
        nursery.start_soon(self._run, listeners)

    async def wait(self) -> None:
        await self._closed.wait()

    async def close(self, grace: float = 0.0) -> None:
        self._listening.cancel()
        with trio.move_on_after(grace):
            await self._closed.wait()
        self._holding.cancel()
        await self._closed.wait()

    async def _run(self, listeners: list[trio.SocketListener]) -> None:
        with self._holding:
            async with trio.open_nursery() as connections:
                with self._listening:
                    await trio.serve_listeners(self._begin, listeners, handler_nursery=connections)
        self._closed.set()

    async def _begin(self, socket_stream: trio.SocketStream) -> None:
        stream = TrioStream(socket_stream)
        await self._hold(stream, stream.address)


@contextmanager
def fail_after(seconds: float | None) -> Generator[None]:
    """TimeoutError where what is done in here is not done in time."""
    with trio.move_on_after(math.inf if seconds is None else seconds) as scope:
        yield
    if scope.cancelled_caught:
        raise TimeoutError("time is up")


@contextmanager
def os_errors() -> Generator[None]:
    """What trio says of a connection that is lost, as everybody else says it."""
    try:
        yield
    except trio.BrokenResourceError as error:
        cause = error.__cause__
        lost = ConnectionResetError("the connection is lost")
        raise (cause if isinstance(cause, OSError) else lost) from None
