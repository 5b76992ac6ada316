"""Who may log in, by a table of passwords."""

import hmac
from collections.abc import Callable, Mapping

from pop3_proto import Maildrop
from pop3_proto.saslprep import prepare_stored

__all__ = ["Passwords"]


class Passwords:
    """An authenticator over names, their passwords, and what gives each name's maildrop.

    Names and passwords are also known as SASLprep has them, because some mechanisms send them so
    (RFC 4616, section 2). `permits(name, other)` says who may have the maildrop of somebody else;
    nobody may where it is left out.
    """

    def __init__(
        self,
        passwords: Mapping[str, str],
        maildrop: Callable[[str], Maildrop],
        *,
        permits: Callable[[str, str], bool] | None = None,
    ) -> None:
        self._passwords = dict(passwords)
        self._names = {prepared(name): name for name in passwords} | {n: n for n in passwords}
        self._maildrop = maildrop
        self._permits = permits

    def authenticate(self, name: str, password: str) -> Maildrop | None:
        """The maildrop, or None; an unknown name takes the way of a wrong password."""
        known = self._names.get(name)
        expected = "" if known is None else self._passwords[known]
        given = password.encode("utf-8")
        same = [
            hmac.compare_digest(form.encode("utf-8"), given)
            for form in (expected, prepared(expected))
        ]
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


def prepared(text: str) -> str:
    """As SASLprep has it, or as it is where that has no form for it."""
    try:
        return prepare_stored(text)
    except ValueError:
        return text
