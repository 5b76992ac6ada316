"""POP3 on anyio, whatever it runs on: `connect` for a client, `serve` for a server."""

import math
import select
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, suppress
from typing import Final

import anyio
import anyio.to_thread
from anyio.abc import ByteStream, SocketAttribute, SocketStream, UNIXSocketStream

from ._async_adapter import Adapter
from ._async_client import Client, Message
from ._async_server import Server
from ._event_loop import Event, Group
from ._opening import ClientOptions
from ._proxies import EVER, Route
from ._sessions import ServerOptions
from ._socket_stream import hasten
from ._structured import expiring, os_errors, unwrapped
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

READ: Final = 256 * 1024


class AnyioStream:
    """A stream of anyio's, most often a connected socket."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream

    async def send(self, data: bytes, within: float | None) -> None:
        """Send all octets."""
        with os_errors(anyio.BrokenResourceError, anyio.ClosedResourceError), fail_after(within):
            await self._stream.send(data)

    async def receive(self, within: float | None) -> bytes:
        """Some octets, or none at their end."""
        if within == 0:
            if not self._is_readable():
                raise TimeoutError("nothing is there")
            within = None
        over = suppress(anyio.EndOfStream, anyio.ClosedResourceError)
        with over, os_errors(anyio.BrokenResourceError), fail_after(within):
            return await self._stream.receive(READ)
        return b""

    async def close(self) -> None:
        """Close the connection."""
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


class Anyio(Adapter[ByteStream]):
    """The run that this is in."""

    async def dial(
        self, host: str, port: int, local_address: str | None, within: float | None
    ) -> AnyioStream:
        if local_address is not None:
            check_source(local_address)
        with fail_after(within):
            return AnyioStream(await anyio.connect_tcp(host, port, local_host=local_address))

    async def dial_socks(
        self, route: Route, local_address: str | None, within: float | None
    ) -> AnyioStream:
        from python_socks.async_.anyio import Proxy

        if local_address is not None:
            check_source(local_address)
        within = EVER if within is None else within
        proxy = Proxy(*route.socks())
        return AnyioStream(
            await proxy.connect(route.host, route.port, within, local_host=local_address)
        )

    async def dial_unix(self, path: str, within: float | None) -> AnyioStream:
        with fail_after(within):
            return AnyioStream(await anyio.connect_unix(path))

    async def attach(self, stream: ByteStream | AsyncStream) -> AsyncStream:
        return AnyioStream(stream) if isinstance(stream, ByteStream) else stream

    async def adopt(self, sock: socket.socket) -> AnyioStream:
        hasten(sock)
        kind = UNIXSocketStream if sock.family == socket.AF_UNIX else SocketStream
        return AnyioStream(await kind.from_socket(sock))

    @staticmethod
    def time() -> float:
        return anyio.current_time()

    async def off_loop(self, function: Callable[[], object]) -> object:
        with self.shield():
            return await anyio.to_thread.run_sync(function)

    def shield(self) -> AbstractContextManager[object]:
        return anyio.CancelScope(shield=True)

    def new_event(self) -> Event:
        return anyio.Event()

    async def wait(self, event: Event, within: float) -> None:
        with anyio.move_on_after(within):
            _ = await event.wait()

    async def readable(self, sock: socket.socket) -> None:
        await anyio.wait_readable(sock)

    def group(self) -> AbstractAsyncContextManager[Group]:
        return unwrapped(anyio.create_task_group(), anyio.get_cancelled_exc_class())


def check_source(address: str) -> None:
    """OSError where no connection can begin: on trio, anyio would leave a socket behind."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as sock:
        sock.bind((address, 0))


def fail_after(seconds: float | None) -> AbstractContextManager[None]:
    """TimeoutError where what is done in here is not done in time."""
    return expiring(anyio.move_on_after(math.inf if seconds is None else seconds))


_adapter = Anyio()
connect = _adapter.connect
connect_unix = _adapter.connect_unix
connect_stream = _adapter.connect_stream
serve = _adapter.serve
serve_stream = _adapter.serve_stream
serve_unix = _adapter.serve_unix
