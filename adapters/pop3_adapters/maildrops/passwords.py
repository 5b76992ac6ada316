"""Who may log in, by a table of passwords."""

import hmac
from collections.abc import Callable, Mapping

from pop3_proto import Maildrop

__all__ = ["Passwords"]


class Passwords:
    """An authenticator over names, their passwords, and what gives each name's maildrop."""

    def __init__(self, passwords: Mapping[str, str], maildrop: Callable[[str], Maildrop]) -> None:
        self._passwords = {name: text.encode("utf-8") for name, text in passwords.items()}
        self._maildrop = maildrop

    def authenticate(self, name: str, password: str) -> Maildrop | None:
        """The maildrop, or None; an unknown name takes the way of a wrong password."""
        known = self._passwords.get(name)
        right = hmac.compare_digest(known or b"", password.encode("utf-8"))
        return self._maildrop(name) if right and known is not None else None

    def password(self, name: str) -> str | None:
        """The password of a user, as APOP needs it."""
        known = self._passwords.get(name)
        return None if known is None else known.decode("utf-8")
