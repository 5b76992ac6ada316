"""POP3 over blocking sockets: `connect` for a client, `serve` for a server."""

import socket
import time
from os import PathLike, fspath
from typing import Unpack

from pop3_proto import Authenticator

from ._blocking_server import Server
from ._blocking_session import hold_session, open_client
from ._client import Client, Message, Origin
from ._listening import listen, listen_unix
from ._opening import ClientOptions, opening, opening_unix
from ._options import check_alone
from ._proxies import EVER, Route, asked, countdown, find_route, going_through
from ._sessions import ServerOptions, Sessions
from ._socket_stream import SocketStream
from ._timeouts import Timeouts
from ._tls import client_context
from .streams import Stream

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


def connect(
    host: str,
    port: int | None = None,
    *,
    local_address: str | None = None,
    proxy: str | None = None,
    **options: Unpack[ClientOptions],
) -> Client:
    """Connect to a server, read its greeting and start TLS; then log in.

    The host is a name, international ones too (`pip install 'pop3-proto[idna]'`), or an IP address.
    The port is the usual one where it is left out: 995 for implicit TLS, 110 otherwise. The
    connection begins at `local_address`, an IP address of this machine, where that is given.

    It goes through a proxy where `proxy` is the URL of one. `http://` is HTTP CONNECT, and the
    others need `pip install 'pop3-proto[socks]'`: with `socks5h://` and `socks4a://` the proxy
    looks the host up, with `socks5://` and `socks4://` this machine does. `Timeouts.connect` is for
    all of that, but a SOCKS proxy has as long for each part of its answers.

    The other options are those of `ClientOptions`: `tls`, `context`, `timeouts`, `limits`,
    `keepalive` and `trace`.

    Raises OSError (ssl.SSLError and TimeoutError among them), CommandFailed where the server
    refuses the session or STLS, RemoteProtocolError where this is no POP3 server, and
    LocalProtocolError for what is no host or no proxy.
    """
    new = opening(host, **options)
    target, within = new.where(port), new.timeouts.connect
    source = None if local_address is None else (local_address, 0)

    def open_connection() -> Client:
        if proxy is None:
            stream: Stream = SocketStream(socket.create_connection(target, within, source))
        else:
            stream = _dial_through(find_route(proxy, *target), source, within)
        return open_client(stream, new, Origin(*target, open_connection))

    return open_connection()


def _dial_through(route: Route, source: tuple[str, int] | None, within: float | None) -> Stream:
    with going_through(route):
        if route.is_socks:
            return _dial_socks(route, source, within)
        left = countdown(time.monotonic, within)
        there = (route.proxy_host, route.proxy_port)
        return asked(
            SocketStream(socket.create_connection(there, left(), source)), route.tunnel(), left
        )


def _dial_socks(route: Route, source: tuple[str, int] | None, within: float | None) -> Stream:
    from python_socks.sync import Proxy

    within = EVER if within is None else within
    proxy = Proxy(*route.socks())
    return SocketStream(proxy.connect(route.host, route.port, within, local_addr=source))


def connect_unix(
    path: str | PathLike[str], *, host: str | None = None, **options: Unpack[ClientOptions]
) -> Client:
    """Connect to a server through a Unix socket, and go on as `connect` does.

    There is no TLS unless `tls` says so, and the password may go out without: nobody else can
    listen. With TLS, `host` is the name that the certificate has to be valid for.
    """
    new = opening_unix(host, **options)

    def open_connection() -> Client:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.settimeout(new.timeouts.connect)
            sock.connect(fspath(path))
        except BaseException:
            sock.close()
            raise
        return open_client(SocketStream(sock), new, Origin(host or "", 0, open_connection))

    return open_connection()


def connect_stream(
    stream: socket.socket | Stream, *, host: str | None = None, **options: Unpack[ClientOptions]
) -> Client:
    """Go on as `connect` does, over a socket that is connected to a server, or a `Stream` of your
    own.

    It is closed with the client, or here where something fails. `host` is the name that the
    certificate has to be valid for. Where something else protects it already, say
    `tls=TlsPolicy.NONE` here and `allow_insecure_auth=True` when logging in. Raises
    LocalProtocolError, and leaves it open, where there is to be TLS without `host`.
    """
    new = opening(host, **options)
    return open_client(_attached(stream), new, Origin(host or ""))


def _attached(stream: socket.socket | Stream) -> Stream:
    # Sockets of other libraries are no `socket.socket`, but do what one does.
    if not isinstance(stream, Stream) and not hasattr(stream, "recv"):
        raise TypeError(
            "a stream has the methods send, receive and close, see pop3_adapters.streams"
        )
    return stream if isinstance(stream, Stream) else SocketStream(stream)


def serve(
    authenticator: Authenticator,
    host: str = "127.0.0.1",
    port: int = 0,
    **options: Unpack[ServerOptions],
) -> Server:
    """Serve in threads of their own, one for each connection, until the server is closed.

    It listens on each address of the host, and on all of this machine where that is empty. Port 0
    takes a free one, see `Server.port`. Passwords are taken inside TLS only, unless
    `allow_insecure_auth` is set. Raises ValueError for options that do not fit together.
    """
    sessions = Sessions(authenticator, **options)
    return Server(listen(host, port, sessions), sessions)


def serve_unix(
    authenticator: Authenticator, path: str | PathLike[str], **options: Unpack[ServerOptions]
) -> Server:
    """Serve on a Unix socket, as `serve` does on a port, until the server is closed.

    Only the user who runs this may connect, until you change the mode of the file. Passwords are
    taken without TLS unless `allow_insecure_auth` is False. A file that a server left behind is
    replaced, and at the end it is removed. Raises OSError where somebody listens there already.
    """
    _ = options.setdefault("allow_insecure_auth", True)
    sessions = Sessions(authenticator, **options)
    return Server(listen_unix(path, sessions), sessions)


def serve_stream(
    authenticator: Authenticator,
    stream: socket.socket | Stream,
    **options: Unpack[ServerOptions],
) -> None:
    """Serve the client at the other end of a socket or of a `Stream` of your own.

    Returns when the session has ended, and closes the stream. Raises ValueError for options that
    do not fit together.
    """
    check_alone(options)
    sessions = Sessions(authenticator, **options)
    hold_session(_attached(stream), sessions.new(time.monotonic, time.sleep))
