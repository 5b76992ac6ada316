"""A line for each login, of which a program such as fail2ban can take the address."""

import logging
from typing import Final

from pop3_proto import LoginAttempt
from pop3_proto.responses import printable

__all__ = ["log_login"]

LONGEST: Final = 128
"""Characters of a name that are logged."""

log = logging.getLogger("pop3_adapters.logins")


def log_login(attempt: LoginAttempt, address: str) -> None:
    """A failure is a warning, and a success is information.

    All that the client has chosen comes last, and is quoted.
    """
    level = logging.INFO if attempt.ok else logging.WARNING
    if log.isEnabledFor(level):
        log.log(level, "%s", line_of(attempt, address))


def line_of(attempt: LoginAttempt, address: str) -> str:
    """The line."""
    words = [
        "login succeeded:" if attempt.ok else "login failed:",
        f"address={address or '-'}",
        f"way={attempt.way}",
        f"tls={'yes' if attempt.tls else 'no'}",
        f"failures={attempt.failures}",
        f"name={quoted(attempt.name)}",
    ]
    if attempt.authorization:
        words.append(f"authorization={quoted(attempt.authorization)}")
    return " ".join(words)


def quoted(text: str) -> str:
    """What a client has chosen, so that it begins and ends where the quotation marks are."""
    text = text if len(text) <= LONGEST else text[:LONGEST] + "..."
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{printable(escaped.encode("utf-8", "backslashreplace"))}"'
