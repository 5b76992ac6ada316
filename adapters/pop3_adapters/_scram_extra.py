"""What SCRAM needs, for those who do not import it: scramp takes its time."""

from importlib.util import find_spec
from typing import Final

__all__ = ["INSTALL", "MECHANISMS", "is_installed"]

MECHANISMS: Final = ("SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1")
"""Strongest first."""

INSTALL: Final = "pip install 'pop3-proto[scram]'"


def is_installed() -> bool:
    """Whether scramp is there."""
    return find_spec("scramp") is not None
