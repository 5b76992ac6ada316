"""What is secret is in no repr, text, traceback or trace of anything that can be reached."""

import binascii
import gc
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import FunctionType, MethodType, ModuleType

import pytest

from pop3_proto import (
    Apop,
    Auth,
    AuthResponse,
    BadCommand,
    Capabilities,
    Challenge,
    ClientConnection,
    Command,
    Credentials,
    Limits,
    LocalProtocolError,
    Maildrop,
    Pass,
    Pop3Error,
    Refused,
    Reply,
    Response,
    ServerConnection,
    State,
    TraceRecord,
    UnexpectedEof,
    User,
    write_record,
)
from pop3_proto.apop import apop_digest
from pop3_proto.flows.core import Flow, Send
from pop3_proto.flows.login import authenticate, login
from pop3_proto.flows.server import ServerSession
from tests.core.machines import client_events, client_in, exchange, hear, serve, server_in
from tests.core.playing import play

SECRET = "hunter" + "2"
# Of a length that base64 does not have to fill up, so that it can be found in a longer response.
RESPONSE = f"\0alicia\0{SECRET}".encode()
IN_BASE64 = binascii.b2a_base64(RESPONSE, newline=False)
BY_TOKEN = f"user=alicia\1auth=Bearer {SECRET}\1\1".encode()
TOKEN_FORMS = [SECRET, binascii.b2a_base64(SECRET.encode(), newline=False).decode()]
TIMESTAMP = b"<1896.697170952@dbc.mtview.ca.us>"
DIGEST = apop_digest(TIMESTAMP, SECRET.encode())

# Everything that must not be seen, as it is sent or as it is meant.
FORMS = (*TOKEN_FORMS, IN_BASE64.decode(), DIGEST.decode())

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
    assert_hidden(conn, caught.value)


def shown(*roots: object) -> str:
    """Everything that can be seen of these objects in a log."""
    texts: list[str] = []
    for found in reachable(*roots):
        # A traceback may lead to one whose making has failed, or that cannot be sent.
        with suppress(AttributeError, LocalProtocolError):
            texts += [repr(found), str(found), f"{found}"]
        if isinstance(found, BaseException):
            texts += traceback.format_exception(found)
    return "\n".join(texts)


def assert_hidden(*roots: object, traced: Iterable[TraceRecord] = ()) -> None:
    """None of the forms of the secret is in what can be seen, or in the lines of a trace."""
    seen = shown(*roots) + "\n".join(map(write_record, traced))
    assert [form for form in FORMS if form in seen] == []


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


def test_a_short_answer_is_no_riddle() -> None:
    """Asterisks in place of each `a` would tell what was said."""
    conn = client_in(State.AUTHORIZATION)
    conn.send(Auth("LOGIN"))
    hear(conn, b"+ \r\n")
    conn.respond(b"a", last=False)
    (reply,) = hear(conn, b"-ERR wrong name or password\r\n")
    assert isinstance(reply, Reply)
    assert reply.text == "wrong name or password"


def test_command() -> None:
    for secret in (Pass(SECRET), Pass(SECRET.encode())):
        assert secret.password == SECRET.encode()
        assert_hidden(secret, [secret], {"command": secret})
    assert_hidden(Apop("alice", DIGEST), Auth("PLAIN", RESPONSE), AuthResponse(RESPONSE))
    assert_hidden(Challenge(RESPONSE), Challenge(RESPONSE, irregular=True))
    assert_hidden(Credentials("alice", SECRET), BadCommand("no", IN_BASE64))


Say = Callable[[ClientConnection], object]


def say_pass(conn: ClientConnection) -> None:
    exchange(conn, User("alice"))
    conn.send(Pass(SECRET))


def say_user_and_pass(conn: ClientConnection) -> None:
    conn.send(User("alice"))
    conn.send(Pass(SECRET))


