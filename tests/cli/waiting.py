"""Waiting for what cannot say that it has happened."""

import time
from collections.abc import Callable

from .running import BOUND


def wait_until(happened: Callable[[], bool]) -> None:
    """Look again and again; fail where it takes too long."""
    end = time.monotonic() + BOUND
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
