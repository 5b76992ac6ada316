"""Commands that print secrets."""

import shlex
import sys
from pathlib import Path

IN_TURN = """
import pathlib, sys
left = pathlib.Path(sys.argv[1])
first, _, others = left.read_text().partition("\\n")
left.write_text(others)
print(first)
"""
ONCE = """
import os, pathlib, signal, sys
began = pathlib.Path(sys.argv[1])
if began.exists():
    began.write_text(f"{os.getpid()}\\n")
    signal.pause()
began.touch()
print("stale")
"""


def printing(octets: bytes) -> str:
    """Prints this."""
    program = f"import sys; sys.stdout.buffer.write({octets!r})"
    return shlex.join([sys.executable, "-c", program])


class InTurn:
    """A command that prints one of these each time it is run."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self._left = folder / "left"
        self._left.write_text("".join(f"{line}\n" for line in lines))
        self.command = shlex.join([sys.executable, "-c", IN_TURN, str(self._left)])

    @property
    def left(self) -> list[str]:
        """What has not been printed yet."""
        return self._left.read_text().splitlines()


class Once:
    """A command that prints a token when it is run first, and nothing ever after that."""

    def __init__(self, folder: Path) -> None:
        self._began = folder / "began"
        self.command = shlex.join([sys.executable, "-c", ONCE, str(self._began)])

    @property
    def process(self) -> int | None:
        """The id of the process that prints nothing, once it has begun."""
        written = self._began.read_text() if self._began.exists() else ""
        return int(written) if written.endswith("\n") else None
