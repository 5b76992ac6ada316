"""Fetching accounts side by side."""

import itertools
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from .fetch import Order, fetch
from .progress import ProgressBar, ProgressBars
from .report import Report
from .signal_queue import SignalQueue
from .signing_in import Secret
from .stop import Stop

__all__ = ["Errand", "fetch_all"]


@dataclass(frozen=True, slots=True)
class Errand:
    """An account that is to be fetched; `report` gets what became of it."""

    order: Order
    secret: Secret = field(repr=False)
    report: Report


@dataclass(frozen=True, slots=True)
class _Over:
    """An errand has ended; `fault` is what ought never to happen."""

    errand: Errand
    bar: ProgressBar
    fault: BaseException | None


def fetch_all(
    errands: Iterable[Errand], *, jobs: int = 1, bars: ProgressBars, say: Callable[[str], None]
) -> None:
    """Fetch each in a thread of its own, `jobs` of them at a time, until SIGINT or SIGTERM.

    `say` gets what is worth a line before the end, in this thread.
    """
    _Threads(bars, say).run(list(errands), jobs)


class _Threads:
    def __init__(self, bars: ProgressBars, say: Callable[[str], None]) -> None:
        self._bars = bars
        self._say = say
        self._stop = Stop()
        self._said = SignalQueue[str | _Over | None]()
        """What threads have to say, and None from a signal."""

    def run(self, errands: list[Errand], jobs: int) -> None:
        waiting = iter(errands)
        with self._said.signals_put(None), self._bars:
            under_way = [self._start(errand) for errand in itertools.islice(waiting, jobs)]
            try:
                while under_way and (said := self._said.get()) is not None:
                    if isinstance(said, str):
                        self._say(said)
                    else:
                        self._end(said)
                        under_way.remove(said.errand)
                        under_way += map(self._start, itertools.islice(waiting, 1))
            finally:
                self._stop.call()
        for errand in (*under_way, *waiting):
            errand.report.interrupt()

    def _end(self, over: _Over) -> None:
        self._bars.remove(over.bar)
        if over.fault:
            raise over.fault

    def _start(self, errand: Errand) -> Errand:
        bar = self._bars.add(errand.report.name or "")
        # A daemon, because nobody waits for one that is connecting where all is to end.
        threading.Thread(target=self._fetch, args=(errand, bar), daemon=True).start()
        return errand

    def _fetch(self, errand: Errand, bar: ProgressBar) -> None:
        fault: BaseException | None = None
        report = errand.report
        try:
            fetch(
                errand.order,
                errand.secret,
                report,
                bar=bar,
                say=lambda sentence: self._said.put(report.about(sentence)),
                stop=self._stop,
            )
        except BaseException as error:
            fault = error
        self._said.put(_Over(errand, bar, fault))