def say_response(conn: ClientConnection) -> None:
    conn.send(Auth("PLAIN"))
    hear(conn, b"+ \r\n")
    conn.respond(RESPONSE, last=True)


def say_two_responses(conn: ClientConnection) -> None:
    conn.send(Auth("LOGIN"))
    hear(conn, b"+ VXNlcjo=\r\n")
    conn.respond(b"alice", last=False)
    hear(conn, b"+ UGFzcw==\r\n")
    conn.respond(SECRET.encode(), last=True)


def say_response_and_cancel(conn: ClientConnection) -> None:
    conn.send(Auth("X"))
    hear(conn, b"+ \r\n")
    conn.respond(RESPONSE, last=False)
    hear(conn, b"+ \r\n")
    conn.cancel()


# What a client says, and what of it a server may repeat.
SAYING: list[tuple[Say, str]] = [
    (say_pass, SECRET),
    (say_user_and_pass, SECRET),
    (lambda conn: conn.send(Apop("alice", DIGEST)), DIGEST.decode()),
    (lambda conn: conn.send(Auth("PLAIN", RESPONSE, last=True)), IN_BASE64.decode()),
    (lambda conn: conn.send(Auth("PLAIN", RESPONSE)), IN_BASE64.decode()),
    (say_response, IN_BASE64.decode()),
    (say_response, RESPONSE.decode()),
    (say_two_responses, SECRET),
    (say_response_and_cancel, IN_BASE64.decode()),
    *((lambda conn: conn.send(Auth("XOAUTH2", BY_TOKEN, last=True)), form) for form in TOKEN_FORMS),
]


@pytest.mark.parametrize(("say", "form"), SAYING)
@pytest.mark.parametrize(
    "answer",
    [
        "",
        "+OK {}\r\n",
        "-ERR {}\r\n",
        "-ERR [{}] no\r\n",
        "-ERR [AUTH] <{}>\n",
        "+ {}\r\n",
        "+{}\r\n",
        "+OK{}\r\n",
        "{}\r\n",
        "what? {}\r\n",
        "-ERR {0}\r\n-ERR {0}\r\n",
        "\r\n{}\r\n",
        "+OK {}",
        "+ {}",
        "{}",
        "{}" + "x" * 200_000,
    ],
)
def test_client_whose_server_repeats_it(say: Say, form: str, answer: str) -> None:
    traced: list[TraceRecord] = []
    conn = client_in(State.AUTHORIZATION, trace=traced.append)
    say(conn)
    assert_hidden(conn, conn.pending, traced=traced)
    events = hear(conn, answer.format(form).encode()) if answer else []
    assert_hidden(conn, events, traced=traced)
    conn.receive_eof()
    assert_hidden(conn, client_events(conn), traced=traced)
    assert not any(form in conn.silence() for form in FORMS)


@pytest.mark.parametrize("data", [b"\n", b"\r\n", b" ", b"+", b"OK", b"-ERR"])
def test_what_is_hidden_leaves_a_line_a_line(data: bytes) -> None:
    traced: list[TraceRecord] = []
    conn = client_in(State.AUTHENTICATING, trace=traced.append)
    conn.respond(data, last=True)
    (reply,) = hear(conn, b"+OK  welcome OK +\r\n")
    assert isinstance(reply, Reply)
    assert (reply.ok, conn.state) == (True, State.TRANSACTION)
    assert traced[-1].octets.startswith(b"+OK  welcome")
    assert traced[-1].octets.endswith(b"\r\n")


def test_a_challenge_may_repeat_it_too() -> None:
    traced: list[TraceRecord] = []
    conn = client_in(State.AUTHORIZATION, trace=traced.append)
    conn.send(Auth("X"))
    events = hear(conn, b"+ " + IN_BASE64 + b"\r\n")
    assert events == [Challenge(RESPONSE)]
    assert_hidden(conn, events, traced=traced)


