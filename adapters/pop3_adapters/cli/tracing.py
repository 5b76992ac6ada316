"""A trace for whoever wants to see what was said."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from pop3_proto import Trace, TraceRecord

from ..traces import TraceFile
from .targets import storing

__all__ = ["tracing"]


@contextmanager
def tracing(path: Path | None) -> Generator[Trace | None, None, None]:
    """Writes a conversation into a new file, where there is a path. Raises StorageError."""
    if path is None:
        yield None
        return
    with storing(path):
        file = TraceFile(path)

    def trace(record: TraceRecord) -> None:
        with storing(path):
            file(record)

    try:
        yield trace
    finally:
        with storing(path):
            file.close()
