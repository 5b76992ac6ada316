"""The mechanisms of AUTH that take a password, with those that need a library."""

from typing import Final

from pop3_proto import ClientMechanism, Limits
from pop3_proto.flows import login

from . import _scram_extra

__all__ = ["PASSWORD_MECHANISMS"]


def _scram(mechanism: str) -> login.PasswordMechanism:
    def make(name: str | bytes, password: str | bytes, limits: Limits) -> ClientMechanism:
        from .scram import Scram  # scramp takes its time

        return Scram(mechanism, name, password, iterations=limits.scram_iterations)

    install = None if _scram_extra.is_installed() else _scram_extra.INSTALL
    return login.PasswordMechanism(mechanism, make, install=install)


PASSWORD_MECHANISMS: Final = (
    *map(_scram, _scram_extra.MECHANISMS),
    *login.PASSWORD_MECHANISMS,
)
"""The strongest first."""
