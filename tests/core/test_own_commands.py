"""Commands of one's own, for both roles, without a change elsewhere.

Each is one class: what it says, where it is legal, what its reply means, and how a server answers.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, assert_type

import pytest

from pop3_proto import (
    COMMANDS,
    Answer,
    Answering,
    BadCommand,
    Body,
    BodyEnd,
    ClientConnection,
    Command,
    CommandFailed,
    LocalProtocolError,
    MessageEntry,
    Refused,
    Reply,
    ResponseCode,
    ServerConnection,
    Snapshot,
    State,
    StatusLine,
    TemporaryFailure,
    TlsPolicy,
    TraceRecord,
    replay_client,
    replay_server,
)
from pop3_proto.flows import client as flows
from pop3_proto.flows.core import Flow
from pop3_proto.flows.login import login
from pop3_proto.flows.server import ServerSession
from tests.core.conversing import converse
from tests.core.machines import client_in, hear, joined
from tests.core.playing import play, play_async
from tests.core.test_anything import OWN, READ, held

TRANSACTION = frozenset({State.TRANSACTION})


class Header(NamedTuple):
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Xtnd(Command[list[Header]]):
    """XTND XLST name: a header field of all messages (RFC 1082)."""

    verb = "XTND"
    states = TRANSACTION

    name: str

    @property
    def body(self) -> Body:
        return Body.LISTING

    def arguments(self) -> tuple[bytes, ...]:
        return b"XLST", self.name.encode("ascii")

    @classmethod
    def parse(cls, arguments: Sequence[bytes]) -> "Xtnd":
        if len(arguments) != 2 or arguments[0].upper() != b"XLST":
            raise ValueError("XTND takes other arguments")
        return cls(arguments[1].decode("ascii", "replace"))

    def result(self, reply: StatusLine, body: bytes) -> list[Header]:
        lines = (line.partition(" ") for line in body.decode().splitlines())
        return [Header(int(number), text) for number, _, text in lines]

    def answer(self, messages: Snapshot) -> Answer:
        return Answer("headers follow", map(str.encode, self.lines(messages)))

    def lines(self, messages: Snapshot) -> Iterator[str]:
        for number, _ in messages.listing():
            yield f"{number} {header_of(messages, number, self.name)}\r\n"


def header_of(messages: Snapshot, number: int, name: str) -> str:
    pieces = messages.read(number)
    assert isinstance(pieces, Iterable)
    for line in b"".join(pieces).decode().splitlines():
        field_name, _, text = line.partition(": ")
        if field_name.lower() == name.lower():
            return text
    return ""


@dataclass(frozen=True, slots=True)
class Xsender(Command[str]):
    """XSENDER n: who has sent a message."""

    verb = "XSENDER"
    states = TRANSACTION

    number: int

    def arguments(self) -> tuple[bytes, ...]:
        return (b"%d" % self.number,)

    @classmethod
    def parse(cls, arguments: Sequence[bytes]) -> "Xsender":
        if len(arguments) != 1 or not arguments[0].isdigit():
            raise ValueError("XSENDER takes a message-number")
        return cls(int(arguments[0]))

    def result(self, reply: StatusLine, body: bytes) -> str:
        return reply.text

    async def answer(self, messages: Snapshot) -> Answer:
        await asyncio.sleep(0)
        try:
            return Answer(header_of(messages, self.number, "From"))
        except KeyError:
            raise Refused("no such message", ResponseCode.of("X-NONE")) from None


@dataclass(frozen=True, slots=True)
class Xstream(Command[bytes]):
    """XSTREAM n: octets without an end, in pieces of n."""

    verb = "XSTREAM"
    states = TRANSACTION

    size: int

    @property
    def body(self) -> Body:
        return Body.MESSAGE

    def arguments(self) -> tuple[bytes, ...]:
        return (b"%d" % self.size,)

    @classmethod
    def parse(cls, arguments: Sequence[bytes]) -> "Xstream":
        return cls(int(arguments[0]))

    def result(self, reply: StatusLine, body: bytes) -> bytes:
        return body

    def answer(self, messages: Snapshot) -> Answer:
        return Answer("without an end", self.pieces())

    def pieces(self) -> Iterator[bytes]:
        while True:
            yield b"." * (self.size - 2) + b"\r\n"


@dataclass(frozen=True, slots=True)
class Xcount(Command[bytes]):
    """XCOUNT n: n lines, asynchronously; what has more than two digits goes wrong on the way."""

    verb = "XCOUNT"
    states = TRANSACTION

    count: int

    @property
    def body(self) -> Body:
        return Body.MESSAGE

    def arguments(self) -> tuple[bytes, ...]:
        return (b"%d" % self.count,)

    @classmethod
    def parse(cls, arguments: Sequence[bytes]) -> "Xcount":
        return cls(int(arguments[0]))

    def result(self, reply: StatusLine, body: bytes) -> bytes:
        return body

    def answer(self, messages: Snapshot) -> Answer:
        return Answer(body=self.lines())

    async def lines(self) -> AsyncIterator[bytes]:
        for number in range(self.count):
            await asyncio.sleep(0)
            if number >= 100:
                raise OSError("too many")
            yield b"%d\r\n" % number


@dataclass(frozen=True, slots=True)
class Xfault(Command[StatusLine]):
    """XFAULT: what an application has not foreseen."""

    verb = "XFAULT"
    states = TRANSACTION

    def result(self, reply: StatusLine, body: bytes) -> StatusLine:
        return reply

    def answer(self, messages: Snapshot) -> Answer:
        raise OSError("the disk is broken")


@dataclass(frozen=True, slots=True)
class Xhello(Command[int]):
    """XHELLO token: legal before the login too, with a secret; how many messages there are."""

    verb = "XHELLO"
    states = TRANSACTION | {State.AUTHORIZATION}

    token: bytes = field(repr=False)

    def arguments(self) -> tuple[bytes, ...]:
        return (self.token,)

    def secrets(self) -> tuple[bytes, ...]:
        return (self.token,)

    @classmethod
    def parse(cls, arguments: Sequence[bytes]) -> "Xhello":
        if len(arguments) != 1:
            raise ValueError("XHELLO takes a token")
        return cls(arguments[0])

    def result(self, reply: StatusLine, body: bytes) -> int:
        return int(reply.text)

    def answer(self, messages: Snapshot) -> Answer:
        return Answer(str(messages.stat.messages))


@dataclass(frozen=True, slots=True)
class Xmute(Command[StatusLine]):
    """XMUTE: one that a server knows, and has no answer to."""

    verb = "XMUTE"
    states = TRANSACTION


VOCABULARY = (*COMMANDS, Xtnd, Xsender, Xstream, Xcount, Xfault, Xhello, Xmute)

MESSAGES = (
    b"From: alice@example.org\r\nSubject: one\r\n\r\n.text\r\n",
    b"From: bob@example.org\r\nSubject: two\r\n\r\n",
    b"\r\n",
)


class Drop:
    """A maildrop that lets everybody in."""

    def authenticate(self, name: str, password: str) -> "Drop":
        return self

    def open(self) -> Sequence[MessageEntry]:
        return [MessageEntry(len(mail), b"id-%d" % at) for at, mail in enumerate(MESSAGES)]

    def read(self, index: int) -> Iterable[bytes]:
        return [MESSAGES[index]]

    def delete(self, indexes: Collection[int]) -> None:
        assert indexes == [0]

    def close(self) -> None:
        pass


def knowing_server() -> ServerConnection:
    """A server in TRANSACTION, with these commands in its vocabulary."""
    conn = ServerConnection(commands=VOCABULARY)
    conn.greet()
    for line in (b"USER alice\r\n", b"PASS secret\r\n"):
        conn.receive_data(line)
        assert isinstance(conn.next_event(), Command)
        conn.reply(True)
    return conn


def test_both_machines() -> None:
    client, server = client_in(State.TRANSACTION), knowing_server()
    asked = Xtnd("Subject")
    server.receive_data(client.send(asked))
    assert server.next_event() == asked
    body = server.send_body(b"1 one\r\n2 two\r\n") + server.end_body() if server.in_body else b""
    assert body == b""
    octets = server.reply(True) + server.send_body(b"1 one\r\n2 two\r\n") + server.end_body()
    reply, *rest, end = hear(client, octets)
    assert (reply, end) == (Reply(True, b"", command=asked), BodyEnd())
    assert isinstance(reply, Reply)
    assert asked.result(reply, joined(rest)) == [(1, "one"), (2, "two")]
    server.receive_data(client.send(Xsender(2)))
    assert server.next_event() == Xsender(2)
    assert hear(client, server.reply(False, "no")) == [Reply(False, b"no", command=Xsender(2))]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"xtnd xlst", "XTND takes other arguments"),
        (b"XTND Subject", "XTND takes other arguments"),
        (b"XSENDER", "XSENDER takes other arguments"),
        (b"XFAULT 1", "XFAULT takes other arguments"),
        (b"XOTHER", "unknown command"),
    ],
)
def test_bad_ones(line: bytes, reason: str) -> None:
    conn = knowing_server()
    conn.receive_data(line + b"\r\n")
    assert conn.next_event() == BadCommand(reason, line)


def test_where_they_are_legal() -> None:
    client = client_in(State.AUTHORIZATION)
    with pytest.raises(LocalProtocolError, match="XSENDER is not allowed in AUTHORIZATION: log in"):
        client.send(Xsender(1))
    server = ServerConnection(commands=VOCABULARY)
    server.greet()
    server.receive_data(b"XSENDER 1\r\nXHELLO token\r\n")
    assert isinstance(server.next_event(), BadCommand)
    server.reply(False)
    assert server.next_event() == Xhello(b"token")


def test_a_server_that_does_not_know_them() -> None:
    conn = ServerConnection()
    conn.greet()
    conn.receive_data(b"XHELLO token\r\n")
    assert conn.next_event() == BadCommand("unknown command", b"XHELLO token")


def test_arguments_that_no_line_can_carry() -> None:
    client = client_in(State.TRANSACTION)
    for name in ("", "two words", "Subject\r\nDELE 1"):
        with pytest.raises(LocalProtocolError):
            client.send(Xtnd(name))
    assert client.pending == ()


def test_typed_results() -> None:
    """What a client gets has the type that the class names; type checkers read this test too."""
    conn = client_in(State.TRANSACTION)
    headers = play(
        conn,
        flows.request(conn, Xtnd("Subject")),
        """
        C: XTND XLST Subject
        S: +OK
        S: 1 one
        S: .
        """,
    )
    assert_type(headers, list[Header])
    assert headers == [Header(1, "one")]
    sender = play(conn, flows.request(conn, Xsender(1)), "C: XSENDER 1\nS: +OK alice@example.org")
    assert_type(sender, str)
    assert sender == "alice@example.org"
    octets = play(conn, flows.request(conn, Xcount(1)), "C: XCOUNT 1\nS: +OK\nS: 0\nS: .")
    assert_type(octets, bytes)
    assert octets == b"0\r\n"


def test_refusals_at_a_client() -> None:
    conn = client_in(State.TRANSACTION)
    with pytest.raises(CommandFailed, match="the server refused XSENDER 9: -ERR no such") as caught:
        play(conn, flows.request(conn, Xsender(9)), "C: XSENDER 9\nS: -ERR no such message")
    assert type(caught.value) is CommandFailed
    with pytest.raises(TemporaryFailure):
        play(conn, flows.request(conn, Xfault()), "C: XFAULT\nS: -ERR [SYS/TEMP] later")


def test_a_result_that_cannot_be_read_leaves_the_connection_usable() -> None:
    conn = client_in(State.TRANSACTION)
    with pytest.raises(ValueError, match="invalid literal"):
        play(conn, flows.request(conn, Xhello(b"x")), "C: XHELLO x\nS: +OK many")
    assert play(conn, flows.request(conn, Xhello(b"y")), "C: XHELLO y\nS: +OK 1") == 1


def serve(script: str) -> list[Exception]:
    """A session as in the script, behind the login; what the application raised."""
    conn, reported = ServerConnection(commands=VOCABULARY), list[Exception]()
    session = ServerSession(conn, Drop(), allow_insecure_auth=True, report=reported.append)
    play_async(
        conn,
        session.run(),
        f"""
        S: +OK POP3 server ready
        C: USER alice
        S: +OK
        C: PASS secret
        S: +OK 3 messages
        {script}
        C: QUIT
        S: +OK bye
        """,
    )
    return reported


def test_answers_of_a_server() -> None:
    reported = serve(
        """
        C: XTND XLST subject
        S: +OK headers follow
        S: 1 one
        S: 2 two
        S- 3 \\r\\n
        S: .
        C: XSENDER 2
        S: +OK bob@example.org
        C: DELE 1
        S: +OK marked
        C: XTND XLST From
        S: +OK headers follow
        S: 2 bob@example.org
        S- 3 \\r\\n
        S: .
        C: XHELLO token
        S: +OK 2
        """
    )
    assert reported == []


def test_refusals_and_faults_of_a_server() -> None:
    reported = serve(
        """
        C: XSENDER 4
        S: -ERR [X-NONE] no such message
        C: XFAULT
        S: -ERR [SYS/TEMP] XFAULT failed
        C: XMUTE
        S: -ERR XMUTE is not supported
        C: XSENDER one
        S: -ERR XSENDER takes other arguments
        C: XHELLO
        S: -ERR XHELLO takes other arguments
        """
    )
    assert [str(error) for error in reported] == ["the disk is broken"]


def test_an_asynchronous_body() -> None:
    assert serve("C: XCOUNT 3\nS: +OK\nS: 0\nS: 1\nS: 2\nS: .\nC: XCOUNT 0\nS: +OK\nS: .") == []


def test_an_asynchronous_body_that_goes_wrong() -> None:
    conn, reported = ServerConnection(commands=VOCABULARY), list[Exception]()
    session = ServerSession(conn, Drop(), allow_insecure_auth=True, report=reported.append)
    numbers = "\n".join(f"S: {number}" for number in range(100))
    play_async(
        conn,
        session.run(),
        "S: +OK POP3 server ready\nC: USER alice\nS: +OK\nC: PASS secret\nS: +OK 3 messages\n"
        f"C: XCOUNT 101\nS: +OK\n{numbers}\nCLOSE",
    )
    assert [str(error) for error in reported] == ["too many"]
    assert conn.state is State.BROKEN


def test_before_the_login_there_are_no_messages() -> None:
    conn = ServerConnection(commands=VOCABULARY)
    session = ServerSession(conn, Drop()).run()
    play(
        conn,
        session,
        """
        S: +OK POP3 server ready
        C: XHELLO token
        S: +OK 0
        EOF
        """,
    )


def test_who_answers() -> None:
    assert isinstance(Xtnd("Subject"), Answering)
    assert isinstance(Xsender(1), Answering)
    assert not isinstance(Xmute(), Answering)


def log_in(conn: ClientConnection) -> Flow[None]:
    yield from flows.open_session(conn, TlsPolicy.NONE)
    yield from login(conn, "alice", "secret", allow_insecure_auth=True)


def test_a_body_without_an_end_takes_no_memory() -> None:
    client, server = ClientConnection(), ServerConnection(commands=VOCABULARY)
    session = ServerSession(server, Drop(), allow_insecure_auth=True).run()
    converse(client, log_in(client), server, session)
    reply = converse(client, flows.open_body(client, Xstream(READ)), server, session)
    assert reply.text == "without an end"
    line = b"." * (READ - 2) + b"\r\n"
    received = 0
    for _ in range(2000):
        chunk = converse(client, flows.next_chunk(client), server, session)
        assert line.startswith(chunk) or chunk in line + line
        received += len(chunk)
        assert held(client) <= 2 * READ + OWN
        assert held(server) <= OWN
    assert received > 1000 * READ
    # Nobody reads it to its end: the connection is given up.
    with pytest.raises(LocalProtocolError, match="a message was left early"):
        converse(client, flows.request(client, Xhello(b"x")), server, session)
    assert client.state is State.BROKEN


def test_secrets_and_replay() -> None:
    client_trace, server_trace = list[TraceRecord](), list[TraceRecord]()
    client = ClientConnection(trace=client_trace.append)
    server = ServerConnection(commands=VOCABULARY, trace=server_trace.append)
    session = ServerSession(server, Drop(), allow_insecure_auth=True).run()
    converse(client, log_in(client), server, session)
    assert converse(client, flows.request(client, Xhello(b"hunter2")), server, session) == 3
    headers = converse(client, flows.request(client, Xtnd("Subject")), server, session)
    assert headers == [(1, "one"), (2, "two"), (3, "")]
    for trace in (client_trace, server_trace):
        assert b"XHELLO ***\r\n" in [record.octets for record in trace]
        assert not any(b"hunter2" in record.octets for record in trace)
    again = list(replay_client(ClientConnection(), client_trace, VOCABULARY))
    assert [e.command for e in again if isinstance(e, Reply)][-2:] == [
        Xhello(b"***"),
        Xtnd("Subject"),
    ]
    assert joined(again).endswith(b"\r\n1 one\r\n2 two\r\n3 \r\n")
    heard = list(replay_server(ServerConnection(commands=VOCABULARY), server_trace))
    assert heard[-2:] == [Xhello(b"***"), Xtnd("Subject")]


def test_a_line_ahead_that_is_too_long_is_not_parsed() -> None:
    parsed: list[Sequence[bytes]] = []

    class Counted(Xsender):
        @classmethod
        def parse(cls, arguments: Sequence[bytes]) -> Xsender:
            parsed.append(arguments)
            return super().parse(arguments)

    conn = ServerConnection(commands=[*COMMANDS, Counted])
    conn.greet()
    for line in (b"USER alice\r\n", b"PASS secret\r\n"):
        conn.receive_data(line)
        conn.next_event()
        conn.reply(True)
    conn.receive_data(b"NOOP\r\nXSENDER 1\r\nXSENDER " + b"1" * conn.limits.command + b"\r\n")
    conn.next_event()
    assert len(list(conn.waiting())) == 1
    assert parsed == [[b"1"]]
