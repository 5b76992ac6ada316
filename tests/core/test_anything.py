"""Whatever arrives ends in events or in documented errors, and takes no more memory than it may."""

import gc
from collections.abc import Callable, Iterable
from functools import partial
from types import BuiltinFunctionType, FunctionType, ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto import (
    COMMANDS,
    NEED_DATA,
    PAUSED,
    Apop,
    Auth,
    AuthResponse,
    BadCommand,
    Body,
    BodyChunk,
    BodyTooLarge,
    Capa,
    Capabilities,
    Challenge,
    ClientConnection,
    ClientEvent,
    Command,
    CommandFailed,
    Dele,
    EndOfStream,
    Greeting,
    Lang,
    Last,
    Limits,
    LineTooLong,
    List,
    LocalProtocolError,
    Noop,
    Pass,
    PlaintextAfterStls,
    Pop3Error,
    ProtocolError,
    Quit,
    RemoteProtocolError,
    Reply,
    Response,
    Retr,
    Rpop,
    Rset,
    ServerConnection,
    ServerEvent,
    Stat,
    State,
    Stls,
    TlsPolicy,
    Top,
    Uidl,
    Unsolicited,
    User,
    Utf8,
)
from pop3_proto.flows import client as flows
from pop3_proto.flows.core import Flow, Invoke, Io
from pop3_proto.flows.login import authenticate, login
from tests.core.machines import Client, client_events, client_in, cut_anywhere, server_in
from tests.core.playing import play
from tests.core.test_splits import COMMANDS as COMMAND_TEXTS
from tests.core.test_splits import CONVERSATIONS

LIMITS = Limits(
    line=64,
    command=64,
    sasl=96,
    challenges=3,
    message=200,
    listing=200,
    capabilities=200,
    drain=100,
)

STATUS = [
    b"+OK",
    b"-ERR",
    b"+",
    b"+ ",
    b"+ eA==\r\n",
    b"+OK eA==\r\n",
    b"+OK\r\n",
    b"-ERR\r\n",
    b"[AUTH]",
    b"[",
    b"]",
]
BODIES = [b".", b"\r\n.\r\n", b"1", b"2 320", b"1 2\r\n", b"TOP\r\n", b"x" * 70]
OTHERS = [b"\r\n", b"\n", b"\r", b" ", b"\0", b"\xff", b"*\r\n", b"eA==\r\n", b"A" * 100, b"="]
AUTHS = [b"AUTH PLAIN\r\n", b"AUTH PLAIN eA==\r\n", b"AUTH " + b"A" * 70]
LINES = [kind.verb.encode() + end for kind in COMMANDS for end in (b"\r\n", b" 1\r\n")]
FRAGMENT = st.sampled_from(STATUS + BODIES + OTHERS + AUTHS + LINES)
OCTETS = st.lists(FRAGMENT, min_size=1, max_size=6).map(b"".join) | st.binary(min_size=1)

LEGAL: list[Command[object]] = [Capa(), Stat(), List(), List(1), Retr(1), Dele(1), Dele(2), Noop()]
OTHER: list[Command[object]] = [Rset(), Top(1, 0), Uidl(), Uidl(1), Quit(), User("a"), Pass("b")]
LOGINS: list[Command[object]] = [
    *(Auth("PLAIN"), Auth("PLAIN", b"x", last=True), Auth("X", b""), Auth()),
    *(Rpop("a"), Apop("a", b"0" * 32), Utf8(), Lang(), Lang("de"), Last()),
]
REFUSED: list[Command[object]] = [
    *(Retr(0), Pass("b\n"), User("a" * 300), Stls(), Auth("no name"), Auth("X", b"x" * 300)),
    *(Lang("two words"), Apop("a b", b"0"), Rpop(b"\0")),
]
COMMAND = st.sampled_from(LEGAL + OTHER + LOGINS + REFUSED)
RESPONSE = st.builds(Response, st.sampled_from([b"", b"x", b"x" * 100]), st.booleans())

# Octets are received, commands are sent; the rest is done.
CLIENT_ACTIONS = st.lists(
    OCTETS | COMMAND | RESPONSE | st.sampled_from(["event", "events", "cancel", "tls", "eof"])
)
SERVER_ACTIONS = st.lists(
    OCTETS
    | st.booleans()
    | st.sampled_from(["event", "body", "end", "tls", "eof", "greet", "challenge"])
)


def error_of(call: Callable[[], object]) -> ProtocolError | None:
    """The documented error that a call ends with, or None; any other comes through."""
    try:
        call()
    except ProtocolError as error:
        found = error
    else:
        return None
    assert str(found).isprintable()
    return found


