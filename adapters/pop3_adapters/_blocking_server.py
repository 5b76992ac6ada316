"""A server in threads."""

import selectors
import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from ._blocking_session import hold_session
from ._listening import Arrival, Listener
from ._primed_stream import PrimedStream
from ._proxy_protocol import introduction
from ._sessions import NewSession, Sessions, log
from ._socket_stream import SocketStream
from ._steps import take_steps
from .streams import Stream

__all__ = ["Server"]


class Server:
    """A server that runs until `close`, as `serve` gives it."""

    def __init__(self, listener: Listener, sessions: Sessions) -> None:
        self.host = listener.host
        """The address that it listens on; the path of a Unix socket."""

        self.port = listener.port
        """The port that it listens on; 0 for a Unix socket."""

        self._listener = listener
        self._new = sessions
        self._selector = selectors.DefaultSelector()
        self._alarm, self._bell = socket.socketpair()
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
            thread.join(min(max(0.0, end - time.monotonic()), threading.TIMEOUT_MAX))
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
        with self._alarm, self._selector:
            for sock in (self._alarm, *self._listener.sockets):
                _ = self._selector.register(sock, selectors.EVENT_READ)
            while not self._closing.is_set():
                for key, _ in self._selector.select():
                    if isinstance(key.fileobj, socket.socket) and key.fileobj is not self._alarm:
                        self._take(key.fileobj)
        self._listener.close()

    def _take(self, sock: socket.socket) -> None:
        try:
            for arrival in self._listener.arrivals(sock):
                self._begin(arrival)
        except OSError as error:
            log.warning("a connection could not be accepted: %s", error)
            _ = self._closing.wait(0.1)  # out of descriptors: it will be so for a while

    def _begin(self, arrival: Arrival) -> None:
        thread = threading.Thread(
            target=self._serve, args=(arrival,), name=f"pop3-{arrival.address}", daemon=True
        )
        with self._lock:
            self._sessions[thread] = arrival.sock
        try:
            thread.start()
        except RuntimeError as error:  # out of threads
            log.warning("a connection could not be served: %s", error)
            self._end(thread, arrival)

    def _serve(self, arrival: Arrival) -> None:
        new = self._new.new(time.monotonic, self._closing.wait, lambda: arrival.address)
        connected = SocketStream(arrival.sock)
        try:
            stream = self._introduced(connected, arrival, new) if arrival.proxied else connected
            if stream:
                hold_session(stream, new)
        except Exception:
            log.exception("a session failed")
        finally:
            self._end(threading.current_thread(), arrival)

    def _introduced(self, stream: Stream, arrival: Arrival, new: NewSession) -> Stream | None:
        try:
            left = new.deadlines.until(new.deadlines.handshake(None))
            address, rest = take_steps(stream, introduction(), left)
            if self._listener.introduce(arrival, address):
                return PrimedStream(stream, rest)
            stream.send(self._new.refusal, 1.0)
        except (OSError, ValueError) as error:
            log.warning("a proxy was refused: %s", error)
        return None

    def _end(self, thread: threading.Thread, arrival: Arrival) -> None:
        with self._lock:
            self._sessions.pop(thread).close()
        self._listener.leave(arrival)


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):  # the client may have gone already
        sock.shutdown(socket.SHUT_RDWR)
