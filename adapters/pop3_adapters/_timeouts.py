"""How long a client waits."""

from dataclasses import dataclass

__all__ = ["Timeouts"]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Bounds in seconds; None waits for ever. What they end raises TimeoutError."""

    connect: float | None = 30.0
    """Until the host has accepted the connection, through a proxy or not; with blocking sockets,
    each of its addresses counted anew, and each part of what a SOCKS proxy says."""

    tls: float | None = 30.0
    """The whole handshake of TLS."""

    silence: float | None = 60.0
    """Without an octet from the server that owes some, or without one that it takes."""

    operation: float | None = None
    """A whole operation: a login, one command with its response, one message of a fetch
    with all that is done with its pieces meanwhile."""
