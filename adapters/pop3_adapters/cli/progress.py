"""The progress bars."""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column

__all__ = ["ProgressBar", "ProgressBars"]


class ProgressBar:
    """How far one account has come.

    The octets that are to come are what the server says of each message, until that message is
    here: then its own count.
    """

    def __init__(self, show: Callable[["ProgressBar"], None]) -> None:
        self.messages = 0
        self.done = 0
        self.octets = 0
        self._show = show
        self._hints: Mapping[int, int] = {}
        self._before = 0
        self._to_come = 0

    @property
    def total(self) -> int:
        """How many octets there will have been."""
        return max(self._before + self._to_come, self.octets)

    def begin(self, hints: Mapping[int, int]) -> None:
        """These are to be fetched: message-numbers, and the octets that the server says."""
        self._hints = hints
        self._to_come = sum(hints.values())
        self.messages = len(hints)
        self._show(self)

    def advance(self, octets: int) -> None:
        """Octets of the message that is being fetched have come."""
        self.octets += octets
        self._show(self)

    def finish(self, number: int) -> None:
        """A message is over, whatever became of it."""
        self.done += 1
        self._before = self.octets
        self._to_come -= self._hints[number]
        self._show(self)


class ProgressBars:
    """Messages, octets and rate on stderr while they come; nothing where `show` is false.

    One bar for each account that is under way, and, where there are several `accounts`, one for
    all of them. The accounts may be fetched in threads of their own.
    """

    def __init__(self, accounts: int = 1, *, show: bool) -> None:
        several = accounts > 1
        name = Column(no_wrap=True, max_width=24)
        names = TextColumn("{task.fields[name]}", markup=False, table_column=name)
        self._progress = Progress(
            *([names] if several else []),
            TextColumn("{task.fields[messages]} messages"),
            BarColumn(),
            DownloadColumn(table_column=Column(no_wrap=True)),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._show = show
        self._accounts = accounts
        self._over = 0
        self._bars: dict[ProgressBar, TaskID] = {}
        self._all = self._new_task(f"0/{accounts} accounts") if several else None

    def add(self, name: str) -> ProgressBar:
        """A bar for an account, which is to be seen once that knows what there is to fetch."""
        bar = ProgressBar(self._update)
        self._bars[bar] = self._new_task(name)
        return bar

    def remove(self, bar: ProgressBar) -> None:
        """An account is over."""
        self._over += 1
        if self._all is not None:
            self._progress.update(self._bars[bar], visible=False)
            self._progress.update(self._all, name=f"{self._over}/{self._accounts} accounts")

    def __enter__(self) -> Self:
        if self._show:
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._show:
            self._progress.stop()

    def _new_task(self, name: str) -> TaskID:
        return self._progress.add_task("", visible=False, name=name, messages="")

    def _update(self, bar: ProgressBar) -> None:
        if self._show:
            self._draw(self._bars[bar], [bar])
            if self._all is not None:
                self._draw(self._all, list(self._bars))

    def _draw(self, task: TaskID, bars: list[ProgressBar]) -> None:
        self._progress.update(
            task,
            completed=sum(bar.octets for bar in bars),
            total=sum(bar.total for bar in bars) or None,
            visible=True,
            messages=f"{sum(bar.done for bar in bars)}/{sum(bar.messages for bar in bars)}",
        )
