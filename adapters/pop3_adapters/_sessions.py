"""What a server's connections are made of, whatever carries their octets."""

import logging
import os
import ssl
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from inspect import isawaitable, iscoroutinefunction
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, TypedDict, Unpack

from pop3_proto import (
    COMMANDS,
    Authenticator,
    Command,
    Limits,
    LoginAttempt,
    MaybeAwaitable,
    ServerConnection,
    ServerMechanism,
    TlsPolicy,
    Trace,
)
from pop3_proto.flows.server import NO_MECHANISMS, ServerSession
from pop3_proto.responses import SYS_TEMP

from ._client_certificate import client_certificate
from ._deadlines import Deadlines
from ._gate import Gate
from ._link import Link
from ._login_log import log_login
from ._mechanisms import find_logins, new_timestamp
from ._options import check_options
from ._session_trace import SessionTrace
from ._tls import TlsLayer, ask_clients, server_context

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

    client_ca: str | os.PathLike[str] | None
    """With a certificate: asks clients for one too, which has to be by an authority in this file,
    in PEM form. Those who have none may log in otherwise."""

    allow_insecure_auth: bool
    """Take passwords without TLS too."""

    greeting: str
    """The first words."""

    mechanisms: Mapping[str, Callable[[], ServerMechanism]]
    """What makes a new mechanism of AUTH, for each name: besides those that there are, or in place
    of one of them. One of each is made when the server begins, to see what it needs."""

    logins: Collection[str] | None
    """The ways to log in that are offered: USER (and PASS), APOP, and mechanisms of AUTH. Where it
    is left out, those are all that the authenticator can do but APOP."""

    apop: bool
    """Offer APOP too, which the authenticator has to be a `PasswordStore` for."""

    failure_delay: float
    """Seconds that the first login of a session that fails is answered later, the second one twice
    as many, and so on; 1 where it is left out, 0 for none."""

    on_login: Callable[[LoginAttempt, str], object] | None
    """Is told of each login that fails or succeeds, before that is answered, and the client's
    address, empty where there is none. On an event loop it is called there, and may be a
    coroutine."""

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
        self._failure_delay = options.get("failure_delay", 1.0)
        self._on_login = options.get("on_login")
        self._check()
        self._logins = find_logins(
            authenticator,
            options.get("mechanisms", NO_MECHANISMS),
            options.get("logins"),
            apop=options.get("apop", False),
            certificates=bool(self._context and self._context.verify_mode),
        )
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
        self,
        clock: Callable[[], float],
        wait: Callable[[float], MaybeAwaitable[object]],
        address: Callable[[], str] = lambda: "",
    ) -> NewSession:
        """A session that begins now, by a clock in seconds; `address` is asked for with the first
        octets. `wait` waits so many seconds, or until the server is closed."""
        options = self._options
        closing = ExitStack()
        make = options.get("trace")
        trace = SessionTrace(lambda: make(address()), closing) if make else None
        conn = ServerConnection(limits=options.get("limits"), commands=self._commands, trace=trace)
        link = Link(conn, self._make_tls)
        login_deadline = clock() + options.get("login", 60.0)

        def delay(attempt: LoginAttempt) -> MaybeAwaitable[object]:
            seconds = 0.0 if attempt.ok else self._failure_delay * attempt.failures
            seconds = min(seconds, login_deadline - clock())
            return wait(seconds) if seconds > 0 else None

        def attempted(attempt: LoginAttempt) -> MaybeAwaitable[object]:
            told = self._tell(attempt, address(), may_await=iscoroutinefunction(wait))
            return delay(attempt) if told is None else _first(told, lambda: delay(attempt))

        conversation = ServerSession(
            conn,
            self._authenticator,
            tls=self._tls,
            allow_insecure_auth=options.get("allow_insecure_auth", False),
            greeting=options.get("greeting", "POP3 server ready"),
            mechanisms=self._logins.mechanisms,
            user=self._logins.user,
            timestamp=new_timestamp() if self._logins.apop else None,
            certificate=lambda: client_certificate(link.tls.object) if link.tls else None,
            attempted=attempted,
            report=lambda error: log.error("the maildrop failed", exc_info=error),
            clock=time.monotonic,  # that of an event loop may not be asked in a thread
        )
        deadlines = Deadlines(
            clock,
            silence=self._autologout,
            handshake=options.get("handshake", 30.0),
            per_exchange=True,
        )
        return NewSession(link, conversation, deadlines, login_deadline, closing)

    def _tell(
        self, attempt: LoginAttempt, address: str, *, may_await: bool
    ) -> Awaitable[object] | None:
        """Tell of a login; what is to be awaited for that, if anything."""
        log_login(attempt, address)
        if self._on_login is None:
            return None
        try:
            told = self._on_login(attempt, address)
            if not isawaitable(told):
                return None
            if may_await:
                return told
            if close := getattr(told, "close", None):
                close()  # or Python would complain that nobody awaited it
            raise TypeError("on_login is asynchronous, which needs asyncio, trio or anyio")
        except Exception:
            log.exception("on_login failed")
            return None

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


async def _first(told: Awaitable[object], then: Callable[[], MaybeAwaitable[object]]) -> None:
    """Await the one, whether that fails or not, and then the other."""
    try:
        _ = await told
    except Exception:
        log.exception("on_login failed")
    if isawaitable(waiting := then()):
        _ = await waiting


def _networks(proxies: Iterable[str]) -> list[IPv4Network | IPv6Network]:
    if isinstance(proxies, str):
        raise ValueError(f"proxies is a list of addresses or networks: write [{proxies!r}]")
    return [ip_network(proxy, strict=False) for proxy in proxies]


def _context(options: ServerOptions) -> ssl.SSLContext | None:
    context, certificate = options.get("context"), options.get("certificate")
    key, client_ca = options.get("key"), options.get("client_ca")
    if certificate is None:
        if key is not None:
            raise ValueError("a key is of no use without its certificate: give both")
        if client_ca is not None:
            raise ValueError(
                "client_ca belongs to a certificate: give both, or a context that asks clients for "
                "theirs"
            )
        return context
    if context is not None:
        raise ValueError("give a TLS context or a certificate, not both")
    try:
        context = server_context(certificate, key)
    except OSError as error:
        raise ValueError(
            f"the certificate in {os.fspath(certificate)} cannot be used "
            f"({error.strerror or error}): certificate and key have to be in PEM form, and `key` "
            "names the key's file where that is another one"
        ) from None
    if client_ca is not None:
        _ask_clients(context, client_ca)
    return context


def _ask_clients(context: ssl.SSLContext, client_ca: str | os.PathLike[str]) -> None:
    try:
        ask_clients(context, client_ca)
    except OSError as error:
        raise ValueError(
            f"the authorities in {os.fspath(client_ca)} cannot be used "
            f"({error.strerror or error}): client_ca names a file of certificates in PEM form"
        ) from None
