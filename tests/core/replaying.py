"""Recorded conversations, played to the machine of the client."""

import binascii
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import cast

import pytest

from pop3_proto import (
    COMMANDS,
    Auth,
    Body,
    BodyChunk,
    BodyEnd,
    Capa,
    Challenge,
    ClientConnection,
    Command,
    EndOfStream,
    Greeting,
    List,
    LocalProtocolError,
    Pop3Error,
    ProtocolError,
    Reply,
    Stat,
    State,
    StatusLine,
    Stls,
    Uidl,
    UnexpectedEof,
    Unsolicited,
)
from tests.core.machines import Client, client_events
from tests.core.recordings import Step

KINDS = {kind.verb.encode(): kind for kind in COMMANDS}

GREETING = b"the greeting"
QUIT = b"QUIT\r\n"
STLS = b"STLS\r\n"

NO_STLS = "TLS begins, and STLS was not sent"


def taken(command: str) -> str:
    return f"{command} is refused here, and the server takes it"


def ignored(line: bytes) -> str:
    return f"the session was over: {line.decode().strip()}"


@dataclass(frozen=True, slots=True)
class Raw(Command[StatusLine]):
    """A line that no command of ours would write, or not here; it changes no state."""

    verb = "RECORDED"
    states = frozenset({State.AUTHORIZATION, State.TRANSACTION})

    octets: bytes

    @property
    def body(self) -> Body:
        return Body.MESSAGE if has_body(self.octets) else Body.NONE

    def line(self, most: int = 255) -> bytes:
        return self.octets

    def __str__(self) -> str:
        return self.octets[:16].decode("ascii", "replace").strip()


@dataclass(frozen=True, slots=True, init=False)
class RawAuth(Auth[StatusLine]):
    """An AUTH that is too long, or whose initial response is no base64."""

    octets: bytes

    def __init__(self, octets: bytes) -> None:
        Auth.__init__(self, "RECORDED", b"", last=True)
        object.__setattr__(self, "octets", octets)

    def line(self, most: int = 255) -> bytes:
        return self.octets

    def __str__(self) -> str:
        return "a raw AUTH"


def has_body(line: bytes) -> bool:
    """Whether a positive reply to this is a multi-line one, by the RFCs."""
    verb, *arguments = line.upper().split() or [b""]
    if verb in (b"LIST", b"UIDL", b"LANG", b"AUTH"):
        return not arguments
    return verb in (b"CAPA", b"RETR", b"TOP")


def unstuffed(wire: bytes) -> bytes:
    lines = wire.split(b"\r\n")
    return b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)


def from_base64(text: bytes) -> bytes | None:
    try:
        return binascii.a2b_base64(text, strict_mode=True) if text else b""
    except binascii.Error:
        return None


Happening = tuple[object, ...]


def recorded(steps: list[Step]) -> Iterator[Happening]:
    """What was said to whom, read from the recording without the machine."""
    due, body = deque([GREETING]), None
    ended = handshaking = responding = False
    for step in steps:
        line = step.octets
        if step.word == "C!":
            handshaking = handshaking and not line.startswith(b"tls (")
        elif step.word == "C":
            # In plaintext behind STLS, somebody else must have put it there.
            if not (responding or handshaking or (due and due[-1] == STLS)):
                due.append(line)
            responding = False
        elif step.word == "S?":
            if due and not ended:
                yield "silence", due[0]
        elif step.word == "S!":
            if not ended:
                yield ("lost", *due) if handshaking or set(due) - {QUIT} else ("end",)
            ended = True
        elif body is not None:
            if line == b".\r\n" and body[-2:] in (b"", b"\r\n"):
                yield "body", unstuffed(body)
                body = None
            else:
                body += line
        elif ended:
            yield "late", ignored(line)
        elif handshaking or not due:
            yield ("broken",)
            return
        elif due[0].upper().startswith(b"AUTH ") and line.startswith(b"+ "):
            yield "challenge", from_base64(line[2:-2])
            responding = len(due) == 1
            if not responding:
                del due[1]
        elif not line.startswith((b"+OK", b"-ERR")):
            yield ("broken",)
            return
        else:
            ok, command = line.startswith(b"+OK"), due.popleft()
            yield "reply", command, ok, line[3 if ok else 4 : -2].lstrip(b" ")
            body = b"" if ok and has_body(command) else None
            handshaking = ok and command == STLS
            ended = command == QUIT
            if ended:
                yield ("end",)


Cut = Callable[[list[bytes]], list[bytes]]


def line_by_line(lines: list[bytes]) -> list[bytes]:
    return lines


def octet_by_octet(lines: list[bytes]) -> list[bytes]:
    return [line[i : i + 1] for line in lines for i in range(len(line))]


def at_once(lines: list[bytes]) -> list[bytes]:
    return [b"".join(lines)]


