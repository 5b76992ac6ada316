"""Where a client is sent."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Endpoint", "ServerFigures"]


@dataclass(frozen=True, slots=True)
class ServerFigures:
    """What a server says of sessions that are over."""

    cpu: float
    fetching: float
    """Seconds between the first RETR and the end of the last message."""


def _silent(sessions: int) -> None:
    """A server that says nothing of its sessions."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server that runs, on 127.0.0.1."""

    port: int
    user: str = "alice"
    password: str = "secret"
    ca_file: Path | None = None
    """Whom to trust, where there is TLS from the first octet on."""

    figures: Callable[[int], ServerFigures | None] = _silent
    """Waits for the end of so many sessions, and gives the sum of their figures."""
