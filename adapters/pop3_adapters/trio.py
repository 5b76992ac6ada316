"""POP3 on trio: `connect` for a client, `serve` for a server."""

import math
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, suppress
from typing import Final

import trio

from ._async_adapter import Adapter
from ._async_client import Client, Message
from ._async_server import Server
from ._event_loop import Event, Group
from ._opening import ClientOptions
from ._proxies import EVER, Route
from ._sessions import ServerOptions
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


class TrioStream:
    """A stream of trio's, most often a connected socket."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._socket = stream.socket if isinstance(stream, trio.SocketStream) else None

    async def send(self, data: bytes, within: float | None) -> None:
        """Send all octets."""
        with os_errors(trio.BrokenResourceError, trio.ClosedResourceError), fail_after(within):
            await self._stream.send_all(data)

    async def receive(self, within: float | None) -> bytes:
        """Some octets, or none at their end."""
        if within == 0:
            # What another stream holds does not show from outside.
            if not (self._socket and self._socket.is_readable()):
                raise TimeoutError("nothing is there")
            within = None
        with (
            suppress(trio.ClosedResourceError),
            os_errors(trio.BrokenResourceError),
            fail_after(within),
        ):
            return bytes(await self._stream.receive_some(READ))
        return b""

    async def close(self) -> None:
        """Close the connection."""
        await trio.aclose_forcefully(self._stream)


class Trio(Adapter[trio.abc.Stream]):
    """The run that this is in."""

    async def dial(
        self, host: str, port: int, local_address: str | None, within: float | None
    ) -> TrioStream:
        with fail_after(within):
            return TrioStream(await trio.open_tcp_stream(host, port, local_address=local_address))

    async def dial_socks(
        self, route: Route, local_address: str | None, within: float | None
    ) -> TrioStream:
        from python_socks.async_.trio import Proxy

        source = None if local_address is None else (local_address, 0)
        within = EVER if within is None else within
        proxy = Proxy(*route.socks())
        sock = await proxy.connect(route.host, route.port, within, local_addr=source)
        return TrioStream(trio.SocketStream(sock))

    async def dial_unix(self, path: str, within: float | None) -> TrioStream:
        with fail_after(within):
            return TrioStream(await trio.open_unix_socket(path))

    async def attach(self, stream: trio.abc.Stream | AsyncStream) -> AsyncStream:
        return TrioStream(stream) if isinstance(stream, trio.abc.Stream) else stream

    async def adopt(self, sock: socket.socket) -> TrioStream:
        return TrioStream(trio.SocketStream(trio.socket.from_stdlib_socket(sock)))

    @staticmethod
    def time() -> float:
        return trio.current_time()

    async def off_loop(self, function: Callable[[], object]) -> object:
        with self.shield():
            return await trio.to_thread.run_sync(function)

    def shield(self) -> AbstractContextManager[object]:
        return trio.CancelScope(shield=True)

    def new_event(self) -> Event:
        return trio.Event()

    async def wait(self, event: Event, within: float) -> None:
        with trio.move_on_after(within):
            _ = await event.wait()

    async def readable(self, sock: socket.socket) -> None:
        await trio.lowlevel.wait_readable(sock)

    def group(self) -> AbstractAsyncContextManager[Group]:
        return unwrapped(trio.open_nursery(), trio.Cancelled)


def fail_after(seconds: float | None) -> AbstractContextManager[None]:
    """TimeoutError where what is done in here is not done in time."""
    return expiring(trio.move_on_after(math.inf if seconds is None else seconds))


_adapter = Trio()
connect = _adapter.connect
connect_unix = _adapter.connect_unix
connect_stream = _adapter.connect_stream
serve = _adapter.serve
serve_stream = _adapter.serve_stream
serve_unix = _adapter.serve_unix
