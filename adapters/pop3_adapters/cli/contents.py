"""What a maildrop holds, as its server lists it."""

from collections import Counter
from dataclasses import dataclass

from pop3_proto import CommandFailed, Offer

from ..socket import Client
from .fetched import Fetched

__all__ = ["Contents", "list_contents"]


@dataclass(frozen=True, slots=True)
class Contents:
    """Octets and unique-ids by message-number, each where the server says it.

    The octets are a hint: servers count in different ways, or lie.
    """

    numbers: list[int]
    octets: dict[int, int]
    unique_ids: dict[int, bytes]
    has_unique_ids: bool
    """Whether the server has unique-ids at all."""

    def known(self, fetched: Fetched) -> set[int]:
        """The numbers of the messages that have been stored already."""
        copies = Counter(self.unique_ids.values())
        ids = self.unique_ids.items()
        return {number for number, name in ids if fetched.holds(name, copies[name])}


def list_contents(client: Client) -> Contents:
    """Ask for both listings; the server may lack UIDL, and with it LIST is not needed."""
    unique_ids = _unique_ids(client)
    try:
        octets = {number: octets or 0 for number, octets in client.scan_listings()}
    except CommandFailed:
        if unique_ids is None:
            raise
        octets = {}
    numbers = sorted({*octets, *(unique_ids or ())})
    # A server that leaves a unique-id out has none for that message.
    names = {number: name for number, name in (unique_ids or {}).items() if name}
    return Contents(numbers, octets, names, unique_ids is not None)


def _unique_ids(client: Client) -> dict[int, bytes] | None:
    """The unique-ids, or None where the server has none.

    A server that announces them and refuses to list them is in trouble: to fetch everything
    again would be no help.
    """
    try:
        return dict(client.unique_ids())
    except CommandFailed:
        if client.offer("UIDL") is Offer.OFFERED:
            raise
        return None
