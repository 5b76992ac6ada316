"""Whose turn it is on a client's connection, so that no octet is taken for somebody else's."""

from collections.abc import Iterable
from typing import Final, TypeVar

from pop3_proto import (
    Auth,
    ClientConnection,
    Command,
    Dele,
    Deletions,
    LocalProtocolError,
    Reply,
    Retr,
    ScanListing,
)
from pop3_proto.flows import client as flows
from pop3_proto.flows.client import Fetch
from pop3_proto.flows.core import Flow, Io

__all__ = ["Turns"]

T = TypeVar("T")

CONVERSATIONS: Final = {
    "USER": "login()",
    "PASS": "login()",
    "APOP": 'login(mechanism="APOP")',
    "AUTH": "authenticate()",
    "STLS": "connect(tls=TlsPolicy.STLS)",
    "QUIT": "quit()",
}
"""Commands that only make sense in a conversation, and what holds that."""


class Turns:
    """Counts the operations on a connection; a message may be read only in its own turn."""

    __slots__ = ("_conn", "current", "ended", "fetch")

    def __init__(self, conn: ClientConnection) -> None:
        self._conn = conn
        self.current = 0
        self.ended = False
        """Whether QUIT has been given, or nothing is to be sent any more."""

        self.fetch: Fetch | None = None
        """The fetch that is under way."""

    def begin(self) -> None:
        """A new operation: the message that is being read loses its turn.

        Raises LocalProtocolError where messages that were asked for would be lost by it.
        """
        if self.fetch and self._conn.owed > self._conn.in_body:
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

    def request(self, command: Command[T]) -> Flow[T]:
        """A command that is one of its own, and what its reply means."""
        if conversation := _conversation(command):
            raise LocalProtocolError(f"give {command.verb} with {conversation}, not by itself")
        return (yield from self.take(flows.request(self._conn, command)))

    def delete(self, number: int, *, read: bool) -> Flow[None]:
        """Mark a message as deleted that has been `read` to its end.

        In a fetch the server's answer is read later.
        """
        if not read:
            raise LocalProtocolError(
                f"message {number} has not been read to its end: a message is deleted only when "
                "all of it is here"
            )
        if self.fetch:
            yield from self.fetch.delete(number)
        else:
            yield from self.request(Dele(number))

    def leave(self, turn: int) -> Flow[None]:
        """The message of a turn is left before its end, where the turn is not over."""
        if turn == self.current and not self.fetch:
            yield from self.take(flows.settle(self._conn))

    def begin_fetch(self, messages: Iterable[int | ScanListing], window: int) -> Flow[Fetch]:
        """A fetch: each of its messages has a turn of its own."""
        yield from ()
        self.begin()
        self.fetch = Fetch(self._conn, messages, window)
        return self.fetch

    def next_message(self, reply: Reply) -> Retr:
        """The turn of a fetch's next message begins; the command that asked for it."""
        assert isinstance(reply.command, Retr)
        self.current += 1
        return reply.command

    def quit(self) -> Flow[Deletions]:
        """The end of the session, whatever is under way, and of the connection."""
        self.current += 1
        self.ended = True
        try:
            return (yield from flows.quit(self._conn))
        finally:
            yield Io.CLOSE

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


def _conversation(command: Command[object]) -> str | None:
    if isinstance(command, Auth) and command.mechanism is None:
        return None
    return CONVERSATIONS.get(command.verb)