def inspect(event: ClientEvent | ServerEvent) -> None:
    """Everything that an event may be asked for is there."""
    assert repr(event)
    if isinstance(event, Greeting | Reply | Unsolicited):
        assert event.text.isprintable()
        assert event.code is None or str(event.code).isprintable()
    if isinstance(event, Reply) and event.ok and event.command.body is Body.NONE:
        error = error_of(lambda: event.command.result(event, b""))
        assert error is None or isinstance(error, RemoteProtocolError)
    if isinstance(event, Command):
        assert str(event).isprintable()
    if isinstance(event, Challenge):
        assert event.data is not None or not event.irregular
    if isinstance(event, BodyChunk):
        assert event.data


def act_as_client(conn: ClientConnection, action: bytes | str | Command[object] | Response) -> None:
    before = conn.state, conn.pending, conn.challenged
    match action:
        case Command():
            if error_of(lambda: conn.send(action)):
                assert (conn.state, conn.pending, conn.challenged) == before
        case Response(data, last):
            if error_of(lambda: conn.respond(data, last=last)):
                assert (conn.state, conn.pending, conn.challenged) == before
        case bytes():
            conn.receive_data(action)
        case "cancel":
            conn.cancel()
        case "tls":
            conn.tls_started()
        case "eof":
            conn.receive_eof()
        case "event":
            inspect(conn.next_event())
        case _:
            take_all(conn)


def take_all(conn: ClientConnection | ServerConnection) -> None:
    while (event := conn.next_event()) is not NEED_DATA and event is not PAUSED:
        inspect(event)
        if isinstance(event, EndOfStream):
            return


@pytest.mark.parametrize("state", State)
@given(actions=CLIENT_ACTIONS)
def test_client(state: State, actions: list[bytes | str | Command[object] | Response]) -> None:
    conn = client_in(state, limits=LIMITS)
    conn.capabilities = Capabilities.of("RESP-CODES")
    for action in [*actions, "eof", "events"]:
        failed = conn.failure
        error = error_of(partial(act_as_client, conn, action))
        assert error is None or isinstance(error, LocalProtocolError) or error is conn.failure
        assert (conn.state is State.BROKEN) == (conn.failure is not None)
        assert failed is None or conn.failure is failed
    assert conn.state in (State.CLOSED, State.BROKEN)


def act_as_server(conn: ServerConnection, action: bytes | str | bool) -> None:
    match action:
        case bytes():
            conn.receive_data(action)
        case bool():
            conn.reply(action, "text")
        case "challenge":
            conn.challenge(b"x")
        case "greet":
            conn.greet()
        case "body":
            conn.send_body(b".\r\n")
        case "end":
            conn.end_body()
        case "tls":
            conn.tls_started()
        case "eof":
            conn.receive_eof()
        case _:
            event = conn.next_event()
            inspect(event)
            if isinstance(event, BadCommand):
                assert len(event.octets) <= LIMITS.sasl


@pytest.mark.parametrize("state", State)
@given(actions=SERVER_ACTIONS)
def test_server(state: State, actions: list[bytes | str | bool]) -> None:
    conn = server_in(state, limits=LIMITS)
    for action in actions:
        before = conn.state
        error = error_of(partial(act_as_server, conn, action))
        if isinstance(error, LocalProtocolError):
            assert conn.state is before
        elif error:
            assert error is conn.failure
            assert conn.state is State.BROKEN


@pytest.mark.parametrize("name", CONVERSATIONS)
@given(data=st.data())
def test_mutated_conversations(name: str, data: st.DataObject) -> None:
    conn = ClientConnection(limits=LIMITS)
    for exchange in CONVERSATIONS[name]:
        for what in exchange.sent:
            error_of(partial(act_as_client, conn, "cancel" if what is None else what))
        parts = data.draw(cut_anywhere(mutated(exchange.received, data)))
        error_of(partial(receive_all, conn, parts))
        if exchange.tls:
            error_of(conn.tls_started)


def receive_all(conn: ClientConnection, parts: list[bytes]) -> None:
    for part in parts:
        conn.receive_data(part)
        take_all(conn)


@pytest.mark.parametrize("name", COMMAND_TEXTS)
@given(data=st.data())
def test_mutated_commands(name: str, data: st.DataObject) -> None:
    conn = server_in(State.AUTHORIZATION, limits=LIMITS)
    try:
        for part in data.draw(cut_anywhere(mutated(COMMAND_TEXTS[name], data))):
            conn.receive_data(part)
            while not isinstance(event := conn.next_event(), EndOfStream):
                if event is NEED_DATA or event is PAUSED:
                    break
                inspect(event)
                if isinstance(event, Auth) and event.mechanism and event.initial is None:
                    assert conn.challenge() == b"+ \r\n"
                    continue
                ok = isinstance(event, AuthResponse)
                ok = ok or (isinstance(event, Command) and event.body is Body.NONE)
                assert conn.reply(ok).endswith(b"\r\n")
    except PlaintextAfterStls:
        assert conn.state is State.BROKEN


