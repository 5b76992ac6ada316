"""Delivery into single files."""

import itertools
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from .files import make_folder, sync_folder
from .targets import storing, write_new

__all__ = ["EmlTarget"]

COUNT: Final = itertools.count(1)


class EmlTarget:
    """A folder with one file for each message, which is made where it is missing.

    A file holds the octets as they came. Its name is the time at which it was written and a random
    part: nothing of it comes from the server. Raises StorageError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with storing(path):
            make_folder(path)

    @property
    def fetched_file(self) -> Path:
        """Among the messages, with no name that one of them could have."""
        return self._path / "pop3-fetched"

    def store(self, pieces: Iterable[bytes]) -> None:
        """Store a message; its name is safe after `sync`."""
        name = _unique_name()
        unfinished = self._path / f".{name}.unfinished"
        try:
            write_new(unfinished, pieces, self._path)
            with storing(self._path):
                (self._path / f"{name}.eml").hardlink_to(unfinished)  # never over another file
        finally:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)

    def sync(self) -> None:
        """What was stored is safe from now on."""
        with storing(self._path):
            sync_folder(self._path)


def _unique_name() -> str:
    """A name in the order of delivery that every file system takes."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    when = time.strftime("%Y%m%d-%H%M%S", time.gmtime(seconds))
    return f"{when}-{nanoseconds // 1000:06}-{next(COUNT):06}-{secrets.token_hex(4)}"
