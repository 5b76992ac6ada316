"""Delivery into an mbox."""

import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Final

from .._line_ends import to_disk
from .._mbox import ends_in_empty_line, is_mbox, quote
from .._mbox_lock import LockedMbox
from .files import make_folder, sync_folder, write_all
from .targets import StorageError, storing

__all__ = ["MboxTarget"]

PIECE: Final = 256 * 1024
IN_MEMORY: Final = 1024 * 1024
INTERVAL: Final = 0.05
RETURN_PATH: Final = re.compile(rb"Return-Path:[ \t]*<([!-;=?-~]{1,256})>[ \t]*\n", re.IGNORECASE)

TURNS: Final[dict[str, threading.Lock]] = {}
"""For each mbox, by its real path: the threads of this process take turns. Whoever closes the file
anywhere in a process gives up the locks of fcntl that others there have."""


class MboxTarget:
    """An mbox, which is made where it is missing.

    A message is collected first and then appended under a dot-lock and a lock of fcntl, so that
    nobody waits for the network; `patience` is for how many seconds it waits itself for others to
    give these up, in steps that `pause` makes. Lines end in LF there, and only what comes as CRLF
    is changed to it; those that begin with `From `, `>From ` and so on get a `>`. Raises
    StorageError.
    """

    def __init__(
        self,
        path: Path,
        *,
        patience: float = 60.0,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._path = path
        self._patience = patience
        self._pause = pause
        self._turn = TURNS.setdefault(os.path.realpath(path), threading.Lock())
        with storing(path):
            make_folder(path.parent)
            with self._turn, closing(self._locked()) as mbox:
                self._check(mbox)

    @property
    def fetched_file(self) -> Path:
        """Beside the mbox, with its name."""
        return Path(f"{self._path}.pop3-fetched")

    def store(self, pieces: Iterable[bytes]) -> None:
        """Store a message; it is safe after `sync`."""
        with SpooledTemporaryFile(IN_MEMORY, dir=str(self._path.parent)) as message:
            for piece in quote(to_disk(pieces)):
                with storing(self._path):
                    _ = message.write(piece)
            with storing(self._path):
                self._append(message)

    def sync(self) -> None:
        """What was stored is safe from now on."""
        with storing(self._path), self._turn:
            file = os.open(self._path, os.O_RDONLY)
            try:
                os.fsync(file)
            finally:
                os.close(file)
            sync_folder(self._path.parent)

    def _append(self, message: IO[bytes]) -> None:
        with self._turn, closing(self._locked(create=True)) as mbox:
            self._check(mbox)
            assert mbox.file is not None
            size = os.fstat(mbox.file).st_size
            try:
                _ = os.lseek(mbox.file, size, os.SEEK_SET)
                for piece in chain(_gap(mbox.file, size), _entry(message)):
                    write_all(mbox.file, piece)
            except BaseException:
                os.ftruncate(mbox.file, size)
                raise

    def _locked(self, *, create: bool = False) -> LockedMbox:
        end = time.monotonic() + self._patience
        while True:
            try:
                return LockedMbox(self._path, create=create)
            except BlockingIOError as error:
                if time.monotonic() >= end:
                    raise StorageError(
                        f"cannot write to {self._path}: {error}; try again when that has ended"
                    ) from None
            self._pause(INTERVAL)

    def _check(self, mbox: LockedMbox) -> None:
        if mbox.file is not None and not is_mbox(mbox.file):
            raise StorageError(
                f"{self._path} is no mbox, it does not begin with 'From ': name one, or a file "
                "that is not there yet"
            )


def _gap(file: int, size: int) -> Iterator[bytes]:
    """What the last message in the file lacks of an end of line, and of the empty line behind."""
    if not ends_in_empty_line(file, size):
        yield b"\n" if os.pread(file, 1, size - 1) == b"\n" else b"\n\n"


def _entry(message: IO[bytes]) -> Iterator[bytes]:
    _ = message.seek(0)
    piece = message.read(PIECE)
    yield _separator(piece)
    last = b"\n"
    while piece:
        last = piece[-1:]
        yield piece
        piece = message.read(PIECE)
    yield b"\n" if last == b"\n" else b"\n\n"


def _separator(beginning: bytes) -> bytes:
    """The sender as the delivery before this one left it, and the time of this one in UTC."""
    match = RETURN_PATH.match(beginning)
    sender = match[1] if match else b"MAILER-DAEMON"
    return b"From %b %b\n" % (sender, time.asctime(time.gmtime()).encode("ascii"))
