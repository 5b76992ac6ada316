"""The accounts that are to be fetched, from the command line or from a file."""

import os
import tomllib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, cast

from pop3_proto.responses import printable

from .settings import Settings
from .statuses import CommandError

__all__ = ["Account", "chosen_accounts", "in_words", "saying_where"]

PATHS: Final = ("maildir", "mbox", "eml", "client-cert", "client-key", "ca-file")
FLAGS: Final = ("delete", "all", "allow-insecure-auth", "allow-utf8-login")
KEYS: Final = tuple(field.name.replace("_", "-") for field in fields(Settings))

Table = dict[str, object]


@dataclass(frozen=True, slots=True)
class Account:
    """What is said of an account."""

    settings: Settings
    name: str | None = None
    """What a file calls it."""

    label: str = ""
    """What tells it from the others in a sentence; empty where there are none."""

    file: Path | None = None

    @property
    def where(self) -> str:
        """What to begin a sentence with that finds fault with it."""
        return f"{in_words(self.file)}: {self.label}" if self.file else self.label


def chosen_accounts(
    words: Sequence[str], file: Path | None, given: Settings
) -> tuple[Account, ...]:
    """What the words of the command mean: URLs, or names in a file; without any, all in there.

    `given` are the options, which count for every account. Raises CommandError.
    """
    if file:
        return _named(words, file, given)
    if not words:
        raise CommandError("nothing says what to fetch: give a URL, or --accounts FILE")
    several = len(words) > 1
    return tuple(
        Account(given.over(Settings(url=word)), label=f"URL {number}" if several else "")
        for number, word in enumerate(words, 1)
    )


@contextmanager
def saying_where(where: str) -> Generator[None, None, None]:
    """A CommandError in here begins with the place that it is about, where that has a name."""
    try:
        yield
    except CommandError as error:
        raise CommandError(f"{where}: {error}" if where else str(error), error.status) from None


def in_words(path: Path) -> str:
    """A path as text for a terminal."""
    return printable(os.fsencode(path))


def _named(names: Sequence[str], file: Path, given: Settings) -> tuple[Account, ...]:
    accounts = _read(file, given)
    if missing := [name for name in names if name not in accounts]:
        raise CommandError(
            f"{in_words(file)} has no account {_quoted(missing[0])}: there are "
            f"{', '.join(map(_quoted, accounts))}; a URL is given without --accounts"
        )
    return tuple(accounts[name] for name in dict.fromkeys(names or accounts))


def _read(file: Path, given: Settings) -> dict[str, Account]:
    with saying_where(in_words(file)):
        defaults = _parse(file)
        tables = defaults.pop("account", {})
        if not isinstance(tables, dict) or not tables:
            raise CommandError(
                "there is no account: write [account.NAME] and below it "
                'url = "pop3s://USER@HOST", once for each'
            )
        if "url" in defaults:
            raise CommandError("url stands above all accounts: write [account.NAME] above it")
        common = _settings(defaults, file.parent)
    accounts: dict[str, Account] = {}
    for name, table in cast("Table", tables).items():
        label = f"account {_quoted(name)}"
        with saying_where(f"{in_words(file)}: {label}"):
            settings = given.over(_own(table, file.parent).over(common))
        accounts[name] = Account(settings, printable(name.encode()), label, file)
    return accounts


def _parse(file: Path) -> Table:
    try:
        with file.open("rb") as octets:
            return tomllib.load(octets)
    except OSError as error:
        raise CommandError(f"it cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise CommandError(f"it is no TOML in UTF-8: {printable(str(error).encode())}") from None


def _own(table: object, folder: Path) -> Settings:
    if not isinstance(table, dict):
        raise CommandError("it is a value and no table: write [account.NAME] above its keys")
    own = _settings(cast("Table", table), folder)
    if own.url is None:
        raise CommandError('it has no url: add url = "pop3s://USER@HOST"')
    return own


def _settings(table: Table, folder: Path) -> Settings:
    values: dict[str, Any] = {
        key.replace("-", "_"): _value(key, value, folder) for key, value in table.items()
    }
    return Settings(**values)


def _value(key: str, value: object, folder: Path) -> str | bool | Path:
    if key == "password":
        raise CommandError(
            "a password does not belong in a file: name the command that prints it with "
            "password-command, or leave it out to be asked"
        )
    if key == "token":
        raise CommandError(
            "a token does not belong in a file: name the command that prints it with token-command"
        )
    if key not in KEYS:
        raise CommandError(f"{_quoted(key)} means nothing here: there are {', '.join(KEYS)}")
    if key in FLAGS:
        if not isinstance(value, bool):
            raise CommandError(f"{key} is either true or false, without quotes")
        return value
    if not isinstance(value, str) or not value or "\0" in value:
        raise CommandError(f'{key} is a text in quotes: {key} = "..."')
    return _path(value, folder) if key in PATHS else value


def _path(text: str, folder: Path) -> Path:
    """A shell would know what ~ is; and whoever starts this may be in any folder."""
    try:
        return folder / Path(text).expanduser()
    except RuntimeError:
        raise CommandError(f"nobody's home is in {_quoted(text)}: write the whole path") from None


def _quoted(text: str) -> str:
    return f'"{printable(text.encode())}"'
