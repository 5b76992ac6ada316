"""The client's side of a connection, as a machine without I/O."""

from collections import deque
from enum import Enum
from typing import Final, NoReturn

from .body import BodyDecoder
from .capabilities import Capabilities
from .commands import Body, Command, Dele, Quit, Rset, Stls
from .connection import Connection
from .errors import (
    BodyTooLarge,
    LineTooLong,
    LocalProtocolError,
    PlaintextAfterStls,
    RemoteProtocolError,
    UnexpectedEof,
    UnsolicitedReply,
)
from .events import (
    NEED_DATA,
    PAUSED,
    BodyChunk,
    BodyEnd,
    ClientEvent,
    EndOfStream,
    Greeting,
    Reply,
    Unsolicited,
)
from .limits import Limits
from .responses import StatusLine, describe_foreign, parse_status, printable
from .states import GREETING, Outcome, State

__all__ = ["ClientConnection", "Deletions"]


class Deletions(Enum):
    """What became of the messages that were marked as deleted (RFC 1939, section 6)."""

    KEPT = "nothing is deleted: QUIT was not sent"
    UNKNOWN = "QUIT was sent, and no positive reply came: some, all or none are deleted"
    DONE = "the server confirmed that they are deleted"


BODY_END: Final = BodyEnd()


