"""A Maildir as a maildrop."""

import contextlib
import hashlib
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import lru_cache
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

from pop3_proto import MessageEntry, Refused
from pop3_proto.listings import is_unique_id
from pop3_proto.responses import IN_USE

from .._line_ends import to_wire

__all__ = ["MaildirMaildrop"]

T = TypeVar("T")

PIECE: Final = 256 * 1024
FOLDERS: Final = ("new", "cur")

REMEMBERED: Final = 50_000
"""Of how many files it is remembered how many octets they have on the wire: some 20 MB."""


class MaildirMaildrop:
    """The messages in `new` and `cur` of a Maildir, oldest first.

    One session at a time may have it open, which a lock on the file `pop3.lock` in it sees to;
    mail readers may change flags meanwhile. A unique-id is the file's name without its flags, or
    a hash of that where it is no unique-id.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._bases: list[str] = []
        self._files: dict[str, str] = {}
        self._lock: BinaryIO | None = None

    def open(self) -> Sequence[MessageEntry]:
        """Lock and list. Raises OSError where there is no Maildir."""
        self._lock = self._locked()
        try:
            return self._list()
        except BaseException:
            self.close()
            raise

    def read(self, index: int) -> Iterator[bytes]:
        """The message in pieces, with CRLF as the end of each line."""
        with self._with_file(self._bases[index], FileIO) as file:
            yield from _wire_form(file)

    def delete(self, indexes: Collection[int]) -> None:
        """Delete these; what is gone already is no error. Stops at the first that cannot be."""
        for index in indexes:
            with contextlib.suppress(FileNotFoundError):
                self._with_file(self._bases[index], os.unlink)

    def close(self) -> None:
        """Unlock."""
        if self._lock:
            self._lock.close()
            self._lock = None

    def _locked(self) -> BinaryIO:
        import fcntl  # not everywhere, and only this needs it

        file = (self._path / "pop3.lock").open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise Refused("another session has the maildrop", IN_USE) from None
        except BaseException:
            file.close()
            raise
        return file

    def _list(self) -> list[MessageEntry]:
        self._scan()
        self._bases = []
        entries: list[MessageEntry] = []
        for base in sorted(self._files, key=_age):
            with contextlib.suppress(FileNotFoundError):  # deleted since it was seen
                octets = self._with_file(base, _octets)
                entries.append(MessageEntry(octets, _unique_id(base)))
                self._bases.append(base)
        return entries

    def _scan(self) -> None:
        """See what is there; a file that is seen twice was moved to `cur` meanwhile.

        What stays of a name when a mail reader moves the file or sets flags is before the colon.
        """
        self._files = {}
        for folder in FOLDERS:
            with os.scandir(self._path / folder) as files:
                for file in files:
                    if not file.name.startswith(".") and file.is_file(follow_symlinks=False):
                        self._files[file.name.partition(":")[0]] = file.path

    def _with_file(self, base: str, action: Callable[[str], T]) -> T:
        """Do something with a file, wherever it is. Raises FileNotFoundError."""
        while True:
            path = self._file(base)
            try:
                return action(path)
            except FileNotFoundError:  # a mail reader may have moved it
                self._scan()

    def _file(self, base: str) -> str:
        """Where the file was when it was last seen."""
        path = self._files.get(base)
        if path is None:
            raise FileNotFoundError(f"{base} is not in the Maildir any more")
        return path


def _octets(path: str) -> int:
    found = os.stat(path)
    return _counted(path, found.st_ino, found.st_size, found.st_mtime_ns)


@lru_cache(REMEMBERED)
def _counted(path: str, *version: int) -> int:
    """The octets of a file on the wire; `version` is what differs where it has changed."""
    with FileIO(path) as file:
        return sum(map(len, _wire_form(file)))


def _wire_form(file: FileIO) -> Iterator[bytes]:
    return to_wire(iter(lambda: file.read(PIECE), b""))


def _age(base: str) -> tuple[int, str]:
    seconds = base.partition(".")[0]
    return int(seconds) if seconds.isdecimal() and len(seconds) < 20 else 0, base


def _unique_id(base: str) -> bytes:
    octets = os.fsencode(base)
    return octets if is_unique_id(octets) else hashlib.sha256(octets).hexdigest().encode("ascii")
