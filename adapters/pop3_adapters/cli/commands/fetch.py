"""`pop3 fetch`."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from pop3_proto.responses import printable

from ..accounts import Account, chosen_accounts
from ..checked_accounts import checked_orders
from ..fetch import Order
from ..fetch_threads import Errand, fetch_all
from ..progress import ProgressBars
from ..report import Report
from ..sentences import complain, errors_as_sentences, note, say_nothing
from ..settings import Settings
from ..signing_in import secret_for
from ..statuses import CommandError
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

__all__ = ["fetch"]


def fetch(
    urls: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="URL",
            help="pop3s://USER@HOST (TLS from the first octet on, port 995) or pop://USER@HOST "
            "(STLS, port 110); :PORT may follow, and ?tls=none for no TLS. There may be several.",
            show_default=False,
        ),
    ] = None,
    accounts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Fetch the accounts in this TOML file, or those of them whose names stand in "
            "place of URLs. Options that are given count for all of them.",
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option(metavar="N", min=1, help="How many accounts to fetch side by side.")
    ] = 4,
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
        bool,
        typer.Option("--json", help="Print what happened as JSON, one object for each account."),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print errors only.")] = False,
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
    """Fetch the messages of maildrops that were not fetched before.

    They go where --maildir, --mbox or --eml says, one of which has to be given.

    For example: pop3 fetch pop3s://alice@example.org --maildir ~/mail

    Several accounts are fetched side by side, and may go to one place. The file has an
    [account.NAME] for each, with its url and the names of these options as keys; those above all
    accounts count for each of them. The exit status is the highest of theirs.
    """
    given = Settings(
        maildir=maildir,
        mbox=mbox,
        eml=eml,
        delete=delete or None,
        all=everything or None,
        auth=auth,
        password_command=password_command,
        token_command=token_command,
        client_cert=client_cert,
        client_key=client_key,
        ca_file=ca_file,
        allow_insecure_auth=allow_insecure_auth or None,
        allow_utf8_login=allow_utf8_login or None,
    )
    with errors_as_sentences():
        chosen = chosen_accounts(urls or (), accounts, given)
        orders = checked_orders(chosen, trace)
        reports = _reports(chosen, orders)
        errands = list(_errands(chosen, orders, reports))
    bars = ProgressBars(len(errands), show=sys.stderr.isatty() and not quiet)
    fetch_all(errands, jobs=jobs, bars=bars, say=say_nothing if quiet else note)
    _tell(reports, as_json=as_json, quiet=quiet)
    raise typer.Exit(max(report.status for report in reports))


def _reports(accounts: Sequence[Account], orders: Sequence[Order]) -> list[Report]:
    """A report for each; a single URL needs no name."""
    named = len(accounts) > 1
    return [
        Report(
            order.url.account,
            str(order.place.path),
            account.name or (_name(order, orders) if named else None),
        )
        for account, order in zip(accounts, orders, strict=True)
    ]


def _name(order: Order, orders: Sequence[Order]) -> str:
    account = order.url.account
    unique = [each.url.account for each in orders].count(account) == 1
    return printable((account if unique else f"{account}, port {order.url.port}").encode())


def _errands(
    accounts: Sequence[Account], orders: Sequence[Order], reports: Sequence[Report]
) -> Iterator[Errand]:
    """What one can log in to. Where a password is missing, the others are fetched all the same."""
    alone = len(accounts) == 1
    for account, order, report in zip(accounts, orders, reports, strict=True):
        whom = order.url.account if account.name is None else f"{account.name} ({report.account})"
        try:
            secret = secret_for(order.login, whom, account.settings, alone=alone)
        except CommandError as error:
            if alone:
                raise CommandError(report.about(str(error)), error.status) from None
            report.end(str(error), error.status)
        else:
            yield Errand(order, secret, report)


def _tell(reports: Sequence[Report], *, as_json: bool, quiet: bool) -> None:
    for report in reports:
        for failed in report.failed:
            complain(report.about(str(failed)))
        if report.error:
            complain(report.about(report.error))
    for report in reports:
        if as_json:
            typer.echo(report.as_json())
        elif not quiet and report.messages is not None:
            typer.echo(report.about(report.summary()))
