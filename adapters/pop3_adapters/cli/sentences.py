"""What the command says to people."""

from collections.abc import Generator
from contextlib import contextmanager

import typer

from .statuses import CommandError

__all__ = ["complain", "errors_as_sentences", "note", "say_nothing"]


def note(sentence: str) -> None:
    """Say something that is worth a line."""
    typer.echo(sentence, err=True)


def complain(sentence: str) -> None:
    """Say what went wrong."""
    typer.echo(f"pop3: {sentence}", err=True)


def say_nothing(sentence: str) -> None:
    """Keep it to oneself."""


@contextmanager
def errors_as_sentences() -> Generator[None, None, None]:
    """A CommandError in here is printed, and ends the command."""
    try:
        yield
    except CommandError as error:
        complain(str(error))
        raise typer.Exit(error.status) from None
