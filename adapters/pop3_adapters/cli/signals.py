"""Being stopped from outside."""

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Final

__all__ = ["SIGNALS", "signals_call", "stoppable"]

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def signals_call(function: Callable[[], None]) -> Generator[None, None, None]:
    """SIGINT and SIGTERM call this in here, between any two steps of the main thread."""

    def handle(number: int, frame: FrameType | None) -> None:
        function()

    before = {each: signal.signal(each, handle) for each in SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            _ = signal.signal(each, handler)


@contextmanager
def stoppable() -> Generator[None, None, None]:
    """SIGINT and SIGTERM raise KeyboardInterrupt in here; only the first does.

    Those that follow are ignored, so that an impatient second one does not end the tidying up.
    """

    def stop() -> None:
        for each in SIGNALS:
            _ = signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    with signals_call(stop):
        yield
