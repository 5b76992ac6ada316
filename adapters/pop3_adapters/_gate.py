"""How many connections a server takes at a time."""

import threading
from collections import Counter

__all__ = ["Gate"]


class Gate:
    """Counts the connections, in all and by address, and says when there are enough."""

    def __init__(self, most: int | None, most_per_address: int | None) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._open = Counter[str]()
        self._lock = threading.Lock()

    def admit(self, address: str) -> bool:
        """Whether one more from there may come in; then `leave` has to follow.

        Those without an address count in all only: whoever uses a Unix socket has none.
        """
        with self._lock:
            if self._most is not None and self._open.total() >= self._most:
                return False
            if self._is_full(address):
                return False
            self._open[address] += 1
            return True

    def move(self, address: str, new: str) -> bool:
        """One that was admitted comes from elsewhere; whether it may, or is one too many there."""
        with self._lock:
            if self._is_full(new):
                return False
            self._leave(address)
            self._open[new] += 1
            return True

    def leave(self, address: str) -> None:
        """One that was admitted has ended."""
        with self._lock:
            self._leave(address)

    def _is_full(self, address: str) -> bool:
        most = self._most_per_address
        return bool(address) and most is not None and self._open[address] >= most

    def _leave(self, address: str) -> None:
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]
