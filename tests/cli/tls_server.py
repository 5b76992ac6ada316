"""The server that says what a test wants it to say, with TLS."""

import contextlib
import socket
import ssl

from pop3_proto import TlsPolicy

from .hostile import OK, USUAL, Server

__all__ = ["TlsServer"]


class TlsServer(Server):
    """Begins TLS at once or behind STLS; inside TLS it announces `inside`."""

    def __init__(
        self,
        messages: dict[int, bytes],
        context: ssl.SSLContext,
        tls: TlsPolicy = TlsPolicy.IMPLICIT,
        *,
        outside: tuple[str, ...] = ("UIDL", "TOP", "STLS"),
        inside: tuple[str, ...] = USUAL,
        greeting: bytes = OK,
    ) -> None:
        super().__init__(messages, capabilities=outside, greeting=greeting)
        self._context = context
        self._tls = tls
        self._outside = outside
        self._inside = inside
        self._first = greeting

    @property
    def url(self) -> str:
        url = super().url.removesuffix("?tls=none")
        return url.replace("pop:", "pop3s:") if self._tls is TlsPolicy.IMPLICIT else url

    def _serve(self, connection: socket.socket) -> None:
        if self._tls is TlsPolicy.STLS:
            self.capabilities = self._outside
            connection.sendall(self._first)
            if not self._wait_for_stls(connection):
                return
        with (
            contextlib.suppress(OSError),
            self._context.wrap_socket(connection, server_side=True) as inside,
        ):
            self.capabilities = self._inside
            self.greeting = b"" if self._tls is TlsPolicy.STLS else self._first
            super()._serve(inside)

    def _wait_for_stls(self, connection: socket.socket) -> bool:
        while line := _line(connection):
            self.said.append(line.rstrip())
            answer = self._answer(line.rstrip())
            connection.sendall(answer or b"")
            if line.startswith((b"STLS", b"QUIT")):
                return line.startswith(b"STLS") and answer == OK
        return False


def _line(connection: socket.socket) -> bytes:
    """A line octet by octet, so that nothing of TLS is taken with it."""
    line = b""
    while not line.endswith(b"\n") and (octet := connection.recv(1)):
        line += octet
    return line
