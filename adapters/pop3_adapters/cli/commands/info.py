"""`pop3 info`."""

import shutil
import sys
from typing import Annotated

import typer

from ..logins import check_login, login_for
from ..sentences import complain, errors_as_sentences
from ..settings import Settings
from ..signing_in import secret_for
from ..trust import tls_context, trusted
from ..urls import server_url
from .options import (
    AllowInsecureAuth,
    AllowUtf8Login,
    Auth,
    CaFile,
    ClientCert,
    ClientKey,
    PasswordCommand,
    TokenCommand,
    TraceTo,
)

__all__ = ["info"]


def info(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="pop3s://HOST or pop://HOST as for fetch; with USER@ in front of the host it logs "
            "in, and tells more. EXTERNAL and ANONYMOUS need no USER@.",
        ),
    ],
    no_login: Annotated[
        bool, typer.Option("--no-login", help="Do not log in, even where that is possible.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what was found as one JSON object.")
    ] = False,
    auth: Auth = None,
    password_command: PasswordCommand = None,
    token_command: TokenCommand = None,
    client_cert: ClientCert = None,
    client_key: ClientKey = None,
    ca_file: CaFile = None,
    allow_insecure_auth: AllowInsecureAuth = False,
    allow_utf8_login: AllowUtf8Login = False,
    trace: TraceTo = None,
) -> None:
    """Tell what a server can do, what is wrong with it, and which way a login takes.

    Nothing is changed there: no message is fetched, and none is deleted. Where the certificate
    is not trusted, the rest is told all the same, without a login. A trace has the conversation
    that the findings come from; others, which look at the port or at APOP, are not in it.

    For example: pop3 info pop://example.org
    """
    from ..info import Inquiry, examine  # cryptography takes its time
    from ..info_report import json_of, text_of

    settings = Settings(
        auth=auth,
        password_command=password_command,
        token_command=token_command,
        client_cert=client_cert,
        client_key=client_key,
        allow_insecure_auth=allow_insecure_auth,
        allow_utf8_login=allow_utf8_login,
    )
    with errors_as_sentences():
        place = server_url(url)
        login = login_for(place, settings)
        logs_in = not no_login and not (place.user is None and login.needs_user)
        if logs_in:
            check_login(login, place, settings)
        inquiry = Inquiry(
            place,
            context=tls_context(ca_file, client_cert, client_key),
            authorities=trusted(ca_file),
            login=login,
            logs_in=logs_in,
            secret=secret_for(login, place.account, settings) if logs_in else None,
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
