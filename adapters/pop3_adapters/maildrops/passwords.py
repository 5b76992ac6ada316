"""Who may log in, by a table of passwords."""

import hmac
from collections.abc import Callable, Mapping
from typing import Final

from pop3_proto import Maildrop

from ._names import forms, known_names

__all__ = ["Passwords"]

NOTHING: Final = (b"", b"")
"""The password of nobody."""


class Passwords:
    """An authenticator over names, their passwords, and what gives each name's maildrop.

    Names and passwords are also known as SASLprep has them. `permits(name, other)` says who may
    have the maildrop of somebody else; nobody may where it is left out.
    """

    def __init__(
        self,
        passwords: Mapping[str, str],
        maildrop: Callable[[str], Maildrop],
        *,
        permits: Callable[[str, str], bool] | None = None,
    ) -> None:
        self._passwords = dict(passwords)
        self._names = known_names(passwords)
        self._octets = {name: _octets(password) for name, password in passwords.items()}
        self._maildrop = maildrop
        self._permits = permits

    def authenticate(self, name: str, password: str) -> Maildrop | None:
        """The maildrop, or None; an unknown name takes the way of a wrong password."""
        known = self._names.get(name)
        expected = NOTHING if known is None else self._octets[known]
        given = password.encode("utf-8")
        same = [hmac.compare_digest(form, given) for form in expected]
        return self._maildrop(known) if any(same) and known is not None else None

    def password(self, name: str) -> str | None:
        """The password of a user, as APOP, CRAM-MD5 and SCRAM need it."""
        known = self._names.get(name)
        return None if known is None else self._passwords[known]

    def maildrop(self, name: str) -> Maildrop | None:
        """The maildrop of a user."""
        known = self._names.get(name)
        return None if known is None else self._maildrop(known)

    def permits(self, name: str, other: str) -> bool:
        """Whether somebody may have the maildrop of somebody else."""
        return self._permits is not None and self._permits(name, other)


def _octets(password: str) -> tuple[bytes, bytes]:
    as_it_is, prepared = forms(password)
    return as_it_is.encode("utf-8"), prepared.encode("utf-8")
