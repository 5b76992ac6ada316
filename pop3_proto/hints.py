"""What a refusal without a response code seems to mean, by its words."""

from enum import Enum
from typing import Final

__all__ = ["Hint", "hint"]


class Hint(Enum):
    """A guess that stands beside the server's words, never in their place."""

    LOCKED = "another session seems to hold the maildrop"
    TOO_SOON = "the last login seems to be too recent"
    TOO_MUCH = "too much seems to have been asked for in a certain time"
    OVER_QUOTA = "the maildrop seems to be over its quota"


WORDS: Final = (
    (Hint.OVER_QUOTA, (b"quota", b"mailbox full", b"mailbox is full", b"maildrop full")),
    (Hint.TOO_SOON, (b"allowed only every", b"login limit", b"login too soon", b"too frequent")),
    (Hint.TOO_MUCH, (b"download exceed", b"rate limit", b"too many requests", b"bandwidth")),
    (Hint.LOCKED, (b"lock busy", b"box locked", b"box is locked", b"drop locked", b"locked by")),
    (Hint.LOCKED, (b"drop is locked", b"in use", b"wait a few minutes", b"already open")),
)
"""Words that servers are known to use, in lower case; the first row that has one of them counts."""


def hint(octets: bytes) -> Hint | None:
    """What the text of a negative reply seems to mean, or None where its words are not known."""
    text = octets.lower()
    return next((kind for kind, words in WORDS if any(word in text for word in words)), None)
