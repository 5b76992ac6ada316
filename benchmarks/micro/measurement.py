"""How fast something was: the best of several samples, each long enough for the clock."""

import gc
import math
from collections.abc import Iterable
from dataclasses import dataclass

from .benchmark import Benchmark, Work

__all__ = ["Effort", "Measurement", "measure"]


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure."""

    size: float
    """The part of its size that the work has."""

    samples: int
    """How often ours and its yardstick are measured, in turn."""

    seconds: float
    """How long a sample lasts at least: the work is repeated until it does."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """The rates that a benchmark has come to, in its unit."""

    benchmark: Benchmark
    rate: float
    yardstick: float | None

    @property
    def ratio(self) -> float | None:
        """How many times as fast as the yardstick ours is."""
        return self.rate / self.yardstick if self.yardstick else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached, where there is one."""
        goal, ratio = self.benchmark.goal, self.ratio
        return None if goal is None or ratio is None else ratio >= goal


def measure(benchmark: Benchmark, effort: Effort) -> Measurement:
    """Measure ours and its yardstick in turn, so that both have the same machine."""
    contenders = [benchmark.work, benchmark.yardstick]
    works = [make(effort.size) for make in contenders if make]
    best = [math.inf] * len(works)
    loops = [_loops(work, effort.seconds) for work in works]
    for _ in range(effort.samples):
        for index, work in enumerate(works):
            best[index] = min(best[index], _sample(work, loops[index]))
    ours, *others = _rates(works, best)
    return Measurement(benchmark, ours, others[0] if others else None)


def _loops(work: Work, seconds: float) -> int:
    """How often it has to be done in a sample; the first time also warms up what it uses."""
    _ = work.seconds()
    return max(1, math.ceil(seconds / work.seconds()))


def _sample(work: Work, loops: int) -> float:
    """Seconds for doing it once; rubbish of others is not collected in them."""
    _ = gc.collect()
    return sum(work.seconds() for _ in range(loops)) / loops


def _rates(works: Iterable[Work], seconds: Iterable[float]) -> list[float]:
    return [work.amount / best for work, best in zip(works, seconds, strict=True)]
