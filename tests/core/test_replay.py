"""Conversations that were traced, through new machines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from pop3_proto import (
    COMMANDS,
    NEED_DATA,
    PAUSED,
    Auth,
    AuthCancelled,
    AuthResponse,
    BadCommand,
    BodyChunk,
    BodyEnd,
    Capa,
    Challenge,
    ClientConnection,
    ClientEvent,
    Command,
    Dele,
    EndOfStream,
    Greeting,
    Limits,
    LocalProtocolError,
    Pass,
    Quit,
    RemoteProtocolError,
    Reply,
    ResponseCode,
    Retr,
    ServerConnection,
    ServerEvent,
    Stat,
    State,
    Stls,
    Traced,
    TraceRecord,
    UnexpectedEof,
    Unsolicited,
    User,
    replay_client,
    replay_server,
)

SENT, RECEIVED = Traced.SENT, Traced.RECEIVED
AUTH = ResponseCode.of("AUTH")


@dataclass(frozen=True, slots=True)
class Xyzzy(Command[bytes]):
    """A command of one's own."""

    verb = "XYZZY"
    states = frozenset({State.AUTHORIZATION})

    word: bytes

    def arguments(self) -> tuple[bytes, ...]:
        return (self.word,)

    @classmethod
    def parse(cls, arguments: Sequence[bytes]) -> "Xyzzy":
        return cls(*arguments)


class TracedClient:
    """A client that notes its events beside its trace."""

    def __init__(self) -> None:
        self.records: list[TraceRecord] = []
        self.events: list[ClientEvent] = []
        self.conn = ClientConnection(trace=self.records.append)

    def hear(self, octets: bytes) -> None:
        self.conn.receive_data(octets)
        self.take()

    def take(self) -> None:
        while (event := self.conn.next_event()) is not NEED_DATA and event is not PAUSED:
            self.events.append(event)
            if isinstance(event, EndOfStream):
                break

    def exchange(self, command: Command[object], reply: bytes) -> None:
        self.conn.send(command)
        self.hear(reply)

    def replayed(self, commands: Sequence[type[Command[object]]] = COMMANDS) -> list[ClientEvent]:
        return list(replay_client(ClientConnection(), self.records, commands))


