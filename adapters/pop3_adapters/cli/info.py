"""The conversations that find out about a server; they change nothing there."""

import ssl
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum, auto
from pathlib import Path
from socket import socket
from typing import Final, TypeVar

from pop3_proto import (
    ClientConnection,
    Command,
    CommandFailed,
    Greeting,
    List,
    Pop3Error,
    Pop3Url,
    RemoteProtocolError,
    Source,
    Stat,
    State,
    Stls,
    StlsRefused,
    TlsPolicy,
    Trace,
    Traced,
    TraceRecord,
    Uidl,
    UnexpectedEof,
)
from pop3_proto.flows.client import capabilities, next_event, quit, refusal, request
from pop3_proto.flows.core import Flow, Io

from .._blocking import BlockingDriver
from .._client import Client, Origin
from .._deadlines import Deadlines
from .._hosts import find_host
from .._link import Link
from .._socket_stream import SocketStream
from .._tls import TlsLayer
from ..socket import Timeouts
from .certificates import read_certificate
from .choice import Choice, choose_way
from .connecting import connect
from .dial import dial
from .explain import explain
from .findings import Announcement, Encryption, Findings, Listings
from .logins import Login
from .probe import identify, lenient_context
from .signals import stoppable
from .signing_in import Secret, log_in
from .statuses import CommandError, Status
from .stop import Stop
from .targets import StorageError
from .tracing import tracing

__all__ = ["Inquiry", "examine"]

T = TypeVar("T")

PATIENCE: Final = Timeouts(connect=20.0, tls=20.0, silence=30.0)


@dataclass(frozen=True, slots=True)
class Inquiry:
    """The server to examine, and how."""

    url: Pop3Url
    context: ssl.SSLContext
    authorities: str
    """Whose authorities `context` trusts."""

    login: Login = field(default_factory=Login)
    logs_in: bool = False
    """Whether to log in, or only to tell how that would be done."""

    secret: Secret = field(default=None, repr=False)
    trace: Path | None = None
    """Where the conversation is written down that the findings come from."""

    timeouts: Timeouts = PATIENCE
    probing: float = 5.0
    """Seconds for each step of finding out what listens, where it is not POP3."""


def examine(inquiry: Inquiry) -> Findings:
    """Find out all that can be found out, however it ends."""
    examination = _Examination(inquiry)
    try:
        with stoppable():
            examination.run()
    except KeyboardInterrupt:
        examination.end("interrupted", Status.INTERRUPTED)
    except StorageError as error:
        examination.end(str(error), Status.BROKEN)
    return examination.findings


class _Stage(Enum):
    """How far a connection has come."""

    CONNECTING = auto()
    GREETING = auto()
    HANDSHAKE = auto()
    SESSION = auto()


