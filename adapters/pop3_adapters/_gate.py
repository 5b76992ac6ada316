"""How many connections a server takes at a time."""

from collections import Counter
from typing import cast

__all__ = ["Gate", "host_of", "place_of"]


class Gate:
    """Counts the connections, in all and by address, and says when there are enough."""

    def __init__(self, most: int | None, most_per_address: int | None) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._open = Counter[str]()

    def admit(self, address: str) -> bool:
        """Whether one more from there may come in; then `leave` has to follow.

        Those without an address count in all only: whoever uses a Unix socket has none.
        """
        here, all_in_all = self._open[address], self._open.total()
        if self._most is not None and all_in_all >= self._most:
            return False
        if address and self._most_per_address is not None and here >= self._most_per_address:
            return False
        self._open[address] += 1
        return True

    def leave(self, address: str) -> None:
        """One that was admitted has ended."""
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]


def host_of(address: object) -> str:
    """The host in the address of a socket; nothing where that is no address of the Internet."""
    return "" if not address or isinstance(address, str | bytes) else place_of(address)[0]


def place_of(address: object) -> tuple[str, int]:
    """Host and port in the address of a listening socket, or the path of a Unix socket and 0."""
    if isinstance(address, tuple):
        host, port, *_ = cast("tuple[str, int]", address)
        return host, port
    return str(address), 0
