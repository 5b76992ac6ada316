"""The mechanisms of AUTH that take a password, with those that need a library."""

from importlib.util import find_spec
from typing import Final

from pop3_proto import ClientMechanism, Limits
from pop3_proto.flows import login

__all__ = ["PASSWORD_MECHANISMS"]

INSTALL: Final = None if find_spec("scramp") else "pip install 'pop3-proto[scram]'"


def _scram(mechanism: str) -> login.PasswordMechanism:
    def make(name: str | bytes, password: str | bytes, limits: Limits) -> ClientMechanism:
        from .scram import Scram  # scramp takes its time

        return Scram(mechanism, name, password, iterations=limits.scram_iterations)

    return login.PasswordMechanism(mechanism, make, install=INSTALL)


PASSWORD_MECHANISMS: Final = (
    _scram("SCRAM-SHA-512"),
    _scram("SCRAM-SHA-256"),
    _scram("SCRAM-SHA-1"),
    *login.PASSWORD_MECHANISMS,
)
"""The strongest first."""
