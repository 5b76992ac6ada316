"""Ratios of what was measured in the same round."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Final, TypeAlias

from .figures import Figures, Run

__all__ = ["MEASURES", "RATIOS", "Spread", "compare"]


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure for each round."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, figures: Iterable[float]) -> "Spread":
        every = list(figures)
        return cls(median(every), min(every), max(every))


Measure: TypeAlias = Callable[[Run, Run], float]

RATIOS: Final[dict[str, Measure]] = {
    "speed": lambda ours, peer: peer.seconds / ours.seconds,
    "CPU": lambda ours, peer: peer.cpu / ours.cpu,
    "memory": lambda ours, peer: peer.peak / ours.peak,
}
"""How many times better ours is: 2 is twice the speed, or half of the CPU time or the memory."""

MEASURES: Final[dict[str, Measure]] = {
    **RATIOS,
    "MB more": lambda ours, peer: (ours.peak - peer.peak) / 1e6,
    "times the message": lambda ours, peer: ours.peak / ours.octets,
    "sessions per GiB": lambda ours, peer: ours.count * 2**30 / ours.peak,
}
"""All that a goal may be about."""


def compare(figures: Figures, ours: str, peer: str, measure: str) -> Spread:
    """A measure, round by round."""
    rounds = zip(figures.runs[ours], figures.runs[peer], strict=True)
    return Spread.of(MEASURES[measure](one, other) for one, other in rounds)
