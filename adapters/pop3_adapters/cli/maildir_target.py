"""Delivery into a Maildir."""

import itertools
import os
import secrets
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from .._line_ends import to_disk
from .files import make_folder, sync_folder
from .targets import StorageError, storing, write_new

__all__ = ["MaildirTarget"]

FOLDERS: Final = ("tmp", "new", "cur")
COUNT: Final = itertools.count(1)


class MaildirTarget:
    """A Maildir, which is made where it is missing.

    A message is written under `tmp` and appears in `new` as a whole. Lines end in LF there, and
    only what comes as CRLF is changed to it. Raises StorageError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with storing(path):
            names = {entry.name for entry in path.iterdir()} if path.is_dir() else set[str]()
            if names and names.isdisjoint(FOLDERS):
                raise StorageError(
                    f"{path} holds something else than a Maildir: name an empty folder, or one "
                    "that is not there yet"
                )
            for folder in FOLDERS:
                make_folder(path / folder)

    @property
    def fetched_file(self) -> Path:
        """Beside the three folders, where no reader of mail looks."""
        return self._path / "pop3-fetched"

    def store(self, pieces: Iterable[bytes]) -> None:
        """Store a message; its name in `new` is safe after `sync`."""
        name = _unique_name()
        unfinished = self._path / "tmp" / name
        try:
            write_new(unfinished, to_disk(pieces), self._path)
            with storing(self._path):
                _ = unfinished.rename(self._path / "new" / name)
        except BaseException:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise

    def sync(self) -> None:
        """What was stored is safe from now on."""
        with storing(self._path):
            sync_folder(self._path / "new")


def _unique_name() -> str:
    """A name that no other delivery takes, in the order of delivery.

    Time, process and counter are what Maildir asks for. The random part is for containers: they
    may share a host name and the numbers of processes.
    """
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    host = socket.gethostname().replace("/", r"\057").replace(":", r"\072")
    return (
        f"{seconds}.M{nanoseconds // 1000:06}P{os.getpid()}Q{next(COUNT)}"
        f"R{secrets.token_hex(4)}.{host}"
    )
