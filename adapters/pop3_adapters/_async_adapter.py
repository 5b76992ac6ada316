"""What asyncio, trio and anyio offer their users, each by its own means."""

import socket
from abc import abstractmethod
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from os import PathLike, fspath
from typing import Generic, TypeVar, Unpack

from pop3_proto import Authenticator

from ._async_client import Client, Origin
from ._async_server import Server, serving
from ._async_session import dialing, hold_session, open_client
from ._event_loop import EventLoop
from ._listening import listen, listen_unix
from ._opening import ClientOptions, Opening, opening, opening_unix
from ._options import check_alone
from ._proxies import Route, asked_async, countdown, find_route, going_through
from ._sessions import ServerOptions, Sessions
from .streams import AsyncStream

__all__ = ["Adapter"]

S = TypeVar("S")


class Adapter(EventLoop, Generic[S]):
    """POP3 on an event loop, whose own streams are an `S`."""

    @abstractmethod
    async def dial(
        self, host: str, port: int, local_address: str | None, within: float | None
    ) -> AsyncStream:
        """Connect to a host, or raise OSError: TimeoutError where that takes longer."""

    @abstractmethod
    async def dial_socks(
        self, route: Route, local_address: str | None, within: float | None
    ) -> AsyncStream:
        """Connect to a host through a SOCKS proxy, or raise what python-socks does."""

    @abstractmethod
    async def dial_unix(self, path: str, within: float | None) -> AsyncStream:
        """Connect to a Unix socket, or raise OSError: TimeoutError where that takes longer."""

    @abstractmethod
    async def attach(self, stream: S | AsyncStream) -> AsyncStream:
        """A stream of the library's as one of ours; what is one already stays as it is."""

    @abstractmethod
    async def adopt(self, sock: socket.socket) -> AsyncStream:
        """A connected socket as a stream. Raises OSError or ValueError where it is none any
        more."""

    async def connect(
        self,
        host: str,
        port: int | None = None,
        *,
        local_address: str | None = None,
        proxy: str | None = None,
        **options: Unpack[ClientOptions],
    ) -> Client:
        """Connect to a server, read its greeting and start TLS; then log in.

        The host is a name, international ones too (`pip install 'pop3-proto[idna]'`), or an IP
        address. The port is the usual one where it is left out: 995 for implicit TLS, 110
        otherwise. The connection begins at `local_address`, an IP address of this machine, where
        that is given.

        It goes through a proxy where `proxy` is the URL of one. `http://` is HTTP CONNECT, and the
        others need `pip install 'pop3-proto[socks]'`: with `socks5h://` and `socks4a://` the proxy
        looks the host up, with `socks5://` and `socks4://` this machine does.

        The other options are those of `ClientOptions`: `tls`, `context`, `timeouts`, `limits`,
        `keepalive` and `trace`.

        Raises OSError (ssl.SSLError and TimeoutError among them), CommandFailed where the server
        refuses the session or STLS, RemoteProtocolError where this is no POP3 server, and
        LocalProtocolError for what is no host or no proxy.
        """
        new = opening(host, **options)
        return await Destination(self, new, host, port, local_address, proxy).connect()

    async def dial_through(
        self, route: Route, local_address: str | None, within: float | None
    ) -> AsyncStream:
        """Connect to a host through any proxy, or raise OSError."""
        with going_through(route):
            if route.is_socks:
                return await self.dial_socks(route, local_address, within)
            left = countdown(self.time, within)
            stream = await self.dial(route.proxy_host, route.proxy_port, local_address, left())
            return await asked_async(stream, route.tunnel(), left)

    async def connect_unix(
        self,
        path: str | PathLike[str],
        *,
        host: str | None = None,
        **options: Unpack[ClientOptions],
    ) -> Client:
        """Connect to a server through a Unix socket, and go on as `connect` does.

        There is no TLS unless `tls` says so, and the password may go out without: nobody else can
        listen. With TLS, `host` is the name that the certificate has to be valid for.
        """
        new = opening_unix(host, **options)

        async def open_connection() -> Client:
            with dialing(fspath(path)):
                stream = await self.dial_unix(fspath(path), new.timeouts.connect)
            return await open_client(stream, new, self, Origin(host or "", 0, open_connection))

        return await open_connection()

    async def connect_stream(
        self,
        stream: S | AsyncStream,
        *,
        host: str | None = None,
        **options: Unpack[ClientOptions],
    ) -> Client:
        """Go on as `connect` does, over a stream that is connected to a server.

        On asyncio that is a socket, with trio and anyio what they call a stream; and on all of
        them it may be an `AsyncStream` of your own. It is closed with the client, or here where
        something fails. `host` is the name that the certificate has to be valid for. Where
        something else protects it already, say `tls=TlsPolicy.NONE` here and
        `allow_insecure_auth=True` when logging in. Raises LocalProtocolError, and leaves it open,
        where there is to be TLS without `host`.
        """
        new = opening(host, **options)
        return await open_client(await self.attach(stream), new, self, Origin(host or ""))

    @asynccontextmanager
    async def serve(
        self,
        authenticator: Authenticator,
        host: str = "127.0.0.1",
        port: int = 0,
        **options: Unpack[ServerOptions],
    ) -> AsyncGenerator[Server]:
        """Serve in tasks of their own, one for each connection, until the context ends.

        It listens on each address of the host, and on all of this machine where that is empty. Port
        0 takes a free one, see `Server.port`. Passwords are taken inside TLS only, unless
        `allow_insecure_auth` is set. Methods of maildrops and authenticators that are not
        asynchronous are called in threads. Raises ValueError for options that do not fit together.
        """
        sessions = Sessions(authenticator, **options)
        async with serving(listen(host, port, sessions), sessions, self, self.adopt) as server:
            yield server

    @asynccontextmanager
    async def serve_unix(
        self,
        authenticator: Authenticator,
        path: str | PathLike[str],
        **options: Unpack[ServerOptions],
    ) -> AsyncGenerator[Server]:
        """Serve on a Unix socket, as `serve` does on a port, until the context ends.

        Only the user who runs this may connect, until you change the mode of the file. Passwords
        are taken without TLS unless `allow_insecure_auth` is False. A file that a server left
        behind is replaced, and at the end it is removed. Raises OSError where somebody listens
        there already.
        """
        _ = options.setdefault("allow_insecure_auth", True)
        sessions = Sessions(authenticator, **options)
        async with serving(listen_unix(path, sessions), sessions, self, self.adopt) as server:
            yield server

    async def serve_stream(
        self,
        authenticator: Authenticator,
        stream: S | AsyncStream,
        **options: Unpack[ServerOptions],
    ) -> None:
        """Serve the client at the other end of a stream, which is one as for `connect_stream`.

        Returns when the session has ended, and closes the stream. A cancellation ends the session
        without deleting anything. Raises ValueError for options that do not fit together.
        """
        check_alone(options)
        sessions = Sessions(authenticator, **options)
        new = sessions.new(self.time, self._pause)
        await hold_session(await self.attach(stream), new, self)

    async def _pause(self, seconds: float) -> None:
        await self.wait(self.new_event(), seconds)


@dataclass(frozen=True, slots=True)
class Destination(Generic[S]):
    """A host that a client connects to, and again where it has to; a closure that does so would
    take 500 octets more of each client."""

    adapter: Adapter[S]
    new: Opening
    host: str
    port: int | None
    local_address: str | None
    proxy: str | None

    async def connect(self) -> Client:
        """A connection, up to AUTHORIZATION."""
        new, adapter = self.new, self.adapter
        target, within = new.where(self.port), new.timeouts.connect
        if self.proxy is None:
            with dialing(self.host):
                stream = await adapter.dial(*target, self.local_address, within)
        else:
            route = find_route(self.proxy, *target)
            stream = await adapter.dial_through(route, self.local_address, within)
        return await open_client(stream, new, adapter, Origin(*target, self.connect))
