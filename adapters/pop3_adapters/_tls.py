"""TLS as one more layer without I/O, for both roles: octets in, octets out."""

import contextlib
import os
import ssl
from typing import Final

__all__ = ["TlsLayer", "ask_clients", "client_context", "server_context"]

RECORD = 16 * 1024

OF_CERTIFICATES: Final = frozenset(
    {
        "BAD_CERTIFICATE",
        "CERTIFICATE_EXPIRED",
        "CERTIFICATE_REQUIRED",
        "CERTIFICATE_REVOKED",
        "CERTIFICATE_UNKNOWN",
        "UNKNOWN_CA",
        "UNSUPPORTED_CERTIFICATE",
    }
)
"""Alerts about the certificate that the peer was shown, or misses (RFC 8446, section 6.2)."""


def client_context(ca_file: str | None = None) -> ssl.SSLContext:
    """A context that verifies the server, by the system's authorities or those in `ca_file`."""
    context = ssl.create_default_context(cafile=ca_file)
    context.set_alpn_protocols(["pop3"])
    return context


def server_context(
    certificate: str | os.PathLike[str], key: str | os.PathLike[str] | None = None
) -> ssl.SSLContext:
    """A context with a server's certificate and key, from files in PEM form.

    Raises OSError, ssl.SSLError among them, where they cannot be used, and ValueError where the
    key is encrypted.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key, password=_no_password)
    return context


def ask_clients(context: ssl.SSLContext, client_ca: str | os.PathLike[str]) -> None:
    """Have a server's context ask clients for a certificate by an authority in a file in PEM form,
    and take those that have none.

    Raises OSError, ssl.SSLError among them, where the file cannot be used.
    """
    context.load_verify_locations(client_ca)
    context.verify_mode = ssl.CERT_OPTIONAL


def _no_password() -> str:
    # Without this, OpenSSL would ask on the terminal.
    raise ValueError(
        "the key of the certificate is encrypted: give a context that has decrypted it"
    )


class TlsLayer:
    """One side of a TLS connection.

    Plaintext that somebody slipped in before TLS began becomes bad ciphertext in here, and ends
    the handshake.
    """

    def __init__(
        self, context: ssl.SSLContext, *, server_side: bool = False, host: str | None = None
    ) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._ssl = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=host
        )
        self._failure: ssl.SSLError | None = None
        self.ended = False
        """Whether the peer has ended its side, by closing TLS or without."""

        self.cut_off = False
        """Whether it ended without closing TLS."""

    @property
    def object(self) -> ssl.SSLObject:
        """Certificate, version and cipher, for whoever wants to know."""
        return self._ssl

    def handshake(self) -> bool:
        """Go on with the handshake; true when it is done. Raises ssl.SSLError when it fails."""
        try:
            self._ssl.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            self._explain(error)
            raise
        return True

    def feed(self, ciphertext: bytes) -> None:
        """Take octets from the peer; none at all means their end."""
        if ciphertext:
            _ = self._incoming.write(ciphertext)
        else:
            self._incoming.write_eof()

    def take(self) -> bytes:
        """The octets that have to go to the peer now."""
        return self._outgoing.read()

    def encrypt(self, plaintext: bytes) -> bytes:
        """The octets to send for `plaintext`."""
        if plaintext:
            _ = self._ssl.write(plaintext)
        return self._outgoing.read()

    def decrypt(self) -> bytes:
        """The plaintext that has come; empty where there is none yet, or `ended` is true.

        Raises ssl.SSLError for an alert and for what is not the peer's, behind what came before.
        """
        if self._failure:
            raise self._failure
        pieces: list[bytes] = []
        try:
            while piece := self._ssl.read(RECORD):
                pieces.append(piece)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        except ssl.SSLEOFError:
            self.ended = self.cut_off = True
        except ssl.SSLError as error:
            self._explain(error)
            self._failure = error  # OpenSSL tells it once, and calls it the end from then on
            if not pieces:
                raise
        return b"".join(pieces)

    def close(self) -> bytes:
        """The octets that tell the peer that this side has ended; its answer is not waited for."""
        with contextlib.suppress(ssl.SSLError):
            self._ssl.unwrap()
        return self._outgoing.read()

    def _explain(self, error: ssl.SSLError) -> None:
        alert = (error.reason or "").partition("_ALERT_")[2]
        if alert in OF_CERTIFICATES and not self._ssl.server_side:
            words = alert.lower().replace("_", " ")
            error.strerror = (
                "the server refuses the certificate of this client, or that it has none (alert "
                f"{words}): load one that the server trusts into the context"
            )
