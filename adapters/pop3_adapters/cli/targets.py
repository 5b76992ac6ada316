"""Where fetched mail goes."""

import os
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from .files import write_all

__all__ = ["StorageError", "Target", "storing", "write_new"]


class StorageError(Exception):
    """The target cannot be written to; no message after this one could be stored either."""


class Target(Protocol):
    """Takes messages, each whole or not at all."""

    @property
    def fetched_file(self) -> Path:
        """Where it is remembered what has been stored here."""
        ...

    def store(self, pieces: Iterable[bytes]) -> None:
        """Store a message, which ends its lines in CRLF and comes in pieces cut anywhere.

        Nothing of it is left where this raises: StorageError, or what the pieces raise.
        """
        ...

    def sync(self) -> None:
        """What was stored is safe from now on, even if the machine stops. Raises StorageError."""
        ...


@contextmanager
def storing(path: Path) -> Generator[None, None, None]:
    """What the disk refuses in here becomes a StorageError that names `path`."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot write to {path}: {error.strerror or error}") from error


def write_new(path: Path, pieces: Iterable[bytes], target: Path) -> None:
    """Write a file that is not there yet; its octets are safe from now on.

    Raises StorageError that names `target`, or what the pieces raise.
    """
    with storing(target):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        for piece in pieces:
            with storing(target):
                write_all(file, piece)
        with storing(target):
            os.fsync(file)
    finally:
        os.close(file)
