"""What a program is to do, and what it says when it has done it; both travel as JSON."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from pop3_proto import ScanListing

__all__ = ["Job", "Result"]


@dataclass(frozen=True, slots=True)
class Job:
    """Messages to fetch from a server, on 127.0.0.1."""

    port: int
    user: str
    password: str
    first: int
    """The message-number of the first of them."""

    count: int
    style: str = ""
    """How, where a program knows several ways."""

    ca_file: str | None = None
    """Whom to trust, where there is TLS from the first octet on."""

    host: str = "127.0.0.1"

    @property
    def numbers(self) -> range:
        """The message-numbers, all of them."""
        return range(self.first, self.first + self.count)

    def wanted(self, listings: Iterable[ScanListing]) -> list[ScanListing]:
        """The scan listings of these messages, so that their sizes are known before they come."""
        return [listing for listing in listings if listing.number in self.numbers]

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Job":
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Result:
    """What it took, from just before connecting until all was there and the session over."""

    seconds: float
    cpu: float
    """Seconds, user and system."""

    peak: int
    """Octets of memory, at most."""

    sessions: int = 1
    """With the server, until the end."""

    fetched: int | None = None
    """Octets of messages, where the program can tell."""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Result":
        return cls(**json.loads(text))
