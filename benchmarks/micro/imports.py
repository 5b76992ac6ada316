"""What it costs to import the core, held against the standard poplib."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Final

from .benchmark import EACH, Benchmark, Work

__all__ = ["BENCHMARKS"]

ROOT: Final = Path(__file__).parents[2]

PROGRAM: Final = """
from time import perf_counter
start = perf_counter()
import {}
print(perf_counter() - start)
"""


def importing(module: str, size: float) -> Work:
    """Import a module into a fresh process; its start does not count, and size means nothing."""
    command = [sys.executable, "-c", PROGRAM.format(module)]
    # Bytecode is kept, as that of what is installed is: or it would be compiled each time.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}

    def seconds() -> float:
        return float(subprocess.check_output(command, cwd=ROOT, env=environment, text=True))

    return Work(1, seconds)


BENCHMARKS: Final = [
    Benchmark(
        "imports.core",
        "pop3_proto into a fresh process; against poplib, of whose time it may take 3 times",
        EACH,
        partial(importing, "pop3_proto"),
        partial(importing, "poplib"),
        goal=1 / 3,
    )
]
