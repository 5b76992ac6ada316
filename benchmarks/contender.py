"""One of those that are held against one another."""

from dataclasses import dataclass

__all__ = ["Contender"]


@dataclass(frozen=True, slots=True)
class Contender:
    """A program, and what it is told."""

    name: str
    program: str
    """A module of `benchmarks.programs`."""

    style: str = ""
    """How it fetches, where it knows several ways."""

    batch: int = 0
    """Which messages of the case's maildrop it fetches."""

    server: str = "ready-made"
    """A name of `SERVERS`."""
