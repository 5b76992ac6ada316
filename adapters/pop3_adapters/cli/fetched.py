"""The memory of what has been fetched: unique-ids, in a file beside the target."""

import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from .files import write_all
from .targets import storing

__all__ = ["Fetched"]


class Fetched:
    """The unique-ids of the messages of one account that are safely stored.

    The file is only ever appended to, a line for each message: account and unique-id as JSON, in
    which any octet of a unique-id can be told. A line that was cut off is no JSON and means
    nothing. Several accounts may have one file, side by side. Raises StorageError.
    """

    def __init__(self, file: Path, account: str) -> None:
        self._file = file
        self._account = account
        self._stored: Counter[bytes] = Counter()
        with storing(file):
            written = file.read_bytes() if file.exists() else b""
        self._known = Counter(_unique_ids(written, account))

    def holds(self, unique_id: bytes, copies: int) -> bool:
        """Whether all of the `copies` messages with this unique-id have been stored.

        Which of them are missing cannot be told by their unique-ids, so it is all or nothing.
        """
        return self._known[unique_id] >= copies

    def add(self, unique_ids: Iterable[bytes]) -> None:
        """Remember messages that are safely stored. One that was known already is not counted."""
        new: list[bytes] = []
        for unique_id in unique_ids:
            self._stored[unique_id] += 1
            if self._stored[unique_id] > self._known[unique_id]:
                new.append(unique_id)
        if new:
            self._append(new)
            self._known.update(new)

    def _append(self, unique_ids: Iterable[bytes]) -> None:
        lines = [json.dumps([self._account, name.decode("latin-1")]) + "\n" for name in unique_ids]
        with storing(self._file):
            file = os.open(self._file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                # In one piece: other accounts may be adding theirs.
                write_all(file, _gap(file) + "".join(lines).encode("ascii"))
            finally:
                os.close(file)


def _gap(file: int) -> bytes:
    """What ends a line that was cut off, so that it is none of the next one's business."""
    size = os.fstat(file).st_size
    return b"\n" if size and os.pread(file, 1, size - 1) != b"\n" else b""


def _unique_ids(written: bytes, account: str) -> Iterable[bytes]:
    for line in written.split(b"\n"):
        try:
            entry: object = json.loads(line)
            match entry:
                case [str(whose), str(unique_id)] if whose == account:
                    yield unique_id.encode("latin-1")
                case _:
                    pass
        except ValueError:
            pass
