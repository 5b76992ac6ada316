"""A case: contenders, and the mail that they fetch."""

from dataclasses import dataclass

from .contender import Contender
from .mail import Batch

__all__ = ["Case"]


@dataclass(frozen=True, slots=True)
class Case:
    """Each of ours is held against each of the peers."""

    name: str
    title: str
    ours: tuple[Contender, ...]
    peers: tuple[Contender, ...]
    drop: tuple[Batch, ...]
    quick: tuple[Batch, ...]
    """The maildrop where there is less time."""

    tls: bool = False
    delay: float = 0
    """Milliseconds that a relay adds to a round trip. Seconds are then those that the server sees
    between the first RETR and the end of the last message: what comes before is not compared."""

    @property
    def contenders(self) -> tuple[Contender, ...]:
        """All, in the order in which they run."""
        return self.ours + self.peers
