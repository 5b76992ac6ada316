"""What a trace asks of whoever plays one of its two parts again."""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from pop3_proto import Traced, TraceRecord
from pop3_proto.base64 import encode_base64
from pop3_proto.commands import HIDDEN
from pop3_proto.responses import printable

__all__ = ["Line", "Piece", "Script"]

Numbered: TypeAlias = Sequence[tuple[int, TraceRecord]]

LONGEST_QUOTE: Final = 80

OVER: Final = (Traced.EOF, Traced.CUT_OFF)


@dataclass(slots=True)
class Line:
    """A line that is to be sent again; what stands for a secret in it may be anything."""

    number: int
    octets: bytes
    arrived: int
    """How many octets had been received before it was sent."""

    greeting: bool = False

    def match(self, octets: bytes) -> int | None:
        """How many of the first octets are what is left of this; 0 where more have to come, None
        where they are something else."""
        end = octets.find(b"\n") + 1
        if end and not re.fullmatch(self._pattern(), octets[:end]):
            return None
        self.octets = b"" if end else self.octets
        return end

    def _pattern(self) -> bytes:
        first, *others = self.octets.removesuffix(b"\r\n").split(b" ")
        words = [self._word(first), *(self._behind_blank(word) for word in others)]
        return b"".join([*words, b"\r\n"])

    def _behind_blank(self, word: bytes) -> bytes:
        # A password may be empty, or have blanks in it.
        return rb"(?: [^\r\n]+)?" if word == HIDDEN else b" " + self._word(word)

    def _word(self, word: bytes) -> bytes:
        if word == encode_base64(HIDDEN):
            return rb"[^\r\n]+"
        if self.greeting and word.startswith(b"<") and word.endswith(b">"):
            return rb"<[^\r\n ]+>"  # no two sessions have the same timestamp for APOP
        return re.escape(word)

    def __str__(self) -> str:
        return printable(self.octets.rstrip(b"\r\n"))[:LONGEST_QUOTE]


@dataclass(slots=True)
class Piece:
    """Octets of a body that are to be sent again, however they are cut."""

    number: int
    octets: bytes
    arrived: int

    def match(self, octets: bytes) -> int | None:
        """The same, for pieces that are cut elsewhere."""
        length = min(len(self.octets), len(octets))
        if octets[:length] != self.octets[:length]:
            return None
        self.octets = self.octets[length:]
        return length

    def __str__(self) -> str:
        return "this piece of a body"


class Script:
    """What was received, and what has to be sent in between, in the order in which it was."""

    def __init__(self, records: Iterable[TraceRecord]) -> None:
        numbered = list(enumerate(records, 1))
        self.length = len(numbered)
        """How many records there are."""

        self.is_server = speaks_first(numbered)
        """Whether the part that is played again is the server's."""

        played = inside_tls(numbered)
        self.received = b"".join(of.octets for _, of in played if of.what is Traced.RECEIVED)
        self.ended = any(record.what in OVER for _, record in played)
        """Whether the peer has ended its side."""

        self.due = deque(said(played, self.is_server))


def speaks_first(records: Numbered) -> bool:
    """Whether the first octets were sent: they are the greeting."""
    return next((of.what is Traced.SENT for _, of in records if of.octets), False)


def inside_tls(records: Numbered) -> Numbered:
    """The greeting and what came inside TLS, where that has started."""
    start = next((at for at, (_, of) in enumerate(records) if of.what is Traced.TLS), None)
    return records if start is None else [*records[: min(start, 1)], *records[start + 1 :]]


def said(records: Numbered, is_server: bool) -> Iterator[Line | Piece]:
    """What was sent."""
    used = arrived = 0
    greeting = is_server
    for number, record in records:
        if record.what is Traced.RECEIVED:
            used += len(record.octets)
        elif record.what is Traced.SENT:
            arrived = max(arrived, used + record.unread)
            if record.body:
                yield Piece(number, record.octets, arrived)
            else:
                yield Line(number, record.octets, arrived, greeting)
            greeting = False
