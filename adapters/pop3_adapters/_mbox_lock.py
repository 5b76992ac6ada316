"""An mbox under both the locks that delivery agents use: a dot-lock, and one of fcntl."""

import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["LockedMbox"]

ABANDONED: Final = 300.0
"""Seconds that the dot-lock of a dead process is left alone."""

INTERVAL: Final = 0.05


class LockedMbox:
    """An mbox that nobody else who keeps either lock reads or writes, until `close`.

    The dot-lock is the file's name with `.lock` behind it, where the name is the one that links
    lead to; the process number is in it. One that is there already is respected, unless it has
    not been touched for five minutes and names a process of this machine that does not run: a
    lock without a number is for its makers to remove. The dot-lock also keeps the sessions of one
    process apart, which locks of fcntl do not: closing the file anywhere in a process, one that
    was opened in vain too, gives all of these up. So it is opened here behind the dot-lock only.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, create: bool = False, patience: float = 0.0
    ) -> None:
        """Take both locks, waiting for them up to `patience` seconds.

        Raises BlockingIOError where somebody else has one, and OSError where there can be none.
        """
        self.path = Path(os.path.realpath(path))
        self.file: int | None = None
        """The file's descriptor; None where there is no file and `create` is not set."""

        self.dot_lock = Path(f"{self.path}.lock")
        self._dot_lock_file: int | None = None
        deadline = time.monotonic() + patience
        while True:
            try:
                self._take(create)
                return
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(INTERVAL)

    def touch(self) -> None:
        """Show that the session lives: some programs remove a dot-lock that is minutes old."""
        if self._dot_lock_file is not None:
            os.utime(self._dot_lock_file)

    def check(self) -> None:
        """Raise OSError where the file or the dot-lock is no longer the one that was taken."""
        if not _leads_to(self.dot_lock, self._dot_lock_file):
            raise OSError(f"another program has removed {self.dot_lock}, the lock of this session")
        if not _leads_to(self.path, self.file):
            raise OSError(f"another program has replaced {self.path} in spite of the locks")

    def close(self) -> None:
        """Give up both locks."""
        if self.file is not None:
            os.close(self.file)
            self.file = None
        if self._dot_lock_file is not None:
            if _leads_to(self.dot_lock, self._dot_lock_file):
                self.dot_lock.unlink(missing_ok=True)
            os.close(self._dot_lock_file)
            self._dot_lock_file = None

    def _take(self, create: bool) -> None:
        # Whoever holds one of the locks and waits for the other may be waiting for somebody who
        # does the same the other way round: both are taken, or none.
        try:
            self._dot_lock_file = _make_dot_lock(self.dot_lock)
            self.file = self._open(os.O_CREAT if create else 0)
        except BaseException:
            self.close()
            raise

    def _open(self, create: int) -> int | None:
        try:
            file = os.open(self.path, os.O_RDWR | os.O_NOFOLLOW | create, 0o600)
        except FileNotFoundError:
            return None
        try:
            self._lock(file)
        except BaseException:
            os.close(file)
            raise
        return file

    def _lock(self, file: int) -> None:
        import fcntl  # not everywhere

        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(f"{self.path} is no file of mail")
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # POSIX allows both
            raise BlockingIOError(f"another program has locked {self.path}") from None
        if not _leads_to(self.path, file):
            raise BlockingIOError(f"another program has just replaced {self.path}")


def _make_dot_lock(path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        file = os.open(path, flags, 0o644)
    except PermissionError:
        raise PermissionError(
            f"{path}, the lock of those who deliver there, cannot be made: it takes the right to "
            "write into the folder"
        ) from None
    except FileExistsError:
        _remove_if_abandoned(path)
        try:
            file = os.open(path, flags, 0o644)
        except FileExistsError:
            raise BlockingIOError(f"{path} is there: another program has the mbox") from None
    with suppress(OSError):  # on a full disk the lock is one all the same
        _ = os.write(file, b"%d\n" % os.getpid())
    return file


def _remove_if_abandoned(path: Path) -> None:
    """Remove a dot-lock if nobody can be behind it."""
    import fcntl

    with suppress(OSError):  # gone, or not ours to look at
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            # Only one looks at a time, so that nobody removes the lock which takes its place.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _leads_to(path, file) and _is_abandoned(file):
                path.unlink()
        finally:
            os.close(file)


def _is_abandoned(file: int) -> bool:
    number = os.read(file, 20).removesuffix(b"\n")
    if not number.isdigit() or time.time() - os.fstat(file).st_mtime < ABANDONED:
        return False
    try:
        os.kill(int(number), 0)  # 0, which some programs write, is always alive
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        pass
    return False


def _leads_to(path: Path, file: int | None) -> bool:
    """Whether a name still stands for the file that was opened."""
    try:
        here = path.lstat()
    except FileNotFoundError:
        return file is None
    return file is not None and os.path.samestat(here, os.fstat(file))
