"""The words of the command: what can be given, and what is printed."""

import importlib.metadata
import os
import shutil
import ssl
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated, Final

import typer

from pop3_proto import Pop3Url, TlsPolicy, parse_url
from pop3_proto.responses import printable

from ..socket import client_context
from .eml_target import EmlTarget
from .fetch import Order
from .fetch import fetch as fetch_maildrop
from .maildir_target import MaildirTarget
from .mbox_target import MboxTarget
from .passwords import password_for
from .progress import ProgressBar
from .report import Report
from .serve import Service, maildrop_at, server_context
from .statuses import CommandError, Status
from .targets import Target

__all__ = ["app"]

STATUSES: Final = "\n".join(
    ("\b", "Exit status:", *(f"{each:5d}  {each.meaning}" for each in Status))
)

app = typer.Typer(
    help="Fetch mail with POP3, or serve it.",
    epilog=STATUSES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class ServerTls(Enum):
    """When a server begins TLS."""

    IMPLICIT = "implicit"
    STLS = "stls"


PasswordCommand = Annotated[
    str | None,
    typer.Option(
        metavar="COMMAND",
        help="Take the password from the first line that this prints; no shell runs it. "
        "Without it the password is POP3_PASSWORD in the environment, or asked for.",
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
    typer.Option("--allow-insecure-auth", help="Send the password without TLS, with ?tls=none."),
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
        "no password.",
    ),
]


def print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pop3 {importlib.metadata.version('pop3-proto')}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    pass


@app.command(epilog=STATUSES)
def fetch(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="pop3s://USER@HOST (TLS from the first octet on, port 995) or pop://USER@HOST "
            "(STLS, port 110); :PORT may follow, and ?tls=none for no TLS.",
        ),
    ],
    maildir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            file_okay=False,
            help="Deliver into this Maildir, which is made where it is missing. The file "
            "pop3-fetched in it remembers the unique-ids of what was fetched.",
        ),
    ] = None,
    mbox: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Append to this mbox (mboxrd), which is made where it is missing, under the "
            "locks of delivery agents. FILE.pop3-fetched remembers the unique-ids.",
        ),
    ] = None,
    eml: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            file_okay=False,
            help="Write each message as it comes into a file of its own in this folder, which is "
            "made where it is missing; pop3-fetched in it remembers the unique-ids.",
        ),
    ] = None,
    delete: Annotated[
        bool,
        typer.Option(
            "--delete",
            help="Delete on the server what is safely stored, now or by an earlier fetch.",
        ),
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Fetch again what was fetched before.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what happened as one JSON object.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print errors only.")] = False,
    password_command: PasswordCommand = None,
    ca_file: CaFile = None,
    allow_insecure_auth: AllowInsecureAuth = False,
    allow_utf8_login: AllowUtf8Login = False,
    trace: TraceTo = None,
) -> None:
    """Fetch the messages of a maildrop that were not fetched before.

    They go where --maildir, --mbox or --eml says, one of which has to be given.

    For example: pop3 fetch pop3s://alice@example.org --maildir ~/mail
    """
    with errors_as_sentences():
        path, kind = chosen_target(maildir, mbox, eml)
        place = login_url(url, allow_insecure_auth=allow_insecure_auth)
        order = Order(
            place,
            context=tls_context(ca_file),
            password=password_for(place.account, password_command),
            everything=everything,
            delete=delete,
            allow_insecure_auth=allow_insecure_auth,
            allow_utf8_login=allow_utf8_login,
            trace=trace,
        )
    report = Report(place.account, str(path))
    progress = ProgressBar(show=sys.stderr.isatty() and not quiet)
    say = say_nothing if quiet else note
    fetch_maildrop(order, lambda: kind(path), report, progress=progress, say=say)
    for failed in report.failed:
        complain(str(failed))
    if report.error:
        complain(report.error)
    if as_json:
        typer.echo(report.as_json())
    elif not quiet and report.messages is not None:
        typer.echo(report.summary())
    raise typer.Exit(report.status)


@app.command()
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
            server_policy(certificate, tls),
            server_context(certificate, key) if certificate else None,
        ).run(typer.echo)


@app.command()
def demo() -> None:
    """Serve some mail, fetch it over TLS, and compare."""
    from .demo import demo as run  # trustme takes its time

    raise typer.Exit(run(typer.echo, show_progress=sys.stderr.isatty()))


@app.command(epilog=STATUSES)
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
    from .info import Inquiry, examine  # cryptography takes its time
    from .info_report import json_of, text_of

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


def chosen_target(
    maildir: Path | None, mbox: Path | None, eml: Path | None
) -> tuple[Path, Callable[[Path], Target]]:
    """Where the mail goes; CommandError where that is no one place."""
    match maildir, mbox, eml:
        case Path() as path, None, None:
            return path, MaildirTarget
        case None, Path() as path, None:
            return path, MboxTarget
        case None, None, Path() as path:
            return path, EmlTarget
        case _:
            raise CommandError(
                "the mail goes to one place: give either --maildir DIR, --mbox FILE or --eml DIR"
            )


def server_policy(certificate: Path | None, tls: ServerTls | None) -> TlsPolicy:
    if certificate is None:
        return TlsPolicy.NONE
    return TlsPolicy.STLS if tls is ServerTls.STLS else TlsPolicy.IMPLICIT


@contextmanager
def errors_as_sentences() -> Generator[None, None, None]:
    """A CommandError in here is printed, and ends the command."""
    try:
        yield
    except CommandError as error:
        complain(str(error))
        raise typer.Exit(error.status) from None


def note(sentence: str) -> None:
    typer.echo(sentence, err=True)


def complain(sentence: str) -> None:
    typer.echo(f"pop3: {sentence}", err=True)


def say_nothing(sentence: str) -> None:
    pass


def server_url(text: str) -> Pop3Url:
    """A URL that one can connect to; CommandError says why another is none."""
    try:
        url = parse_url(text)
    except ValueError as error:
        raise CommandError(str(error)) from None
    try:
        _ = url.host.encode("idna")
    except UnicodeError as error:
        raise CommandError(f"{url.host} is no name of a host: {error}") from None
    return url


def login_url(text: str, *, allow_insecure_auth: bool) -> Pop3Url:
    """A URL that one can log in with; CommandError says why another is none."""
    url = server_url(text)
    if url.user is None:
        raise CommandError(f"the URL names no user: write it as in pop3s://alice@{url.host}")
    if url.auth is not None:
        raise CommandError(
            f"the URL asks for the mechanism {url.auth}, and only USER and PASS are available: "
            "leave ;AUTH= out"
        )
    if url.tls is TlsPolicy.NONE and not allow_insecure_auth:
        raise CommandError(
            "with ?tls=none everybody on the way can read the password: leave it out, or add "
            "--allow-insecure-auth where nobody else can listen"
        )
    return url


def trusted(ca_file: Path | None) -> str:
    """Whom `tls_context` trusts, in words."""
    if ca_file is None:
        return "the authorities of this system"
    return f"the authorities in {printable(os.fsencode(ca_file))}"


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return client_context(str(ca_file) if ca_file else None)
    except OSError:
        raise CommandError(f"--ca-file {ca_file} contains no certificate in PEM form") from None
