"""The goals, as a table; those of the core alone are in `benchmarks.micro`."""

from dataclasses import dataclass
from typing import Final

__all__ = ["FLOOR", "GOALS", "Goal"]

FLOOR: Final = "bare loop"
"""A peer that nobody can be faster than: who is was not what limited the measurement."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What ours should reach against a peer, in the median of all rounds."""

    case: str
    ours: str
    peer: str
    """Empty where the measure is about ours alone."""

    measure: str
    """A name of `MEASURES`."""

    bound: float
    at_most: bool = False

    def is_plausible(self, figure: float) -> bool:
        """False where ours seems faster than what does nothing."""
        return self.peer != FLOOR or figure <= 1

    def is_met(self, figure: float) -> bool:
        if not self.is_plausible(figure):
            return False
        return figure <= self.bound if self.at_most else figure >= self.bound

    @property
    def pair(self) -> str:
        """Ours and the peer, as tables have them."""
        return f"{self.ours} : {self.peer}" if self.peer else self.ours

    def __str__(self) -> str:
        most = "at most " if self.at_most else ""
        return f"{self.case}: {self.pair}, {self.measure} {most}{self.bound:,g}"


GOALS: Final = (
    Goal("large", "blocking", "poplib", "speed", 25),
    Goal("large", "blocking", "poplib", "CPU", 50),
    Goal("large", "blocking", "curl", "speed", 5),
    Goal("large", "blocking", FLOOR, "speed", 0.85),
    Goal("dots", "blocking", "poplib", "speed", 4.2),
    Goal("html", "blocking", "poplib", "speed", 18),
    Goal("small", "blocking", "poplib", "speed", 11),
    Goal("small", "blocking", "poplib", "CPU", 7.5),
    Goal("small", "blocking", "mpop", "speed", 4.5),
    Goal("single", "blocking", "poplib", "speed", 1.3),
    Goal("dovecot-small", "blocking", "poplib", "speed", 4.5),
    Goal("delay", "blocking", "poplib", "speed", 150),
    Goal("delay", "blocking", "mpop", "speed", 12),
    Goal("tls", "blocking", "poplib", "CPU", 3.5),
    Goal("loops", "asyncio", "blocking", "CPU", 0.65),
    Goal("loops", "trio", "blocking", "CPU", 0.55),
    Goal("loops", "anyio", "blocking", "CPU", 0.5),
    Goal("drop-in-large", "drop-in", "poplib", "speed", 3),
    Goal("drop-in-small", "drop-in", "poplib", "speed", 1.5),
    Goal("memory", "blocking", "blocking, 20 MB", "MB more", 4, at_most=True),
    Goal("memory", "blocking, collected", "", "times the message", 1.2, at_most=True),
    Goal("idle", "asyncio", "", "sessions per GiB", 300_000),
    Goal("server-large", "our server", "Dovecot", "speed", 0.8),
    Goal("server-small", "our server", "Dovecot", "speed", 0.5),
    Goal("server-logins", "our server", "Dovecot", "speed", 0.5),
)
