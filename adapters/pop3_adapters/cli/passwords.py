"""Where a password comes from: never from the command line, which others can see."""

import getpass
import os
import sys

from .first_line import first_line
from .statuses import CommandError

__all__ = ["password_for"]

VARIABLE = "POP3_PASSWORD"


def password_for(whom: str, command: str | None, *, alone: bool = True) -> bytes:
    """The password: the first line that `command` prints, or else POP3_PASSWORD, or else typed in.

    POP3_PASSWORD counts for whoever is `alone`: no server is to see the password of another one.
    A line end behind a password is not part of it. Raises CommandError.
    """
    if command is not None:
        password = first_line(command, "password")
    elif alone and VARIABLE in os.environ:
        password = os.environ[VARIABLE].encode("utf-8", "surrogateescape")
    else:
        password = _typed(whom, alone=alone)
    password = password.removesuffix(b"\n").removesuffix(b"\r")
    if not password:
        raise CommandError(f"the password for {whom} is empty")
    return password


def _typed(whom: str, *, alone: bool) -> bytes:
    if not sys.stdin.isatty():
        remedy = (
            f"set {VARIABLE}, or give a command that prints it with --password-command"
            if alone
            else "give it a password-command in a file of accounts, see --accounts"
        )
        raise CommandError(f"there is no terminal to ask for the password for {whom}: {remedy}")
    try:
        return getpass.getpass(f"Password for {whom}: ").encode("utf-8", "surrogateescape")
    except EOFError:
        raise CommandError("no password was typed") from None
