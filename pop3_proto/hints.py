"""What a refusal without a response code seems to mean, by its words."""

import re
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
    (Hint.OVER_QUOTA, rb"quota|(?:mailbox|maildrop) (?:is )?full"),
    (Hint.TOO_SOON, rb"allowed only every|login limit|login too soon|too frequent(?:ly)?"),
    (Hint.TOO_MUCH, rb"download exceed(?:ed|s)?|rate limit|too many requests|bandwidth"),
    (Hint.LOCKED, rb"(?:mailbox|maildrop) (?:is )?(?:already )?(?:locked|busy|open)|locked by"),
    (
        Hint.LOCKED,
        rb"in use|lock busy|(?:get|obtain) (?:a |the )?lock|lock (?:the )?mail(?:box|drop)",
    ),
    (Hint.LOCKED, rb"wait a few minutes"),
)
"""Words that servers are known to use; the first row that has some of them counts."""


def hint(octets: bytes) -> Hint | None:
    """What the text of a negative reply seems to mean, or None where its words are not known."""
    return next((kind for kind, words in WORDS if _has(octets, words)), None)


def _has(octets: bytes, words: bytes) -> bool:
    # Not compiled above: that is a millisecond of the import.
    return re.search(rb"\b(?:" + words + rb")\b", octets, re.IGNORECASE) is not None