def mutated(octets: bytes, data: st.DataObject) -> bytes:
    """The octets, with something put in, left out, doubled, or another in its place."""
    for _ in range(data.draw(st.integers(0, 3))):
        start = data.draw(st.integers(0, len(octets)))
        end = data.draw(st.integers(start, min(len(octets), start + 20)))
        piece = octets[start:end]
        piece = data.draw(st.sampled_from([b"", piece + piece, b"\r\n", b"\n", b".", b"+OK\r\n"]))
        octets = octets[:start] + piece + octets[end:]
    return octets


class Twice:
    """A mechanism that has two things to say, and fails where it is told to."""

    name = "TWICE"

    def __init__(self, client_first: bool) -> None:
        self.client_first = client_first
        self.shows_secret = True
        self.said = 0

    def respond(self, challenge: bytes) -> Response:
        if challenge == b"fail":
            raise ValueError("a mechanism that fails")
        self.said += 1
        return Response(b"x", self.said > 1)


def log_in(conn: ClientConnection) -> Flow[None]:
    """Try everything until something succeeds."""
    for client_first in (True, False):
        try:
            yield from authenticate(conn, Twice(client_first), allow_insecure_auth=True)
        except (CommandFailed, RemoteProtocolError, ValueError):
            continue
        return
    try:
        yield from login(conn, "alice", "secret", mechanism="APOP")
    except (CommandFailed, LocalProtocolError):
        yield from login(conn, "alice", "secret", allow_insecure_auth=True)


def session(conn: ClientConnection, policy: TlsPolicy) -> Flow[None]:
    """A session as a user would hold it, errors and all."""
    yield from flows.open_session(conn, policy)
    yield from log_in(conn)
    for command in (Stat(), List(), Uidl(1), Top(1, 0), Retr(1)):
        try:
            yield from flows.request(conn, command)
        except Pop3Error as error:
            if isinstance(error, LocalProtocolError):
                raise
    fetch = flows.Fetch(conn, [1, 2, 3], window=2)
    while (reply := (yield from fetch.advance())) is not None:
        if reply.ok:
            while (yield from flows.next_chunk(conn)):
                pass
            yield from fetch.delete(1)
    yield from flows.delete(conn, [2, 3])


def serve_anything(conn: ClientConnection, flow: Flow[object], parts: Iterable[bytes]) -> None:
    """Everything that is wanted happens, and what is received is anything."""
    incoming = iter(parts)
    error: Exception | None = None
    while True:
        try:
            want = flow.throw(error) if error else next(flow)
        except (StopIteration, Pop3Error):
            return
        error = None
        try:
            if isinstance(want, Invoke):
                want.deliver(want.function())
            elif want is Io.START_TLS:
                conn.tls_started()
            elif want is Io.RECEIVE:
                part = next(incoming, None)
                if part:
                    conn.receive_data(part)
                else:
                    conn.receive_eof()
        except (ProtocolError, ValueError) as found:
            error = found


SERVER_LINE = st.sampled_from(
    [b"+OK\r\n"] * 6
    + [b"-ERR\r\n", b"-ERR [AUTH] no\r\n", b"+OK\r\n.\r\n", b"+OK\r\nTOP\r\nPIPELINING\r\n.\r\n"]
    + [b"+ \r\n", b"+ ZmFpbA==\r\n", b"+ ???\r\n", b"+OK <1.2@host>\r\n"]
    + [b"+OK 1 2\r\n", b"1 2\r\n", b".\r\n", b"\r\n", b"+OK\r\nmail\r\n.\r\n", b"+OK\n", b"?\r\n"]
)


@given(st.sampled_from(TlsPolicy), st.lists(SERVER_LINE, max_size=30))
def test_flows(policy: TlsPolicy, parts: list[bytes]) -> None:
    conn = ClientConnection(limits=LIMITS)
    serve_anything(conn, session(conn, policy), parts)
    serve_anything(conn, flows.quit(conn), parts)
    assert conn.state in (State.GREETING, State.TLS_HANDSHAKE, State.CLOSED, State.BROKEN)


NOT_HELD = (type, ModuleType, FunctionType, BuiltinFunctionType)


def held(machine: object) -> int:
    """How many octets and characters a machine holds on to."""
    seen: set[int] = set()
    waiting, total = [machine], 0
    while waiting:
        found = waiting.pop()
        if id(found) in seen or isinstance(found, NOT_HELD):
            continue
        seen.add(id(found))
        if isinstance(found, bytes | bytearray | str):
            total += len(found)
        waiting += gc.get_referents(found)
    return total


