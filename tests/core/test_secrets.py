"""A password is in no repr, in no text and in no traceback of anything that can be reached."""

import gc
import traceback
from collections.abc import Callable, Iterator
from types import FunctionType, MethodType, ModuleType

import pytest

from pop3_proto import (
    Authenticator,
    BadCommand,
    Capabilities,
    ClientConnection,
    Limits,
    LocalProtocolError,
    Maildrop,
    Pass,
    Pop3Error,
    Refused,
    ServerConnection,
    State,
    UnexpectedEof,
    User,
)
from pop3_proto.flows.client import login
from pop3_proto.flows.core import Flow, Send
from pop3_proto.flows.server import ServerSession
from tests.core.machines import client_in, exchange, hear, server_in
from tests.core.playing import play

SECRET = "hunter" + "2"

# Where the search stops: these are no objects of a session.
ELSEWHERE = (type, ModuleType, FunctionType, MethodType, str, bytes, int)


def reachable(*roots: object) -> Iterator[object]:
    """The objects of the library and the exceptions that can be reached."""
    seen: dict[int, object] = {}
    waiting: list[object] = list(roots)
    while waiting:
        found = waiting.pop()
        if id(found) in seen or isinstance(found, ELSEWHERE):
            continue
        seen[id(found)] = found
        waiting += gc.get_referents(found)
        if isinstance(found, BaseException):
            waiting += [found.__cause__, found.__context__]
        if type(found).__module__.startswith("pop3_proto") or isinstance(found, BaseException):
            yield found


def test_a_server_that_repeats_the_password() -> None:
    conn = client_in(State.AUTHORIZATION)
    flow = login(conn, "alice", SECRET, allow_insecure_auth=True)
    script = f"C: USER alice\nS: +OK\nC: PASS {SECRET}\nS: -ERR [AUTH] {SECRET} is wrong"
    with pytest.raises(Pop3Error, match=r"\*\*\* is wrong") as caught:
        _ = play(conn, flow, script)
    assert SECRET not in shown(conn, caught.value)


def shown(*roots: object) -> str:
    """Everything that can be seen of these objects in a log."""
    texts: list[str] = []
    for found in reachable(*roots):
        texts += [repr(found), str(found), f"{found}"]
        if isinstance(found, BaseException):
            texts += traceback.format_exception(found)
    return "\n".join(texts)


def logging_in(*, limits: Limits | None = None) -> ClientConnection:
    """A client that is waiting for the reply to PASS."""
    conn = client_in(State.AUTHORIZATION, limits=limits)
    exchange(conn, User("alice"))
    conn.send(Pass(SECRET))
    return conn


def test_it_would_be_found() -> None:
    assert SECRET in shown([BadCommand(SECRET)])
    assert SECRET in shown({"error": LocalProtocolError(SECRET)})
    assert SECRET in shown(UnexpectedEof("", (User(SECRET),)))
    error = LocalProtocolError("no")
    error.__context__ = ValueError(SECRET)
    assert SECRET in shown(error)


def test_command() -> None:
    for secret in (Pass(SECRET), Pass(SECRET.encode())):
        assert secret.password == SECRET.encode()
        assert SECRET not in shown(secret, [secret], {"command": secret})


@pytest.mark.parametrize(
    "answer",
    [
        b"+OK\r\n",
        b"-ERR [AUTH] no\r\n",
        b"+OK",
        b"hello\r\n",
        b"+OK\r\n+OK unsolicited\r\n",
        b"\r\n\r\n",
        b"-ERR no\n",
        b"x" * 10_000,
        b"PASS " + SECRET.encode() + b"\r\n",
        b"PASS " + SECRET.encode() + b"\n",
    ],
)
def test_client(answer: bytes) -> None:
    conn = logging_in()
    assert SECRET not in shown(conn, conn.pending)
    events = hear(conn, answer)
    assert SECRET not in shown(conn, events)
    assert SECRET not in conn.silence()
    conn.abort("over")
    assert SECRET not in shown(conn, conn.failure)


def test_end_of_input() -> None:
    conn = logging_in()
    conn.receive_eof()
    with pytest.raises(UnexpectedEof) as caught:
        conn.next_event()
    assert caught.value.pending == (Pass(SECRET),)
    assert SECRET not in shown(caught.value)


@pytest.mark.parametrize(
    "password",
    [SECRET + "\n", SECRET + "\0", SECRET * 50, SECRET + "\udc80", SECRET.encode() + b"\r"],
)
def test_passwords_that_cannot_be_sent(password: str | bytes) -> None:
    conn = client_in(State.AUTHORIZATION)
    exchange(conn, User("alice"))
    with pytest.raises(LocalProtocolError) as caught:
        conn.send(Pass(password))
    assert SECRET not in shown(caught.value, conn)


