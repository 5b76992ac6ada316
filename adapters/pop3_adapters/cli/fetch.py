"""The conversation that fetches a maildrop into a target."""

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket

from pop3_proto import CommandFailed, Offer, Pop3Error, Pop3Url, ScanListing, Trace

from ..socket import Client, Message, Timeouts
from .connecting import connect
from .contents import Contents, list_contents
from .dial import dial
from .explain import explain
from .fetched import Fetched
from .logins import Login
from .place import Place
from .progress import ProgressBar
from .report import FailedMessage, Report
from .signing_in import Secret, log_in
from .statuses import CommandError, Status
from .stop import Stop
from .targets import StorageError, Target
from .tracing import tracing

__all__ = ["Order", "fetch"]

BATCH = 32
"""Messages that are made safe together; those after the last time are fetched again if the
machine stops."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be fetched, where to, and how."""

    url: Pop3Url
    place: Place
    context: ssl.SSLContext
    login: Login = field(default_factory=Login)
    everything: bool = False
    """Whether to fetch what was fetched before, too."""

    delete: bool = False
    """Whether to delete what is safely stored, in this session or in one before."""

    trace: Path | None = None
    """Where the conversation is written down."""


def fetch(
    order: Order,
    secret: Secret,
    report: Report,
    *,
    bar: ProgressBar,
    say: Callable[[str], None],
    stop: Stop,
) -> None:
    """Do it, and write into `report` what has happened, however it ends.

    `say` gets what is worth a line before the end. The target is opened after the login.
    """
    try:
        with (
            tracing(order.trace) as trace,
            ExitStack() as sockets,
            _connected(order, sockets, trace, stop) as client,
        ):
            report.login = log_in(client, order.url, order.login, secret, stop)
            target = order.place.open(stop.pause)
            _Session(client, order, target, report, bar, say, stop).run()
    except KeyboardInterrupt:
        report.interrupt()
    except StorageError as error:
        report.end(str(error), Status.BROKEN)
    except (OSError, Pop3Error, CommandError) as error:
        if stop.called:  # what is ended from here looks like what broke
            report.interrupt()
        elif isinstance(error, CommandError):
            report.end(str(error), error.status)
        else:
            report.end(*explain(error, order.url, order.login.proof))


def _connected(order: Order, sockets: ExitStack, trace: Trace | None, stop: Stop) -> Client:
    def dial_and_hold() -> socket:
        sock = sockets.enter_context(dial(order.url, Timeouts().connect))
        sockets.enter_context(stop.holding(sock))
        return sock

    return connect(order.url, order.context, dial_and_hold, trace=trace)


class _Session:
    def __init__(
        self,
        client: Client,
        order: Order,
        target: Target,
        report: Report,
        bar: ProgressBar,
        say: Callable[[str], None],
        stop: Stop,
    ) -> None:
        self._client = client
        self._order = order
        self._target = target
        self._fetched = Fetched(target.fetched_file, order.url.account)
        self._report = report
        self._bar = bar
        self._say = say
        self._stop = stop
        self._stored: list[int] = []
        self._safe: set[int] = set()

    def run(self) -> None:
        """From TRANSACTION to the end of the session.

        QUIT is sent only where every message that was retrieved is stored.
        """
        started = time.monotonic()
        report, client = self._report, self._client
        report.tls = _describe_tls(client)
        report.pipelined = client.offer("PIPELINING") is Offer.OFFERED
        try:
            contents = list_contents(client)
            report.messages = len(contents.numbers)
            self._say_what_is_unusual(contents)
            skipped: set[int] = set()
            if not self._order.everything:
                skipped = contents.known(self._fetched)
            report.skipped = len(skipped)
            self._fetch(contents, [n for n in contents.numbers if n not in skipped])
            if self._order.delete:
                self._delete(contents, sorted(self._safe | skipped))
            _ = client.quit()
            self._stop.check()
        finally:
            report.seconds = time.monotonic() - started
            report.marked = len(client.marked)
            report.deletions = client.deletions

    def _say_what_is_unusual(self, contents: Contents) -> None:
        if not contents.has_unique_ids and not self._order.everything:
            self._say(
                "the server has no unique-ids (UIDL): what was fetched before cannot be "
                "recognized, so everything is fetched"
            )
        announced = self._client.capabilities
        retention = announced.retention if announced else None
        if retention and retention.days == 0:
            self._say(
                "the server deletes by itself what has been retrieved, at the end of the session "
                "(EXPIRE 0)"
            )

    def _fetch(self, contents: Contents, numbers: list[int]) -> None:
        self._bar.begin({number: contents.octets.get(number, 0) for number in numbers})
        try:
            listings = (ScanListing(number, contents.octets.get(number)) for number in numbers)
            for message in self._client.fetch(listings):
                self._stop.check()
                self._take(message, contents)
                self._bar.finish(message.number)
                if len(self._stored) >= BATCH:
                    self._make_safe(contents)
        finally:
            self._make_safe(contents)

    def _take(self, message: Message, contents: Contents) -> None:
        if message.refusal:
            self._fail(message.number, contents, str(message.refusal))
        else:
            self._target.store(self._arriving(message))
            self._stored.append(message.number)

    def _arriving(self, message: Message) -> Iterator[bytes]:
        octets = 0
        for piece in message:
            octets += len(piece)
            self._bar.advance(len(piece))
            yield piece
        self._report.octets += octets

    def _make_safe(self, contents: Contents) -> None:
        """Only what is safe on the disk is remembered, and only what is safe is deleted."""
        stored, self._stored = self._stored, []
        if stored:
            self._target.sync()
            ids = contents.unique_ids
            self._fetched.add(ids[number] for number in stored if number in ids)
            self._safe.update(stored)
            self._report.fetched = len(self._safe)

    def _delete(self, contents: Contents, numbers: list[int]) -> None:
        """Mark all of them; they are deleted after QUIT, so there is no hurry before the end."""
        try:
            self._client.delete(*numbers)
        except CommandFailed as refusal:
            for number in numbers:
                if number not in self._client.marked:
                    mine = refusal.command == f"DELE {number}"
                    reason = str(refusal) if mine else "the server refused this one too"
                    self._fail(number, contents, f"stored, but not deleted: {reason}")

    def _fail(self, number: int, contents: Contents, reason: str) -> None:
        unique_id = contents.unique_ids.get(number)
        self._report.failed.append(FailedMessage(number, unique_id, reason))


def _describe_tls(client: Client) -> str | None:
    if client.tls_object is None:
        return None
    cipher = client.tls_object.cipher()
    return f"{client.tls_object.version()}, {cipher[0] if cipher else 'no cipher'}"