@pytest.mark.parametrize("data", [RESPONSE * 20_000, RESPONSE])
def test_responses_that_cannot_be_sent(data: bytes) -> None:
    due = len(data) > len(RESPONSE)
    conn = client_in(State.AUTHENTICATING if due else State.TRANSACTION)
    with pytest.raises(LocalProtocolError) as caught:
        conn.respond(data, last=True)
    assert_hidden(conn, caught.value)


@pytest.mark.parametrize(
    "command", [Auth("PLAIN", RESPONSE * 20), Auth("no name", RESPONSE), Apop("a b", DIGEST)]
)
def test_logins_that_cannot_be_sent(command: Command[object]) -> None:
    conn = client_in(State.AUTHORIZATION)
    with pytest.raises(LocalProtocolError) as caught:
        conn.send(command)
    assert_hidden(conn, caught.value)


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


LINES = [
    "PASS {}",
    "pass {}",
    "PAS {}",
    "PASS\t{}",
    " PASS {}",
    "PASS {}\r",
    "PASS {}\0",
    "PASS {}" + "x" * 3000,
    "APOP alice {}",
    "apop {}",
    "APOP alice {} more",
    "APOP {}\0",
    "AUTH PLAIN {}",
    "auth plain {}",
    "AUTH PLAIN {} more",
    "AUTH PLAIN {}\r",
    "AUTH PLAIN {}" + "A" * 200_000,
    "{}",
    "RETR {}",
    "STLS {}",
    "CAPA {}",
    "*{}",
    "{}" + "x" * 200_000,
]


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("state", [State.AUTHORIZATION, State.AUTHENTICATING])
@pytest.mark.parametrize("user_seen", [False, True])
def test_server(line: str, form: str, state: State, user_seen: bool) -> None:
    traced: list[TraceRecord] = []
    conn = server_in(State.AUTHORIZATION, trace=traced.append)
    if user_seen:
        serve(conn, b"USER alice")
    if state is State.AUTHENTICATING:
        conn.receive_data(b"AUTH X\r\n")
        conn.next_event()
        conn.challenge(SECRET.encode())
    conn.receive_data(line.format(form).encode() + b"\r\n")
    event = conn.next_event()
    assert_hidden(conn, event, traced=traced)
    if isinstance(event, BadCommand):
        assert form.encode() not in conn.reply(False, event.reason)


@pytest.mark.parametrize("verb", ["PASS", "APOP alice", "AUTH PLAIN"])
def test_secrets_that_come_behind_the_login(verb: str) -> None:
    traced: list[TraceRecord] = []
    conn = server_in(State.TRANSACTION, trace=traced.append)
    for form in FORMS:
        conn.receive_data(f"{verb} {form}\r\n".encode())
        event = conn.next_event()
        assert isinstance(event, BadCommand)
        assert_hidden(conn, event, traced=traced)
        conn.reply(False, event.reason)


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


@dataclass
class Saying:
    """A mechanism with one response, or none that it can give."""

    response: bytes | None
    client_first: bool = True
    name: str = "PLAIN"
    shows_secret: bool = True

    def respond(self, challenge: bytes) -> Response:
        if self.response is None:
            raise ValueError("there is nothing to say")
        return Response(self.response, True)


@pytest.mark.parametrize("mechanism", [Saying(RESPONSE), Saying(RESPONSE * 20)])
@pytest.mark.parametrize(
    "end", ["S: -ERR", "S: -ERR [AUTH] {}", "S: what?", "S: PASS {}", "EOF", "TIMEOUT"]
)
def test_authenticate(mechanism: Saying, end: str) -> None:
    traced: list[TraceRecord] = []
    conn = client_in(State.AUTHORIZATION, trace=traced.append)
    conn.capabilities = Capabilities.of("SASL PLAIN")
    flow = authenticate(conn, mechanism, allow_insecure_auth=True)
    response = binascii.b2a_base64(mechanism.response or b"", newline=False).decode()
    said = f"C: AUTH PLAIN {response}\n"
    if len(response) > 200:
        said = f"C: AUTH PLAIN\nS: + \nC: {response}\n"
    script = said + end.format(response)
    assert_hidden(failure_of(lambda: play(conn, flow, script)), conn, traced=traced)


