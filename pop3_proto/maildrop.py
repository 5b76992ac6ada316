"""What a server asks of an application: who may log in, and what lies in the maildrop.

Each method may be plain or asynchronous, as the adapter that runs the server allows.
"""

from collections.abc import AsyncIterable, Awaitable, Collection, Iterable, Sequence
from typing import NamedTuple, Protocol, TypeAlias, TypeVar

from .errors import Pop3Error
from .responses import ResponseCode

__all__ = ["Authenticator", "Maildrop", "MaybeAwaitable", "MessageEntry", "Refused"]

T = TypeVar("T")

MaybeAwaitable: TypeAlias = T | Awaitable[T]


class MessageEntry(NamedTuple):
    """A message in a maildrop: its octets as RETR sends them, and its unique-id.

    A unique-id is 1 to 70 octets of 0x21 to 0x7E, differs from that of every other message in the
    maildrop, and is never used again (RFC 1939, section 7).
    """

    octets: int
    unique_id: bytes


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
        """The octets of an entry, counted from 0, in pieces; each line ends in CRLF."""
        ...

    def delete(self, indexes: Collection[int]) -> MaybeAwaitable[None]:
        """Delete these entries, each whole or not at all; called once, in UPDATE only."""
        ...

    def close(self) -> MaybeAwaitable[None]:
        """Unlock; called once, however the session ended."""
        ...


class Authenticator(Protocol):
    """Decides who may log in, and to which maildrop."""

    def authenticate(self, name: str, password: str) -> MaybeAwaitable[Maildrop | None]:
        """The maildrop that belongs to the name, or None if name or password is wrong."""
        ...
