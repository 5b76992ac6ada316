"""Every pair of a state and a command is decided, for both roles, and by the same table."""

from collections.abc import Callable, Iterator
from itertools import product

import pytest

from pop3_proto import (
    COMMANDS,
    PAUSED,
    BadCommand,
    Body,
    Capa,
    ClientConnection,
    Command,
    Dele,
    EndOfStream,
    List,
    LocalProtocolError,
    Noop,
    Pass,
    ProtocolError,
    Quit,
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
from pop3_proto.states import GREETING, TLS, TRANSITIONS, Outcome
from tests.core.machines import client_in, exchange, hear, secured_client, serve, server_in

ONE_OF_EACH: dict[str, Command[object]] = {
    command.verb: command
    for command in (
        *(User("alice"), Pass("secret"), Stls(), Capa(), Stat(), List(), Retr(1)),
        *(Dele(1), Noop(), Rset(), Top(1, 0), Uidl(), Quit()),
    )
}

# Written down from the RFCs, apart from the code: RFC 1939 (sections 4 to 7), RFC 2449
# (section 5) and RFC 2595 (section 4). Everywhere else nothing is legal.
LEGAL = {
    State.AUTHORIZATION: {"USER", "PASS", "STLS", "CAPA", "QUIT"},
    State.TRANSACTION: {
        *("CAPA", "STAT", "LIST", "RETR", "DELE", "NOOP", "RSET", "TOP", "UIDL", "QUIT"),
    },
}

# A guard is named after what it takes for the command to be legal.
GUARDS = {"PASS": "USER has been accepted", "STLS": "TLS is not active"}

PAIRS = list(product(State, ONE_OF_EACH))


def is_legal(state: State, verb: str) -> bool:
    return verb in LEGAL.get(state, set())


def ready_client(state: State, verb: str) -> ClientConnection:
    """A client in `state`, with what the guard of the command asks for."""
    conn = client_in(state)
    if verb == "PASS" and state is State.AUTHORIZATION:
        exchange(conn, User("alice"))
    return conn


def ready_server(state: State, verb: str) -> ServerConnection:
    conn = server_in(state)
    if verb == "PASS" and state is State.AUTHORIZATION:
        serve(conn, b"USER alice")
    return conn


def test_there_is_one_of_each_command() -> None:
    assert list(ONE_OF_EACH) == [kind.verb for kind in COMMANDS]


@pytest.mark.parametrize(("state", "verb"), PAIRS)
def test_client(state: State, verb: str) -> None:
    conn, command = ready_client(state, verb), ONE_OF_EACH[verb]
    pending = conn.pending
    if is_legal(state, verb):
        assert conn.send(command) == command.line()
        assert conn.pending == (*pending, command)
    else:
        with pytest.raises(LocalProtocolError, match=f"^cannot send {verb}.*(: |; )"):
            conn.send(command)
        assert (conn.state, conn.pending) == (state, pending)


@pytest.mark.parametrize(("state", "verb"), PAIRS)
def test_server(state: State, verb: str) -> None:
    conn, command = ready_server(state, verb), ONE_OF_EACH[verb]
    if state is State.TLS_HANDSHAKE:
        with pytest.raises(ProtocolError, match="plaintext"):
            conn.receive_data(command.line())
        return
    conn.receive_data(command.line())
    if state is State.BROKEN:
        with pytest.raises(ProtocolError, match="a test has broken it"):
            conn.next_event()
        return
    event = conn.next_event()
    if is_legal(state, verb):
        assert event == command
    elif state in LEGAL:
        assert isinstance(event, BadCommand)
        assert event.reason.startswith(f"{verb} is not allowed")
    else:
        assert event == EndOfStream() if state is State.CLOSED else event is PAUSED


@pytest.mark.parametrize("verb", GUARDS)
def test_client_guards(verb: str) -> None:
    conn = secured_client() if verb == "STLS" else client_in(State.AUTHORIZATION)
    with pytest.raises(LocalProtocolError, match=f"{verb} is not allowed"):
        conn.send(ONE_OF_EACH[verb])
    assert conn.state is State.AUTHORIZATION


@pytest.mark.parametrize("verb", GUARDS)
def test_server_guards(verb: str) -> None:
    conn = ServerConnection()
    if verb == "STLS":
        conn.tls_started()
    conn.greet()
    conn.receive_data(ONE_OF_EACH[verb].line())
    event = conn.next_event()
    assert isinstance(event, BadCommand)
    assert event.reason.startswith(f"{verb} is not allowed")


Move = tuple[State, str, Outcome, State]


def client_moves() -> Iterator[Move]:
    """Whatever a client can be made to do, one command at a time."""
    for ok in (True, False):
        outcome = Outcome.OK if ok else Outcome.ERR
        conn = ClientConnection()
        hear(conn, b"+OK\r\n" if ok else b"-ERR\r\n")
        yield State.GREETING, GREETING, outcome, conn.state
        for state, verb in PAIRS:
            if is_legal(state, verb):
                conn = ready_client(state, verb)
                conn.send(ONE_OF_EACH[verb])
                sent = conn.state
                yield state, verb, Outcome.SENT, sent
                body = b".\r\n" if ONE_OF_EACH[verb].body is not Body.NONE else b""
                hear(conn, b"+OK\r\n" + body if ok else b"-ERR\r\n")
                yield sent, verb, outcome, conn.state
    for state in (State.GREETING, State.TLS_HANDSHAKE):
        conn = client_in(state)
        conn.tls_started()
        yield state, TLS, Outcome.OK, conn.state


def server_moves() -> Iterator[Move]:
    """Whatever a server can be made to do, one command at a time."""
    for ok in (True, False):
        outcome = Outcome.OK if ok else Outcome.ERR
        conn = ServerConnection()
        conn.greet(ok=ok)
        yield State.GREETING, GREETING, outcome, conn.state
        for state, verb in PAIRS:
            if is_legal(state, verb):
                conn = ready_server(state, verb)
                conn.receive_data(ONE_OF_EACH[verb].line())
                conn.next_event()
                sent = conn.state
                yield state, verb, Outcome.SENT, sent
                conn.reply(ok)
                yield sent, verb, outcome, conn.state
    for state in (State.GREETING, State.TLS_HANDSHAKE):
        conn = server_in(state)
        conn.tls_started()
        yield state, TLS, Outcome.OK, conn.state


@pytest.mark.parametrize("moves", [client_moves, server_moves])
def test_the_machines_move_as_the_table_says(moves: Callable[[], Iterator[Move]]) -> None:
    seen: dict[tuple[State, str, Outcome], State] = {}
    for before, verb, outcome, after in moves():
        assert after is TRANSITIONS.get((before, verb, outcome), before)
        seen[before, verb, outcome] = after
    assert set(seen) >= set(TRANSITIONS)


def test_both_roles_make_the_same_moves() -> None:
    assert set(client_moves()) == set(server_moves())