class ClientConnection(Connection):
    """Turns commands into octets, and octets into events.

    Commands may be sent ahead of replies (RFC 2449, section 6.6); replies match them in order.
    """

    def __init__(self, *, limits: Limits | None = None) -> None:
        super().__init__(limits=limits)
        self.capabilities: Capabilities | None = None
        """What the server announced in this layer of security, for whoever asked; None: unknown.
        Forgotten when TLS starts."""

        self.deletions = Deletions.KEPT
        """What has become of `marked`."""

        self.blank_lines = 0
        """Blank lines that came where a reply was due, and were skipped."""

        self._pending: deque[tuple[Command[object], int]] = deque()
        self._marked: set[int] = set()
        self._eol: bytes | None = None
        self._decoder: BodyDecoder | None = None
        self._decoded = 0
        self._most = 0
        self._skipped_blank = False
        self._secret: Command[object] | None = None

    @property
    def pending(self) -> tuple[Command[object], ...]:
        """The commands that are not yet answered in full, oldest first."""
        return tuple(command for command, _ in self._pending)

    @property
    def in_body(self) -> bool:
        """Whether the body of the oldest pending command is being read."""
        return self._decoder is not None

    @property
    def marked(self) -> frozenset[int]:
        """The message-numbers that the server has marked as deleted."""
        return frozenset(self._marked)

    def send(self, command: Command[object]) -> bytes:
        """The octets of a command, which have to be sent as they are, at once and whole.

        Raises LocalProtocolError, and changes nothing, where the command is not legal here or
        would not arrive as what it is.
        """
        self._check(command)
        line = command.line(self.limits.command_out)
        self._pending.append((command, self._input.received))
        self._secret = command if command.secret else self._secret
        if isinstance(command, Quit) and self.state is State.TRANSACTION:
            self.deletions = Deletions.UNKNOWN
        self._session.move(command.verb, Outcome.SENT)
        return line

    def next_event(self) -> ClientEvent:
        """What has happened next.

        Raises RemoteProtocolError where the server broke the protocol, and again whenever it is
        called after that.
        """
        if self._failure:
            raise self._failure.with_traceback(None)
        if self.state is State.CLOSED:
            return EndOfStream()
        if self.state is State.TLS_HANDSHAKE:
            return self._end() if self._eof else PAUSED
        return self._body_event() if self._decoder else self._status_event()

    def silence(self) -> str:
        """Nothing has come in time: says what was due.

        Where an empty line came in place of a reply, the connection is BROKEN: that may have been
        the reply, and none that comes later could be matched.
        """
        due = f"{self._due()} was due"
        if self._skipped_blank:
            due = f"the server sent an empty line where {due}"
            self.abort(due)
        return due

    def _due(self) -> str:
        if self.state is State.GREETING:
            return "the greeting"
        if self._decoder:
            return f"the rest of the response to {self._pending[0][0]}"
        return f"the reply to {self._pending[0][0]}" if self._pending else "a reply"

    def _check(self, command: Command[object]) -> None:
        ahead = self._pending[-1][0] if self._pending else None
        if ahead and ahead.barrier and not self._failure:
            raise LocalProtocolError(
                f"cannot send {command.verb} while the reply to {ahead.verb} is due: servers "
                f"lose what follows {ahead.verb}; wait for its reply"
            )
        user_coming = command.verb == "PASS" and any(c.verb == "USER" for c, _ in self._pending)
        obstacle = self._session.obstacle(command.verb, command.states, user_coming=user_coming)
        if obstacle:
            self._refuse(f"cannot send {command.verb}: {obstacle}")

    def _forget(self) -> None:
        self.capabilities = None
        self._eol = None

    def _status_event(self) -> ClientEvent:
        start = self._input.start
        line = self._take_line()
        if line is None:
            if self.state is State.GREETING and describe_foreign(self._input.beginning):
                self._fail(self._no_status(self._input.beginning))
            return self._end() if self._eof else NEED_DATA
        if not line and self._skip_blank(start):
            return self._status_event()
        greeting = self.state is State.GREETING
        any_code = "RESP-CODES" in (self.capabilities or ())
        line = self._redacted(line)
        status = parse_status(line, any_code=any_code, greeting=greeting)
        if status is None:
            self._fail(self._no_status(line))
        self._skipped_blank = False
        if greeting:
            self._session.move(GREETING, Outcome.OK if status.ok else Outcome.ERR)
            return Greeting(status.ok, status.octets, status.code)
        if not self._pending or start < self._pending[0][1]:
            unsolicited = Unsolicited(status.ok, status.octets, status.code)
            self._break(UnsolicitedReply(unsolicited))
            return unsolicited
        return self._reply(status)

    def _redacted(self, line: bytes) -> bytes:
        """A status line without the secret that it may repeat, where one was sent last."""
        if self._secret is None or (self._pending and self._pending[0][0] is not self._secret):
            return line
        indicator, blank, rest = line.partition(b" ")
        return indicator + blank + self._secret.redact(rest)

    def _reply(self, status: StatusLine) -> Reply:
        command = self._pending[0][0]
        if status.ok and isinstance(command, Stls) and not self._input.empty:
            self._fail(PlaintextAfterStls())
        if status.ok and command.body is not Body.NONE:
            self._decoder = BodyDecoder(self._eol or b"\r\n")
            self._decoded = 0
            self._most = self.limits.octets_of(command.body)
        else:
            _ = self._pending.popleft()
        if status.ok:
            self._note(command)
        self._session.move(command.verb, Outcome.OK if status.ok else Outcome.ERR)
        return Reply(status.ok, status.octets, status.code, command=command)

    def _note(self, command: Command[object]) -> None:
        if isinstance(command, Dele):
            self._marked.add(command.number)
        elif isinstance(command, Rset):
            self._marked.clear()
        elif isinstance(command, Quit) and self.state is State.UPDATE:
            self.deletions = Deletions.DONE

    def _body_event(self) -> ClientEvent:
        decoder = self._decoder
        assert decoder is not None
        while not decoder.ended:
            chunk, position = self._input.rest()
            if position == len(chunk):
                return self._end() if self._eof else NEED_DATA
            data, used = decoder.decode(chunk, position)
            self._input.use(used)
            if data:
                self._count(len(data))
                return BodyChunk(data)
        _ = self._pending.popleft()
        self._decoder = None
        return BODY_END

    def _count(self, octets: int) -> None:
        self._decoded += octets
        if self._decoded > self._most:
            self._fail(BodyTooLarge(str(self._pending[0][0]), self._most))

    def _take_line(self) -> bytes | None:
        """The next line without its end, which is learnt from the first one."""
        line = self._input.take_line()
        if line is None:
            if self._input.unfinished > self.limits.line:
                self._fail(LineTooLong(self.limits.line))
            return None
        if len(line) > self.limits.line:
            self._fail(LineTooLong(self.limits.line))
        if line.endswith(b"\r\n"):
            self._eol = b"\r\n"
            return line[:-2]
        if self._eol == b"\r\n":
            self._fail(
                RemoteProtocolError(
                    "the server sent a line that ends in a bare LF, although its lines end in "
                    f"CRLF: {self._quote(line)}"
                )
            )
        self._eol = b"\n"
        return line[:-1]

    def _skip_blank(self, start: int) -> bool:
        if self.state is State.GREETING or self.blank_lines >= self.limits.blank_lines:
            return False
        self.blank_lines += 1
        if self._pending and start >= self._pending[0][1]:
            again, self._skipped_blank = self._skipped_blank, True
            return not again
        return True

    def _no_status(self, line: bytes) -> RemoteProtocolError:
        foreign = describe_foreign(line) if self.state is State.GREETING else None
        if foreign:
            return RemoteProtocolError(
                f"this is no POP3 server, it speaks {foreign}: check host and port"
            )
        what = self._quote(line) if line else "an empty line"
        return RemoteProtocolError(f"the server sent {what} where {self._due()} was due")

    def _quote(self, line: bytes) -> str:
        if self._pending and self._pending[0][0].secret:
            return "something that may repeat the password, and is not shown"
        return repr(printable(line[:80]))

    def _end(self) -> EndOfStream:
        if self._decoder:
            received = f"after {self._decoded} octets of the response to {self._pending[0][0]}"
            self._lost(f"{received}, which is incomplete")
        if self.state is State.GREETING:
            self._lost("before the greeting")
        if self.state is State.TLS_HANDSHAKE:
            self._lost("where TLS had to begin")
        if not all(isinstance(command, Quit) for command in self.pending):
            more = f" and {len(self._pending) - 1} more" if len(self._pending) > 1 else ""
            self._lost(f"while the reply to {self._pending[0][0]}{more} was due")
        self._pending.clear()
        self._session.state = State.CLOSED
        return EndOfStream()

    def _lost(self, when: str) -> NoReturn:
        self._fail(UnexpectedEof(when, self.pending, cut_off=self._cut_off))
