"""How a program measures itself."""

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from .job import Job, Result

__all__ = ["Work", "measure", "measure_children"]

Work: TypeAlias = Callable[[Job], int | None]
"""Does a job, and says how many octets it has fetched where it knows."""


def measure(work: Work) -> None:
    """Do the job on the command line in this process, and print what that took."""
    job = Job.from_json(sys.argv[1])
    wall, cpu = time.perf_counter(), time.process_time()
    fetched = work(job)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(Result(wall, cpu, _peak(), fetched=fetched).to_json())


def measure_children(work: Work) -> None:
    """The same where the work is done by a program of others, which is waited for."""
    job = Job.from_json(sys.argv[1])
    wall = time.perf_counter()
    fetched = work(job)
    wall = time.perf_counter() - wall
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    # A child begins with the peak of who starts it, which is about ten megabytes here.
    print(
        Result(
            wall, used.ru_utime + used.ru_stime, _octets(used.ru_maxrss), fetched=fetched
        ).to_json()
    )


def _peak() -> int:
    # On Linux ru_maxrss is also that of the process that started this one.
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
    return _octets(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _octets(maxrss: int) -> int:
    return maxrss if sys.platform == "darwin" else maxrss * 1024
