"""Client and server, joined in memory: each learns what the other has said."""

from collections import deque
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from pop3_proto import (
    NEED_DATA,
    PAUSED,
    BadCommand,
    Body,
    BodyChunk,
    BodyEnd,
    Capa,
    Capabilities,
    ClientConnection,
    Command,
    Dele,
    Deletions,
    EndOfStream,
    Greeting,
    List,
    Noop,
    Pass,
    Quit,
    Reply,
    ResponseCode,
    Retr,
    Rset,
    ServerConnection,
    Stat,
    State,
    Stls,
    Top,
    Uidl,
    User,
)
from pop3_proto.listings import encode_lines
from tests.core.machines import cut_anywhere

NUMBER = st.integers(1, 10**19 - 1)
SIZE = st.integers(0, 10**19 - 1)
# What a line can carry; blanks at its end and ] at its beginning would be taken for something else.
TEXT = st.text(st.characters(exclude_categories=["C", "Zl", "Zp", "Zs"]), max_size=40)
WORD = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=70)
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
    st.builds(Rset),
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
            assert event.octets == command.redact(said_so).lstrip(b" ")
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
        for _ in range(self.data.draw(st.integers(0, 2))):
            self.before_the_login()
            if all(self.run(User(self.data.draw(SECRET)))):
                self.run(Pass(self.data.draw(SECRET)))
            assert self.client.state is self.server.state
            if self.client.state is State.TRANSACTION:
                return
        user, secret = User(self.data.draw(SECRET)), Pass(self.data.draw(SECRET))
        self.exchange([(user, Answer(True)), (secret, Answer(True))])
        assert self.client.state is self.server.state is State.TRANSACTION

    def before_the_login(self) -> None:
        if self.data.draw(st.booleans()):
            self.run(Capa(), Capa())
        if not self.client.tls and self.data.draw(st.booleans()) and all(self.run(Stls())):
            assert self.client.state is self.server.state is State.TLS_HANDSHAKE
            self.client.tls_started()
            self.server.tls_started()


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