class _Examination:
    def __init__(self, inquiry: Inquiry) -> None:
        self.findings = Findings(inquiry.url, datetime.now(UTC))
        self._inquiry = inquiry
        self._url = inquiry.url
        self._context = inquiry.context
        self._distrust: str | None = None
        self._stage = _Stage.CONNECTING

    def run(self) -> None:
        try:
            self._converse()
        except CommandError as error:
            self.end(str(error), error.status)
        except (OSError, Pop3Error) as error:
            self._fail(error)
            if self._stage is _Stage.HANDSHAKE:
                self._converse_without_trust(error)
            elif self._stage is _Stage.GREETING:
                self._explain_missing_greeting(error)
        if self.findings.timestamp:
            self._ask_for_another_timestamp()

    def end(self, error: str, status: Status) -> None:
        """It ends early."""
        self.findings = replace(self.findings, error=error, status=status)

    def _fail(self, error: OSError | Pop3Error) -> None:
        if isinstance(error, UnexpectedEof):
            self.end(f"{error}; try again", Status.BROKEN)
        else:
            self.end(*explain(error, self._url, self._inquiry.login.proof))

    def _explain_missing_greeting(self, error: OSError | Pop3Error) -> None:
        """There was no greeting of POP3."""
        if self._stage is _Stage.GREETING and isinstance(error, Pop3Error):
            self._fail(error)
        elif sentence := identify(self._url, self._inquiry.probing):
            self.end(sentence, Status.BROKEN)

    def _converse_without_trust(self, error: OSError | Pop3Error) -> None:
        """The same again with TLS that verifies nothing: there is no login in it."""
        before = self.findings
        self.findings = Findings(self._url, before.time, error=before.error, status=before.status)
        untrusted = isinstance(error, ssl.SSLCertVerificationError)
        self._context = lenient_context()
        self._distrust = before.error if untrusted else "TLS failed before it was looked at"
        try:
            self._converse()
        except (OSError, Pop3Error) as later:
            if self._stage is not _Stage.SESSION:
                self.findings = replace(before, encryption=self.findings.encryption)
                if self._url.tls is TlsPolicy.IMPLICIT:
                    self._explain_missing_greeting(later)
                return
        if isinstance(error, ssl.SSLError) and not untrusted:
            self._blame(error)

    def _blame(self, error: ssl.SSLError) -> None:
        """TLS works where everything is allowed, so what the server has is not good enough."""
        if encryption := self.findings.encryption:
            self.end(
                f"there is no TLS that both sides take ({error.reason or error}): the server has "
                f"to learn more than {encryption.version} with {encryption.cipher}",
                Status.BROKEN,
            )

    def _converse(self) -> None:
        with tracing(self._inquiry.trace) as trace:
            ends = _LineEnds(trace)
            conn = ClientConnection(trace=ends)
            try:
                with self._connected(conn) as driver, ExitStack() as sockets:
                    greeting = driver.run(self._before_login(conn, driver.link))
                    origin = Origin(self._url.host, self._url.port, self._again(ends, sockets))
                    with Client(driver, conn, greeting, origin=origin) as client:
                        if self._inquiry.logs_in and self._may_log_in(conn):
                            self._log_in(client)
            finally:
                self.findings = replace(
                    self.findings, bare_lines=ends.bare, blank_lines=conn.blank_lines
                )

    def _ask_for_another_timestamp(self) -> None:
        """A timestamp is good for one session only (RFC 1939, section 7)."""
        conn = ClientConnection()
        try:
            with self._connected(conn) as driver:
                _ = driver.run(self._open(conn, driver.link))
                self.findings = replace(self.findings, timestamp_again=conn.timestamp)
                _ = driver.run(quit(conn))
        except (OSError, Pop3Error):
            pass  # it has been examined all the same

    @contextmanager
    def _connected(self, conn: ClientConnection) -> Generator[BlockingDriver, None, None]:
        url, context, timeouts = self._url, self._context, self._inquiry.timeouts
        self._stage = _Stage.CONNECTING
        name = find_host(url.host).name
        driver = BlockingDriver(
            SocketStream(dial(url, timeouts.connect)),
            Link(conn, lambda: TlsLayer(context, host=name)),
            Deadlines(time.monotonic, silence=timeouts.silence, handshake=timeouts.tls),
        )
        try:
            yield driver
        finally:
            driver.close()

    def _again(self, trace: Trace, sockets: ExitStack) -> Callable[[], Client]:
        """How to connect once more, where the server goes away in the middle of a login."""
        url, timeouts = self._url, self._inquiry.timeouts

        def dial_again() -> socket:
            return sockets.enter_context(dial(url, timeouts.connect))

        return lambda: connect(url, self._context, dial_again, timeouts=timeouts, trace=trace)

    def _before_login(self, conn: ClientConnection, link: Link) -> Flow[Greeting]:
        greeting = yield from self._open(conn, link)
        self.findings = replace(self.findings, greeting=greeting, timestamp=conn.timestamp)
        if not greeting.ok:
            raise refusal(greeting)
        yield from self._announcement(conn)
        if self._url.tls is TlsPolicy.STLS:
            yield from self._start_tls(conn, link)
        self.findings = replace(self.findings, choice=self._choose(conn))
        return greeting

    def _open(self, conn: ClientConnection, link: Link) -> Flow[Greeting]:
        if self._url.tls is TlsPolicy.IMPLICIT:
            yield from self._shake_hands(link)
        self._stage = _Stage.GREETING
        greeting = yield from next_event(conn)
        assert isinstance(greeting, Greeting), greeting
        self._stage = _Stage.SESSION
        return greeting

    def _start_tls(self, conn: ClientConnection, link: Link) -> Flow[None]:
        try:
            _ = yield from request(conn, Stls())
        except CommandFailed as error:
            self.findings = replace(self.findings, stls_refused=True)
            self._fail(StlsRefused("STLS", error.reply))
            return
        yield from self._shake_hands(link)
        yield from self._announcement(conn)

    def _shake_hands(self, link: Link) -> Flow[None]:
        self._stage = _Stage.HANDSHAKE
        yield Io.START_TLS
        self._stage = _Stage.SESSION
        assert link.tls
        tls = link.tls.object
        cipher = tls.cipher()
        encryption = Encryption(
            tls.version() or "",
            cipher[0] if cipher else "",
            tls.selected_alpn_protocol(),
            read_certificate(tls.getpeercert(binary_form=True) or b""),
            None if self._distrust else self._inquiry.authorities,
            self._distrust,
        )
        self.findings = replace(self.findings, encryption=encryption)

    def _announcement(self, conn: ClientConnection) -> Flow[None]:
        known = yield from capabilities(conn)
        if known and known.source is not conn.source:
            known = None  # it is from before, and was not confirmed
        self._announce(Announcement(conn.source, known))

    def _announce(self, announcement: Announcement) -> None:
        announcements = (*self.findings.announcements, announcement)
        self.findings = replace(self.findings, announcements=announcements)

    def _may_log_in(self, conn: ClientConnection) -> bool:
        secret = conn.tls and self._distrust is None
        return secret or self._url.tls is TlsPolicy.NONE

    def _choose(self, conn: ClientConnection) -> Choice:
        inquiry, url = self._inquiry, self._url
        if not self._may_log_in(conn):
            return Choice(None, "the server's TLS cannot be trusted")
        password = inquiry.secret if isinstance(inquiry.secret, bytes) else None
        return choose_way(conn, inquiry.login, url.user or "", password)

    def _log_in(self, client: Client) -> None:
        inquiry = self._inquiry
        _ = log_in(client, self._url, inquiry.login, inquiry.secret, Stop())
        known = client.ask_capabilities()
        confirmed = known if known and known.source is Source.LOGIN else None
        self._announce(Announcement(Source.LOGIN, confirmed))
        stat = self._listed(client, Stat())
        self._list(replace(self._listings, stat=stat))
        scan_listings = self._listed(client, List())
        self._list(replace(self._listings, scan_listings=scan_listings))
        unique_ids = self._listed(client, Uidl())
        self._list(replace(self._listings, unique_ids=unique_ids))

    def _listed(self, client: Client, command: Command[T]) -> T | None:
        """What a command gives; None where it is refused or cannot be read."""
        try:
            return client.request(command)
        except (CommandFailed, RemoteProtocolError) as error:
            if client.state is State.BROKEN:
                raise
            refusals = (*self._listings.refusals, (command.verb, str(error)))
            self._list(replace(self._listings, refusals=refusals))
            return None

    @property
    def _listings(self) -> Listings:
        return self.findings.listings or Listings()

    def _list(self, listings: Listings) -> None:
        self.findings = replace(self.findings, listings=listings)


class _LineEnds:
    """Counts the lines that end in a bare LF in what is received, and hands the trace on."""

    def __init__(self, trace: Trace | None) -> None:
        self.bare = 0
        self._trace = trace
        self._last = b""

    def __call__(self, record: TraceRecord) -> None:
        if record.what is Traced.RECEIVED:
            octets = self._last + record.octets
            self.bare += octets.count(b"\n") - octets.count(b"\r\n")
            self._last = octets[-1:] if octets.endswith(b"\r") else b""
        if self._trace:
            self._trace(record)
