"""Every pair of a state and a command is decided, for both roles, and by the same table."""

from collections.abc import Callable, Iterator
from itertools import product

import pytest

from pop3_proto import (
    COMMANDS,
    PAUSED,
    Apop,
    Auth,
    AuthCancelled,
    AuthResponse,
    BadCommand,
    Body,
    Capa,
    Challenge,
    ClientConnection,
    Command,
    Dele,
    EndOfStream,
    Lang,
    Last,
    List,
    LocalProtocolError,
    Noop,
    Pass,
    ProtocolError,
    Quit,
    Reply,
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
from pop3_proto.states import GREETING, TLS, TRANSITIONS, Outcome
from tests.core.machines import client_in, exchange, hear, secured_client, serve, server_in

ONE_OF_EACH: dict[str, Command[object]] = {
    command.verb: command
    for command in (
        *(User("alice"), Pass("secret"), Rpop("alice"), Apop("alice", b"0" * 32)),
        *(Auth("PLAIN", b"\0alice\0secret", last=True), Utf8(), Lang("de"), Stls(), Capa()),
        *(Stat(), List(), Retr(1), Dele(1), Noop(), Last(), Rset(), Top(1, 0), Uidl(), Quit()),
    )
}

OTHER_FORMS: tuple[Command[object], ...] = (
    *(Auth(), Auth("CRAM-MD5"), Auth("EXTERNAL", b""), Lang(), Lang("*"), List(1), Uidl(1)),
)

# Written down from the RFCs, apart from the code: RFC 1939 (sections 4 to 7), RFC 1081 (RPOP),
# RFC 1460 (LAST), RFC 2449 (section 5), RFC 2595 (section 4), RFC 5034 (section 4) and RFC 6856
# (sections 2 and 3). Everywhere else nothing is legal.
LEGAL = {
    State.AUTHORIZATION: {
        *("USER", "PASS", "RPOP", "APOP", "AUTH", "UTF8", "LANG", "STLS", "CAPA", "QUIT"),
    },
    State.TRANSACTION: {
        *("CAPA", "LANG", "STAT", "LIST", "RETR", "DELE", "NOOP", "LAST", "RSET", "TOP", "UIDL"),
        "QUIT",
    },
}

# What real servers lose commands behind, and what ends the session or changes what it runs in.
BARRIERS = {"PASS", "RPOP", "APOP", "AUTH", "STLS", "QUIT"}

NEED_USER = ("PASS", "RPOP")

COMMAND_FORMS = (*ONE_OF_EACH.values(), *OTHER_FORMS)
PAIRS = [pytest.param(*pair, id="-".join(map(str, pair))) for pair in product(State, COMMAND_FORMS)]


def is_legal(state: State, verb: str) -> bool:
    return verb in LEGAL.get(state, set())


def ready_client(state: State, verb: str) -> ClientConnection:
    """A client in `state`, with what the guard of the command asks for."""
    conn = client_in(state)
    if verb in NEED_USER and state is State.AUTHORIZATION:
        exchange(conn, User("alice"))
    return conn


def ready_server(state: State, verb: str) -> ServerConnection:
    conn = server_in(state)
    if verb in NEED_USER and state is State.AUTHORIZATION:
        serve(conn, b"USER alice")
    return conn


def test_there_is_one_of_each_command() -> None:
    assert list(ONE_OF_EACH) == [kind.verb for kind in COMMANDS]


@pytest.mark.parametrize("state", State)
def test_the_machines_are_where_they_should_be(state: State) -> None:
    assert (client_in(state).state, server_in(state).state) == (state, state)


@pytest.mark.parametrize(("state", "command"), PAIRS)
def test_client(state: State, command: Command[object]) -> None:
    conn = ready_client(state, command.verb)
    pending = conn.pending
    if is_legal(state, command.verb):
        assert conn.send(command) == command.line()
        assert conn.pending == (*pending, command)
    else:
        with pytest.raises(LocalProtocolError, match=f"^cannot send {command.verb}.*(: |; )"):
            conn.send(command)
        assert (conn.state, conn.pending) == (state, pending)


@pytest.mark.parametrize(("state", "command"), PAIRS)
def test_server(state: State, command: Command[object]) -> None:
    conn = ready_server(state, command.verb)
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
    if is_legal(state, command.verb):
        assert event == as_received(command)
    elif state is State.AUTHENTICATING:
        # A verb of four letters, alone on its line, is base64.
        assert isinstance(event, AuthResponse if len(command.line()) == 6 else BadCommand)
    elif state in LEGAL:
        assert isinstance(event, BadCommand)
        assert event.reason.startswith(f"{command.verb} is not allowed")
    else:
        assert event == EndOfStream() if state is State.CLOSED else event is PAUSED


def as_received(command: Command[object]) -> Command[object]:
    """What a mechanism needs of the server is the client's affair, and not on the wire."""
    if isinstance(command, Auth) and command.mechanism:
        return Auth(command.mechanism, command.initial)
    return command


@pytest.mark.parametrize("verb", NEED_USER)
def test_what_needs_user(verb: str) -> None:
    command = ONE_OF_EACH[verb]
    conn = client_in(State.AUTHORIZATION)
    for answer in (b"", b"-ERR\r\n"):
        if answer:
            conn.send(User("alice"))
            hear(conn, answer)
        with pytest.raises(LocalProtocolError, match=f"{verb} is not allowed yet: send USER first"):
            conn.send(command)
    assert conn.state is State.AUTHORIZATION
    conn.send(User("alice"))
    assert conn.send(command) == command.line()
    hear(conn, b"+OK\r\n-ERR\r\n")
    with pytest.raises(LocalProtocolError, match="send USER first"):
        conn.send(command)


@pytest.mark.parametrize("verb", NEED_USER)
def test_what_needs_user_on_a_server(verb: str) -> None:
    line = ONE_OF_EACH[verb].line()
    conn = server_in(State.AUTHORIZATION)
    refused = BadCommand(f"{verb} is not allowed yet: send USER first", line[:-2])
    for said, ok in ((b"", False), (b"USER alice\r\n", False), (b"USER alice\r\n", True)):
        if said:
            conn.receive_data(said)
            assert conn.next_event() == User("alice")
            conn.reply(ok)
        conn.receive_data(line)
        assert conn.next_event() == (ONE_OF_EACH[verb] if ok else refused)
        conn.reply(False)
    conn.receive_data(line)
    assert conn.next_event() == refused


def test_stls_inside_tls() -> None:
    conn = secured_client()
    with pytest.raises(LocalProtocolError, match="STLS is not allowed: TLS is active already"):
        conn.send(Stls())
    server = ServerConnection()
    server.tls_started()
    server.greet()
    server.receive_data(b"STLS\r\n")
    assert server.next_event() == BadCommand("STLS is not allowed: TLS is active already", b"STLS")


def test_stls_behind_utf8() -> None:
    """RFC 6856, section 2.1."""
    pending = client_in(State.AUTHORIZATION)
    pending.send(Utf8())
    agreed = client_in(State.AUTHORIZATION)
    exchange(agreed, Utf8())
    for conn in (pending, agreed):
        with pytest.raises(LocalProtocolError, match="STLS is not allowed behind UTF8"):
            conn.send(Stls())
    hear(pending, b"-ERR\r\n")
    assert pending.send(Stls()) == b"STLS\r\n"
    assert (pending.utf8, agreed.utf8) == (False, True)


@pytest.mark.parametrize("ok", [True, False])
def test_stls_behind_utf8_on_a_server(ok: bool) -> None:
    conn = server_in(State.AUTHORIZATION)
    conn.receive_data(b"UTF8\r\nSTLS\r\n")
    assert conn.next_event() == Utf8()
    conn.reply(ok)
    assert isinstance(conn.next_event(), BadCommand if ok else Stls)
    assert conn.utf8 is ok


FOLLOWERS = [(first, then) for first in BARRIERS for then in ONE_OF_EACH.values()]


@pytest.mark.parametrize(("first", "then"), FOLLOWERS)
def test_nothing_follows_what_servers_lose_commands_behind(
    first: str, then: Command[object]
) -> None:
    for state in LEGAL:
        if is_legal(state, first):
            conn = ready_client(state, first)
            conn.send(ONE_OF_EACH[first])
            pending = conn.pending
            with pytest.raises(LocalProtocolError, match=f"cannot send {then.verb} while the rep"):
                conn.send(then)
            assert conn.pending == pending


def test_everything_else_can_be_sent_ahead() -> None:
    for state, verbs in LEGAL.items():
        conn = client_in(state)
        for verb in sorted(verbs - BARRIERS):
            conn.send(ONE_OF_EACH[verb])
        assert len(conn.pending) == len(verbs - BARRIERS)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("cancelled", [False, True])
def test_responses_belong_to_challenges(state: State, cancelled: bool) -> None:
    conn = client_in(state)

    def give() -> bytes:
        return conn.cancel() if cancelled else conn.respond(b"x", last=True)

    if state is State.AUTHENTICATING:
        assert give() == (b"*\r\n" if cancelled else b"eA==\r\n")
    with pytest.raises(LocalProtocolError, match="no challenge of AUTH waits for it"):
        give()
    assert conn.state is state


@pytest.mark.parametrize(("state", "command"), PAIRS)
def test_challenges_belong_to_auth(state: State, command: Command[object]) -> None:
    conn = ready_server(state, command.verb)
    if is_legal(state, command.verb):
        conn.receive_data(command.line())
        conn.next_event()
        state = conn.state
    if isinstance(command, Auth) and command.mechanism and state is State.AUTHORIZATION:
        assert conn.challenge(b"x") == b"+ eA==\r\n"
        state = State.AUTHENTICATING
    with pytest.raises(LocalProtocolError, match="cannot challenge"):
        conn.challenge()
    assert conn.state is state


@pytest.mark.parametrize("line", [b"*", b"a", b"=", b"QUIT now", b"AAA=BBBB", b" eA==", b"eA== "])
def test_what_ends_auth_on_a_server(line: bytes) -> None:
    conn = server_in(State.AUTHENTICATING)
    conn.receive_data(line + b"\r\nCAPA\r\n")
    event = conn.next_event()
    assert isinstance(event, AuthCancelled if line == b"*" else BadCommand)
    with pytest.raises(LocalProtocolError):
        conn.reply(True)
    with pytest.raises(LocalProtocolError):
        conn.challenge()
    conn.reply(False)
    assert conn.state is State.AUTHORIZATION
    assert conn.next_event() == Capa()


@pytest.mark.parametrize("command", [Auth("PLAIN"), Auth("PLAIN", b"x")])
def test_a_positive_reply_before_the_mechanism_has_said_all_is_no_login(
    command: Auth[object],
) -> None:
    conn = client_in(State.AUTHORIZATION)
    conn.send(command)
    assert hear(conn, b"+OK\r\n") == [Challenge(b"", irregular=True)]
    conn.respond(b"y", last=False)
    assert hear(conn, b"+OK eA==\r\n") == [Challenge(b"x", irregular=True)]
    assert conn.state is State.AUTHENTICATING
    conn.respond(b"", last=True)
    assert hear(conn, b"+OK welcome\r\n") == [Reply(True, b"welcome", command=command)]
    assert conn.state is State.TRANSACTION


@pytest.mark.parametrize("command", [Auth(), Lang()])
def test_what_is_answered_with_a_listing_moves_nothing(command: Command[object]) -> None:
    client, server = client_in(State.AUTHORIZATION), server_in(State.AUTHORIZATION)
    server.receive_data(client.send(command))
    assert server.next_event() == command
    hear(client, server.reply(True) + server.send_body(b"PLAIN\r\n") + server.end_body())
    assert client.pending == ()
    assert client.state is server.state is State.AUTHORIZATION


Move = tuple[State, str, Outcome, State]


def client_moves() -> Iterator[Move]:
    """Whatever a client can be made to do, one command at a time."""
    for ok in (True, False):
        outcome = Outcome.OK if ok else Outcome.ERR
        conn = ClientConnection()
        hear(conn, b"+OK\r\n" if ok else b"-ERR\r\n")
        yield State.GREETING, GREETING, outcome, conn.state
        for state, (verb, command) in product(State, ONE_OF_EACH.items()):
            if is_legal(state, verb):
                conn = ready_client(state, verb)
                conn.send(command)
                sent = conn.state
                yield state, verb, Outcome.SENT, sent
                body = b".\r\n" if command.body is not Body.NONE else b""
                hear(conn, b"+OK\r\n" + body if ok else b"-ERR\r\n")
                yield sent, verb, outcome, conn.state
        conn = client_in(State.AUTHORIZATION)
        conn.send(Auth("PLAIN"))
        hear(conn, b"+ \r\n")
        yield State.AUTHORIZATION, "AUTH", Outcome.CHALLENGE, conn.state
        conn.respond(b"", last=False)
        hear(conn, b"+ \r\n")
        yield State.AUTHENTICATING, "AUTH", Outcome.CHALLENGE, conn.state
        conn.respond(b"", last=True)
        hear(conn, b"+OK\r\n" if ok else b"-ERR\r\n")
        yield State.AUTHENTICATING, "AUTH", outcome, conn.state
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
        for state, (verb, command) in product(State, ONE_OF_EACH.items()):
            if is_legal(state, verb):
                conn = ready_server(state, verb)
                conn.receive_data(command.line())
                conn.next_event()
                sent = conn.state
                yield state, verb, Outcome.SENT, sent
                conn.reply(ok)
                yield sent, verb, outcome, conn.state
        conn = server_in(State.AUTHORIZATION)
        conn.receive_data(b"AUTH PLAIN\r\n\r\n\r\n")
        conn.next_event()
        conn.challenge()
        yield State.AUTHORIZATION, "AUTH", Outcome.CHALLENGE, conn.state
        conn.next_event()
        conn.challenge()
        yield State.AUTHENTICATING, "AUTH", Outcome.CHALLENGE, conn.state
        conn.next_event()
        conn.reply(ok)
        yield State.AUTHENTICATING, "AUTH", outcome, conn.state
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