@pytest.mark.parametrize("end", ["S: -ERR", f"S: -ERR {DIGEST.decode()}", "S: what?", "EOF"])
def test_apop(end: str) -> None:
    traced: list[TraceRecord] = []
    conn = ClientConnection(trace=traced.append)
    hear(conn, b"+OK ready " + TIMESTAMP + b"\r\n")
    flow = login(conn, "alice", SECRET, mechanism="APOP")
    script = f"C: APOP alice {DIGEST.decode()}\n{end}"
    assert_hidden(failure_of(lambda: play(conn, flow, script)), conn, traced=traced)


def test_what_a_flow_wants_to_send() -> None:
    conn = client_in(State.AUTHORIZATION)
    wants: list[object] = []
    for want in login(conn, "alice", SECRET, allow_insecure_auth=True):
        wants.append(want)
        if isinstance(want, Send):
            conn.receive_data(b"+OK\r\n")
    assert any(isinstance(want, Send) and SECRET.encode() in want.data for want in wants)
    assert SECRET not in shown(wants)


@dataclass
class Users:
    answer: Exception | None

    def authenticate(self, name: str, password: str) -> Maildrop | None:
        assert password == SECRET
        if self.answer:
            raise self.answer
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


@dataclass
class Plain:
    """What a server needs of PLAIN here."""

    client_first: bool = True
    shows_secret: bool = True

    def step(self, response: bytes) -> bytes | Credentials:
        _, name, password = response.split(b"\0")
        return Credentials(name.decode(), password.decode())


class Store(Users):
    def password(self, name: str) -> str:
        return SECRET


@pytest.mark.parametrize("answer", [None, Refused("busy"), OSError("the disk is broken")])
def test_server_session_with_auth_and_apop(answer: Exception | None) -> None:
    traced: list[TraceRecord] = []
    # Four logins may fail here.
    conn = ServerConnection(trace=traced.append, limits=Limits(failed_logins=4))
    reported: list[Exception] = []
    session = ServerSession(
        conn,
        Store(answer),
        allow_insecure_auth=True,
        report=reported.append,
        mechanisms={"PLAIN": Plain},
        timestamp=TIMESTAMP,
    )
    refusal = {
        "NoneType": "[AUTH] wrong name or password",
        "Refused": "busy",
        "OSError": "[SYS/TEMP] the maildrop is not available",
    }[type(answer).__name__]
    play(
        conn,
        session.run(),
        f"""
        S: +OK POP3 server ready {TIMESTAMP.decode()}
        C: AUTH PLAIN {IN_BASE64.decode()}
        S: -ERR {refusal}
        C: AUTH PLAIN
        S: +\\x20
        C: {IN_BASE64.decode()}
        S: -ERR {refusal}
        C: AUTH PLAIN
        S: +\\x20
        C: {IN_BASE64.decode()}?
        S: -ERR the response is no base64
        C: APOP alice {DIGEST.decode()}
        S: -ERR {refusal}
        EOF
        """,
    )
    assert len(reported) == (3 if isinstance(answer, OSError) else 0)
    assert_hidden(conn, session, reported, traced=traced)


def test_all_kinds_of_errors_are_searched() -> None:
    """The flow, its connection and its capabilities are found from the error of a driver."""
    conn = client_in(State.AUTHORIZATION)
    conn.capabilities = Capabilities.of("TOP")
    flow: Flow[str] = login(conn, "alice", SECRET, allow_insecure_auth=True)
    assert {type(found) for found in reachable(conn)} >= {ClientConnection, Capabilities, Limits}
    assert {type(found) for found in reachable(flow)} >= {ClientConnection, Capabilities, Limits}
