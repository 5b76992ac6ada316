"""Traces of conversations in files: a JSON object on each line."""

import os
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from pop3_proto import TraceRecord, parse_record, write_record

__all__ = ["TraceFile", "read_trace"]


class TraceFile:
    """Writes down what passes through a machine, as it happens; give it as `trace`.

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


def read_trace(path: str | os.PathLike[str]) -> Iterator[TraceRecord]:
    """The records of a file, for `replay_client` or `replay_server`.

    Raises OSError, and ValueError for a line that is no record.
    """
    with open(path, encoding="ascii") as file:
        yield from map(parse_record, file)
