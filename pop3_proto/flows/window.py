"""Which messages are asked for ahead of time."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from ..commands import Retr
from ..listings import ScanListing

__all__ = ["Window"]

TYPICAL: Final = 16 * 1024
"""Octets of a message whose size nobody has told."""


class Window:
    """Messages to be asked for, so many at a time that about `octets` are under way.

    Small ones go by the hundred, and large ones by twos: one is asked for while another is read.
    What is under way has to be thrown away where somebody leaves early.
    """

    def __init__(self, messages: Iterable[int | ScanListing], octets: int) -> None:
        self._waiting = map(_with_octets, messages)
        self._first: tuple[int, int] | None = None
        self._most = octets
        self._under_way: deque[int] = deque()
        self._current = 0
        self._octets = 0

    def take(self, most: int) -> list[Retr]:
        """The messages to ask for now, `most` of them at most; none while enough is under way."""
        taken: list[Retr] = []
        room = self._most if self._octets <= self._most // 2 else 0
        while len(taken) < most and (message := self._first or next(self._waiting, None)):
            number, octets = self._first = message
            if len(self._under_way) > 1 and self._octets + octets > room:
                break
            self._first = None
            self._under_way.append(octets)
            self._octets += octets
            taken.append(Retr(number))
        return taken

    def answered(self) -> None:
        """The oldest one that was asked for is read from now on, and the one before is over."""
        self._octets -= self._current
        self._current = self._under_way.popleft()


def _with_octets(message: int | ScanListing) -> tuple[int, int]:
    number, octets = (message, None) if isinstance(message, int) else message
    return number, TYPICAL if octets is None else octets
