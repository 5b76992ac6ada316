"""Parts of a locked mbox taken out, so that no interruption costs a message.

The file is changed in place, although a new one beside it that takes its name would be simpler:
whoever waits for fcntl's lock has the old file open, and would deliver into a file without a name.

What is kept moves forward over what goes, and then the end is cut off. Before that, the octets
that will be overwritten are saved in a file beside the mbox: the undo file. Until the end is cut
off they can be put back, and what was delivered behind the old end meanwhile stays where it is;
afterwards everything is in its place. Which of the two it is, the hashes in the undo file tell.
Where only the end goes, cutting it off is all, and nothing is saved: that works on a full disk.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from .._mbox import pieces_of

__all__ = ["recover", "rewrite"]

Part = tuple[int, int]
"""Its first octet, and the one behind it."""


class _Undo(NamedTuple):
    """The first line of an undo file; behind it come the octets from `start` to `end`."""

    start: int
    end: int
    """Of what is overwritten; this is where the new file ends, too."""

    size: int
    """Of the old file."""

    moved: str
    """The hash of what is written from `start` to `end`."""

    cut_off: str
    """The hash of what lies from `end` to `size` until it is cut off."""


def rewrite(file: int, path: Path, kept: Sequence[Part]) -> None:
    """Keep these parts of the locked mbox, in ascending order, and nothing else.

    Raises OSError; then the mbox is as it was, or `recover` makes it so the next time.
    """
    start = 0
    moving = list(kept)
    while moving and moving[0][0] == start:
        start = moving.pop(0)[1]
    end = start + sum(behind - first for first, behind in moving)
    size = os.fstat(file).st_size
    moved, cut_off = _hash(_all(file, moving)), _hash(pieces_of(file, end, size))
    try:
        if moving:
            _save(file, path, _Undo(start, end, size, moved, cut_off))
            # A piece is read as a whole before it is written, further to the front.
            _write(file, start, _all(file, moving))
            os.fsync(file)
        # This leaves an instant to programs that keep neither lock, and nothing can take it away.
        if os.fstat(file).st_size != size:
            raise OSError(f"mail was delivered to {path} in spite of the locks: nothing is deleted")
        os.ftruncate(file, end)
        os.fsync(file)
    except BaseException:
        recover(file, path)
        raise
    _forget(path)


def recover(file: int, path: Path) -> None:
    """Undo in the locked mbox what was begun and not finished, if there is such a thing.

    Raises OSError where a program that knows nothing of it has changed the file since.
    """
    _unfinished(path).unlink(missing_ok=True)
    try:
        saved = os.open(_undo_file(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    try:
        if os.fstat(saved).st_uid != os.geteuid():  # anybody may write into some spools
            raise OSError(f"{_undo_file(path)} is somebody else's: remove it")
        if not _put_back(file, saved):
            raise OSError(
                f"{path} was changed by a program that did not know that messages were being "
                f"deleted: {_undo_file(path)} holds what may be missing in it, take that over and "
                "remove the file"
            )
    finally:
        os.close(saved)
    _forget(path)


def _put_back(file: int, saved: int) -> bool:
    """Whether the mbox is in order now: as it was, or with everything moved and cut off."""
    line = os.pread(saved, 4096, 0).partition(b"\n")[0]
    undo = _Undo(*json.loads(line))
    size = os.fstat(file).st_size
    if size >= undo.size and _hash(pieces_of(file, undo.end, undo.size)) == undo.cut_off:
        octets = len(line) + 1
        _restore(file, undo.start, pieces_of(saved, octets, octets + undo.end - undo.start))
        os.fsync(file)
        return True
    return size >= undo.end and _hash(pieces_of(file, undo.start, undo.end)) == undo.moved


def _restore(file: int, at: int, pieces: Iterable[bytes]) -> None:
    """Write what differs only: where something could not be written it may still be refused."""
    for piece in pieces:
        if os.pread(file, len(piece), at) != piece:
            _write(file, at, [piece])
        at += len(piece)


def _save(file: int, path: Path, undo: _Undo) -> None:
    """An undo file is there as a whole or not at all."""
    saved = os.open(_unfinished(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        line = json.dumps(undo).encode("ascii") + b"\n"
        _write(saved, 0, [line])
        _write(saved, len(line), pieces_of(file, undo.start, undo.end))
        os.fsync(saved)
        _ = _unfinished(path).rename(_undo_file(path))
        _sync_folder(path.parent)
    finally:
        os.close(saved)


def _forget(path: Path) -> None:
    _undo_file(path).unlink(missing_ok=True)


def _undo_file(path: Path) -> Path:
    return Path(f"{path}.pop3-undo")


def _unfinished(path: Path) -> Path:
    return Path(f"{_undo_file(path)}.tmp")


def _all(file: int, parts: Iterable[Part]) -> Iterator[bytes]:
    for first, behind in parts:
        yield from pieces_of(file, first, behind)


def _hash(pieces: Iterable[bytes]) -> str:
    hashed = hashlib.sha256()
    for piece in pieces:
        hashed.update(piece)
    return hashed.hexdigest()


def _write(file: int, at: int, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        left = memoryview(piece)
        while left:
            written = os.pwrite(file, left, at)
            left = left[written:]
            at += written


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
