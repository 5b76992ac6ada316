"""`pop3 demo`."""

import sys

import typer

__all__ = ["demo"]


def demo() -> None:
    """Serve some mail, fetch it over TLS, and compare."""
    from ..demo import demo as run  # trustme takes its time

    raise typer.Exit(run(typer.echo, show_progress=sys.stderr.isatty()))
