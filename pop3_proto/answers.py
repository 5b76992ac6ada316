"""How a server answers a command of one's own."""

from collections.abc import AsyncIterable, Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from .maildrop import MaybeAwaitable
from .snapshot import Snapshot

__all__ = ["Answer", "Answering"]


@dataclass(frozen=True, slots=True)
class Answer:
    """A positive reply: its text, and the pieces of its body where the command has one.

    The lines of a body end in CRLF; it is sent as it comes, and may be endless.
    """

    text: str = ""
    body: Iterable[bytes] | AsyncIterable[bytes] = ()


@runtime_checkable
class Answering(Protocol):
    """A command that says itself how a server answers it."""

    def answer(self, messages: Snapshot) -> MaybeAwaitable[Answer]:
        """The positive reply; Refused makes it a negative one.

        `messages` is what the user has in the maildrop, and empty before the login.
        """
        ...
