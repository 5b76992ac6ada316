"""Octets and names that are on the disk when a call is over."""

import os
from pathlib import Path

__all__ = ["make_folder", "sync_folder", "write_all"]


def write_all(file: int, data: bytes) -> None:
    """Write all octets to a descriptor."""
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


def make_folder(path: Path) -> None:
    """Make a folder for one's own eyes, and those above it, where they are missing; safely."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(0o700, exist_ok=True)
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """The names in a folder are safe from now on."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
