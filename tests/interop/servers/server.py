"""What the tests know of a real server that runs, whichever it is."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.interop.accounts import ACCOUNTS


@dataclass(frozen=True, slots=True)
class User:
    name: str
    password: str
    maildir: Path


@dataclass(frozen=True, slots=True)
class Server(ABC):
    """A running server: passwords are taken without TLS too, and `log` has what it thought."""

    work: Path
    port: int
    tls_port: int
    ca_file: Path
    version: str
    host: str = "127.0.0.1"

    @property
    def users(self) -> dict[str, str]:
        """Names and passwords of `ACCOUNTS`. Tests share their maildrops, and only read in them."""
        return {account.name: account.password for account in ACCOUNTS}

    @property
    def log(self) -> Path:
        return self.work / "log"

    @abstractmethod
    def new_user(self, messages: Iterable[bytes] = ()) -> User:
        """A user whom nobody else uses, with `messages` (as on disk) in the maildrop, in order."""
