"""What a client's connection is made of, whatever carries its octets."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypedDict, Unpack

from pop3_proto import ClientConnection, Limits, TlsPolicy, Trace

from ._deadlines import Deadlines
from ._link import Link
from ._timeouts import Timeouts
from ._tls import TlsLayer, client_context

__all__ = ["ClientOptions", "Opening", "opening"]


class ClientOptions(TypedDict, total=False):
    """How to connect to a server; each may be left out."""

    tls: TlsPolicy
    """When TLS begins; IMPLICIT, from the first octet on, where it is left out."""

    context: ssl.SSLContext | None
    """How certificates are verified; the certificate has to be valid for the host by the
    system's authorities where it is left out. A client's own certificate goes in here."""

    timeouts: Timeouts | None
    """How long to wait for what."""

    limits: Limits | None
    """Bounds on what the server can make grow."""

    trace: Trace | None
    """Is told all that is sent and received, without the secrets."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A machine and what is around it, before the first octet."""

    conn: ClientConnection
    link: Link
    policy: TlsPolicy
    timeouts: Timeouts

    def deadlines(self, clock: Callable[[], float]) -> Deadlines:
        """The bounds of this connection, by a clock in seconds."""
        return Deadlines(
            clock,
            silence=self.timeouts.silence,
            handshake=self.timeouts.tls,
            operation=self.timeouts.operation,
        )


def opening(host: str | None, **options: Unpack[ClientOptions]) -> Opening:
    """A new machine for a connection to `host`, which the certificate has to be valid for."""
    conn = ClientConnection(limits=options.get("limits"), trace=options.get("trace"))
    context = options.get("context") or client_context()
    link = Link(conn, lambda: TlsLayer(context, host=host))
    policy = options.get("tls", TlsPolicy.IMPLICIT)
    return Opening(conn, link, policy, options.get("timeouts") or Timeouts())
