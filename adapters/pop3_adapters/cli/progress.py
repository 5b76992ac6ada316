"""The progress bar."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

__all__ = ["ProgressBar"]


class ProgressBar:
    """Messages, octets and rate on stderr while they come; nothing where `show` is false.

    The octets that are to come are what the server says of each message, until that message is
    here: then its own count.
    """

    def __init__(self, *, show: bool) -> None:
        self._progress = Progress(
            TextColumn("{task.fields[messages]} messages"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._show = show
        self._task = self._progress.add_task("", visible=False, messages="")
        self._hints: Mapping[int, int] = {}
        self._done = 0
        self._before = 0
        self._octets = 0
        self._to_come = 0

    def begin(self, hints: Mapping[int, int]) -> None:
        """These are to be fetched: message-numbers, and the octets that the server says."""
        self._hints = hints
        self._to_come = sum(hints.values())
        self._update(visible=True)

    def advance(self, octets: int) -> None:
        """Octets of the message that is being fetched have come."""
        self._octets += octets
        self._update()

    def finish(self, number: int) -> None:
        """A message is over, whatever became of it."""
        self._done += 1
        self._before = self._octets
        self._to_come -= self._hints[number]
        self._update()

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

    def _update(self, *, visible: bool | None = None) -> None:
        if self._show:
            self._progress.update(
                self._task,
                completed=self._octets,
                total=max(self._before + self._to_come, self._octets) or None,
                visible=visible,
                messages=f"{self._done}/{len(self._hints)}",
            )