@pytest.mark.parametrize("state", set(State) - {State.AUTHORIZATION})
def test_passwords_where_they_are_not_due(state: State) -> None:
    conn = client_in(state)
    with pytest.raises(LocalProtocolError) as caught:
        conn.send(Pass(SECRET))
    assert SECRET not in shown(caught.value, conn)


@pytest.mark.parametrize(
    "line",
    [
        "PASS {}",
        "pass {}",
        "PAS {}",
        "PASS\t{}",
        " PASS {}",
        "PASS {}\r",
        "PASS {}\0",
        "PASS {}" + "x" * 3000,
        "APOP alice {}",
        "AUTH PLAIN {}",
        "{}",
        "RETR {}",
        "STLS {}",
        "CAPA {}",
    ],
)
@pytest.mark.parametrize("user_seen", [False, True])
def test_server(line: str, user_seen: bool) -> None:
    conn = server_in(State.AUTHORIZATION)
    if user_seen:
        conn.receive_data(b"USER alice\r\n")
        conn.next_event()
        conn.reply(True)
    conn.receive_data(line.format(SECRET).encode() + b"\r\n")
    event = conn.next_event()
    assert SECRET not in shown(conn, event)
    if isinstance(event, BadCommand):
        assert SECRET.encode() not in conn.reply(False, event.reason)


def failure_of(call: Callable[[], object]) -> Exception:
    with pytest.raises((Pop3Error, OSError)) as caught:
        call()
    return caught.value


LOGIN = f"""
    C: USER alice
    S: +OK
    C: PASS {SECRET}
"""


@pytest.mark.parametrize(
    "end",
    [
        "S: -ERR",
        "S: -ERR [AUTH] no",
        "S: -ERR [IN-USE] no",
        "S: what?",
        "S: " + "PASS " + SECRET,
        "EOF",
        "TIMEOUT",
        "RESET",
    ],
)
def test_login(end: str) -> None:
    conn = client_in(State.AUTHORIZATION)
    flow = login(conn, "alice", SECRET, allow_insecure_auth=True)
    assert SECRET not in shown(failure_of(lambda: play(conn, flow, LOGIN + end)), conn)


@pytest.mark.parametrize("password", [SECRET, SECRET + "\u00fc", SECRET * 50, SECRET + "\r\n"])
@pytest.mark.parametrize("allowed", [False, True])
def test_login_that_is_refused_here(password: str, allowed: bool) -> None:
    if password != SECRET or not allowed:
        conn = client_in(State.AUTHORIZATION)
        flow = login(conn, "alice", password, allow_insecure_auth=allowed)
        assert SECRET not in shown(failure_of(lambda: play(conn, flow)), conn)


def test_what_a_flow_wants_to_send() -> None:
    conn = client_in(State.AUTHORIZATION)
    wants: list[object] = []
    for want in login(conn, "alice", SECRET, allow_insecure_auth=True):
        wants.append(want)
        if isinstance(want, Send):
            conn.receive_data(b"+OK\r\n")
    assert any(isinstance(want, Send) and SECRET.encode() in want.data for want in wants)
    assert SECRET not in shown(wants)


class Users(Authenticator):
    def __init__(self, answer: Exception | None) -> None:
        self._answer = answer

    def authenticate(self, name: str, password: str) -> Maildrop | None:
        assert password == SECRET
        if self._answer:
            raise self._answer
        return None


@pytest.mark.parametrize("answer", [None, Refused("busy"), OSError("the disk is broken")])
def test_server_session(answer: Exception | None) -> None:
    conn = ServerConnection()
    reported: list[Exception] = []
    session = ServerSession(conn, Users(answer), allow_insecure_auth=True, report=reported.append)
    refusal = {
        "NoneType": "[AUTH] wrong name or password",
        "Refused": "busy",
        "OSError": "[SYS/TEMP] the maildrop is not available",
    }[type(answer).__name__]
    play(
        conn,
        session.run(),
        f"""
        S: +OK POP3 server ready
        C: USER alice
        S: +OK
        C: PASS {SECRET}
        S: -ERR {refusal}
        EOF
        """,
    )
    assert SECRET not in shown(conn, session, reported)


def test_all_kinds_of_errors_are_searched() -> None:
    """The flow, its connection and its capabilities are found from the error of a driver."""
    conn = client_in(State.AUTHORIZATION)
    conn.capabilities = Capabilities.of("TOP")
    flow: Flow[None] = login(conn, "alice", SECRET, allow_insecure_auth=True)
    assert {type(found) for found in reachable(conn)} >= {ClientConnection, Capabilities, Limits}
    assert {type(found) for found in reachable(flow)} >= {ClientConnection, Capabilities, Limits}
