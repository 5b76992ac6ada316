"""Options that several commands have."""

from pathlib import Path
from typing import Annotated, Final

import typer

from ..statuses import Status

__all__ = [
    "STATUSES",
    "AllowInsecureAuth",
    "AllowUtf8Login",
    "Auth",
    "CaFile",
    "ClientCert",
    "ClientKey",
    "PasswordCommand",
    "TokenCommand",
    "TraceTo",
]

STATUSES: Final = "\n".join(
    ("\b", "Exit status:", *(f"{each:5d}  {each.meaning}" for each in Status))
)

PasswordCommand = Annotated[
    str | None,
    typer.Option(
        metavar="COMMAND",
        help="Take the password from the first line that this prints; no shell runs it. "
        "Without it the password is POP3_PASSWORD in the environment, or asked for.",
    ),
]

Auth = Annotated[
    str | None,
    typer.Option(
        metavar="MECHANISM",
        help="Log in by this one and no other: SCRAM-SHA-256, PLAIN, XOAUTH2 ... of AUTH, USER for "
        "USER and PASS, or APOP, which is never taken by itself. Without it, by the strongest that "
        "the server offers.",
    ),
]
TokenCommand = Annotated[
    str | None,
    typer.Option(
        metavar="COMMAND",
        help="Log in with a token of OAuth, the first line that this prints; where the server "
        "refuses it, it is run once more. No shell runs it.",
    ),
]
ClientCert = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="Show this certificate, in PEM form, to a server that asks for one; and log in with "
        "it (EXTERNAL), unless --auth, --password-command or --token-command is given.",
    ),
]
ClientKey = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="Its key, where that is not in the same file.",
    ),
]
CaFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="Trust the authorities in this PEM file, and no others.",
    ),
]
AllowInsecureAuth = Annotated[
    bool,
    typer.Option(
        "--allow-insecure-auth", help="Send a password or token without TLS, with ?tls=none."
    ),
]
AllowUtf8Login = Annotated[
    bool,
    typer.Option(
        "--allow-utf8-login",
        help="Send a name or password beyond ASCII to a server that has not announced that "
        "it takes them.",
    ),
]
TraceTo = Annotated[
    Path | None,
    typer.Option(
        "--trace",
        metavar="FILE",
        dir_okay=False,
        help="Write all that is said into this file, as lines of JSON: mail and unique-ids, but "
        "no password and no token.",
    ),
]