class TestClient:
    def test_a_session(self) -> None:
        client = TracedClient()
        client.hear(b"+OK ready <1@host>\r\n")
        client.exchange(User("alice"), b"+OK\r\n")
        client.exchange(Pass("wrong"), b"-ERR [AUTH] no\r\n")
        client.exchange(User("alice"), b"+OK\r\n")
        client.exchange(Pass("***"), b"+OK\r\n")
        client.exchange(Retr(1), b"+OK\r\n..a")
        client.hear(b"\r\n.")
        client.hear(b"\r\n")
        client.exchange(Dele(1), b"+OK\r\n")
        client.conn.send(Quit())
        client.hear(b"+OK bye\r\n")
        expected = [
            Reply(False, b"[AUTH] no", AUTH, command=Pass("***")) if event == refused else event
            for event in client.events
            for refused in [Reply(False, b"[AUTH] no", AUTH, command=Pass("wrong"))]
        ]
        assert client.replayed() == expected
        assert client.events[-1] == EndOfStream()

    def test_the_machine_ends_where_the_first_one_did(self) -> None:
        client = TracedClient()
        client.hear(b"+OK\r\n")
        client.exchange(Stls(), b"+OK\r\n")
        client.conn.tls_started()
        client.exchange(Capa(), b"+OK\r\nTOP\r\n.\r\n")
        again = ClientConnection()
        assert list(replay_client(again, client.records)) == client.events
        assert (again.state, again.tls) == (State.AUTHORIZATION, True)

    def test_auth(self) -> None:
        client = TracedClient()
        client.hear(b"+OK\r\n")
        client.exchange(Auth("X", b"***"), b"+ Kioq\r\n")
        client.conn.respond(b"***", last=False)
        client.hear(b"+OK Kioq\r\n")
        client.conn.respond(b"", last=False)
        client.hear(b"+ no base64\r\n")
        client.conn.cancel()
        client.hear(b"-ERR\r\n")
        client.exchange(Auth("Y", b"", last=True), b"+OK\r\n")
        replayed = client.replayed()
        assert replayed == client.events
        assert replayed[1:4] == [
            Challenge(b"***"),
            Challenge(b"***", irregular=True),
            Challenge(None),
        ]

    def test_what_it_says_is_said_again(self) -> None:
        client, said = TracedClient(), list[TraceRecord]()
        client.hear(b"+OK\r\n")
        client.exchange(Auth("X", b"hunter2"), b"+ \r\n")
        client.conn.respond(b"hunter2", last=True)
        client.hear(b"+ \r\n")
        client.conn.respond(b"", last=False)
        client.hear(b"+ \r\n")
        client.conn.cancel()
        client.hear(b"-ERR\r\n")
        client.exchange(User("alice"), b"+OK\r\n")
        client.exchange(Pass("hunter2"), b"+OK\r\n")
        list(replay_client(ClientConnection(trace=said.append), client.records))
        assert said == client.records

    def test_a_trace_that_was_cut(self) -> None:
        records = [TraceRecord(RECEIVED, b"+OK\r\n"), TraceRecord(SENT, b"CAPA\r\n", unread=3)]
        assert list(replay_client(ClientConnection(), records)) == [Greeting(True, b"")]

    def test_mechanisms(self) -> None:
        client = TracedClient()
        client.hear(b"+OK\r\n")
        client.exchange(Auth(), b"+OK\r\nPLAIN\r\n.\r\n")
        assert client.replayed() == client.events

    def test_commands_sent_ahead(self) -> None:
        client = TracedClient()
        client.hear(b"+OK\r\n")
        client.exchange(User("alice"), b"+OK\r\n")
        client.exchange(Pass("***"), b"+OK\r\n")
        for command in (Retr(1), Stat(), Retr(2)):
            client.conn.send(command)
        client.hear(b"+OK\r\na\r\n.\r\n+OK 1")
        client.hear(b" 3\r\n-ERR\r\n")
        assert client.replayed() == client.events

    @pytest.mark.parametrize("early", [b"+", b"+OK early", b"+OK early\r\n"])
    def test_what_had_arrived_before_its_time_is_nobodys_reply_again(self, early: bytes) -> None:
        client = TracedClient()
        client.conn.receive_data(b"+OK\r\n" + early)
        client.events.append(client.conn.next_event())
        client.conn.send(Capa())
        late = b"+OK early\r\n"[len(early) :]
        if late:
            client.conn.receive_data(late)
        client.events.append(client.conn.next_event())
        assert client.records[1].unread == len(early)
        again = replay_client(ClientConnection(), client.records)
        assert (
            [next(again), next(again)]
            == client.events
            == [
                Greeting(True, b""),
                Unsolicited(True, b"early"),
            ]
        )

    def test_what_had_arrived_behind_two_lines(self) -> None:
        client = TracedClient()
        client.conn.receive_data(b"+OK\r\n\r\n\r\n-ERR bye\r\n")
        client.events.append(client.conn.next_event())
        client.conn.send(Capa())
        client.events.append(client.conn.next_event())
        again = replay_client(ClientConnection(), client.records)
        assert [next(again), next(again)] == client.events

    def test_two_commands_before_the_same_octets(self) -> None:
        records = [
            TraceRecord(RECEIVED, b"+OK\r\n"),
            TraceRecord(SENT, b"USER a\r\n"),
            TraceRecord(RECEIVED, b"+OK\r\n"),
            TraceRecord(SENT, b"PASS ***\r\n"),
            TraceRecord(RECEIVED, b"+OK\r\n"),
            TraceRecord(SENT, b"NOOP\r\n", unread=2),
            TraceRecord(SENT, b"STAT\r\n", unread=5),
            TraceRecord(RECEIVED, b"-ERR bye\r\n"),
        ]
        events: list[ClientEvent] = []
        with pytest.raises(RemoteProtocolError, match="nobody asked for"):
            events += replay_client(ClientConnection(), records)
        again = replay_client(ClientConnection(), records)
        assert [next(again) for _ in range(4)][-1] == Unsolicited(False, b"bye")

    @pytest.mark.parametrize(("what", "cut_off"), [(Traced.EOF, False), (Traced.CUT_OFF, True)])
    def test_the_end_of_input(self, what: Traced, cut_off: bool) -> None:
        records = [TraceRecord(RECEIVED, b"+OK\r\n"), TraceRecord(what)]
        assert list(replay_client(ClientConnection(), records)) == [
            Greeting(True, b""),
            EndOfStream(),
        ]
        records.insert(1, TraceRecord(SENT, b"CAPA\r\n"))
        with pytest.raises(UnexpectedEof, match="the reply to CAPA was due") as caught:
            list(replay_client(ClientConnection(), records))
        assert caught.value.cut_off is cut_off

    def test_nothing_comes_behind_the_end(self) -> None:
        records = [TraceRecord(RECEIVED, b"-ERR\r\n"), TraceRecord(SENT, b"CAPA\r\n")]
        assert list(replay_client(ClientConnection(), records)) == [
            Greeting(False, b""),
            EndOfStream(),
        ]

    def test_own_commands(self) -> None:
        client = TracedClient()
        client.hear(b"+OK\r\n")
        client.exchange(Xyzzy(b"plugh"), b"+OK\r\n")
        assert client.replayed([Xyzzy]) == client.events
        with pytest.raises(ValueError, match=r"XYZZY.*give its class in `commands`"):
            client.replayed()

    def test_records_of_no_machine(self) -> None:
        records = [TraceRecord(RECEIVED, b"+OK\r\n"), TraceRecord(SENT, b"STAT\r\n")]
        with pytest.raises(LocalProtocolError, match="STAT is not allowed in AUTHORIZATION"):
            list(replay_client(ClientConnection(), records))

    def test_limits_are_those_of_the_new_machine(self) -> None:
        records = [TraceRecord(RECEIVED, b"+OK " + b"x" * 100 + b"\r\n")]
        with pytest.raises(RemoteProtocolError, match="more than 20 octets"):
            list(replay_client(ClientConnection(limits=Limits(line=20)), records))


