"""The place of a Unix socket in the file system."""

import errno
import os
import socket
import stat
from contextlib import suppress
from typing import Final

__all__ = ["MODE", "forget", "listen_on", "make_way"]

MODE: Final = 0o600
"""Only who serves may connect."""


def listen_on(path: str | os.PathLike[str]) -> socket.socket:
    """A socket that listens there; a file that a server left behind is replaced.

    Raises OSError where somebody listens already, or the file is no socket.
    """
    make_way(path)
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(os.fspath(path))
        os.chmod(path, MODE)  # nobody can connect until it listens
        listener.listen(128)
    except BaseException:
        listener.close()
        raise
    return listener


def make_way(path: str | os.PathLike[str]) -> None:
    """Remove the file of a socket that nobody listens on. Raises OSError where somebody does."""
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise OSError(errno.EADDRINUSE, "this is no socket, remove it", os.fspath(path))
        try:
            _knock(path)
        except ConnectionRefusedError:
            os.unlink(path)
        else:
            raise OSError(errno.EADDRINUSE, "another server listens there", os.fspath(path))


def forget(path: str | os.PathLike[str]) -> None:
    """Remove the file of a socket that was listened on, unless another one is there by now."""
    with suppress(OSError):
        make_way(path)


def _knock(path: str | os.PathLike[str]) -> None:
    with socket.socket(socket.AF_UNIX) as client, suppress(BlockingIOError):
        client.setblocking(False)  # its backlog may be full
        client.connect(os.fspath(path))
