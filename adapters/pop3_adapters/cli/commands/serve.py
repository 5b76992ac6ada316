"""`pop3 serve`."""

from enum import Enum
from pathlib import Path
from typing import Annotated, Final

import typer

from pop3_proto import TlsPolicy

from ..passwords import password_for
from ..sentences import errors_as_sentences
from ..serve import Service, maildrop_at, server_context, standard_streams
from ..statuses import CommandError
from .options import PasswordCommand

__all__ = ["serve"]

HERE: Final = "127.0.0.1"


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
    host: Annotated[str, typer.Option(help="The address to listen on.")] = HERE,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")
    ] = 0,
    stdio: Annotated[
        bool,
        typer.Option(
            "--stdio",
            help="Listen nowhere, but serve the client at the other end of standard input and "
            "output, as inetd and SSH start a server.",
        ),
    ] = False,
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
        stream, private = standard_streams() if stdio else (None, False)
        maildrop = maildrop_at(path)
        if stdio and (host != HERE or port):
            raise CommandError("--stdio listens nowhere: leave out --host and --port")
        if certificate is None and (tls or key):
            raise CommandError("--tls and --key need --certificate")
        if certificate is None and not allow_insecure_auth and not private:
            raise CommandError(
                "without --certificate everybody on the way can read passwords and mail: give "
                "one, or add --allow-insecure-auth where nobody else can listen"
            )
        service = Service(
            path,
            maildrop,
            user,
            password_for(user, password_command),
            _policy(certificate, tls),
            server_context(certificate, key) if certificate else None,
        )
        if stream:
            service.speak(stream)
        else:
            service.listen(host, port, typer.echo)


def _policy(certificate: Path | None, tls: ServerTls | None) -> TlsPolicy:
    if certificate is None:
        return TlsPolicy.NONE
    return TlsPolicy.STLS if tls is ServerTls.STLS else TlsPolicy.IMPLICIT
