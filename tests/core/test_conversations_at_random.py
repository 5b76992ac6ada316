"""A client and a server that do whatever is legal, and try what is not, while octets take time.

Whoever says something puts it on a wire, from which it is taken in any pieces. In the end both
traces are played to new machines.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pop3_proto import (
    NEED_DATA,
    PAUSED,
    Apop,
    Auth,
    AuthCancelled,
    AuthResponse,
    BadCommand,
    BodyChunk,
    BodyEnd,
    Challenge,
    ClientConnection,
    ClientEvent,
    Command,
    EndOfStream,
    Greeting,
    LocalProtocolError,
    Pass,
    ProtocolError,
    Quit,
    Reply,
    Response,
    ResponseCode,
    Rpop,
    ServerConnection,
    ServerEvent,
    State,
    Stls,
    TraceRecord,
    UnexpectedEof,
    Unsolicited,
    UnsolicitedReply,
    User,
    parse_record,
    replay_client,
    replay_server,
    write_record,
)
from tests.core.test_decided import BARRIERS, LEGAL, NEED_USER, as_received
from tests.core.test_joined import (
    BEFORE_THE_LOGIN,
    CODE,
    DIGEST,
    MAIL,
    MECHANISM,
    OCTETS,
    SECRET,
    TEXT,
    TRANSACTION,
    WORD,
)

# A reply in which one of these is hidden is still one.
PASSWORD = SECRET | st.sampled_from([b" ", b"", b"-", b"+OK", b"OK", b"***", b"["])
DATA = OCTETS | st.sampled_from([b" ", b"\r", b"\n", b"+", b"-ERR"])
LOGIN = st.one_of(
    st.builds(User, SECRET),
    st.builds(Pass, PASSWORD),
    st.builds(Rpop, WORD),
    st.builds(Apop, WORD, DIGEST),
    st.builds(Auth),
)
EXCHANGE = st.builds(Auth, MECHANISM, st.none() | st.binary(max_size=100), st.booleans())
RESPONSE = st.builds(Response, DATA, st.booleans()) | st.none()
AUTHORIZATION = BEFORE_THE_LOGIN | LOGIN | EXCHANGE | st.builds(Stls)
# How many octets of what is on the wire arrive.
SOME = st.integers(1, 40) | st.just(1 << 20)
MOSTLY = st.sampled_from([True, True, True, False])
RARELY = st.integers(0, 29).map(lambda number: number == 29)

Event = ClientEvent | ServerEvent | ProtocolError
Owed = Command[object] | AuthResponse | AuthCancelled | BadCommand


@dataclass
class Expected:
    """What a client has to hear; `body` grows while the server sends it."""

    command: Command[object]
    ok: bool
    octets: bytes
    body: bytes = b""


class Conversation(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.client_trace: list[TraceRecord] = []
        self.server_trace: list[TraceRecord] = []
        self.client = ClientConnection(trace=self.client_trace.append)
        self.server = ServerConnection(trace=self.server_trace.append)
        self.to_client = bytearray()
        self.to_server = bytearray()
        # What was said, and what the other side has to make of it.
        self.said: deque[object] = deque()
        self.asked: deque[Command[object]] = deque()
        self.expected: deque[Expected | Challenge | Greeting] = deque()
        self.owed: Owed | None = None
        self.last = False
        self.heard = b""
        self.client_events: list[ClientEvent | ProtocolError] = []
        self.server_events: list[ServerEvent | ProtocolError] = []
        self.client_waits = self.server_waits = False
        self.client_over = self.server_over = False

    # The server speaks.

    @precondition(lambda self: self.server.state is State.GREETING)
    @rule(ok=RARELY.map(lambda rare: not rare), text=TEXT, stamped=st.booleans())
    def greet(self, ok: bool, text: str, stamped: bool) -> None:
        stamp = "<1.2@host>" if stamped else ""
        words = f"ready {text}".rstrip()
        self.expected.append(Greeting(ok, f"{words} {stamp}".rstrip().encode()))
        self.to_client += self.server.greet(words, ok=ok, timestamp=stamp.encode() or None)

    @precondition(lambda self: self.owed and not self.server.in_body)
    @rule(ok=MOSTLY, code=st.none() | CODE.map(ResponseCode.of), text=TEXT)
    def reply(self, ok: bool, code: ResponseCode | None, text: str) -> None:
        owed, self.owed, self.server_waits = self.owed, None, False
        exchanging = isinstance(owed, AuthResponse) or (isinstance(owed, Auth) and owed.mechanism)
        if isinstance(owed, AuthCancelled | BadCommand):
            with pytest.raises(LocalProtocolError):
                self.server.reply(True)
            ok = False
        elif exchanging and not self.last:
            ok = False
        self.to_client += self.server.reply(ok, f"- {text}", code=code)
        said = f"[{code}] - {text}" if code else f"- {text}"
        self.expected.append(Expected(self.asked.popleft(), ok, said.rstrip().encode()))
        if self.server.in_body:
            self.owed = owed

    @precondition(lambda self: self.owed)
    @rule(data=OCTETS)
    def challenge(self, data: bytes) -> None:
        owed = self.owed
        if self.server.in_body or not (
            isinstance(owed, AuthResponse) or (isinstance(owed, Auth) and owed.mechanism)
        ):
            with pytest.raises(LocalProtocolError):
                self.server.challenge(data)
            return
        self.to_client += self.server.challenge(data)
        self.expected.append(Challenge(data))
        self.owed, self.server_waits = None, False

    @precondition(lambda self: self.server.in_body)
    @rule(data=MAIL, ended=st.booleans())
    def body(self, data: bytes, ended: bool) -> None:
        expected = self.expected[-1]
        assert isinstance(expected, Expected)
        self.to_client += self.server.send_body(data)
        expected.body += data
        if ended:
            if expected.body and not expected.body.endswith(b"\r\n"):
                expected.body += b"\r\n"
            self.to_client += self.server.end_body()
            self.owed, self.server_waits = None, False

    # The client speaks.

    @rule(commands=st.lists(AUTHORIZATION | TRANSACTION, min_size=1, max_size=2))
    def send(self, commands: Sequence[Command[object]]) -> None:
        for command in commands:
            self.send_one(command)

    @precondition(lambda self: self.client.state is State.AUTHORIZATION)
    @rule(commands=st.lists(AUTHORIZATION, min_size=1, max_size=3))
    def send_before_the_login(self, commands: Sequence[Command[object]]) -> None:
        self.send(commands)

    @precondition(lambda self: self.client.state is State.TRANSACTION)
    @rule(commands=st.lists(TRANSACTION, min_size=1, max_size=5))
    def send_behind_the_login(self, commands: Sequence[Command[object]]) -> None:
        self.send(commands)

    @precondition(lambda self: self.is_quiet() and self.client.state is State.AUTHORIZATION)
    @rule(name=SECRET, password=PASSWORD)
    def log_in(self, name: bytes, password: bytes) -> None:
        self.send([User(name), Pass(password)])
        self.catch_up()

    @rule(rare=RARELY)
    def leave(self, rare: bool) -> None:
        if rare:
            self.send_one(Quit())

    def send_one(self, command: Command[object]) -> None:
        client = self.client
        before = client.state, client.pending, client.challenged
        try:
            line = client.send(command)
        except LocalProtocolError:
            # The guards are decided elsewhere; here it matters that nothing else is refused.
            illegal = command.verb not in LEGAL.get(client.state, set())
            behind = client.pending and client.pending[-1].verb in BARRIERS
            assert illegal or behind or command.verb in (*NEED_USER, "STLS")
            assert (client.state, client.pending, client.challenged) == before
            return
        self.to_server += line
        self.said.append(as_received(command))
        self.asked.append(command)
        if isinstance(command, Auth):
            self.last = command.last and command.initial is not None

    @rule(response=RESPONSE)
    def respond(self, response: Response | None) -> None:
        client = self.client
        challenged = client.challenged
        try:
            if response:
                line = client.respond(response.data, last=response.last)
            else:
                line = client.cancel()
        except LocalProtocolError:
            assert not challenged or client.failure
            return
        assert challenged
        self.client_waits = False
        self.to_server += line
        self.said.append(AuthResponse(response.data) if response else AuthCancelled())
        self.last = response is not None and response.last

    @precondition(lambda self: self.is_quiet() and self.client.state is State.AUTHORIZATION)
    @rule(command=EXCHANGE, data=OCTETS)
    def begin_an_exchange(self, command: Command[object], data: bytes) -> None:
        self.send_one(command)
        self.deliver_all()
        self.challenge(data)
        self.deliver_all()

    @precondition(lambda self: self.is_quiet() and self.client.challenged)
    @rule(response=RESPONSE)
    def go_on_with_an_exchange(self, response: Response | None) -> None:
        self.respond(response)
        self.deliver_all()

    # Octets arrive.

    @precondition(lambda self: self.to_server)
    @rule(some=SOME)
    def reach_the_server(self, some: int) -> None:
        if not self.server_over:  # else it is lost
            self.server.receive_data(self.to_server[:some])
        del self.to_server[:some]
        self.server_waits = False

    @precondition(lambda self: self.to_client)
    @rule(some=SOME)
    def reach_the_client(self, some: int) -> None:
        if not self.client_over:
            self.client.receive_data(memoryview(self.to_client[:some]))
        del self.to_client[:some]
        self.client_waits = False

    @precondition(lambda self: not self.to_server and not self.server_over)
    @rule(rare=RARELY)
    def client_ends(self, rare: bool) -> None:
        if rare:
            self.server.receive_eof()
            self.server_over, self.server_waits = True, False

    @precondition(lambda self: not self.to_client and not self.client_over)
    @rule(rare=RARELY, cut_off=st.booleans())
    def server_ends(self, rare: bool, cut_off: bool) -> None:
        if rare:
            self.client.receive_eof(cut_off=cut_off)
            self.client_over, self.client_waits = True, False

    @precondition(lambda self: self.is_quiet() and self.client.state in LEGAL)
    @rule(rare=RARELY, command=AUTHORIZATION | TRANSACTION)
    def server_speaks_unasked(self, rare: bool, command: Command[object]) -> None:
        if rare:
            self.client.receive_data(b"-ERR unasked\r\n")
            self.send_one(command)
            event = self.client.next_event()
            assert isinstance(event, Unsolicited)
            assert self.client.state is State.BROKEN
            self.client_events.append(event)
            self.client_over = True

    # TLS starts.

    @rule()
    def start_tls(self) -> None:
        states = (State.GREETING, State.TLS_HANDSHAKE)
        both = self.client, self.server
        if self.is_quiet() and self.client.state in states and not self.client.tls:
            for conn in both:
                conn.tls_started()
            return
        for conn in both:
            if conn.tls or conn.state not in states:
                with pytest.raises(LocalProtocolError, match="TLS cannot start"):
                    conn.tls_started()

    # Events are taken.

    @rule()
    def ask_the_server(self) -> None:
        event = self.server.next_event()
        self.server_waits = event is NEED_DATA or event is PAUSED or isinstance(event, EndOfStream)
        if event is PAUSED:
            assert self.owed or self.server.state in (State.GREETING, State.TLS_HANDSHAKE)
        elif isinstance(event, EndOfStream):
            assert self.server.state is State.CLOSED
            if self.server_events[-1:] != [event]:
                self.server_events.append(event)
        elif event is not NEED_DATA:
            assert self.owed is None
            self.server_events.append(event)
            self.check_said(event, self.said.popleft())
            self.owed = event

    def check_said(self, event: object, said: object) -> None:
        if isinstance(event, BadCommand):
            # The only thing that a client cannot know when it sends ahead: whether USER will do.
            assert isinstance(said, Pass | Rpop)
            assert event.octets == said.line()[:-2]
        else:
            assert (type(event), event) == (type(said), said)

    @rule()
    def ask_the_client(self) -> None:
        try:
            event = self.client.next_event()
        except (UnexpectedEof, UnsolicitedReply) as error:
            assert self.client_over
            assert self.client.state is State.BROKEN
            if error not in self.client_events:
                self.client_events.append(error)
            self.client_waits = True
            return
        self.client_waits = event is NEED_DATA or event is PAUSED or isinstance(event, EndOfStream)
        if isinstance(event, EndOfStream):
            assert self.client.state is State.CLOSED
            if self.client_events[-1:] != [event]:
                self.client_events.append(event)
        elif event is PAUSED:
            assert self.client.challenged or self.client.state is State.TLS_HANDSHAKE
        elif event is not NEED_DATA:
            self.client_events.append(event)
            self.check_heard(event)

    def check_heard(self, event: object) -> None:
        expected = self.expected[0]
        match event:
            case Reply():
                assert isinstance(expected, Expected)
                assert event.command is expected.command
                assert event.ok is expected.ok
                assert event.octets == expected.octets or b"***" in event.octets
                if self.client.in_body:
                    return
            case BodyChunk(data):
                assert data
                self.heard += data
                return
            case BodyEnd():
                assert isinstance(expected, Expected)
                assert self.heard == expected.body
                self.heard = b""
            case _:
                assert event == expected
        self.expected.popleft()

    # What is always true.

    def is_quiet(self) -> bool:
        """Whether everything that was said has arrived, and has been answered."""
        wires = self.to_client or self.to_server
        machines = self.client_waits and self.server_waits and not self.owed
        return bool(not wires and machines and not self.client_over and not self.server_over)

    @invariant()
    def both_agree(self) -> None:
        if self.is_quiet() and self.server.state is not State.GREETING:
            assert self.client.state is self.server.state
            assert self.client.tls is self.server.tls
            assert self.client.utf8 is self.server.utf8
            assert not self.said
            assert not self.expected
            assert tuple(self.asked) == self.client.pending
            assert bool(self.client.pending) is self.client.challenged

    @invariant()
    def what_is_pending_is_what_was_asked(self) -> None:
        if not self.client_over:
            owed = [item.command for item in self.expected if isinstance(item, Expected)]
            assert self.client.pending == (*owed, *self.asked)

    @rule(ok=MOSTLY, mail=MAIL)
    def catch_up(self, ok: bool = True, mail: bytes = b"") -> None:
        """Everything arrives, and everything is answered."""
        while True:
            if self.server.state is State.GREETING:
                self.greet(True, "", False)
            self.deliver_all()
            if not self.owed:
                return
            if not self.server.in_body:
                self.reply(ok, None, "")
            if self.server.in_body:
                self.body(mail, True)

    def deliver_all(self) -> None:
        if self.to_server:
            self.reach_the_server(1 << 20)
        self.server_waits = False
        while not self.server_waits:
            self.ask_the_server()
        if self.to_client:
            self.reach_the_client(1 << 20)
        self.client_waits = False
        while not self.client_waits:
            self.ask_the_client()

    def teardown(self) -> None:
        """Both sides end, and what they have traced happens again."""
        self.deliver_all()
        for conn in (self.client, self.server):
            conn.receive_eof()
        self.client_over = self.server_over = True
        self.deliver_all()
        while self.owed:
            if not self.server.in_body:
                self.reply(False, None, "")
            if self.server.in_body:
                self.body(b"", True)
            self.deliver_all()
        client = replay_client(ClientConnection(), again(self.client_trace))
        assert comparable(taken(client)) == comparable(self.client_events)
        server = replay_server(ServerConnection(), again(self.server_trace))
        assert comparable(taken(server)) == comparable(self.server_events)


def again(records: Iterable[TraceRecord]) -> list[TraceRecord]:
    """Records as they come back from a file."""
    lines = list(map(write_record, records))
    assert all(line.isprintable() for line in lines)
    return list(map(parse_record, lines))


def taken(events: Iterable[Event]) -> list[Event]:
    """Events up to an error, which is the last of them."""
    found: list[Event] = []
    try:
        found.extend(events)
    except ProtocolError as error:
        found.append(error)
    return found


def comparable(events: Iterable[Event]) -> list[object]:
    """Events without secrets, which no trace has, without where the chunks end, and without the end
    itself, of which nothing is traced where the session was over before."""
    found: list[object] = []
    body = b""
    for event in events:
        if isinstance(event, BodyChunk):
            body += event.data
            continue
        if isinstance(event, EndOfStream):
            continue
        if body:
            found.append(body)
            body = b""
        found.append(without_secrets(event))
    return [*found, body]


def without_secrets(event: Event) -> object:
    match event:
        case Reply():
            return Reply, event.ok, event.octets, event.code, str(event.command)
        case Challenge():
            return Challenge, bool(event.data), event.irregular
        case AuthResponse():
            return AuthResponse, bool(event.data)
        case BadCommand():
            return BadCommand
        case ProtocolError():
            return str(event)
        case _:
            return str(event) if isinstance(event, Command) else event


def test_conversations() -> None:
    run_state_machine_as_test(
        Conversation,
        settings=settings(max_examples=400, stateful_step_count=80),
    )
