"""`pop3 info`."""

import shutil
import sys
from typing import Annotated

import typer

from ..passwords import password_for
from ..trust import tls_context, trusted
from ..urls import login_url, server_url
from ..words import complain, errors_as_sentences
from .options import AllowInsecureAuth, AllowUtf8Login, CaFile, PasswordCommand, TraceTo

__all__ = ["info"]


def info(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="pop3s://HOST or pop://HOST as for fetch; with USER@ in front of the host it logs "
            "in, and tells more.",
        ),
    ],
    no_login: Annotated[
        bool, typer.Option("--no-login", help="Do not log in, although the URL has a user.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what was found as one JSON object.")
    ] = False,
    password_command: PasswordCommand = None,
    ca_file: CaFile = None,
    allow_insecure_auth: AllowInsecureAuth = False,
    allow_utf8_login: AllowUtf8Login = False,
    trace: TraceTo = None,
) -> None:
    """Tell what a server can do, and what is wrong with it.

    Nothing is changed there: no message is fetched, and none is deleted. Where the certificate
    is not trusted, the rest is told all the same, without a login. A trace has the conversation
    that the findings come from; others, which look at the port or at APOP, are not in it.

    For example: pop3 info pop://example.org
    """
    from ..info import Inquiry, examine  # cryptography takes its time
    from ..info_report import json_of, text_of

    with errors_as_sentences():
        place = server_url(url)
        logs_in = place.user is not None and not no_login
        if logs_in:
            place = login_url(url, allow_insecure_auth=allow_insecure_auth)
        inquiry = Inquiry(
            place,
            context=tls_context(ca_file),
            authorities=trusted(ca_file),
            password=password_for(place.account, password_command) if logs_in else None,
            allow_insecure_auth=allow_insecure_auth,
            allow_utf8_login=allow_utf8_login,
            trace=trace,
        )
    findings = examine(inquiry)
    if as_json:
        typer.echo(json_of(findings))
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        typer.echo(text_of(findings, width))
    if findings.error:
        complain(findings.error)
    raise typer.Exit(findings.status)
