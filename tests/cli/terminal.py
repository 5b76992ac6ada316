"""The command on a terminal of its own."""

import os
import pty
import subprocess
import sys
from pathlib import Path

from .running import COMMAND, environment

LOGIN = "import os, sys; os.login_tty(0); os.execv(sys.argv[1], sys.argv[1:])"


class Terminal:
    """Runs the command; `shown` is what was to be seen so far."""

    def __init__(self, *words: str | Path, password: str | None) -> None:
        self.shown = b""
        self._mine, terminal = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-c", LOGIN, *COMMAND, *map(str, words)],
            env={**environment(password), "TERM": "xterm", "COLUMNS": "100"},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
        )
        os.close(terminal)

    def type(self, keys: bytes) -> None:
        """What somebody types."""
        os.write(self._mine, keys)

    def wait_for(self, text: bytes) -> None:
        """Until this is to be seen."""
        while text not in self.shown:
            assert self._read(), self.shown

    def end(self) -> int:
        """Until the command has ended; gives its exit status."""
        while self._read():
            pass
        os.close(self._mine)
        return self._process.wait()

    def _read(self) -> bool:
        try:
            piece = os.read(self._mine, 4096)
        except OSError:  # how Linux says that nobody has the other side open
            return False
        self.shown += piece
        return bool(piece)
