"""The way of the octets between a stream and a machine: through TLS, once that has begun."""

import ssl
from collections.abc import Callable

from pop3_proto import Connection, UnexpectedEof

from ._steps import Steps
from ._tls import TlsLayer

__all__ = ["Link"]


class Link:
    """A machine, and the TLS around it; every run loop, blocking or not, sends through one."""

    __slots__ = ("_last_words", "_make_tls", "machine", "private", "tls")

    def __init__(
        self, machine: Connection, make_tls: Callable[[], TlsLayer], *, private: bool = False
    ) -> None:
        self.machine = machine
        self.tls: TlsLayer | None = None
        self.private = private
        """Whether nobody else can listen, with TLS or without."""

        self._make_tls = make_tls
        self._last_words = b""

    def outgoing(self, data: bytes) -> bytes:
        """What has to be sent for these octets of POP3."""
        return self.tls.encrypt(data) if self.tls else data

    def incoming(self, data: bytes) -> bytes:
        """Give the machine what was received, nothing meaning the end; what to send back."""
        if self.tls is None:
            self._give(data, ended=not data)
            return b""
        self.tls.feed(data)
        self._decrypt(self.tls)
        return self.tls.take()

    def handshake(self) -> Steps[bytes]:
        """Start TLS: gives what has to be sent, takes what is received, returns what is left to
        send.

        Raises ssl.SSLError where the peers do not agree, and UnexpectedEof where the other one
        went away.
        """
        tls = self._make_tls()
        try:
            while not tls.handshake():
                tls.feed((yield tls.take()))
        except ssl.SSLEOFError:
            raise UnexpectedEof("during the TLS handshake") from None
        except ssl.SSLError:
            self._last_words = tls.take()
            raise
        self.machine.tls_started()
        self.tls = tls
        # The peer's first octets may have come together with the last ones of its handshake.
        self._decrypt(tls)
        return tls.take()

    def closing(self) -> bytes:
        """What has to be sent before the connection is closed: that TLS ends, or why it failed."""
        return self.tls.close() if self.tls else self._last_words

    def _decrypt(self, tls: TlsLayer) -> None:
        plaintext = tls.decrypt()
        self._give(plaintext, ended=tls.ended, cut_off=tls.cut_off)

    def _give(self, data: bytes, *, ended: bool, cut_off: bool = False) -> None:
        if data:
            self.machine.receive_data(data)
        if ended:
            self.machine.receive_eof(cut_off=cut_off)
