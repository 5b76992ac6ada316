"""Whose turn it is on a client's connection, so that no octet is taken for somebody else's."""

from collections.abc import Iterable

from pop3_proto import ClientConnection, LocalProtocolError
from pop3_proto.flows.client import Fetch

__all__ = ["Turns"]


class Turns:
    """Counts the operations on a connection; a message may be read only in its own turn."""

    def __init__(self, conn: ClientConnection) -> None:
        self._conn = conn
        self.current = 0
        self.fetch: Fetch | None = None
        """The fetch that is under way."""

    def begin(self) -> None:
        """A new operation: the message that is being read loses its turn.

        Raises LocalProtocolError where messages that were asked for would be lost by it.
        """
        if self.fetch and len(self._conn.pending) > self._conn.in_body:
            raise LocalProtocolError(
                "messages are being fetched: take all of them or leave the loop first; to delete "
                "one of them use its delete()"
            )
        self.current += 1

    def begin_fetch(self, numbers: Iterable[int], window: int) -> Fetch:
        """A fetch: each of its messages has a turn of its own."""
        self.begin()
        self.fetch = Fetch(self._conn, numbers, window)
        return self.fetch

    def check(self, turn: int, number: int) -> None:
        """Raise LocalProtocolError where the turn of a message is over."""
        if turn != self.current:
            raise LocalProtocolError(
                f"the rest of message {number} was thrown away when something else was asked for: "
                "read a message to its end first"
            )
