"""The client's side of a connection, as a machine without I/O."""

from collections import deque
from enum import Enum
from typing import Final, NoReturn, TypeAlias

from .apop import find_timestamp
from .base64 import encode_base64
from .body import BodyDecoder
from .capabilities import Capabilities, Offer, Source
from .commands import (
    CREDENTIALS,
    HIDDEN,
    Auth,
    Body,
    Command,
    Dele,
    Quit,
    Rset,
    Stls,
    redact,
    secrets_in,
)
from .connection import Connection
from .errors import (
    BodyTooLarge,
    LineTooLong,
    LocalProtocolError,
    RemoteProtocolError,
    UnexpectedEof,
    UnsolicitedReply,
)
from .events import (
    NEED_DATA,
    PAUSED,
    BodyChunk,
    BodyEnd,
    Challenge,
    ClientEvent,
    EndOfStream,
    Greeting,
    Reply,
    Unsolicited,
)
from .exchange import Exchange, hide_challenge
from .limits import Limits
from .responses import ResponseCode, describe_foreign, parse_status, printable, read_status
from .states import GREETING, Outcome, State
from .trace import Trace, Traced

__all__ = ["ClientConnection", "Deletions"]


class Deletions(Enum):
    """What became of the messages that were marked as deleted (RFC 1939, section 6)."""

    KEPT = "nothing is deleted: QUIT was not sent"
    UNKNOWN = "QUIT was sent, and no positive reply came: some, all or none are deleted"
    DONE = "the server confirmed that they are deleted"


Pending: TypeAlias = deque[tuple[Command[object], int]]
"""Commands, and how many octets had been received when each was sent."""

NOTHING_PENDING: Final[Pending] = deque(maxlen=0)
"""Shared by all sessions that wait: an empty queue of one's own takes 760 octets."""

BODY_END: Final = BodyEnd()
BRACKET: Final = ord("[")


