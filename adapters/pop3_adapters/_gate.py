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
            here, all_in_all = self._open[address], self._open.total()
            if self._most is not None and all_in_all >= self._most:
                return False
            if address and self._most_per_address is not None and here >= self._most_per_address:
                return False
            self._open[address] += 1
            return True

    def leave(self, address: str) -> None:
        """One that was admitted has ended."""
        with self._lock:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]
