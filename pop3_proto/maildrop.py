"""What a server asks of an application behind the login: what lies in the maildrop.

Each method may be plain or asynchronous, as the adapter that runs the server allows.
"""

from collections.abc import AsyncIterable, Awaitable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias, TypeVar, runtime_checkable

from .capabilities import LoginInterval, Retention
from .errors import Pop3Error
from .responses import ResponseCode

__all__ = [
    "Announced",
    "Announcing",
    "Maildrop",
    "MaybeAwaitable",
    "MessageEntry",
    "Refused",
    "Utf8Aware",
]

T = TypeVar("T")

MaybeAwaitable: TypeAlias = T | Awaitable[T]


class MessageEntry(NamedTuple):
    """A message in a maildrop: its octets as RETR sends them, and its unique-id.

    A unique-id is 1 to 70 octets of 0x21 to 0x7E, differs from that of every other message in the
    maildrop, and is never used again (RFC 1939, section 7).

    `needs_utf8`: it may be sent in UTF-8 mode only, because it holds more than ASCII where mail
    outside that mode cannot (RFC 6856, section 2.1).
    """

    octets: int
    unique_id: bytes
    needs_utf8: bool = False


class Refused(Pop3Error):
    """Raised by `authenticate` or `open` to refuse a login with a text and a response code."""

    def __init__(self, text: str, code: ResponseCode | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


class Maildrop(Protocol):
    """One user's messages during one session."""

    def open(self) -> MaybeAwaitable[Sequence[MessageEntry]]:
        """Lock the maildrop and list it: the first entry becomes message-number 1.

        The list is a snapshot: what arrives later belongs to the next session. Raises Refused
        with the code IN-USE where another session has it. `close` follows only where this
        succeeded.
        """
        ...

    def read(self, index: int) -> Iterable[bytes] | AsyncIterable[bytes]:
        """The octets of an entry, counted from 0, in pieces; each line ends in CRLF.

        Plain pieces are read together, in a thread where there is an event loop, until they have
        64 KiB, and only then sent: those that come slowly are better asynchronous, and are sent
        one by one. Where a client has asked for several small messages, up to 16 are read together
        so, each from its beginning to its end, in the order in which they were asked for, if the
        pieces are generators or sequences. `read` is called for all of them first, and what has
        begun by then, as a file at its position has, might be in the way of another one. Where
        reading fails before anything was sent, the client gets a temporary failure, and behind
        that the connection is given up.
        """
        ...

    def delete(self, indexes: Collection[int]) -> MaybeAwaitable[None]:
        """Delete these entries, each whole or not at all; called once, in UPDATE only."""
        ...

    def close(self) -> MaybeAwaitable[None]:
        """Unlock; called once, however the session ended."""
        ...


@dataclass(frozen=True, slots=True)
class Announced:
    """What an application can do, or wants, that a server has to announce."""

    login_interval: LoginInterval | None = None
    retention: Retention | None = None
    utf8: bool = False
    """Whether its maildrops say of each message if it needs UTF-8 mode."""


@runtime_checkable
class Announcing(Protocol):
    """What an authenticator may be besides, for before the login, and a maildrop, for its user.

    Where it differs by user, the authenticator says the longest interval and the shortest
    retention, with `by_user` (RFC 2449, sections 6.5 and 6.7).
    """

    @property
    def announced(self) -> Announced:
        """What to announce now."""
        ...


@runtime_checkable
class Utf8Aware(Protocol):
    """What a maildrop may be besides: one that has surrogates for messages that need UTF-8 mode,
    and sends those without it (RFC 6856, section 2.1)."""

    def enable_utf8(self) -> MaybeAwaitable[None]:
        """The session is in UTF-8 mode; called before `open`, or never."""
        ...
