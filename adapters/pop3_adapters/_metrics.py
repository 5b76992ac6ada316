"""Commands, counted and timed by what a trace tells of them."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from pop3_proto import COMMANDS, Command, Traced, TraceRecord

from ._speakers import Speakers

__all__ = ["Measured", "Meter", "Total", "Totals"]

OTHER: Final = "other"


@dataclass(frozen=True, slots=True)
class Measured:
    """A command whose response has come to its end."""

    verb: str
    """In upper case; `other` for all that are not known, so that no peer can make up many."""

    ok: bool
    """Whether the response was a positive one."""

    octets_sent: int
    """By whoever measures, without TLS. A secret counts as the asterisks that stand for it in a
    trace, so that not even its length is told."""

    octets_received: int
    """The same of what was received; lines, bodies with their dots, challenges and responses."""

    seconds: float
    """From the command to the end of its response. A client that sends commands ahead waits for
    several at a time."""


@dataclass(slots=True)
class Running:
    """A command that is not answered in full."""

    verb: str
    is_auth: bool
    since: float
    octets_sent: int = 0
    octets_received: int = 0


class Meter:
    """Measures the commands of one connection, of a client or of a server; give it as `trace`.

    `report` is called with each command when its response has come to its end; those that never
    get one are not reported, and neither is the greeting. `clock` is in seconds. Further
    `commands` are known by their classes.
    """

    def __init__(
        self,
        report: Callable[[Measured], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        commands: Iterable[type[Command[object]]] = (),
    ) -> None:
        self._report = report
        self._clock = clock
        known = (*COMMANDS, *commands)
        self._verbs = {command.verb.encode("ascii"): command.verb for command in known}
        self._speakers = Speakers()
        self._pending = deque[Running]()

    def __call__(self, record: TraceRecord) -> None:
        if not record.octets:
            return
        if self._speakers.is_server(record.what):
            self._answer(record)
        elif self._pending and self._pending[-1].is_auth:
            count(self._pending[-1], record)  # nothing but its responses can come behind AUTH
        else:
            self._begin(record)

    def _begin(self, record: TraceRecord) -> None:
        word = record.octets.rstrip(b"\r\n").partition(b" ")[0].upper()
        running = Running(self._verbs.get(word, OTHER), word == b"AUTH", self._clock())
        count(running, record)
        self._pending.append(running)

    def _answer(self, record: TraceRecord) -> None:
        if not self._pending:
            return
        count(self._pending[0], record)
        if record.ends:
            done = self._pending.popleft()
            ok = record.body or record.octets[:3].upper() == b"+OK"
            seconds = self._clock() - done.since
            self._report(Measured(done.verb, ok, done.octets_sent, done.octets_received, seconds))


def count(running: Running, record: TraceRecord) -> None:
    if record.what is Traced.SENT:
        running.octets_sent += len(record.octets)
    else:
        running.octets_received += len(record.octets)


@dataclass(frozen=True, slots=True)
class Total:
    """All commands of one verb."""

    commands: int = 0
    refused: int = 0
    """How many of them had a negative response."""

    octets_sent: int = 0
    octets_received: int = 0
    seconds: float = 0.0

    def plus(self, measured: Measured) -> "Total":
        """The same with one more."""
        return Total(
            self.commands + 1,
            self.refused + (not measured.ok),
            self.octets_sent + measured.octets_sent,
            self.octets_received + measured.octets_received,
            self.seconds + measured.seconds,
        )


class Totals:
    """Adds up what meters report, of any number of connections, in any threads: `Meter(totals)`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_verb: dict[str, Total] = {}

    def __call__(self, measured: Measured) -> None:
        with self._lock:
            total = self._by_verb.get(measured.verb, Total())
            self._by_verb[measured.verb] = total.plus(measured)

    def by_verb(self) -> dict[str, Total]:
        """What there is by now."""
        with self._lock:
            return dict(self._by_verb)
