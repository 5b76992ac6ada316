"""A blocking socket as a stream."""

import socket
import threading
from contextlib import suppress
from typing import Final

__all__ = ["SocketStream", "hasten"]

READ: Final = 256 * 1024


class SocketStream:
    """A connected socket as a stream."""

    def __init__(self, sock: socket.socket) -> None:
        hasten(sock)
        self._socket = sock
        # Closed in the middle of its use, its descriptor might be somebody else's already.
        self._used = threading.RLock()

    def send(self, data: bytes, within: float | None) -> None:
        """Send all octets."""
        with self._used:
            self._socket.settimeout(within)
            self._socket.sendall(data)

    def receive(self, within: float | None) -> bytes:
        """Some octets, or none at their end."""
        try:
            with self._used:
                self._socket.settimeout(within)
                return self._socket.recv(READ)
        except BlockingIOError:
            raise TimeoutError("nothing is there") from None

    def close(self) -> None:
        """Close the socket."""
        with suppress(OSError):  # wakes whoever still receives
            self._socket.shutdown(socket.SHUT_RDWR)
        with self._used:
            self._socket.close()


def hasten(sock: socket.socket) -> None:
    """Send what is short at once, too. Libraries do so only where they know that this is TCP,
    which a socket that was accepted often does not say."""
    with suppress(OSError):  # a Unix socket does not know it
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