class ClientConnection(Connection):
    """Turns commands into octets, and octets into events.

    Commands may be sent ahead of replies (RFC 2449, section 6.6); replies match them in order.
    """

    __slots__ = (
        *("_decoded", "_decoder", "_eol", "_exchange", "_marked", "_most", "_pending"),
        *("_secrets", "_secrets_of", "_skipped_blank"),
        *("blank_lines", "capabilities", "deletions", "timestamp", "timestamp_trusted"),
    )

    def __init__(self, *, limits: Limits | None = None, trace: Trace | None = None) -> None:
        super().__init__(limits=limits, trace=trace)
        self.timestamp: bytes | None = None
        """APOP's timestamp, where the greeting has one."""

        self.timestamp_trusted = False
        """Whether the greeting came inside TLS, so that nobody else can have chosen it."""

        self.capabilities: Capabilities | None = None
        """What the server announced in this layer of security, for whoever asked; None: unknown.
        Forgotten when TLS starts."""

        self.deletions = Deletions.KEPT
        """What has become of `marked`."""

        self.blank_lines = 0
        """Blank lines that came where a reply was due, and were skipped."""

        self._pending: Pending = NOTHING_PENDING
        self._marked: list[int] = []
        self._eol: bytes | None = None
        self._decoder: BodyDecoder | None = None
        self._decoded = 0
        self._most = 0
        self._skipped_blank = False
        self._exchange: Exchange | None = None
        self._secrets: tuple[bytes, ...] = ()
        self._secrets_of: Command[object] | None = None

    @property
    def pending(self) -> tuple[Command[object], ...]:
        """The commands that are not yet answered in full, oldest first."""
        return tuple(command for command, _ in self._pending)

    @property
    def owed(self) -> int:
        """How many commands are not yet answered in full."""
        return len(self._pending)

    @property
    def in_body(self) -> bool:
        """Whether the body of the oldest pending command is being read."""
        return self._decoder is not None

    @property
    def body_read(self) -> bool:
        """Whether the next event is the end of the body that is being read."""
        return self._decoder is not None and self._decoder.ended

    @property
    def challenged(self) -> bool:
        """Whether a challenge of AUTH waits for `respond` or `cancel`."""
        return self._failure is None and self._exchange is not None and self._exchange.due

    @property
    def marked(self) -> frozenset[int]:
        """The message-numbers that the server has marked as deleted."""
        return frozenset(self._marked)

    @property
    def source(self) -> Source:
        """Where what the server announces now comes from."""
        if self.state is State.TRANSACTION:
            return Source.LOGIN
        return Source.TLS if self.tls else Source.PLAINTEXT

    def offer(self, tag: str) -> Offer:
        """Whether the server announced a capability."""
        if self.capabilities is None:
            return Offer.UNKNOWN
        return Offer.OFFERED if tag in self.capabilities else Offer.NOT_OFFERED

    def send(self, command: Command[object]) -> bytes:
        """The octets of a command, which have to be sent as they are, at once and whole.

        Raises LocalProtocolError, and changes nothing, where the command is not legal here or
        would not arrive as what it is.
        """
        self._check(command)
        line = command.line(self.limits.command_out)
        if self._trace:
            last = isinstance(command, Auth) and command.last
            self._record(Traced.SENT, command.traced(), last=last)
        if not self._pending:
            self._pending = deque()
        self._pending.append((command, self._input.received))
        if isinstance(command, Auth) and command.mechanism:
            self._exchange = Exchange(command)
        secrets = command.secrets()
        if secrets or self._exchange:
            self._secrets, self._secrets_of = secrets, command
        if isinstance(command, Quit) and self.state is State.TRANSACTION:
            self.deletions = Deletions.UNKNOWN
        self._session.move(command.verb, Outcome.SENT)
        return line

    def respond(self, data: bytes, *, last: bool) -> bytes:
        """The octets of the response to a challenge; `last` says that the mechanism needs nothing
        more from the server, so that `+OK` means success.

        Raises LocalProtocolError where no challenge waits for one.
        """
        exchange = self._due_exchange("respond")
        line = exchange.respond(data, last, self.limits.sasl)
        self._secrets = (*self._secrets, *secrets_in(data))
        self._answer(encode_base64(HIDDEN) + b"\r\n" if data else line, last=last)
        return line

    def cancel(self) -> bytes:
        """The octets that cancel AUTH in place of a response; the server has to refuse it then.

        Raises LocalProtocolError where no challenge waits for one.
        """
        line = self._due_exchange("cancel").cancel()
        self._answer(line)
        return line

    def next_event(self) -> ClientEvent:
        """What has happened next.

        Raises RemoteProtocolError where the server broke the protocol, and again whenever it is
        called after that.
        """
        if self._failure:
            raise self._failure.with_traceback(None)
        if self._decoder:
            return self._body_event(self._decoder)
        state = self._session.state
        if state is State.CLOSED:
            return EndOfStream()
        if state is State.TLS_HANDSHAKE or self.challenged:
            return self._end() if self._eof else PAUSED
        return self._status_event()

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
        if self.challenged:
            self._refuse(f"cannot send {command.verb} inside AUTH: respond or cancel first")
        if ahead and ahead.barrier and not self._failure:
            raise LocalProtocolError(
                f"cannot send {command.verb} while the reply to {ahead.verb} is due: servers "
                f"lose what follows {ahead.verb}; wait for its reply"
            )
        obstacle = self._session.obstacle(command.verb, command.states, coming=self._coming())
        if obstacle:
            self._refuse(f"cannot send {command.verb}: {obstacle}")

    def _coming(self) -> set[str]:
        """The verbs that are pending, where that matters: later there may be very many."""
        if self.state is State.TRANSACTION:
            return set()
        return {command.verb for command, _ in self._pending}

    def _due_exchange(self, what: str) -> Exchange:
        if self._exchange is None or not self.challenged:
            self._refuse(f"cannot {what}: no challenge of AUTH waits for it")
        return self._exchange

    def _answer(self, traced: bytes, *, last: bool = False) -> None:
        self._record(Traced.SENT, traced, last=last)
        command, _ = self._pending[0]
        self._pending[0] = command, self._input.received

    def _forget(self) -> None:
        self.capabilities = None
        self._eol = None

    def _status_event(self) -> ClientEvent:
        start, line = self._input.start, self._take_line()
        while line == b"" and self._skip_blank(start):
            start, line = self._input.start, self._take_line()
        greeting = self.state is State.GREETING
        if line is None:
            if greeting and describe_foreign(beginning := self._input.beginning(16)):
                self._record(Traced.RECEIVED, beginning)
                self._fail(self._no_status(beginning))
            return self._end() if self._eof else NEED_DATA
        asked = bool(self._pending) and start >= self._pending[0][1]
        exchange = self._exchange_due()
        if asked and exchange and (challenge := exchange.challenge(line)):
            return self._challenge(challenge)
        line = self._redacted(line)
        any_code = BRACKET in line and "RESP-CODES" in (self.capabilities or ())
        status = read_status(line, any_code=any_code, greeting=greeting)
        if status is None:
            self._fail(self._no_status(line))
        self._skipped_blank = False
        if greeting:
            return self._greeting(Greeting(*status))
        if not asked:
            unsolicited = Unsolicited(*status)
            self._break(UnsolicitedReply(unsolicited))
            return unsolicited
        return self._reply(*status)

    def _greeting(self, greeting: Greeting) -> Greeting:
        self._session.move(GREETING, Outcome.OK if greeting.ok else Outcome.ERR)
        self.timestamp = find_timestamp(greeting.octets)
        self.timestamp_trusted = self.tls
        return greeting

    def _challenge(self, challenge: Challenge) -> Challenge:
        assert self._exchange is not None
        self._skipped_blank = False
        self._exchange.received()
        if self._exchange.challenges > self.limits.challenges:
            self._fail(
                RemoteProtocolError(
                    f"the server sent more than {self.limits.challenges} challenges in one AUTH; "
                    "no mechanism needs so many"
                )
            )
        self._session.move(Auth.verb, Outcome.CHALLENGE)
        return challenge

    def _exchange_due(self) -> Exchange | None:
        """The exchange of AUTH, where no reply is due before its own; behind AUTH there is none."""
        return self._exchange if len(self._pending) == 1 else None

    def _may_repeat(self) -> bool:
        """Whether what comes now may repeat the secrets, which may have been sent behind USER."""
        if not self._pending:
            return True
        return self._secrets_of is self._pending[0][0] or self._secrets_of is self._pending[-1][0]

    def _redacted(self, line: bytes) -> bytes:
        """A line without the secrets that it may repeat, where some were sent last."""
        if not self._may_repeat():
            return line
        shown = next((word for word in (b"+OK", b"-ERR") if line.upper().startswith(word)), b"")
        if (status := parse_status(line)) and status.code:  # a password may be a part of that
            shown = line[: line.index(b"]") + 1]
        rest = line[len(shown) :].lstrip(b" ")  # so that a blank as a password does no harm
        return line.removesuffix(rest) + redact(rest, self._secrets)

    def _reply(self, ok: bool, octets: bytes, code: ResponseCode | None) -> Reply:
        command = self._pending[0][0]
        if ok and isinstance(command, Stls) and not self._input.empty:
            self._fail_in_plaintext()
        if ok and self._exchange and self._exchange.cancelled:
            self._fail(RemoteProtocolError("the server logged in although AUTH was cancelled"))
        if self._exchange_due():
            self._exchange = None
        body = command.body
        if ok and body is not Body.NONE:
            self._decoder = BodyDecoder(self._eol or b"\r\n")
            self._decoded = 0
            self._most = self.limits.octets_of(body)
        else:
            self._answered()
        if body is Body.NONE:  # what is answered with a listing moves and marks nothing
            if ok:
                self._note(command)
            self._session.move(command.verb, Outcome.OK if ok else Outcome.ERR)
        return Reply(ok, octets, code, command=command)

    def _answered(self) -> None:
        """The oldest command is answered in full."""
        _ = self._pending.popleft()
        if not self._pending:
            self._pending = NOTHING_PENDING

    def _note(self, command: Command[object]) -> None:
        if isinstance(command, Dele):
            self._marked.append(command.number)
        elif isinstance(command, Rset):
            self._marked.clear()
        elif isinstance(command, Quit) and self.state is State.UPDATE:
            self.deletions = Deletions.DONE

    def _body_event(self, decoder: BodyDecoder) -> ClientEvent:
        while not decoder.ended:
            chunk, position = self._input.rest()
            if position == len(chunk):
                return self._end() if self._eof else NEED_DATA
            data, used = decoder.decode(chunk, position)
            self._input.use(used)
            if self._trace:
                octets = chunk[position:used]
                self._record(Traced.RECEIVED, octets, body=True, ends=decoder.ended)
            if data:
                self._count(len(data))
                return BodyChunk(data)
        self._answered()
        self._decoder = None
        return BODY_END

    def _count(self, octets: int) -> None:
        self._decoded += octets
        if self._decoded > self._most:
            self._fail(BodyTooLarge(str(self._pending[0][0]), self._most))

    def _take_line(self) -> bytes | None:
        """The next line without its end, which is learnt from the first one."""
        line = self._input.take_line()
        most = self.limits.sasl if self._exchange else self.limits.line
        if line is None:
            if self._input.unfinished > most:
                self._record(Traced.RECEIVED, self._hidden(self._input.beginning()))
                self._fail(LineTooLong(most))
            return None
        if self._trace:
            ends = len(line) <= most and self._completes(line)
            self._record(Traced.RECEIVED, self._hidden(line), ends=ends)
        if len(line) > most:
            self._fail(LineTooLong(most))
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

    def _hidden(self, line: bytes) -> bytes:
        """A line as it is traced."""
        text = line.rstrip(b"\r\n")
        if self._challenges(text):
            return hide_challenge(text) + line[len(text) :]
        return self._redacted(text) + line[len(text) :]

    def _completes(self, line: bytes) -> bool:
        """Whether a line that has been taken is all of the reply that is due."""
        text = line[:-2] if line.endswith(b"\r\n") else line[:-1]
        status = parse_status(text)
        if status is None or not self._pending or not line.endswith(self._eol or b"\n"):
            return False
        command, sent = self._pending[0]
        asked = self._input.start - len(line) >= sent
        bodiless = not status.ok or command.body is Body.NONE
        return asked and bodiless and not self._challenges(text)

    def _challenges(self, text: bytes) -> bool:
        exchange = self._exchange_due()
        return bool(exchange and exchange.challenge(text))

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
        if self._pending and self._may_repeat():
            return "something that may repeat the password, and is not shown"
        return repr(printable(self._redacted(line)[:80]))

    def _end(self) -> EndOfStream:
        if rest := self._input.beginning():
            self._record(Traced.RECEIVED, self._hidden(rest))
        self._record_end()
        if self._decoder:
            received = f"after {self._decoded} octets of the response to {self._pending[0][0]}"
            self._lost(f"{received}, which is incomplete")
        if self.state is State.GREETING:
            self._lost("before the greeting")
        if self.state is State.TLS_HANDSHAKE:
            self._lost("where TLS had to begin")
        if not all(isinstance(command, Quit) for command in self.pending):
            more = f" and {len(self._pending) - 1} more" if len(self._pending) > 1 else ""
            command = self._pending[0][0]
            rejected = command.verb in CREDENTIALS and command.body is Body.NONE
            guess = ", as some servers do where a password is wrong" if rejected else ""
            self._lost(f"while the reply to {command}{more} was due{guess}")
        self._pending = NOTHING_PENDING
        self._session.state = State.CLOSED
        return EndOfStream()

    def _lost(self, when: str) -> NoReturn:
        self._fail(UnexpectedEof(when, self.pending, cut_off=self._cut_off))
