"""What a client's connections are made of, whatever carries their octets."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypedDict, Unpack

from pop3_proto import ClientConnection, Limits, LocalProtocolError, TlsPolicy, Trace

from ._deadlines import Deadlines
from ._hosts import find_host
from ._link import Link
from ._options import check_options
from ._timeouts import Timeouts
from ._tls import TlsLayer, client_context

__all__ = ["ClientOptions", "Opening", "opening", "opening_unix"]

DEFAULTS: Final = Timeouts()


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

    keepalive: float | None
    """Seconds without a command until NOOP is given, again and again, for as long as the client's
    `with` statement lasts; never where it is left out. Not inside a message that is half read."""

    trace: Trace | None
    """Is told all that is sent and received, without the secrets."""


@dataclass(frozen=True, slots=True)
class Opening:
    """How connections to one place begin; a client keeps it, to open one more."""

    address: str
    """What is connected to, a name or an IP address; empty where that is no host."""

    name: str | None
    """What the certificate has to be valid for."""

    policy: TlsPolicy
    context: ssl.SSLContext | None
    timeouts: Timeouts
    limits: Limits | None
    keepalive: float | None
    trace: Trace | None
    private: bool = False
    """Whether nobody else can listen, with TLS or without."""

    def begin(self) -> tuple[ClientConnection, Link]:
        """A machine and what is around it, before the first octet."""
        conn = ClientConnection(limits=self.limits, trace=self.trace)
        return conn, Link(conn, self._make_tls, private=self.private)

    def where(self, port: int | None) -> tuple[str, int]:
        """Host and port; the port is the usual one where there is None."""
        return self.address, self.policy.port if port is None else port

    def deadlines(self, clock: Callable[[], float]) -> Deadlines:
        """The bounds of this connection, by a clock in seconds."""
        return Deadlines(
            clock,
            silence=self.timeouts.silence,
            handshake=self.timeouts.tls,
            operation=self.timeouts.operation,
        )

    def _make_tls(self) -> TlsLayer:
        # The system's authorities take their time to read, and plaintext has no use for them.
        return TlsLayer(self.context or client_context(), host=self.name)


def opening(host: str | None, **options: Unpack[ClientOptions]) -> Opening:
    """Connections to `host`, which the certificate has to be valid for.

    Raises LocalProtocolError where `host` is none, or is needed and missing, and TypeError for
    options that there are not.
    """
    check_options(options, ClientOptions.__annotations__)
    found = None if host is None else find_host(host)
    context = options.get("context")
    policy = options.get("tls", TlsPolicy.IMPLICIT)
    # Without a name, the context would take a certificate for any.
    verifies = context is None or context.check_hostname
    if found is None and policy is not TlsPolicy.NONE and verifies:
        raise LocalProtocolError(
            "TLS needs the name that the certificate has to be valid for: add host=..., or "
            "tls=TlsPolicy.NONE where there is to be no TLS"
        )
    keepalive = options.get("keepalive")
    if keepalive is not None and keepalive <= 0:
        raise LocalProtocolError("keepalive is in seconds, and more than none")
    return Opening(
        address=found.address if found else "",
        name=found.name if found else None,
        policy=policy,
        context=context,
        timeouts=options.get("timeouts") or DEFAULTS,
        limits=options.get("limits"),
        keepalive=keepalive,
        trace=options.get("trace"),
    )


def opening_unix(host: str | None, **options: Unpack[ClientOptions]) -> Opening:
    """Connections through a Unix socket, where nobody else can listen.

    Raises LocalProtocolError where there is to be TLS, and no `host`.
    """
    _ = options.setdefault("tls", TlsPolicy.NONE)
    return replace(opening(host, **options), private=True)
