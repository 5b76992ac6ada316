"""Client and server, joined in memory: each learns what the other has said."""

from collections import deque
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from pop3_proto import (
    NEED_DATA,
    PAUSED,
    Apop,
    Auth,
    AuthCancelled,
    AuthResponse,
    BadCommand,
    Body,
    BodyChunk,
    BodyEnd,
    Capa,
    Capabilities,
    Challenge,
    ClientConnection,
    Command,
    Dele,
    Deletions,
    EndOfStream,
    Greeting,
    Lang,
    Last,
    List,
    Noop,
    Pass,
    Quit,
    Reply,
    ResponseCode,
    Retr,
    Rpop,
    Rset,
    ServerConnection,
    Stat,
    State,
    Stls,
    Top,
    Uidl,
    User,
    Utf8,
)
from pop3_proto.commands import redact
from pop3_proto.listings import encode_lines
from tests.core.machines import cut_anywhere

NUMBER = st.integers(1, 10**19 - 1)
SIZE = st.integers(0, 10**19 - 1)
# What a line can carry; blanks at its end and ] at its beginning would be taken for something else.
TEXT = st.text(st.characters(exclude_categories=["C", "Zl", "Zp", "Zs"]), max_size=40)
WORD = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=70)
MECHANISM = st.text("ABCXYZ0189-_", min_size=1, max_size=20)
DIGEST = st.binary(min_size=16, max_size=16).map(lambda octets: octets.hex().encode())
OCTETS = st.binary(max_size=300)
SECRET = st.binary(max_size=100).map(lambda octets: octets.translate(None, b"\r\n\0"))
MAIL = st.lists(
    st.sampled_from([b".", b"..", b"a", b"\r\n", b"\r\n.", b"\n", b"\r", b"\0", b"\xff", b"x" * 99])
).map(b"".join)
CODE = st.sampled_from(["IN-USE", "AUTH", "LOGIN-DELAY", "SYS/TEMP", "SYS/PERM/X"])


@dataclass
class Answer:
    """What the server says to a command, and what the client has to make of it."""

    ok: bool
    text: str = ""
    code: ResponseCode | None = None
    body: bytes = b""
    result: object = None


def crlf(line: str) -> bytes:
    return line.encode() + b"\r\n"


Said = deque[tuple[Command[object], Answer]]


@st.composite
def refusals(draw: st.DrawFn) -> Answer:
    code = draw(st.none() | CODE.map(ResponseCode.of))
    return Answer(False, draw(TEXT) if code else draw(TEXT.map(lambda t: f"no {t}")), code)


@st.composite
def answers(draw: st.DrawFn, command: Command[object]) -> Answer:
    """A positive answer that fits the command, or a refusal."""
    if draw(st.integers(0, 4)) == 4:
        return draw(refusals())
    match command:
        case Capa():
            tags = draw(st.lists(WORD))
            lines = tuple(tag.encode() for tag in tags)
            body = b"".join(line + b"\r\n" for line in lines)
            return Answer(True, "", None, body, Capabilities(lines))
        case Auth(mechanism=None):
            names = draw(st.lists(MECHANISM))
            return Answer(True, draw(TEXT), None, b"".join(crlf(name) for name in names), names)
        case Lang(tag=None):
            languages = draw(st.lists(st.tuples(WORD, TEXT)))
            listing = b"".join(crlf(f"{tag} {text}".rstrip()) for tag, text in languages)
            return Answer(True, draw(TEXT), None, listing, languages)
        case Lang(tag=str()):
            chosen = draw(WORD)
            return Answer(True, f"{chosen} {draw(TEXT)}", None, b"", chosen)
        case Last():
            highest = draw(SIZE)
            return Answer(True, f"{highest} more", None, b"", highest)
        case Stat():
            count, size = draw(NUMBER), draw(SIZE)
            return Answer(True, f"{count} {size} more", None, b"", (count, size))
        case List(number=None):
            sizes = draw(st.lists(st.tuples(NUMBER, SIZE)))
            return Answer(True, draw(TEXT), None, encode_lines(sizes), sizes)
        case Uidl(number=None):
            ids = draw(st.lists(st.tuples(NUMBER, WORD.map(str.encode))))
            return Answer(True, draw(TEXT), None, encode_lines(ids), ids)
        case List(number=int(number)):
            size = draw(SIZE)
            return Answer(True, f"{number} {size}", None, b"", (number, size))
        case Uidl(number=int(number)):
            unique_id = draw(WORD)
            return Answer(True, f"{number} {unique_id}", None, b"", (number, unique_id.encode()))
        case Retr() | Top():
            mail = draw(MAIL)
            ended = mail if not mail or mail.endswith(b"\r\n") else mail + b"\r\n"
            return Answer(True, draw(TEXT), None, mail, ended)
        case _:
            return Answer(True, draw(TEXT))


