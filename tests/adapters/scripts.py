"""The parts of a server's script that are the same in most of them."""

import ssl

from pop3_proto import TlsPolicy

from .net import NAME, PASSWORD
from .wire import Wire

__all__ = ["accept_quit", "announce", "begin", "capabilities", "greet", "let_in", "log_in", "stls"]

# With these a client has no reason to ask again behind the login.
KNOWN = ("TOP", "UIDL", "USER", "RESP-CODES", "AUTH-RESP-CODE")


def announce(*more: str) -> bytes:
    """A response to CAPA."""
    return b"+OK\r\n" + "".join(f"{line}\r\n" for line in (*KNOWN, *more)).encode() + b".\r\n"


def capabilities(wire: Wire, *more: str) -> None:
    """Answer CAPA."""
    wire.expect(b"CAPA\r\n")
    wire.send(announce(*more))


def greet(wire: Wire, *more: str) -> None:
    """From the connection to AUTHORIZATION."""
    wire.send(b"+OK\r\n")
    capabilities(wire, *more)


def let_in(wire: Wire, *more: str) -> None:
    """From the connection to TRANSACTION."""
    greet(wire, *more)
    log_in(wire)


def log_in(wire: Wire) -> None:
    """From AUTHORIZATION to TRANSACTION."""
    wire.expect(f"USER {NAME}\r\n".encode())
    wire.send(b"+OK\r\n")
    wire.expect(f"PASS {PASSWORD}\r\n".encode())
    wire.send(b"+OK\r\n")


def stls(wire: Wire, context: ssl.SSLContext) -> None:
    """From the connection through STLS to the handshake's end."""
    wire.send(b"+OK\r\n")
    wire.expect(b"STLS\r\n")
    wire.send(b"+OK\r\n")
    wire.start_tls(context, server_side=True)


def begin(wire: Wire, tls: TlsPolicy, context: ssl.SSLContext) -> None:
    """From the connection to AUTHORIZATION, however it is secured."""
    if tls is TlsPolicy.STLS:
        stls(wire, context)
        capabilities(wire)
    else:
        if tls is TlsPolicy.IMPLICIT:
            wire.start_tls(context, server_side=True)
        greet(wire)


def accept_quit(wire: Wire) -> None:
    """The end that a session should have."""
    wire.expect(b"QUIT\r\n")
    wire.send(b"+OK\r\n")
