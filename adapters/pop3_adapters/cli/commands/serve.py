"""`pop3 serve`."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from pop3_proto import TlsPolicy

from ..passwords import password_for
from ..serve import Service, maildrop_at, server_context
from ..statuses import CommandError
from ..words import errors_as_sentences
from .options import PasswordCommand

__all__ = ["serve"]


class ServerTls(Enum):
    """When a server begins TLS."""

    IMPLICIT = "implicit"
    STLS = "stls"


def serve(
    path: Annotated[
        Path,
        typer.Argument(metavar="PATH", exists=True, readable=True, help="A Maildir, or an mbox."),
    ],
    user: Annotated[str, typer.Option(metavar="NAME", help="Who may log in.")],
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")
    ] = 0,
    certificate: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", exists=True, dir_okay=False, help="The certificate, in PEM form."
        ),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Its key, where that is not in the same file.",
        ),
    ] = None,
    tls: Annotated[
        ServerTls | None,
        typer.Option(
            help="With a certificate: TLS from the first octet on, which is the default, or begun "
            "by STLS."
        ),
    ] = None,
    password_command: PasswordCommand = None,
    allow_insecure_auth: Annotated[
        bool,
        typer.Option(
            "--allow-insecure-auth",
            help="Serve without a certificate: no TLS, and passwords that others can read.",
        ),
    ] = False,
) -> None:
    """Serve the mail in a Maildir or an mbox to one user, until Ctrl-C."""
    with errors_as_sentences():
        maildrop = maildrop_at(path)
        if certificate is None and (tls or key):
            raise CommandError("--tls and --key need --certificate")
        if certificate is None and not allow_insecure_auth:
            raise CommandError(
                "without --certificate everybody on the way can read passwords and mail: give "
                "one, or add --allow-insecure-auth where nobody else can listen"
            )
        Service(
            path,
            maildrop,
            user,
            password_for(user, password_command),
            host,
            port,
            _policy(certificate, tls),
            server_context(certificate, key) if certificate else None,
        ).run(typer.echo)


def _policy(certificate: Path | None, tls: ServerTls | None) -> TlsPolicy:
    if certificate is None:
        return TlsPolicy.NONE
    return TlsPolicy.STLS if tls is ServerTls.STLS else TlsPolicy.IMPLICIT
