"""POP3 over blocking sockets: `connect` for a client, `serve` for a server."""

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, Unpack

from pop3_proto import Authenticator, Pop3Error
from pop3_proto.flows import client as client_flows

from ._blocking import BlockingDriver
from ._client import Client, Message
from ._opening import ClientOptions, opening
from ._sessions import ServerOptions, Sessions, log
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

READ = 256 * 1024


class SocketStream:
    """A connected socket as a stream."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
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


def connect(host: str, port: int | None = None, **options: Unpack[ClientOptions]) -> Client:
    """Connect to a server, read its greeting and start TLS; then log in.

    The port is the usual one where it is left out: 995 for implicit TLS, 110 otherwise. Raises
    OSError (ssl.SSLError and TimeoutError among them), CommandFailed where the server refuses the
    session or STLS, and RemoteProtocolError where this is no POP3 server.
    """
    new = opening(host, **options)
    address = (host, new.policy.port if port is None else port)
    sock = socket.create_connection(address, new.timeouts.connect)
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

    def session(sock: socket.socket) -> None:
        new = sessions.new(time.monotonic)
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

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return Server(socket.create_server((host, port), family=family, backlog=128), session)


class Server:
    """A server that runs until `close`, as `serve` gives it."""

    def __init__(self, listener: socket.socket, session: Callable[[socket.socket], None]) -> None:
        self.host: str
        """The address that it listens on."""

        self.port: int
        """The port that it listens on."""

        self.host, self.port = listener.getsockname()[:2]
        listener.setblocking(False)
        self._listener = listener
        self._session = session
        self._alarm, self._bell = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._sessions: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._acceptor = threading.Thread(target=self._accept, name="pop3-accept", daemon=True)
        self._acceptor.start()

    def wait(self) -> None:
        """Wait until the server has been closed."""
        self._acceptor.join()

    def close(self) -> None:
        """Take no more connections, end those that there are, and wait for their threads.

        Sessions that have not sent QUIT delete nothing.
        """
        with self._lock:
            self._closing.set()
            for sock in self._sessions.values():
                _shut(sock)
        self._bell.close()
        self._acceptor.join()
        with self._lock:
            threads = list(self._sessions)
        for thread in threads:
            thread.join()

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

    def _take(self) -> None:
        try:
            sock, peer = self._listener.accept()
        except BlockingIOError:
            return  # it was gone again
        except OSError as error:
            log.warning("a connection could not be accepted: %s", error)
            _ = self._closing.wait(0.1)  # out of descriptors: it will be so for a while
            return
        thread = threading.Thread(
            target=self._serve, args=(sock,), name=f"pop3-{peer[:2]}", daemon=True
        )
        with self._lock:
            self._sessions[thread] = sock
            if self._closing.is_set():
                _shut(sock)
        try:
            thread.start()
        except RuntimeError as error:  # out of threads
            log.warning("a connection could not be served: %s", error)
            with self._lock:
                sock.close()
                del self._sessions[thread]

    def _serve(self, sock: socket.socket) -> None:
        try:
            self._session(sock)
        except Exception:
            log.exception("a session failed")
        finally:
            with self._lock:
                sock.close()
                del self._sessions[threading.current_thread()]


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the client may have gone already
        sock.shutdown(socket.SHUT_RDWR)