TRANSACTION = st.one_of(
    st.builds(Capa),
    st.builds(Stat),
    st.builds(List),
    st.builds(Uidl),
    st.builds(List, NUMBER),
    st.builds(Uidl, NUMBER),
    st.builds(Retr, NUMBER),
    st.builds(Top, NUMBER, SIZE),
    st.builds(Dele, NUMBER),
    st.builds(Noop),
    st.builds(Last),
    st.builds(Rset),
    st.builds(Lang),
    st.builds(Lang, WORD),
)

BEFORE_THE_LOGIN = st.one_of(
    st.builds(Capa), st.builds(Lang), st.builds(Lang, WORD), st.builds(Utf8), st.builds(User, WORD)
)


@dataclass
class Pair:
    """Both ends; octets go from one to the other in pieces."""

    data: st.DataObject
    client: ClientConnection = field(default_factory=ClientConnection)
    server: ServerConnection = field(default_factory=ServerConnection)
    reply: Reply | None = None
    body: bytes = b""

    def run(self, *commands: Command[object]) -> list[bool]:
        """Send commands at once; whether the server has agreed to each."""
        return self.exchange([(command, self.data.draw(answers(command))) for command in commands])

    def exchange(self, said: list[tuple[Command[object], Answer]]) -> list[bool]:
        waiting = deque(said)
        self.transfer(b"".join([self.client.send(command) for command, _ in said]), waiting)
        assert not waiting
        assert self.client.pending == ()
        return [answer.ok for _, answer in said]

    def transfer(self, octets: bytes, said: Said) -> None:
        due = said.copy()
        for part in self.data.draw(cut_anywhere(octets)):
            self.server.receive_data(part)
            self.answer(due, said)
        assert not due

    def answer(self, due: Said, said: Said) -> None:
        while not isinstance(event := self.server.next_event(), EndOfStream):
            if event is NEED_DATA or event is PAUSED:
                return
            command, answer = due.popleft()
            assert not isinstance(event, BadCommand)
            assert (type(event), event) == (type(command), command)
            written = self.server.reply(answer.ok, answer.text, code=answer.code)
            if answer.ok and command.body is not Body.NONE:
                for part in self.data.draw(cut_anywhere(answer.body)):
                    written += self.server.send_body(part)
                written += self.server.end_body()
            self.hear(written, said)

    def hear(self, octets: bytes, said: Said) -> None:
        for part in self.data.draw(cut_anywhere(octets)):
            self.client.receive_data(part)
            while (event := self.client.next_event()) is not NEED_DATA:
                if event is PAUSED or isinstance(event, EndOfStream):
                    return
                self.check(event, said)

    def check(self, event: object, said: Said) -> None:
        if isinstance(event, BodyChunk):
            assert event.data
            self.body += event.data
            return
        if isinstance(event, Reply):
            command, answer = said[0]
            assert event.command is command
            words = [f"[{answer.code}]" if answer.code else "", answer.text]
            said_so = " ".join(filter(None, words)).encode().rstrip(b" ")
            assert event.ok is answer.ok
            assert event.octets == redact(said_so, command.secrets()).lstrip(b" ")
            assert event.code == answer.code or event.octets != said_so
            self.reply, self.body = event, b""
        else:
            assert isinstance(event, BodyEnd)
        if not self.client.in_body:
            command, answer = said.popleft()
            assert self.reply is not None
            if answer.ok:
                expected = self.reply if answer.result is None else answer.result
                assert command.result(self.reply, self.body) == expected

    def login(self) -> None:
        self.client.receive_data(self.server.greet("ready"))
        assert self.client.next_event() == Greeting(True, b"ready")
        for _ in range(self.data.draw(st.integers(0, 3))):
            self.before_the_login()
            self.try_to_log_in()
            assert self.client.state is self.server.state
            if self.client.state is State.TRANSACTION:
                return
        user, secret = User(self.data.draw(SECRET)), Pass(self.data.draw(SECRET))
        self.exchange([(user, Answer(True)), (secret, Answer(True))])
        assert self.client.state is self.server.state is State.TRANSACTION

    def try_to_log_in(self) -> None:
        match self.data.draw(st.sampled_from(["PASS", "RPOP", "APOP", "AUTH", "AUTH", "AUTH"])):
            case "PASS" if all(self.run(User(self.data.draw(SECRET)))):
                self.run(Pass(self.data.draw(SECRET)))
            case "RPOP" if all(self.run(User(self.data.draw(SECRET)))):
                self.run(Rpop(self.data.draw(WORD)))
            case "APOP":
                self.run(Apop(self.data.draw(WORD), self.data.draw(DIGEST)))
            case "AUTH":
                self.authenticate()
            case _:
                pass

    def authenticate(self) -> None:
        """AUTH: challenges and responses until one side has had enough."""
        draw = self.data.draw
        last = draw(st.booleans())
        initial = draw(st.none() | st.binary(max_size=100))
        command = Auth(draw(MECHANISM), initial, last)
        self.give(self.client.send(command))
        assert self.server.next_event() == Auth(command.mechanism or "", command.initial)
        last = last and initial is not None
        while draw(st.booleans()):
            challenge = draw(OCTETS)
            assert self.take(self.server.challenge(challenge)) == Challenge(challenge)
            assert self.client.challenged
            assert self.client.state is self.server.state is State.AUTHENTICATING
            if draw(st.integers(0, 4)) == 4:
                self.give(self.client.cancel())
                assert self.server.next_event() == AuthCancelled()
                last = False
                break
            response, last = draw(OCTETS), draw(st.booleans())
            self.give(self.client.respond(response, last=last))
            assert self.server.next_event() == AuthResponse(response)
        ok = last and draw(st.booleans())
        reply = self.take(self.server.reply(ok))
        assert reply == Reply(ok, b"", command=command)
        assert self.client.state is (State.TRANSACTION if ok else State.AUTHORIZATION)

    def give(self, octets: bytes) -> None:
        for part in self.data.draw(cut_anywhere(octets)):
            assert self.server.next_event() is NEED_DATA
            self.server.receive_data(part)

    def take(self, octets: bytes) -> object:
        for part in self.data.draw(cut_anywhere(octets)):
            assert self.client.next_event() is NEED_DATA
            self.client.receive_data(part)
        return self.client.next_event()

    def before_the_login(self) -> None:
        self.run(*self.data.draw(st.lists(BEFORE_THE_LOGIN, max_size=3)))
        if self.data.draw(st.booleans()):
            self.run(Auth())
        tls = not self.client.tls and not self.client.utf8 and self.data.draw(st.booleans())
        if tls and all(self.run(Stls())):
            assert self.client.state is self.server.state is State.TLS_HANDSHAKE
            self.client.tls_started()
            self.server.tls_started()
        assert self.client.tls is self.server.tls
        assert self.client.utf8 is self.server.utf8


def marked(
    before: frozenset[int], commands: list[Command[object]], ok: list[bool]
) -> frozenset[int]:
    """What is marked as deleted behind these commands."""
    for command, agreed in zip(commands, ok, strict=True):
        if agreed and isinstance(command, Dele):
            before |= {command.number}
        elif agreed and isinstance(command, Rset):
            before = frozenset()
    return before


@settings(max_examples=300)
@given(st.data())
def test_any_legal_run_of_commands(data: st.DataObject) -> None:
    pair = Pair(data)
    pair.login()
    deleted = frozenset[int]()
    *groups, last = data.draw(st.lists(st.lists(TRANSACTION, max_size=4), min_size=1, max_size=4))
    for commands in groups:
        deleted = marked(deleted, commands, pair.run(*commands))
        assert pair.client.state is pair.server.state is State.TRANSACTION
        assert pair.client.marked == deleted
    *ok, agreed = pair.run(*last, Quit())
    assert pair.client.state is pair.server.state is State.CLOSED
    assert pair.client.marked == marked(deleted, last, ok)
    assert pair.client.deletions is (Deletions.DONE if agreed else Deletions.UNKNOWN)
