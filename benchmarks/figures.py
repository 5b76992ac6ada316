"""What was measured."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from .case import Case
from .mail import Batch

__all__ = ["Figures", "Run"]


@dataclass(frozen=True, slots=True)
class Run:
    """One contender in one round."""

    seconds: float
    cpu: float
    peak: int
    """Octets of memory, at most."""

    count: int
    """Messages that were asked for."""

    octets: int
    """Of each of them."""

    server_cpu: float | None = None
    """Seconds of the server, where it tells."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that was measured in a case."""

    case: Case
    drop: tuple[Batch, ...]
    """The mail that was fetched."""

    runs: dict[str, list[Run]] = field(default_factory=dict[str, list[Run]])
    """By the names of the contenders; those of one round have the same index."""

    missing: dict[str, str] = field(default_factory=dict[str, str])
    """Contenders that did not run, and why."""

    def add(self, contender: str, run: Run) -> None:
        self.runs.setdefault(contender, []).append(run)

    def pairs(self) -> Iterable[tuple[str, str]]:
        """Ours and peers that have run, each of ours with each of the peers."""
        for ours in self.case.ours:
            for peer in self.case.peers:
                if ours.name in self.runs and peer.name in self.runs:
                    yield ours.name, peer.name
