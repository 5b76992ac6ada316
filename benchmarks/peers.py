"""Programs and packages of others: whether they are here, and which versions."""

import platform
import shutil
import subprocess
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Final

__all__ = ["missing", "versions"]


def executable(name: str) -> str | None:
    """The first line that a program says of its version."""
    if shutil.which(name) is None:
        return None
    said = subprocess.run([name, "--version"], capture_output=True, text=True, check=True)
    return " ".join(said.stdout.splitlines()[0].split()[:3])


def package(name: str) -> str | None:
    """A package with its version."""
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return None


PEERS: Final[dict[str, tuple[Callable[[str], str | None], str, str]]] = {
    "curl": (executable, "curl", "apt-get install curl"),
    "mpop": (executable, "mpop", "apt-get install mpop"),
    "twisted_client": (package, "twisted", "pip install twisted"),
    "ours_trio": (package, "trio", "pip install trio"),
    "ours_anyio": (package, "anyio", "pip install anyio"),
}
"""What programs need: how to find its version, its name, and how to get it."""


def missing(program: str) -> str | None:
    """Why a program cannot run here; None where it can."""
    if program not in PEERS:
        return None
    find, name, remedy = PEERS[program]
    return None if find(name) else f"{name} is not here: {remedy}"


def versions() -> list[str]:
    """What is here; the standard poplib is Python's."""
    found = (find(name) for find, name, _ in PEERS.values())
    return [f"Python {platform.python_version()}", *filter(None, found)]
