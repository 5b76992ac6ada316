"""What the machines report."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal, TypeAlias

from .commands import Command
from .responses import StatusLine

__all__ = [
    "NEED_DATA",
    "PAUSED",
    "AuthCancelled",
    "AuthResponse",
    "BadCommand",
    "BodyChunk",
    "BodyEnd",
    "Challenge",
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
class Challenge:
    """The server wants a response inside AUTH: `respond` or `cancel` is due.

    `data` is None where it is no base64. A client that speaks first, and has not done so, is
    asked for nothing that this could say; everywhere else it has to cancel (RFC 5034, section 4).

    `irregular`: the server said `+OK` before the mechanism had said all that it has to say. That is
    a challenge that is spelt wrong, and never a login; `data` is empty where it is no base64.
    """

    data: bytes | None = field(repr=False)
    irregular: bool = False


@dataclass(frozen=True, slots=True)
class AuthResponse:
    """The client's response to a challenge; a further challenge or a reply is owed."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuthCancelled:
    """The client has cancelled AUTH with `*`; a negative reply is owed."""


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
    | Challenge
    | BodyChunk
    | BodyEnd
    | Unsolicited
    | EndOfStream
    | Literal[Waiting.NEED_DATA, Waiting.PAUSED]
)

ServerEvent: TypeAlias = (
    Command[object]
    | AuthResponse
    | AuthCancelled
    | BadCommand
    | EndOfStream
    | Literal[Waiting.NEED_DATA, Waiting.PAUSED]
)
