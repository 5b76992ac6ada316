"""What a server's connections are made of, whatever carries their octets."""

import logging
import os
import secrets
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, TypedDict, Unpack

from pop3_proto import (
    COMMANDS,
    Authenticator,
    Command,
    Limits,
    PasswordStore,
    ServerConnection,
    ServerMechanism,
    TlsPolicy,
    Trace,
)
from pop3_proto.flows.server import NO_MECHANISMS, ServerSession
from pop3_proto.responses import SYS_TEMP

from ._deadlines import Deadlines
from ._gate import Gate
from ._link import Link
from ._options import check_options
from ._session_trace import SessionTrace
from ._tls import TlsLayer, server_context

__all__ = ["AUTOLOGOUT", "NewSession", "ServerOptions", "Sessions", "log"]

AUTOLOGOUT: Final = 600.0

log = logging.getLogger("pop3_adapters")


class ServerOptions(TypedDict, total=False):
    """How a server serves; each may be left out."""

    tls: TlsPolicy
    """When TLS begins: STLS or IMPLICIT; not at all where it is left out."""

    context: ssl.SSLContext | None
    """Holds the certificate, where there is TLS."""

    certificate: str | os.PathLike[str] | None
    """Instead of a context: the file of the certificate and those that lead to its authority, in
    PEM form. TLS is then of version 1.2 or 1.3."""

    key: str | os.PathLike[str] | None
    """The file of the certificate's key, where that is not in the same file."""

    allow_insecure_auth: bool
    """Take passwords without TLS too."""

    greeting: str
    """The first words."""

    mechanisms: Mapping[str, Callable[[], ServerMechanism]]
    """What makes a new mechanism of AUTH, for each name."""

    apop: bool
    """Offer APOP, which the authenticator has to be a `PasswordStore` for."""

    commands: Iterable[type[Command[object]]]
    """Further commands, which say themselves how they are answered (`Answering`)."""

    limits: Limits | None
    """Bounds on what a client can make grow."""

    connections: int | None
    """Connections at a time; 1000 where it is left out, None for any number."""

    connections_per_address: int | None
    """Connections at a time from one address; 100 where it is left out, None for any number."""

    proxies: Iterable[str]
    """Addresses or networks, as 192.0.2.1 or 2001:db8::/32, of proxies that say by the PROXY
    protocol (version 1 or 2) for whom they connect: they have to, and nobody else may."""

    login: float
    """Seconds until a client has to be logged in, whatever it says; 60 where it is left out."""

    autologout: float
    """Seconds without a command until a client is disconnected, and nothing deleted; 600 where it
    is left out, and less only with `testing` (RFC 1939, section 3)."""

    handshake: float
    """Seconds for the handshake of TLS; 30 where it is left out."""

    trace: Callable[[str], Trace] | None
    """Makes what is told all that a connection sends and receives, without the secrets, for each
    one that comes to say something. It gets the client's address, empty where there is none. A
    trace with a `with` statement, as a TraceFile, is in one until the session ends; the session
    ends where its trace cannot be made or written. On an event loop it is called there."""

    testing: bool
    """Allow an autologout that is too short for anything else."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """A client that has just connected."""

    link: Link
    conversation: ServerSession
    deadlines: Deadlines
    login_deadline: float
    closing: ExitStack
    """What is to be closed behind the session."""


class Sessions:
    """Makes the sessions of one server. Raises ValueError for options that do not fit together."""

    def __init__(self, authenticator: Authenticator, **options: Unpack[ServerOptions]) -> None:
        check_options(options, ServerOptions.__annotations__)
        self._authenticator = authenticator
        self._options = options
        self._commands = (*COMMANDS, *options.get("commands", ()))
        self._autologout = options.get("autologout", AUTOLOGOUT)
        self._tls = options.get("tls", TlsPolicy.NONE)
        self._context = _context(options)
        self._proxies = _networks(options.get("proxies", ()))
        self._check()
        self.gate = Gate(
            options.get("connections", 1000), options.get("connections_per_address", 100)
        )
        """Who may come in."""

    @property
    def has_proxies(self) -> bool:
        """Whether any address is that of a proxy."""
        return bool(self._proxies)

    def is_proxy(self, address: str) -> bool:
        """Whether who connects from there says first for whom."""
        return any(ip_address(address) in proxies for proxies in self._proxies if address)

    @property
    def refusal(self) -> bytes:
        """What to say to a connection too many; nothing where it would have to be inside TLS."""
        if self._tls is TlsPolicy.IMPLICIT:
            return b""
        return ServerConnection().greet("too many connections", ok=False, code=SYS_TEMP)

    def new(
        self, clock: Callable[[], float], address: Callable[[], str] = lambda: ""
    ) -> NewSession:
        """A session that begins now, by a clock in seconds; `address` is asked for with the first
        octets."""
        options = self._options
        closing = ExitStack()
        make = options.get("trace")
        trace = SessionTrace(lambda: make(address()), closing) if make else None
        conn = ServerConnection(limits=options.get("limits"), commands=self._commands, trace=trace)
        conversation = ServerSession(
            conn,
            self._authenticator,
            tls=self._tls,
            allow_insecure_auth=options.get("allow_insecure_auth", False),
            greeting=options.get("greeting", "POP3 server ready"),
            mechanisms=options.get("mechanisms", NO_MECHANISMS),
            timestamp=new_timestamp() if options.get("apop") else None,
            report=lambda error: log.error("the maildrop failed", exc_info=error),
        )
        deadlines = Deadlines(
            clock,
            silence=self._autologout,
            handshake=options.get("handshake", 30.0),
            per_exchange=True,
        )
        login_deadline = clock() + options.get("login", 60.0)
        link = Link(conn, self._make_tls)
        return NewSession(link, conversation, deadlines, login_deadline, closing)

    def _make_tls(self) -> TlsLayer:
        assert self._context is not None
        return TlsLayer(self._context, server_side=True)

    def _check(self) -> None:
        if self._autologout < AUTOLOGOUT and not self._options.get("testing"):
            raise ValueError(
                f"an autologout of less than {AUTOLOGOUT:.0f} s is not allowed (RFC 1939, section "
                "3)"
            )
        # So that a greeting that is none is found here.
        _ = ServerConnection().greet(self._options.get("greeting", ""))
        if (self._context is None) is not (self._tls is TlsPolicy.NONE):
            raise ValueError(
                "a TLS context or certificate and a policy other than NONE belong together: give "
                "both or none"
            )
        if self._options.get("apop") and not isinstance(self._authenticator, PasswordStore):
            raise ValueError("APOP needs an authenticator that knows passwords: see PasswordStore")


def _networks(proxies: Iterable[str]) -> list[IPv4Network | IPv6Network]:
    if isinstance(proxies, str):
        raise ValueError(f"proxies is a list of addresses or networks: write [{proxies!r}]")
    return [ip_network(proxy, strict=False) for proxy in proxies]


def _context(options: ServerOptions) -> ssl.SSLContext | None:
    context, certificate = options.get("context"), options.get("certificate")
    key = options.get("key")
    if certificate is None:
        if key is not None:
            raise ValueError("a key is of no use without its certificate: give both")
        return context
    if context is not None:
        raise ValueError("give a TLS context or a certificate, not both")
    try:
        return server_context(certificate, key)
    except OSError as error:
        raise ValueError(
            f"the certificate in {os.fspath(certificate)} cannot be used "
            f"({error.strerror or error}): certificate and key have to be in PEM form, and `key` "
            "names the key's file where that is another one"
        ) from None


def new_timestamp() -> bytes:
    """A timestamp for APOP, which no session before has had (RFC 1939, section 7)."""
    return b"<%d.%s@pop3>" % (time.time_ns(), secrets.token_hex(16).encode("ascii"))
