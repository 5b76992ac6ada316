"""Being stopped from outside."""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Final

__all__ = ["SIGNALS", "stoppable"]

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stoppable() -> Generator[None, None, None]:
    """SIGINT and SIGTERM raise KeyboardInterrupt in here; only the first does.

    Those that follow are ignored, so that an impatient second one does not end the tidying up.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        for each in SIGNALS:
            _ = signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {each: signal.signal(each, stop) for each in SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            _ = signal.signal(each, handler)