class Player:
    """A client that says what was said: `story` is what happens to it, `sentences` what it says
    to people."""

    def __init__(self, cut: Cut) -> None:
        self.conn = ClientConnection()
        self.story: list[Happening] = []
        self.sentences: list[str] = []
        self.left = False
        self._cut = cut
        self._sent: dict[int, tuple[Command[object], bytes]] = {}
        self._not_ours: set[int] = set()
        self._held: deque[bytes] = deque()
        self._to_come: deque[bytes] = deque()
        self._reply: Reply | None = None
        self._body = b""

    def play(self, steps: list[Step]) -> None:
        self._to_come = deque(step.octets for step in steps if step.word == "S")
        for heard, group in groupby(steps, lambda step: step.word == "S"):
            if heard:
                self._hear([step.octets for step in group])
            else:
                for step in group:
                    self._do(step)
            if self.left or self.conn.state is State.BROKEN:
                return

    def _do(self, step: Step) -> None:
        if step.word == "C":
            self._say(step.octets)
        elif step.word == "C!" and step.octets.startswith(b"tls ("):
            self._start_tls()
        elif step.word == "S?" and self.conn.pending:
            self.story.append(("silence", self._line_of(self.conn.pending[0])))
            self._tell(self.conn.silence())
        elif step.word == "S!":
            self.conn.receive_eof()
            self._take()

    def _start_tls(self) -> None:
        if self.conn.state in (State.GREETING, State.TLS_HANDSHAKE):
            self.conn.tls_started()
        else:
            self.left = True
            self._tell(NO_STLS)

    def _hear(self, lines: list[bytes]) -> None:
        # What is held back has to be sent before its own reply is heard.
        for part in [[line] for line in lines] if self._held else [lines]:
            for _ in part:
                self._to_come.popleft()
            try:
                for piece in self._cut(part):
                    self.conn.receive_data(piece)
                    self._take()
                    if self.conn.state is State.BROKEN:
                        return
            except ProtocolError as error:
                self._note(error)
                return
            for _ in range(len(self._held)):
                self._say(self._held.popleft())

    def _say(self, line: bytes) -> None:
        pending = self.conn.pending
        if self.conn.challenged:
            self._respond(line)
        elif self.conn.state is State.TLS_HANDSHAKE:
            with pytest.raises(LocalProtocolError, match="shake hands"):
                self.conn.send(Raw(line))
        elif pending and pending[-1].barrier:
            with pytest.raises(LocalProtocolError, match=r"wait for its reply|cancel first"):
                self.conn.send(Raw(line))
            if not isinstance(pending[-1], Stls):
                self._held.append(line)
        else:
            self._send(line)

    def _send(self, line: bytes) -> None:
        command = self._command(line)
        try:
            octets = self.conn.send(command)
        except LocalProtocolError:
            command = Raw(line)
            octets = self.conn.send(command)
            self._not_ours.add(id(command))
        assert octets == line
        self._sent[id(command)] = command, line

    def _respond(self, line: bytes) -> None:
        data = from_base64(line[:-2])
        if line == b"*\r\n":
            assert self.conn.cancel() == line
        elif data is None:
            self.conn.respond(b"", last=self._last)
        else:
            assert self.conn.respond(data, last=self._last) == line

    @property
    def _last(self) -> bool:
        """Whether the mechanism has nothing more to say."""
        return not (self._to_come and self._to_come[0].startswith(b"+ "))

    def _command(self, line: bytes) -> Command[object]:
        verb, blank, rest = line[:-2].partition(b" ")
        words = rest.split(b" ") if blank else []
        try:
            kind = KINDS[verb]
            command = kind.parse([rest] if kind.verbatim else words)
            if isinstance(command, Auth) and command.mechanism:
                command = Auth(command.mechanism, command.initial, last=self._last)
            if command.line() == line:
                return command
        except (KeyError, ValueError, Pop3Error):
            pass
        return RawAuth(line) if verb.upper() == b"AUTH" and any(words) else Raw(line)

    def _line_of(self, command: Command[object]) -> bytes:
        return self._sent[id(command)][1]

    def _take(self) -> None:
        for event in client_events(self.conn):
            self._note(event)

    def _note(self, event: Client) -> None:
        match event:
            case Greeting():
                self.story.append(("reply", GREETING, event.ok, event.octets))
            case Reply():
                self._note_reply(event)
            case Challenge():
                self.story.append(("challenge", event.data))
            case BodyChunk():
                self._body += event.data
            case BodyEnd():
                self.story.append(("body", self._body))
                assert self._reply
                check_result(self._reply, self._body)
                self._body = b""
            case UnexpectedEof():
                self.story.append(("lost", *map(self._line_of, event.pending)))
                self._tell(str(event))
            case EndOfStream():
                if self.story[-1] != ("end",):
                    self.story.append(("end",))
            case ProtocolError():
                self.story.append(("broken",))
                self._tell(str(event))
            case _:
                assert isinstance(event, Unsolicited)

    def _note_reply(self, reply: Reply) -> None:
        line = self._line_of(reply.command)
        self.story.append(("reply", line, reply.ok, reply.octets))
        self._reply = reply
        if reply.ok and reply.command.body is Body.NONE:
            check_result(reply, b"")
        if reply.ok and id(reply.command) in self._not_ours:
            self._tell(taken(line.decode().strip()))

    def _tell(self, sentence: str) -> None:
        if self.sentences[-1:] != [sentence]:
            self.sentences.append(sentence)


def check_result(reply: Reply, body: bytes) -> None:
    """The result of a command has all that the server has said."""
    command = reply.command
    if isinstance(command, Raw | RawAuth):
        return
    result = command.result(reply, body)
    match command:
        case Capa():
            assert b"".join(line + b"\r\n" for line in command.result(reply, body).lines) == body
        case Stat():
            assert words([command.result(reply, body)]) == reply.octets.split()[:2]
        case List(number=None) | Uidl(number=None):
            assert words(cast(Entries, result)) == body.split()
        case List() | Uidl():
            assert words([cast(Entry, result)]) == reply.octets.split()[:2]
        case _:
            pass


Entry = Sequence[int | bytes | None]
Entries = Sequence[Entry]


def words(entries: Entries) -> list[bytes]:
    return [b"%d" % what if isinstance(what, int) else what or b"?" for e in entries for what in e]
