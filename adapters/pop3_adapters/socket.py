"""POP3 over blocking sockets: `connect` for a client, `serve` for a server."""

import contextlib
import selectors
import socket
import threading
import time
from os import PathLike, fspath
from types import TracebackType
from typing import Self, Unpack

from pop3_proto import Authenticator, Pop3Error
from pop3_proto.flows import client as client_flows

from ._blocking import BlockingDriver
from ._client import Client, Message
from ._gate import host_of, place_of
from ._opening import ClientOptions, Opening, opening, opening_unix
from ._sessions import NewSession, ServerOptions, Sessions, log
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

READ = 256 * 1024


class SocketStream:
    """A connected socket as a stream."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        with contextlib.suppress(OSError):  # a Unix socket does not know it
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes, timeout: float | None) -> None:
        """Send all octets."""
        self._socket.settimeout(timeout)
        self._socket.sendall(data)

    def receive(self, timeout: float | None) -> bytes:
        """Some octets, or none at their end."""
        self._socket.settimeout(timeout)
        try:
            return self._socket.recv(READ)
        except BlockingIOError:
            raise TimeoutError("nothing is there") from None

    def close(self) -> None:
        """Close the socket."""
        with contextlib.suppress(OSError):  # wakes whoever still receives
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def connect(
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
    source = None if local_address is None else (local_address, 0)
    return _open(socket.create_connection(new.where(port), new.timeouts.connect, source), new)


def connect_unix(
    path: str | PathLike[str], *, host: str | None = None, **options: Unpack[ClientOptions]
) -> Client:
    """Connect to a server through a Unix socket, and go on as `connect` does.

    There is no TLS unless `tls` says so, and the password may go out without: nobody else can
    listen. With TLS, `host` is the name that the certificate has to be valid for.
    """
    new = opening_unix(host, **options)
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.settimeout(new.timeouts.connect)
        sock.connect(fspath(path))
    except BaseException:
        sock.close()
        raise
    return _open(sock, new)


def connect_stream(
    stream: socket.socket, *, host: str | None = None, **options: Unpack[ClientOptions]
) -> Client:
    """Go on as `connect` does, over a socket that is connected to a server.

    It is closed with the client, or here where something fails. `host` is the name that the
    certificate has to be valid for. Where something else protects it already, say
    `tls=TlsPolicy.NONE` here and `allow_insecure_auth=True` when logging in. Raises
    LocalProtocolError, and leaves it open, where there is to be TLS without `host`.
    """
    new = opening(host, **options)
    return _open(stream, new)


def _open(sock: socket.socket, new: Opening) -> Client:
    driver = BlockingDriver(SocketStream(sock), new.link, new.deadlines(time.monotonic))
    try:
        greeting = driver.run(client_flows.open_session(new.conn, new.policy))
    except BaseException:
        driver.close()
        raise
    return Client(driver, new.conn, greeting)


def serve(
    authenticator: Authenticator,
    host: str = "127.0.0.1",
    port: int = 0,
    **options: Unpack[ServerOptions],
) -> "Server":
    """Serve in threads of their own, one for each connection, until the server is closed.

    Port 0 takes a free one, see `Server.port`. Passwords are taken inside TLS only, unless
    `allow_insecure_auth` is set. Raises ValueError for options that do not fit together.
    """
    sessions = Sessions(authenticator, **options)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return Server(socket.create_server((host, port), family=family, backlog=128), sessions)


def serve_unix(
    authenticator: Authenticator, path: str | PathLike[str], **options: Unpack[ServerOptions]
) -> "Server":
    """Serve on a Unix socket, as `serve` does on a port, until the server is closed.

    Only the user who runs this may connect, until you change the mode of the file. Passwords are
    taken without TLS unless `allow_insecure_auth` is False. A file that a server left behind is
    replaced, and at the end it is removed. Raises OSError where somebody listens there already.
    """
    _ = options.setdefault("allow_insecure_auth", True)
    sessions = Sessions(authenticator, **options)
    return Server(listen_on(path), sessions)


class Server:
    """A server that runs until `close`, as `serve` gives it."""

    def __init__(self, listener: socket.socket, sessions: Sessions) -> None:
        self.host: str
        """The address that it listens on; the path of a Unix socket."""

        self.port: int
        """The port that it listens on; 0 for a Unix socket."""

        self.host, self.port = place_of(listener.getsockname())
        listener.setblocking(False)
        self._listener = listener
        self._new = sessions
        self._alarm, self._bell = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._sessions: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._closed = threading.Event()
        self._acceptor = threading.Thread(target=self._accept, name="pop3-accept", daemon=True)
        self._acceptor.start()

    def wait(self) -> None:
        """Wait until the server has been closed."""
        _ = self._closed.wait()

    def close(self, grace: float = 0.0) -> None:
        """Take no more connections, and end those that have not ended in `grace` seconds.

        Sessions that have not sent QUIT delete nothing.
        """
        end = time.monotonic() + grace
        self._closing.set()
        self._bell.close()
        self._acceptor.join()
        with self._lock:
            threads = list(self._sessions)
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        with self._lock:
            for sock in self._sessions.values():
                _shut(sock)
        for thread in threads:
            thread.join()
        self._closed.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _accept(self) -> None:
        with self._listener, self._alarm, self._selector:
            _ = self._selector.register(self._listener, selectors.EVENT_READ)
            _ = self._selector.register(self._alarm, selectors.EVENT_READ)
            while not self._closing.is_set():
                ready = [key.fileobj for key, _ in self._selector.select()]
                if self._listener in ready and not self._closing.is_set():
                    self._take()
            unix = self._listener.family == socket.AF_UNIX
        if unix:
            forget(self.host)

    def _take(self) -> None:
        try:
            sock, peer = self._listener.accept()
        except BlockingIOError:
            return  # it was gone again
        except OSError as error:
            log.warning("a connection could not be accepted: %s", error)
            _ = self._closing.wait(0.1)  # out of descriptors: it will be so for a while
            return
        address = host_of(peer)
        with self._lock:
            admitted = self._new.gate.admit(address)
        if admitted:
            self._begin(sock, address)
        else:
            log.info("a connection from %s was refused: there are too many", address)
            _turn_away(sock, self._new.refusal)

    def _begin(self, sock: socket.socket, address: str) -> None:
        thread = threading.Thread(
            target=self._serve, args=(sock, address), name=f"pop3-{address}", daemon=True
        )
        with self._lock:
            self._sessions[thread] = sock
        try:
            thread.start()
        except RuntimeError as error:  # out of threads
            log.warning("a connection could not be served: %s", error)
            self._end(thread, address)

    def _serve(self, sock: socket.socket, address: str) -> None:
        try:
            _hold(sock, self._new.new(time.monotonic))
        except Exception:
            log.exception("a session failed")
        finally:
            self._end(threading.current_thread(), address)

    def _end(self, thread: threading.Thread, address: str) -> None:
        with self._lock:
            self._sessions.pop(thread).close()
            self._new.gate.leave(address)


def _hold(sock: socket.socket, new: NewSession) -> None:
    """One connection, from its first octet to its last."""
    driver = BlockingDriver(SocketStream(sock), new.link, new.deadlines)
    try:
        driver.run(new.conversation.begin(), new.login_deadline)
        driver.run(new.conversation.go_on())
    except (OSError, Pop3Error) as error:
        log.info("a session ended early: %s", error)
    finally:
        try:
            driver.run(new.conversation.close())
        finally:
            driver.close()


def _turn_away(sock: socket.socket, refusal: bytes) -> None:
    with sock, contextlib.suppress(OSError):  # it may have gone already
        sock.setblocking(False)
        _ = sock.send(refusal)


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the client may have gone already
        sock.shutdown(socket.SHUT_RDWR)