class TracedServer:
    """A server that notes its events beside its trace."""

    def __init__(self) -> None:
        self.records: list[TraceRecord] = []
        self.events: list[ServerEvent] = []
        self.conn = ServerConnection(trace=self.records.append)

    def read(self, octets: bytes, *answer: Callable[[], bytes]) -> None:
        """Read octets, and give each event one of the answers."""
        if octets:
            self.conn.receive_data(octets)
        for say in answer:
            self.events.append(self.conn.next_event())
            say()

    def ok(self) -> bytes:
        return self.conn.reply(True, "fine")

    def no(self) -> bytes:
        return self.conn.reply(False, "no", code=AUTH)

    def body(self) -> bytes:
        said = [self.conn.reply(True), *map(self.conn.send_body, (b".a", b"", b"\r", b"\nb"))]
        return b"".join([*said, self.conn.end_body()])

    def empty_body(self) -> bytes:
        return self.conn.reply(True) + self.conn.end_body()


class TestServer:
    def test_a_session(self) -> None:
        server = TracedServer()
        server.conn.greet("ready", timestamp=b"<1@host>")
        server.read(b"PASS x\r\nUSER alice\r\n", server.no, server.ok)
        server.read(b"PASS ***\r\nNOOP\r\nRETR 1\r\n", server.ok, server.ok, server.body)
        server.read(b"LIST\r\nRETR 2\r\nQUIT\r\n", server.empty_body, server.body, server.ok)
        server.events.append(server.conn.next_event())
        again = ServerConnection()
        replayed = list(replay_server(again, server.records))
        assert replayed == [
            BadCommand("PASS is not allowed yet: send USER first", b"PASS ***"),
            *server.events[1:-1],
        ]
        assert (again.state, server.events[-1]) == (State.CLOSED, EndOfStream())

    def test_what_it_says_is_said_again(self) -> None:
        server, said = TracedServer(), list[TraceRecord]()
        server.conn.greet("ready")
        server.read(b"USER alice\r\nPASS ***\r\nRETR 1\r\n", server.ok, server.ok, server.body)
        server.read(b"XYZZY\r\nNOOP\r\n", server.no, server.ok)
        list(replay_server(ServerConnection(trace=said.append), server.records))
        octets = [b"".join(r.octets for r in of if r.what is SENT) for of in (said, server.records)]
        assert octets[0] == octets[1]

    def test_auth(self) -> None:
        server = TracedServer()
        server.conn.greet()
        challenge = server.conn.challenge
        server.read(b"AUTH X\r\n", challenge)
        server.read(b"Kioq\r\n\r\n", lambda: challenge(b"***"), server.no)
        server.read(b"AUTH X Kioq\r\n*\r\n", challenge, server.no)
        server.read(b"AUTH X =\r\n!\r\n", challenge, server.no)
        server.read(b"AUTH\r\n", server.empty_body)
        said: list[TraceRecord] = []
        replayed = list(replay_server(ServerConnection(trace=said.append), server.records))
        assert said == server.records
        bad = BadCommand("the response is no base64", b"***")
        assert replayed == [bad if isinstance(e, BadCommand) else e for e in server.events]
        assert AuthResponse(b"***") in replayed
        assert AuthCancelled() in replayed

    def test_tls(self) -> None:
        server = TracedServer()
        server.conn.greet()
        server.read(b"STLS\r\n", server.ok)
        server.conn.tls_started()
        server.read(b"NOOP\r\n", server.no)
        server.conn.receive_eof(cut_off=True)
        server.events.append(server.conn.next_event())
        again = ServerConnection()
        replayed = list(replay_server(again, server.records))
        assert [type(event) for event in replayed] == [Stls, BadCommand, EndOfStream]
        assert (again.state, again.tls) == (State.CLOSED, True)

    def test_a_refusal_from_the_start(self) -> None:
        server = TracedServer()
        server.conn.greet("full", ok=False)
        again = ServerConnection()
        assert list(replay_server(again, server.records)) == []
        assert again.state is State.CLOSED

    def test_what_had_arrived_before_something_was_said(self) -> None:
        server = TracedServer()
        server.conn.receive_data(b"NOOP\r\nCAPA\r\nQUI")
        server.conn.greet()
        server.read(b"", server.no, server.empty_body)
        server.read(b"T\r\n", server.ok)
        assert [record.unread for record in server.records if record.what is SENT] == [
            15,
            9,
            3,
            3,
            0,
        ]
        replayed = list(replay_server(ServerConnection(), server.records))
        assert [type(event) for event in replayed] == [BadCommand, Capa, Quit]

    def test_a_secret_that_was_longer_than_its_record(self) -> None:
        server = TracedServer()
        server.conn.greet()
        server.read(b"NOOP\r\nAUTH X " + b"A" * 40 + b"\r\n", server.no, server.no)
        server.read(b"STLS\r\n", server.ok)
        server.conn.tls_started()
        server.read(b"CAPA\r\n", server.empty_body)
        replayed = list(replay_server(ServerConnection(), server.records))
        assert [type(event) for event in replayed] == [BadCommand, Auth, Stls, Capa]

    def test_own_commands(self) -> None:
        records = [TraceRecord(SENT, b"+OK\r\n"), TraceRecord(RECEIVED, b"XYZZY a\r\n")]
        assert list(replay_server(ServerConnection(commands=[Xyzzy]), records)) == [Xyzzy(b"a")]
        (event,) = replay_server(ServerConnection(), records)
        assert isinstance(event, BadCommand)

    def test_records_of_no_machine(self) -> None:
        records = [TraceRecord(SENT, b"+OK\r\n"), TraceRecord(SENT, b"+OK\r\n")]
        with pytest.raises(LocalProtocolError, match="no reply is owed"):
            list(replay_server(ServerConnection(), records))


def test_bodies_are_given_in_the_pieces_that_were_traced() -> None:
    client = TracedClient()
    client.hear(b"+OK\r\n")
    client.exchange(User("a"), b"+OK\r\n")
    client.exchange(Pass("***"), b"+OK\r\n")
    client.conn.send(Retr(1))
    for octet in b"+OK\r\nab\r\n.\r\n":
        client.hear(bytes([octet]))
    replayed = client.replayed()
    assert replayed == client.events
    assert replayed[-4:] == [BodyChunk(b"a"), BodyChunk(b"b"), BodyChunk(b"\r\n"), BodyEnd()]
