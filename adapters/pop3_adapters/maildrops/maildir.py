"""A Maildir as a maildrop."""

import contextlib
import hashlib
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pop3_proto import MessageEntry, Refused
from pop3_proto.responses import IN_USE

from .._line_ends import to_wire

__all__ = ["MaildirMaildrop"]

PIECE = 64 * 1024
FOLDERS = ("new", "cur")
LONGEST_UNIQUE_ID = 70


class _Message(NamedTuple):
    folder: str
    name: str

    @property
    def base(self) -> str:
        """What stays of the name when a mail reader moves the file or sets flags."""
        return self.name.partition(":")[0]


class MaildirMaildrop:
    """The messages in `new` and `cur` of a Maildir, oldest first.

    One session at a time may have it open, which a lock on the file `pop3.lock` in it sees to;
    mail readers may change flags meanwhile. A unique-id is the file's name without its flags, or
    a hash of that where it is no unique-id.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._messages: list[_Message] = []
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
        with self._found(self._messages[index]).open("rb") as file:
            yield from to_wire(iter(lambda: file.read(PIECE), b""))

    def delete(self, indexes: Collection[int]) -> None:
        """Delete these; what is gone already is no error. Stops at the first that cannot be."""
        for index in indexes:
            with contextlib.suppress(FileNotFoundError):
                self._found(self._messages[index]).unlink()

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
        found = sorted(self._scan(), key=_age)
        self._messages = []
        entries: list[MessageEntry] = []
        seen: set[bytes] = set()
        for message in found:
            try:
                octets = self._octets(message)
            except FileNotFoundError:
                continue  # deleted since it was listed
            unique_id = _unique_id(message.base)
            if unique_id in seen:
                unique_id = _hash(f"{message.folder}/{message.name}")
            seen.add(unique_id)
            self._messages.append(message)
            entries.append(MessageEntry(octets, unique_id))
        return entries

    def _scan(self) -> Iterator[_Message]:
        for folder in FOLDERS:
            with os.scandir(self._path / folder) as files:
                for file in files:
                    if not file.name.startswith(".") and file.is_file():
                        yield _Message(folder, file.name)

    def _octets(self, message: _Message) -> int:
        with self._found(message).open("rb") as file:
            return sum(map(len, to_wire(iter(lambda: file.read(PIECE), b""))))

    def _found(self, message: _Message) -> Path:
        """Where the file is now: a mail reader may have moved it."""
        path = self._path / message.folder / message.name
        if path.exists():
            return path
        for other in self._scan():
            if other.base == message.base:
                return self._path / other.folder / other.name
        return path


def _age(message: _Message) -> tuple[int, str]:
    seconds = message.name.partition(".")[0]
    return int(seconds) if seconds.isdecimal() and len(seconds) < 20 else 0, message.name


def _unique_id(base: str) -> bytes:
    octets = os.fsencode(base)
    fits = len(octets) <= LONGEST_UNIQUE_ID and all(0x21 <= octet <= 0x7E for octet in octets)
    return octets if octets and fits else _hash(base)


def _hash(name: str) -> bytes:
    return hashlib.sha256(os.fsencode(name)).hexdigest().encode("ascii")
