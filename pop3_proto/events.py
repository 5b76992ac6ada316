"""What the machines report."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal, TypeAlias

from .commands import Command
from .responses import StatusLine

__all__ = [
    "NEED_DATA",
    "PAUSED",
    "BadCommand",
    "BodyChunk",
    "BodyEnd",
    "ClientEvent",
    "EndOfStream",
    "Greeting",
    "Reply",
    "ServerEvent",
    "Unsolicited",
    "Waiting",
]


class Waiting(Enum):
    """What has to happen before there is another event."""

    NEED_DATA = "receive_data() or receive_eof() comes next"
    PAUSED = "this side is due: a reply, or the TLS handshake"


NEED_DATA: Final = Waiting.NEED_DATA
PAUSED: Final = Waiting.PAUSED


@dataclass(frozen=True, slots=True)
class Greeting(StatusLine):
    """The server's first line. With `-ERR` the session is over before it began."""


@dataclass(frozen=True, slots=True)
class Reply(StatusLine):
    """The reply to `command`, the object that was sent; a body follows where `command.body` says
    so and the reply is positive."""

    command: Command[object] = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Unsolicited(StatusLine):
    """A reply that nobody asked for. The machine is BROKEN: no later reply can be matched.

    It is told by having arrived, at `receive_data`, before the command was sent. One that was still
    in flight then cannot be told from the reply to the command.
    """


@dataclass(frozen=True, slots=True)
class BodyChunk:
    """The next octets of a body, stuffed dots removed, cut anywhere; never empty."""

    data: bytes


@dataclass(frozen=True, slots=True)
class BodyEnd:
    """The body is complete."""


@dataclass(frozen=True, slots=True)
class EndOfStream:
    """The peer has ended the connection, or the session is over."""


@dataclass(frozen=True, slots=True)
class BadCommand:
    """A line that is no command, or none that is legal here; a negative reply is owed.

    `reason` is fit to be the text of that reply: it repeats nothing of the line. `octets` is the
    line, as far as it was kept, and may hold a password.
    """

    reason: str
    octets: bytes = field(default=b"", repr=False)


ClientEvent: TypeAlias = (
    Greeting
    | Reply
    | BodyChunk
    | BodyEnd
    | Unsolicited
    | EndOfStream
    | Literal[Waiting.NEED_DATA, Waiting.PAUSED]
)

ServerEvent: TypeAlias = (
    Command[object] | BadCommand | EndOfStream | Literal[Waiting.NEED_DATA, Waiting.PAUSED]
)
