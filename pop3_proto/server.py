"""The server's side of a connection, as a machine without I/O."""

from collections.abc import Iterable

from .body import BodyEncoder
from .commands import COMMANDS, Body, Command, Quit
from .connection import Connection
from .errors import LocalProtocolError, PlaintextAfterStls
from .events import NEED_DATA, PAUSED, BadCommand, EndOfStream, ServerEvent
from .limits import Limits
from .lines import breaks_line
from .responses import ResponseCode, write_status
from .states import GREETING, Outcome, State

__all__ = ["ServerConnection"]


class ServerConnection(Connection):
    """Turns octets into commands, and replies into octets.

    One command is reported at a time: the next one after its reply is complete. Until then
    `next_event` says PAUSED, and reading more would only pile up octets.

    `commands` is the vocabulary, and may have classes of one's own in it.
    """

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        commands: Iterable[type[Command[object]]] = COMMANDS,
    ) -> None:
        super().__init__(limits=limits)
        self._vocabulary = {command.verb.encode("ascii"): command for command in commands}
        self._owed: Command[object] | BadCommand | None = None
        self._encoder: BodyEncoder | None = None
        self._skipping = False

    def greet(self, text: str = "", *, ok: bool = True, code: ResponseCode | None = None) -> bytes:
        """The greeting; a negative one ends the session (RFC 1939, section 4)."""
        if self.state is not State.GREETING:
            self._refuse("cannot greet: the greeting has been sent")
        line = write_status(ok, text, code, self.limits.status_out)
        self._session.move(GREETING, Outcome.OK if ok else Outcome.ERR)
        return line

    def next_event(self) -> ServerEvent:
        """What the client wants next. With PAUSED, this side is due."""
        if self._failure:
            raise self._failure.with_traceback(None)
        if self.state is State.CLOSED:
            return EndOfStream()
        if self._owed or self.state is State.GREETING:
            return PAUSED
        if self.state is State.TLS_HANDSHAKE:
            return self._end() if self._eof else PAUSED
        line = self._take_line()
        if line is None:
            return self._end() if self._eof else NEED_DATA
        event = line if isinstance(line, BadCommand) else self._read(line)
        self._owed = event
        if isinstance(event, Quit):
            self._session.move(Quit.verb, Outcome.SENT)
        return event

    def reply(self, ok: bool, text: str = "", *, code: ResponseCode | None = None) -> bytes:
        """The status line of the reply that is owed.

        A positive one to a command whose reply is a multi-line one has to be followed by
        `send_body` and `end_body`. Text that is too long is cut; CR, LF or NUL in it are a
        LocalProtocolError.
        """
        owed = self._owed
        if owed is None or self._encoder or self._failure:
            self._refuse("no reply is owed: wait for the next command")
        if ok and isinstance(owed, BadCommand):
            raise LocalProtocolError("a bad command has to be refused, with ok=False")
        line = write_status(ok, text, code, self.limits.status_out)
        if isinstance(owed, BadCommand):
            self._owed = None
            return line
        if ok and owed.verb == "STLS" and not self._input.empty:
            self._fail(PlaintextAfterStls())
        if ok and owed.body is not Body.NONE:
            self._encoder = BodyEncoder()
        else:
            self._owed = None
        self._session.move(owed.verb, Outcome.OK if ok else Outcome.ERR)
        return line

    def send_body(self, data: bytes) -> bytes:
        """The wire form of the next octets of a body; lines in it end in CRLF already."""
        return self._body().encode(data)

    def end_body(self) -> bytes:
        """The end of the body; the next command may come."""
        end = self._body().end()
        self._encoder = None
        self._owed = None
        return end

    def silence(self) -> str:
        return "the client's next command was due"

    def _body(self) -> BodyEncoder:
        if self._failure or self._encoder is None:
            self._refuse("no body is owed: a positive reply to a command that has one comes first")
        return self._encoder

    def _take_line(self) -> bytes | BadCommand | None:
        """The next command line without its end; what is too long is dropped as it comes."""
        line = self._input.take_line()
        if line is None:
            if self._skipping or self._input.unfinished > self.limits.command:
                self._skipping = True
                self._input.drop_unfinished()
            return None
        if self._skipping or len(line) > self.limits.command:
            self._skipping = False
            return BadCommand(f"the line is longer than {self.limits.command} octets")
        return line[:-2] if line.endswith(b"\r\n") else line[:-1]

    def _read(self, line: bytes) -> Command[object] | BadCommand:
        if breaks_line(line):
            return BadCommand("a command contains no CR and no NUL", line)
        verb, blank, rest = line.partition(b" ")
        command = self._vocabulary.get(verb.upper())
        if command is None:
            return BadCommand("unknown command" if verb else "no command", line)
        obstacle = self._session.obstacle(command.verb, command.states)
        if obstacle:
            return BadCommand(obstacle, line)
        words = ([rest] if blank else []) if command.verbatim else [*filter(None, rest.split(b" "))]
        try:
            return command.parse(words)
        except ValueError as error:
            return BadCommand(str(error), line)

    def _end(self) -> EndOfStream:
        self._session.state = State.CLOSED
        return EndOfStream()
