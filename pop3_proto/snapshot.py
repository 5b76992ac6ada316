"""The messages of a maildrop, as one session sees them."""

from collections.abc import AsyncIterable, Iterable, Sequence

from .listings import MailboxStat, is_unique_id
from .maildrop import Maildrop, MessageEntry

__all__ = ["Snapshot"]


class Snapshot:
    """What was in the maildrop at the login, by message-number, and what is marked as deleted.

    Before the login it is empty. Numbers never change, and a message that is marked is there no
    more (RFC 1939, section 5).
    """

    def __init__(self, maildrop: Maildrop | None = None, entries: Sequence[MessageEntry] = ()):
        """Raises ValueError where the unique-ids are none, or not unique (RFC 1939, section 7)."""
        _check_unique_ids(entries)
        self.last = 0
        """The highest message-number that was retrieved, or 0 (RFC 1460, section 5)."""

        self._maildrop = maildrop
        self._entries = entries
        self._octets = sum(entry.octets for entry in entries)
        self._marked: set[int] = set()
        self._marked_octets = 0

    @property
    def stat(self) -> MailboxStat:
        """How many messages there are, and their octets."""
        count = len(self._entries) - len(self._marked)
        return MailboxStat(count, self._octets - self._marked_octets)

    @property
    def marked(self) -> list[int]:
        """The message-numbers that are marked, in their order."""
        return sorted(self._marked)

    def listing(self) -> list[tuple[int, MessageEntry]]:
        """All that are there, with their numbers."""
        entries = enumerate(self._entries, 1)
        return [(number, entry) for number, entry in entries if number not in self._marked]

    def entry(self, number: int) -> MessageEntry | None:
        """The message with this number, or None where there is none."""
        if 1 <= number <= len(self._entries) and number not in self._marked:
            return self._entries[number - 1]
        return None

    def read(self, number: int) -> Iterable[bytes] | AsyncIterable[bytes]:
        """The octets of a message, in pieces; KeyError where there is none with this number."""
        if self._maildrop is None or not self.entry(number):
            raise KeyError(number)
        return self._maildrop.read(number - 1)

    def mark(self, number: int) -> bool:
        """Mark a message as deleted; False where there is none with this number."""
        entry = self.entry(number)
        if entry is None:
            return False
        self._marked.add(number)
        self._marked_octets += entry.octets
        return True

    def reset(self) -> None:
        """Take back every mark, and forget what was retrieved."""
        self._marked.clear()
        self._marked_octets = 0
        self.last = 0


def _check_unique_ids(entries: Sequence[MessageEntry]) -> None:
    ids = {entry.unique_id for entry in entries}
    if len(ids) < len(entries):
        raise ValueError("two messages of a maildrop have the same unique-id")
    for unique_id in ids:
        if not is_unique_id(unique_id):
            raise ValueError(f"{unique_id!r} is no unique-id: 1 to 70 octets of 0x21 to 0x7E")
