"""The command `pop3` and those behind it."""

import importlib.metadata
from typing import Annotated

import typer

from .commands.demo import demo
from .commands.fetch import fetch
from .commands.info import info
from .commands.options import STATUSES
from .commands.serve import serve

__all__ = ["app"]

app = typer.Typer(
    help="Fetch mail with POP3, or serve it.",
    epilog=STATUSES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


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


for command, epilog in ((fetch, STATUSES), (serve, None), (demo, None), (info, STATUSES)):
    _ = app.command(epilog=epilog)(command)
