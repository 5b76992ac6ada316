"""The server's side of a connection, as a machine without I/O."""

from collections.abc import Iterable, Iterator

from .apop import is_timestamp
from .base64 import decode_base64, encode_base64
from .body import BodyEncoder
from .commands import COMMANDS, HIDDEN, Auth, Body, Command, Quit, Stls, parse_command
from .connection import Connection
from .errors import LocalProtocolError
from .events import (
    NEED_DATA,
    PAUSED,
    AuthCancelled,
    AuthResponse,
    BadCommand,
    EndOfStream,
    ServerEvent,
)
from .exchange import CANCEL, hide_challenge
from .limits import Limits
from .responses import ResponseCode, write_status
from .states import GREETING, Outcome, State
from .trace import Trace, Traced

__all__ = ["ServerConnection"]


class ServerConnection(Connection):
    """Turns octets into commands, and replies into octets.

    One command is reported at a time: the next one after its reply is complete. Until then
    `next_event` says PAUSED, and reading more would only pile up octets.

    `commands` is the vocabulary, and may have classes of one's own in it.
    """

    __slots__ = ("_encoder", "_owed", "_skipping", "_vocabulary", "bad_commands")

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        commands: Iterable[type[Command[object]]] = COMMANDS,
        trace: Trace | None = None,
    ) -> None:
        super().__init__(limits=limits, trace=trace)
        self.bad_commands = 0
        """How many bad commands have been reported, and what whoever answers has added to them."""

        self._vocabulary = {command.verb.encode("ascii"): command for command in commands}
        self._owed: Command[object] | AuthResponse | AuthCancelled | BadCommand | None = None
        self._encoder: BodyEncoder | None = None
        self._skipping = 0
        """How many octets the line has exceeded whose end is waited for."""

    @property
    def in_body(self) -> bool:
        """Whether the body of a reply is being sent."""
        return self._encoder is not None

    def greet(
        self,
        text: str = "",
        *,
        ok: bool = True,
        code: ResponseCode | None = None,
        timestamp: bytes | None = None,
    ) -> bytes:
        """The greeting; a negative one ends the session (RFC 1939, section 4).

        With a timestamp, which no greeting before may have had, APOP is offered.
        """
        if self.state is not State.GREETING:
            self._refuse("cannot greet: the greeting has been sent")
        if timestamp and not is_timestamp(timestamp):
            raise LocalProtocolError(
                f"{timestamp!r} is no timestamp of APOP: those have the form <atoms@domain>"
            )
        words = [text, timestamp.decode("ascii")] if timestamp else [text]
        line = write_status(ok, " ".join(filter(None, words)), code, self.limits.status_out)
        if timestamp and timestamp not in line:
            raise LocalProtocolError("the greeting is too long for its timestamp: shorten its text")
        self._session.move(GREETING, Outcome.OK if ok else Outcome.ERR)
        self._record(Traced.SENT, line)
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
        event = self._read(line)
        self._owed = event
        if isinstance(event, BadCommand):
            self.bad_commands += 1
        if isinstance(event, Quit):
            self._session.move(Quit.verb, Outcome.SENT)
        return event

    def waiting(self) -> Iterator[Command[object]]:
        """The commands behind the one that is owed a reply, up to the first bad one, as far as the
        client has sent them already; `next_event` reports them in their turn. None but in
        TRANSACTION, as elsewhere what a line means hangs on the reply."""
        known = self._owed and self.state is State.TRANSACTION
        for line in self._input.waiting() if known else ():
            if len(line) > self._most(line):
                break
            command = self._read_command(without_end(line))
            if not isinstance(command, Command):
                break
            yield command

    def reply(self, ok: bool, text: str = "", *, code: ResponseCode | None = None) -> bytes:
        """The status line of the reply that is owed.

        A positive one to a command whose reply is a multi-line one has to be followed by
        `send_body` and `end_body`. Text that is too long is cut; CR, LF or NUL in it are a
        LocalProtocolError.
        """
        owed = self._owed
        if owed is None or self._encoder or self._failure:
            self._refuse("no reply is owed: wait for the next command")
        if ok and isinstance(owed, BadCommand | AuthCancelled):
            raise LocalProtocolError("this has to be refused, with ok=False")
        line = write_status(ok, text, code, self.limits.status_out)
        if ok and isinstance(owed, Stls) and not self._input.empty:
            self._fail_in_plaintext()
        has_body = ok and isinstance(owed, Command) and owed.body is not Body.NONE
        self._record(Traced.SENT, line, ends=not has_body)
        if has_body:
            self._encoder = BodyEncoder()
            return line
        self._owed = None
        # What is said inside AUTH answers AUTH.
        verb = owed.verb if isinstance(owed, Command) else Auth.verb
        self._session.move(verb, Outcome.OK if ok else Outcome.ERR)
        return line

    def challenge(self, data: bytes = b"") -> bytes:
        """A challenge, in place of a reply to AUTH with a mechanism or to a response."""
        owed = self._owed
        exchanging = isinstance(owed, AuthResponse) or (isinstance(owed, Auth) and owed.mechanism)
        if self._failure or not exchanging:
            self._refuse("cannot challenge: neither AUTH nor a response to a challenge waits")
        self._owed = None
        self._session.move(Auth.verb, Outcome.CHALLENGE)
        line = b"+ " + encode_base64(data) + b"\r\n"
        self._record(Traced.SENT, hide_challenge(line[:-2]) + b"\r\n")
        return line

    def send_body(self, data: bytes) -> bytes:
        """The wire form of the next octets of a body; lines in it end in CRLF already."""
        octets = self._body().encode(data)
        if self._trace and octets:
            self._record(Traced.SENT, octets, body=True)
        return octets

    def end_body(self) -> bytes:
        """The end of the body; the next command may come."""
        end = self._body().end()
        self._encoder = None
        self._owed = None
        self._record(Traced.SENT, end, body=True, ends=True)
        return end

    def silence(self) -> str:
        return "the client's next command was due"

    def _body(self) -> BodyEncoder:
        if self._failure or self._encoder is None:
            self._refuse("no body is owed: a positive reply to a command that has one comes first")
        return self._encoder

    def _take_line(self) -> bytes | None:
        """The next line with its LF; the beginning of one that is too long is dropped."""
        line = self._input.take_line()
        if line is None:
            most = self._skipping or self._most(self._input.beginning(5))
            if self._skipping or self._input.unfinished > most:
                self._skipping = most
                self._input.drop_unfinished()
        return line

    def _most(self, line: bytes) -> int:
        """How many octets a line that begins like this may have."""
        exchanging = self.state is State.AUTHENTICATING
        return self.limits.sasl if exchanging or is_auth(line) else self.limits.command

    def _read(self, line: bytes) -> Command[object] | AuthResponse | AuthCancelled | BadCommand:
        most = self._skipping or self._most(line)
        if self._skipping or len(line) > most:
            self._skipping = 0
            self._record(Traced.RECEIVED, HIDDEN + b"\r\n")
            return BadCommand(f"the line is longer than {most} octets")
        text = without_end(line)
        exchanging = self.state is State.AUTHENTICATING
        event = read_response(text) if exchanging else self._read_command(text)
        if self._trace:
            self._record(Traced.RECEIVED, self._hidden(event, text) + line[len(text) :])
        return event

    def _read_command(self, text: bytes) -> Command[object] | BadCommand:
        kind = self._vocabulary.get(text.partition(b" ")[0].upper())
        if kind and (obstacle := self._session.obstacle(kind.verb, kind.states)):
            return BadCommand(obstacle, text)
        try:
            return parse_command(text, self._vocabulary)
        except ValueError as error:
            # A command of one's own may say in its error what it has received.
            if kind and kind not in COMMANDS:
                return BadCommand(f"{kind.verb} takes other arguments", text)
            return BadCommand(str(error), text)

    def _hidden(self, event: ServerEvent, text: bytes) -> bytes:
        """A line as it is traced."""
        if isinstance(event, AuthCancelled):
            return text
        if isinstance(event, AuthResponse):
            return encode_base64(HIDDEN) if text else b""
        if isinstance(event, Command):
            return event.traced()[:-2] if event.secrets() else text
        verb = text.partition(b" ")[0]
        kind = self._vocabulary.get(verb.upper())
        harmless = kind is None or kind.secrets is Command[object].secrets
        if self.state is State.TRANSACTION and harmless:
            return text
        return verb + b" " + HIDDEN if kind else HIDDEN

    def _end(self) -> EndOfStream:
        self._record_end()
        self._session.state = State.CLOSED
        return EndOfStream()


def without_end(line: bytes) -> bytes:
    """A line without its LF, and the CR before it."""
    return line[:-2] if line.endswith(b"\r\n") else line[:-1]


def is_auth(line: bytes) -> bool:
    """Whether a line begins an AUTH, or may become one."""
    return line[:5].upper() == b"AUTH "


def read_response(text: bytes) -> AuthResponse | AuthCancelled | BadCommand:
    """What a client's line inside AUTH means (RFC 5034, section 4)."""
    if text == CANCEL:
        return AuthCancelled()
    data = decode_base64(text)
    return BadCommand("the response is no base64", text) if data is None else AuthResponse(data)
