"""A Maildir with mail in it, as a delivery agent leaves it."""

import os
from collections.abc import Iterable
from pathlib import Path


def write_maildir(folder: Path, messages: Iterable[bytes], *, owner: int) -> None:
    """Make the Maildir `folder` of the user and group `owner`; servers keep the messages' order."""
    for part in (folder, folder / "cur", folder / "new", folder / "tmp"):
        part.mkdir()
        os.chown(part, owner, owner)
    for number, message in enumerate(messages):
        file = folder / "new" / f"{1_700_000_000 + number}.M0P1.localhost"
        file.write_bytes(message)
        os.chown(file, owner, owner)


def read_maildir(folder: Path) -> list[bytes]:
    """The messages in the Maildir `folder` as they are on disk, in order."""
    files = [*folder.glob("new/*"), *folder.glob("cur/*")]
    return [file.read_bytes() for file in sorted(files, key=lambda file: file.name)]
