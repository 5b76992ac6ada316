"""A server's end of a connection: what a client says, and the shortest answers to it."""

from collections.abc import Callable
from typing import TypeAlias

from ..commands import Command
from ..events import NEED_DATA, PAUSED, AuthCancelled, AuthResponse, BadCommand, EndOfStream
from ..maildrop import Refused
from ..responses import ResponseCode, printable
from ..server import ServerConnection
from .core import Flow, Io, Send

__all__ = ["ServerEnd", "as_text"]

Said: TypeAlias = Command[object] | AuthResponse | AuthCancelled | BadCommand | EndOfStream


class ServerEnd:
    """The machine of a session, and who is told what goes wrong in it."""

    def __init__(self, conn: ServerConnection, report: Callable[[Exception], None]) -> None:
        self.conn = conn
        self.report = report

    def next_event(self) -> Flow[Said]:
        """What the client says next."""
        while (event := self.conn.next_event()) is NEED_DATA:
            yield Io.RECEIVE
        if event is PAUSED:
            raise RuntimeError("a command was not answered")
        return event

    def reply(self, ok: bool, text: str = "", code: ResponseCode | None = None) -> Send:
        """A reply without a body."""
        return Send(self.conn.reply(ok, text, code=code))

    def refuse(self, refusal: Refused) -> Send:
        """What an application refuses."""
        return self.reply(False, as_text(refusal.text), refusal.code)

    def listing(self, lines: bytes) -> Send:
        """A reply with a body that is there as a whole."""
        conn = self.conn
        return Send(conn.reply(True) + conn.send_body(lines) + conn.end_body())

    def reject(self, event: AuthResponse | AuthCancelled | BadCommand) -> Flow[None]:
        """Answer what is no command; too many of them end the session."""
        if isinstance(event, BadCommand):
            yield from self._turn_down(event.reason)
        else:
            yield from self.count_bad("cancelled")

    def count_bad(self, reason: str) -> Flow[None]:
        """Refuse what the machine took for good as it does a bad command: an AUTH that comes to
        nothing costs a server more than most commands."""
        self.conn.bad_commands += 1
        yield from self._turn_down(reason)

    def _turn_down(self, reason: str) -> Flow[None]:
        conn = self.conn
        yield self.reply(False, reason)
        if conn.bad_commands > conn.limits.bad_commands:
            yield self.end("there were too many bad commands")

    def end(self, reason: str) -> Io:
        """Give the connection up."""
        self.conn.abort(reason)
        return Io.CLOSE

    def succeeds(self, flow: Flow[object]) -> Flow[bool]:
        """Whether a flow comes to its end; what goes wrong is reported."""
        try:
            _ = yield from flow
        except Exception as error:
            self.report(error)
            return False
        return True


def as_text(words: str) -> str:
    """What an application says, as a reply can carry it."""
    return printable(words.encode("utf-8", "backslashreplace"))
