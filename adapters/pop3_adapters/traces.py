"""Traces of conversations: in files, in a log, as numbers, and played again."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from pop3_proto import Trace, TraceRecord, parse_record, write_record

from ._metrics import Measured, Meter, Total, Totals
from ._replay_mechanism import ReplayMechanism
from ._replay_stream import AsyncReplayStream, ReplayError, ReplayStream
from ._session_trace import open_trace
from ._trace_log import LogTrace

__all__ = [
    "AsyncReplayStream",
    "LogTrace",
    "Measured",
    "Meter",
    "ReplayError",
    "ReplayMechanism",
    "ReplayStream",
    "Total",
    "Totals",
    "TraceFile",
    "Traces",
    "read_trace",
]


class TraceFile:
    """Writes down what passes through a machine, as it happens, a JSON object on each line; give
    it as `trace`.

    Secrets are left out by the machine, but the mail is in it: nobody else may read a file that is
    new. One that is there is replaced. Raises OSError.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        def opener(name: str, flags: int) -> int:
            return os.open(name, flags, 0o600)

        self._file = open(path, "w", encoding="ascii", buffering=1, opener=opener)  # noqa: SIM115

    def __call__(self, record: TraceRecord) -> None:
        _ = self._file.write(write_record(record) + "\n")

    def close(self) -> None:
        """Close the file; may be called more than once."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Traces:
    """Several traces as one: each is told everything, in their order.

    In a `with` statement so are those of them that have one, as files.
    """

    def __init__(self, *traces: Trace) -> None:
        self._traces = traces
        self._closing = ExitStack()

    def __call__(self, record: TraceRecord) -> None:
        for trace in self._traces:
            trace(record)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for trace in self._traces:
                open_trace(trace, stack)
            self._closing = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.close()


def read_trace(path: str | os.PathLike[str]) -> Iterator[TraceRecord]:
    """The records of a file, for `ReplayStream`, `replay_client` or `replay_server`.

    Raises OSError, and ValueError for a line that is no record.
    """
    with open(path, encoding="ascii") as file:
        yield from map(parse_record, file)
