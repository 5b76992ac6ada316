"""The mail that the benchmarks fetch."""

from dataclasses import dataclass
from typing import Final

from .bodies import body

__all__ = ["Batch", "message"]

HEADER: Final = (
    b"From: Alice <alice@example.org>\r\n"
    b"To: Bob <bob@example.org>\r\n"
    b"Subject: a message to measure with\r\n"
    b"Date: Mon, 02 Mar 2026 12:00:00 +0000\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"\r\n"
)


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages of a maildrop that are all alike."""

    body: str
    """A name of `BODIES`."""

    count: int
    octets: int
    """Of each message, at least: it ends with a whole line."""

    def __str__(self) -> str:
        return f"{self.count}:{self.octets}:{self.body}"

    def describe(self) -> str:
        """The same in words."""
        return f"{self.count:,} of {self.octets:,} octets ({self.body})"

    @classmethod
    def parse(cls, text: str) -> "Batch":
        """What `str` has made of one."""
        count, octets, name = text.split(":")
        return cls(name, int(count), int(octets))


def message(batch: Batch) -> bytes:
    """Any message of a batch, with CRLF at the end of each line."""
    return HEADER + body(batch.body, batch.octets - len(HEADER))
