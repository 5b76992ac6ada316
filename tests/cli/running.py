"""Runs the command: in this process, or as one of its own."""

import mailbox
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from typer.testing import CliRunner, Result

from pop3_adapters.cli.app import app

PASSWORD: Final = "correct horse"
COMMAND: Final = [sys.executable, "-bb", "-W", "error", "-m", "pop3_adapters.cli"]
BOUND: Final = 30.0
"""Seconds that something that happens may take at most."""


def pop3(*words: str | Path, password: str | None = PASSWORD) -> Result:
    """Run the command in this process."""
    env = {"POP3_PASSWORD": password}
    return CliRunner(env=env).invoke(app, [str(word) for word in words], catch_exceptions=False)


def environment(password: str | None) -> dict[str, str]:
    """This process's environment, with a password or without."""
    others = {name: value for name, value in os.environ.items() if name != "POP3_PASSWORD"}
    return others if password is None else {**others, "POP3_PASSWORD": password}


def start(*words: str | Path) -> "subprocess.Popen[str]":
    """Run the command as a process."""
    return subprocess.Popen(
        [*COMMAND, *map(str, words)],
        env=environment(PASSWORD),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stored(maildir: Path) -> list[bytes]:
    """The messages in a Maildir, in the order of delivery."""
    return [path.read_bytes() for path in sorted((maildir / "new").iterdir())]


def delivered(mbox: Path) -> list[bytes]:
    """The messages in an mbox, as mailboxes of the standard library see them."""
    box = mailbox.mbox(mbox, create=False)
    try:
        return [box.get_bytes(key) for key in box.iterkeys()]
    finally:
        box.close()


def files(folder: Path) -> list[bytes]:
    """The messages that are single files in a folder, in the order of delivery."""
    return [path.read_bytes() for path in sorted(folder.glob("[!.]*.eml"))]


def unfinished(maildir: Path) -> list[Path]:
    """What lies in the Maildir and is no message yet."""
    return list((maildir / "tmp").iterdir())


def bodies(*names: str) -> list[bytes]:
    """Small messages as they lie on a disk."""
    return [f"Subject: {name}\n\n{name}\n".encode() for name in names]
