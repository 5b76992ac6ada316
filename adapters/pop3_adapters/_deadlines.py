"""How long a step of a connection may take, in seconds by a clock that its run loop reads."""

from collections.abc import Callable
from functools import partial
from typing import Final

__all__ = ["NOT_OVER", "Deadlines"]

NOT_OVER: Final = "time is up: the NOOP of keepalive= that came first has not been answered"


class Deadlines:
    """Adds up the bounds on one step: silence, handshake, and the operation it belongs to.

    `silence` is how long to wait for the next octet, or, where `per_exchange` is set, for all the
    octets that the next effect of a flow needs: a peer that sends one octet now and then gains
    nothing by it. `handshake` is how long TLS may take to begin, and `operation` how long a flow
    may take from its beginning to its end. None is for ever.
    """

    __slots__ = (
        *("_handshake", "_operation", "_per_exchange", "_waiting_since"),
        *("now", "silence"),
    )

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        silence: float | None,
        handshake: float | None,
        operation: float | None = None,
        per_exchange: bool = False,
    ) -> None:
        self.silence = silence
        self.now = clock
        """What the clock says."""

        self._handshake = handshake
        self._operation = operation
        self._per_exchange = per_exchange
        self._waiting_since: float | None = None

    def operation(self) -> float | None:
        """When an operation that begins now has to be over."""
        return self._in(self._operation)

    def handshake(self, deadline: float | None) -> float | None:
        """When a handshake that begins now has to be over, within an operation."""
        return _earlier(deadline, self._in(self._handshake))

    def until(self, deadline: float | None) -> Callable[[], float | None]:
        """Tells how many seconds are left until then; behind it, it raises TimeoutError."""
        return partial(self.left, None, deadline)

    def patience(self) -> float | None:
        """How long to wait for octets now."""
        if self.silence is None or not self._per_exchange:
            return self.silence
        now = self.now()
        if self._waiting_since is None:
            self._waiting_since = now
        return self.silence - (now - self._waiting_since)

    def progress(self) -> None:
        """Something else than waiting is done: the patience starts anew."""
        self._waiting_since = None

    def left(self, most: float | None, deadline: float | None) -> float | None:
        """How long a step may take that has `most` seconds; TimeoutError where that is nothing."""
        timeout = _earlier(most, None if deadline is None else deadline - self.now())
        if timeout is not None and timeout <= 0:
            raise TimeoutError("time is up")
        return timeout

    def _in(self, seconds: float | None) -> float | None:
        return None if seconds is None else self.now() + seconds


def _earlier(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
