"""Python programs that run beside the one that is measured."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import IO

__all__ = ["running"]


@contextmanager
def running(module: str, *arguments: str) -> Generator[tuple[int, IO[str]]]:
    """Run a module until the context is left; gives the port on its first line, and the rest."""
    command = [sys.executable, "-m", module, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield int(process.stdout.readline()), process.stdout
    finally:
        process.kill()
        _ = process.wait()
        process.stdout.close()