READ = 4096
# What a machine holds besides what it has received: names, texts, an error.
OWN = 2048


def test_held_octets_are_found() -> None:
    conn = client_in(State.TRANSACTION)
    assert held(conn) < OWN
    conn.receive_data(b"x" * 100_000)
    assert held(conn) > 100_000


def test_a_line_that_does_not_end_is_held_up_to_its_limit() -> None:
    conn, most = client_in(State.TRANSACTION), 0
    for _ in range(100):
        conn.receive_data(b"x" * READ)
        try:
            assert conn.next_event() is NEED_DATA
        except LineTooLong:
            break
        most = max(most, held(conn))
    assert conn.state is State.BROKEN
    assert most <= conn.limits.line + READ + OWN
    for _ in range(100):
        conn.receive_data(b"x" * READ)
    assert held(conn) < OWN


def test_of_a_message_no_more_than_a_read_is_held() -> None:
    conn = client_in(State.TRANSACTION)
    conn.send(Retr(1))
    conn.receive_data(b"+OK\r\n")
    assert isinstance(conn.next_event(), Reply)
    for _ in range(1000):
        conn.receive_data(b".." * (READ // 2 - 1) + b"\r\n")
        assert isinstance(conn.next_event(), BodyChunk)
        assert conn.next_event() is NEED_DATA
        assert held(conn) <= READ + OWN


def test_of_many_replies_no_more_than_a_read_is_held() -> None:
    conn = client_in(State.TRANSACTION)
    for _ in range(2000):
        for _ in range(4):
            conn.send(Retr(1))
        conn.receive_data(b"+OK\r\nx\r\n.\r\n" * 4)
        take_all(conn)
        assert held(conn) <= READ + OWN


def test_a_command_that_does_not_end_is_not_held() -> None:
    conn = server_in(State.AUTHORIZATION)
    for _ in range(1000):
        conn.receive_data(b"x" * READ)
        assert conn.next_event() is NEED_DATA
        assert held(conn) <= conn.limits.command + READ + OWN


def test_commands_that_are_answered_are_not_held() -> None:
    conn = server_in(State.TRANSACTION)
    for _ in range(1000):
        conn.receive_data(b"NOOP\r\nXYZZY\r\n" * 100)
        while isinstance(conn.next_event(), Command | BadCommand):
            conn.reply(False)
        assert held(conn) <= READ + OWN


def test_a_challenge_that_does_not_end_is_held_up_to_its_limit() -> None:
    conn, most = client_in(State.AUTHORIZATION), 0
    conn.send(Auth("PLAIN"))
    for _ in range(100):
        conn.receive_data(b"+" + b"A" * READ)
        try:
            assert conn.next_event() is NEED_DATA
        except LineTooLong:
            break
        most = max(most, held(conn))
    assert conn.state is State.BROKEN
    assert conn.limits.sasl - READ < most <= conn.limits.sasl + OWN
    assert held(conn) < OWN


@pytest.mark.parametrize("state", [State.AUTHORIZATION, State.AUTHENTICATING])
def test_of_what_a_client_says_in_auth_no_more_than_the_limit_is_held(state: State) -> None:
    conn = server_in(state)
    if state is State.AUTHORIZATION:
        conn.receive_data(b"AUTH PLAIN ")
    for _ in range(200):
        conn.receive_data(b"A" * READ)
        assert conn.next_event() is NEED_DATA
        assert held(conn) <= conn.limits.sasl + READ + OWN
    conn.receive_data(b"\r\n")
    assert isinstance(conn.next_event(), BadCommand)
    conn.reply(False)
    assert conn.state is State.AUTHORIZATION
    assert held(conn) <= READ + OWN


def test_challenges_that_do_not_end() -> None:
    conn, events = client_in(State.AUTHENTICATING), list[Client]()
    for _ in range(conn.limits.challenges):
        conn.respond(b"x" * READ, last=False)
        conn.receive_data(b"+ eA==\r\n")
        events = client_events(conn)
    assert "more than 32 challenges" in str(events)
    assert held(conn) <= 100 * READ


@pytest.mark.parametrize("command", [List(), Capa(), Retr(1)])
def test_what_is_collected_is_limited(command: Command[object]) -> None:
    conn = client_in(
        State.TRANSACTION, limits=Limits(listing=1000, capabilities=1000, message=1000)
    )
    conn.capabilities = Capabilities()
    flow = flows.request(conn, command)
    script = "S: +OK" + "\nS: 1 1" * 201
    with pytest.raises(BodyTooLarge, match="more than 1000 octets"):
        play(conn, flow, f"C: {command}\n{script}")
