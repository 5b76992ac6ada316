"""The trace of a server's connection, which begins and ends with it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import cast

from pop3_proto import Trace, TraceRecord

__all__ = ["SessionTrace", "open_trace"]


class SessionTrace:
    """Makes a trace when there is something to trace: who is turned away leaves none behind."""

    def __init__(self, make: Callable[[], Trace], closing: ExitStack) -> None:
        self._make = make
        self._closing = closing
        self._trace: Trace | None = None

    def __call__(self, record: TraceRecord) -> None:
        if self._trace is None:
            self._trace = self._make()
            open_trace(self._trace, self._closing)
        self._trace(record)


def open_trace(trace: Trace, closing: ExitStack) -> None:
    """Begin the `with` statement of a trace that has one; it ends when `closing` does."""
    context: object = trace
    if isinstance(context, AbstractContextManager):
        _ = closing.enter_context(cast("AbstractContextManager[object]", context))
