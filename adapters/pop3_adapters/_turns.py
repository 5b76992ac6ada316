"""Whose turn it is on a client's connection, so that no octet is taken for somebody else's."""

from collections.abc import Iterable
from typing import TypeVar

from pop3_proto import ClientConnection, LocalProtocolError
from pop3_proto.flows.client import Fetch
from pop3_proto.flows.core import Flow

__all__ = ["Turns"]

T = TypeVar("T")


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

    def take(self, flow: Flow[T]) -> Flow[T]:
        """`flow` as a new operation.

        Being a flow itself, it takes nobody's turn where the connection is busy.
        """
        self.begin()
        return (yield from flow)

    def begin_fetch(self, numbers: Iterable[int], window: int) -> Flow[Fetch]:
        """A fetch: each of its messages has a turn of its own."""
        yield from ()
        self.begin()
        self.fetch = Fetch(self._conn, numbers, window)
        return self.fetch

    def end_fetch(self, fetch: Fetch) -> None:
        """A fetch is over, or was left; another one may have begun meanwhile."""
        if self.fetch is fetch:
            self.fetch = None

    def check(self, turn: int, number: int) -> None:
        """Raise LocalProtocolError where the turn of a message is over."""
        if turn != self.current:
            raise LocalProtocolError(
                f"the rest of message {number} was thrown away when something else was asked for: "
                "read a message to its end first"
            )
