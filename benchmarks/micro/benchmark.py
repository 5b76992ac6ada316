"""What a micro-benchmark is: some work, how much of it, and what it is held against."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Final, TypeAlias, TypeVar

__all__ = ["EACH", "MEGABYTES", "Benchmark", "Sized", "Work", "timed"]

T = TypeVar("T")

MEGABYTES: Final = "MB/s"
EACH: Final = "per second"


@dataclass(frozen=True, slots=True)
class Work:
    """Something that can be done again and again."""

    amount: float
    """How much it is, in 1,000,000 octets or in pieces, as the benchmark's unit has it."""

    seconds: Callable[[], float]
    """Does it once, and says how long that took."""


Sized: TypeAlias = Callable[[float], Work]
"""Makes the work, at this part of its size."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A rate of ours, and that of a yardstick where there is one."""

    name: str
    """Its group and itself, with a dot between them."""

    does: str
    """The work, so that others can do the same."""

    unit: str
    work: Sized
    yardstick: Sized | None = None
    goal: float | None = None
    """How many times the rate of the yardstick this has to be at least."""


def timed(amount: float, run: Callable[[T], object], prepare: Callable[[], T]) -> Work:
    """The work of `run` on what `prepare` makes for it each time, which does not count."""

    def seconds() -> float:
        subject = prepare()
        start = perf_counter()
        _ = run(subject)
        return perf_counter() - start

    return Work(amount, seconds)
