"""Programs that run against what was recorded."""

import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from pop3_adapters import socket as socket_module
from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_adapters.socket import connect, connect_stream, serve, serve_stream
from pop3_adapters.traces import AsyncReplayStream, ReplayError, ReplayMechanism, ReplayStream
from pop3_proto import (
    AuthenticationFailed,
    CommandFailed,
    Deletions,
    LocalProtocolError,
    PlaintextAfterStls,
    RemoteProtocolError,
    Response,
    StlsRefused,
    TlsPolicy,
    Traced,
    TraceRecord,
    UnexpectedEof,
    UnsolicitedReply,
)

from .async_backends import LIBRARIES
from .certificates import Certificates
from .net import NAME, PASSWORD
from .socket_backend import AwaitedClient, SocketClients
from .test_logins import Login, LoginServer, Plain, PlainServer
from .wire import BOUND, Wire, dial, scripted

SENT, RECEIVED = Traced.SENT, Traced.RECEIVED
MAIL = [b"Subject: %d\r\n\r\n.\r\n*** \xff\r\n" % number for number in range(200)]

Program = Callable[[Any], Coroutine[Any, Any, None]]


@dataclass
class Recorded:
    """A session as both ends have traced it."""

    client: list[TraceRecord] = field(default_factory=list[TraceRecord])
    server: list[TraceRecord] = field(default_factory=list[TraceRecord])


def mailbox(password: str = PASSWORD) -> Passwords:
    return Passwords({NAME: password}, lambda _: MemoryMaildrop(MAIL))


async def reads_mail(client: Any) -> None:
    """What is recorded, and played again."""
    # A login by SCRAM is not the same twice.
    await client.login(NAME, "any other", mechanism="USER", allow_insecure_auth=True)
    assert (await client.stat()).messages == len(MAIL)
    with pytest.raises(CommandFailed):
        await client.scan_listing(len(MAIL) + 1)
    async for message in client.fetch(range(1, len(MAIL) + 1)):
        assert await message.read() == MAIL[message.number - 1]
        if message.number % 3 == 0:
            await message.delete()
    assert await client.quit() is Deletions.DONE


def record(certificates: Certificates, tls: TlsPolicy) -> Recorded:
    recorded = Recorded()
    closed = threading.Event()

    class Server:
        def __call__(self, record: TraceRecord) -> None:
            recorded.server.append(record)

        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None:
            closed.set()

    plain = tls is TlsPolicy.NONE
    context = None if plain else certificates.server()
    users = mailbox("any other")
    with (
        serve(
            users,
            tls=tls,
            context=context,
            allow_insecure_auth=plain,
            apop=True,
            trace=lambda address: Server(),
        ) as server,
        connect(
            server.host,
            server.port,
            tls=tls,
            context=certificates.client(),
            trace=recorded.client.append,
        ) as client,
    ):
        SocketClients().run(reads_mail(AwaitedClient(client)))
        assert closed.wait(BOUND)
    return recorded


@pytest.fixture(scope="module")
def recordings(certificates: Certificates) -> dict[TlsPolicy, Recorded]:
    policies = (TlsPolicy.NONE, TlsPolicy.STLS, TlsPolicy.IMPLICIT)
    return {tls: record(certificates, tls) for tls in policies}


@pytest.fixture
def recorded(recordings: dict[TlsPolicy, Recorded], tls: TlsPolicy) -> Recorded:
    return recordings[tls]


def test_a_blocking_client(recorded: Recorded) -> None:
    stream, again = ReplayStream(recorded.client), list[TraceRecord]()
    with connect_stream(stream, tls=TlsPolicy.NONE, trace=again.append) as client:
        SocketClients().run(reads_mail(AwaitedClient(client)))
    stream.check()
    inside = [each for each in again if each.what in (SENT, RECEIVED)][1:]
    assert b"".join(each.octets for each in inside) in b"".join(
        each.octets for each in recorded.client
    )


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_client_in_an_event_loop(recorded: Recorded, library: str) -> None:
    stream = AsyncReplayStream(recorded.client)

    async def scenario() -> None:
        module: Any = LIBRARIES[library].module
        async with await module.connect_stream(stream, tls=TlsPolicy.NONE) as client:
            await reads_mail(client)

    LIBRARIES[library].run(scenario)
    stream.check()


def test_a_blocking_server(recorded: Recorded) -> None:
    stream = ReplayStream(recorded.server)
    serve_stream(mailbox("***"), stream, allow_insecure_auth=True, apop=True)
    stream.check()


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_server_in_an_event_loop(recorded: Recorded, library: str) -> None:
    stream = AsyncReplayStream(recorded.server)

    async def scenario() -> None:
        module: Any = LIBRARIES[library].module
        await module.serve_stream(mailbox("***"), stream, allow_insecure_auth=True, apop=True)

    LIBRARIES[library].run(scenario)
    stream.check()


def test_a_server_that_says_something_else(recordings: dict[TlsPolicy, Recorded]) -> None:
    stream = ReplayStream(recordings[TlsPolicy.NONE].server)
    with pytest.raises(ReplayError, match=r"200 messages was sent, and now -ERR \[AUTH\] wrong"):
        serve_stream(mailbox("other"), stream, allow_insecure_auth=True, apop=True)
    with pytest.raises(ReplayError, match="and now -ERR"):
        stream.check()


def test_a_server_with_another_mail(recordings: dict[TlsPolicy, Recorded]) -> None:
    stream = ReplayStream(recordings[TlsPolicy.NONE].server)
    other = [b"x" * len(mail.removesuffix(b"\r\n")) + b"\r\n" for mail in MAIL]
    users = Passwords({NAME: "***"}, lambda _: MemoryMaildrop(other))
    with pytest.raises(ReplayError, match="this piece of a body was sent, and now x"):
        serve_stream(users, stream, allow_insecure_auth=True, apop=True)


def records(*lines: bytes | TraceRecord) -> list[TraceRecord]:
    """What a client traces that connects without TLS: what it sends begins with a letter."""
    greeted = [b"+OK\r\n", b"CAPA\r\n", b"-ERR\r\n"]
    return [
        line
        if isinstance(line, TraceRecord)
        else TraceRecord(RECEIVED if line.startswith((b"+", b"-")) else SENT, line)
        for line in [*greeted, *lines]
    ]


LOGIN = (b"USER alice\r\n", b"+OK\r\n", b"PASS ***\r\n", b"+OK\r\n")


def open_client(stream: ReplayStream) -> Any:
    return connect_stream(stream, tls=TlsPolicy.NONE)


def log_in(client: Any, password: str = PASSWORD) -> None:
    client.login(NAME, password, allow_insecure_auth=True)


@pytest.mark.parametrize("password", [PASSWORD, "x", "", "***"])
def test_any_password_is_the_one_of_then(password: str) -> None:
    stream = ReplayStream(records(*LOGIN))
    client = open_client(stream)
    log_in(client, password)
    stream.check()
    client.close()


def failing(stream: ReplayStream, act: Callable[[Any], object]) -> ReplayError:
    """The same error for whoever acts, for whoever goes on, and in the end."""
    client = open_client(stream)
    with pytest.raises(ReplayError) as caught:
        act(client)
    with pytest.raises(ReplayError) as again:
        stream.check()
    assert again.value is caught.value
    client.close()
    return caught.value


def test_another_command() -> None:
    def act(client: Any) -> None:
        log_in(client)
        client.noop()

    error = failing(ReplayStream(records(*LOGIN, b"STAT\r\n")), act)
    assert str(error) == "record 8: STAT was sent, and now NOOP"
    assert error.record == 8


def test_another_argument() -> None:
    error = failing(
        ReplayStream(records(b"USER bob\r\n")),
        lambda client: client.login(NAME, PASSWORD, allow_insecure_auth=True),
    )
    assert str(error) == "record 4: USER bob was sent, and now USER alice"


def test_no_secret_is_told_in_place_of_something_else() -> None:
    def act(client: Any) -> None:
        client.authenticate(Plain(), initial_response=initial, allow_insecure_auth=True)

    initial = True
    said = [str(failing(ReplayStream(records(b"AUTH X Kioq\r\n")), act))]
    initial = False
    said += [str(failing(ReplayStream(records(b"AUTH PLAIN\r\n", b"+ \r\n", b"*\r\n")), act))]
    password = ReplayStream(records(b"USER alice\r\n", b"+OK\r\n", b"APOP alice ***\r\n"))
    said += [str(failing(password, log_in))]
    assert said == [
        "record 4: AUTH X Kioq was sent, and now AUTH PLAIN",
        "record 6: * was sent, and now something else",
        "record 6: APOP alice *** was sent, and now PASS",
    ]


def test_more_than_was_said() -> None:
    error = failing(ReplayStream(records(*LOGIN[:2])), log_in)
    assert str(error) == "record 5: nothing was sent behind it, and now PASS"


def test_less_than_was_said() -> None:
    stream = ReplayStream(records(*LOGIN, b"STAT\r\n", b"+OK 0 0\r\n"))
    client = open_client(stream)
    log_in(client)
    client.close()
    with pytest.raises(ReplayError, match="record 8: STAT was sent, and now nothing"):
        stream.check()


def test_who_waits_although_something_was_said() -> None:
    def act(client: Any) -> None:
        log_in(client)
        client.retrieve(1)

    pipelined = records(*LOGIN, b"RETR 1\r\n", b"RETR 2\r\n", b"+OK\r\n")
    error = failing(ReplayStream(pipelined), act)
    assert str(error) == "record 9: RETR 2 was sent, and now the peer is waited for"


def test_a_server_that_said_no_more() -> None:
    with pytest.raises(TimeoutError, match="the greeting was due"):
        open_client(ReplayStream([]))
    client = open_client(ReplayStream(records(*LOGIN, b"STAT\r\n")))
    log_in(client)
    with pytest.raises(TimeoutError, match="the reply to STAT was due"):
        client.stat()
    client.close()


@pytest.mark.parametrize("what", [Traced.EOF, Traced.CUT_OFF])
def test_a_server_that_went_away(what: Traced) -> None:
    client = open_client(ReplayStream(records(*LOGIN, b"STAT\r\n", b"+OK", TraceRecord(what))))
    log_in(client)
    with pytest.raises(UnexpectedEof, match="STAT"):
        client.stat()
    client.close()


def test_a_reply_that_came_before_its_command() -> None:
    early = records(*LOGIN, TraceRecord(SENT, b"STAT\r\n", unread=9), b"+OK 0 0\r\n")
    client = open_client(ReplayStream(early))
    log_in(client)
    with pytest.raises(UnsolicitedReply, match="0 0"):
        client.stat()
    client.close()


def opened(stream: ReplayStream) -> None:
    socket_module.connect_stream(
        stream, host="127.0.0.1", tls=TlsPolicy.STLS, context=Certificates().client()
    )


def recorded_failure(script: Callable[[Wire], None], error: type[Exception]) -> ReplayStream:
    said: list[TraceRecord] = []
    with scripted(script) as port, pytest.raises(error):
        connect(
            "127.0.0.1",
            port,
            tls=TlsPolicy.STLS,
            context=Certificates().client(),
            trace=said.append,
        )
    return ReplayStream(said)


def test_stls_that_was_refused() -> None:
    def script(wire: Wire) -> None:
        wire.send(b"+OK\r\n")
        wire.expect(b"STLS\r\n")
        wire.send(b"-ERR no\r\n")
        wire.rest()

    stream = recorded_failure(script, StlsRefused)
    with pytest.raises(StlsRefused):
        opened(stream)
    stream.check()


def test_plaintext_behind_stls() -> None:
    def script(wire: Wire) -> None:
        wire.send(b"+OK\r\n")
        wire.expect(b"STLS\r\n")
        wire.send(b"+OK\r\n+OK injected\r\n")
        wire.rest()

    stream = recorded_failure(script, PlaintextAfterStls)
    with pytest.raises(PlaintextAfterStls):
        opened(stream)
    stream.check()


def test_a_handshake_cannot_be_replayed() -> None:
    stls = [
        TraceRecord(RECEIVED, b"+OK\r\n"),
        TraceRecord(SENT, b"STLS\r\n"),
        TraceRecord(RECEIVED, b"+OK\r\n"),
    ]
    with pytest.raises(
        ReplayError, match="record 3: nothing was sent behind it, and now"
    ) as caught:
        opened(ReplayStream(stls))
    assert str(caught.value).endswith("and now something else")


@pytest.mark.parametrize("initial_response", [True, False])
def test_auth(initial_response: bool) -> None:
    said: list[TraceRecord] = []
    users = mailbox()

    def session(client: Any) -> None:
        with client:
            client.authenticate(
                Plain(), initial_response=initial_response, allow_insecure_auth=True
            )
            assert client.stat().messages == len(MAIL)

    with serve(
        users, allow_insecure_auth=True, mechanisms={"PLAIN": PlainServer, "LOGIN": LoginServer}
    ) as server:
        session(connect(server.host, server.port, tls=TlsPolicy.NONE, trace=said.append))
    stream = ReplayStream(said)
    session(open_client(stream))
    stream.check()


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "CRAM-MD5", "PLAIN", "LOGIN"])
@pytest.mark.parametrize("initial_response", [True, False])
def test_the_mechanism_of_then(mechanism: str, initial_response: bool) -> None:
    said: list[TraceRecord] = []
    with (
        serve(mailbox(), allow_insecure_auth=True, failure_delay=0) as server,
        connect(server.host, server.port, tls=TlsPolicy.NONE, trace=said.append) as client,
    ):
        with pytest.raises(AuthenticationFailed):
            client.login(NAME, "wrong", mechanism="PLAIN", allow_insecure_auth=True)
        client.login(
            NAME,
            PASSWORD,
            mechanism=mechanism,
            initial_response=initial_response,
            allow_insecure_auth=True,
        )
        assert client.stat().messages == len(MAIL)
    stream = ReplayStream(said)
    with open_client(stream) as client:
        with pytest.raises(AuthenticationFailed):
            client.login(NAME, "any", mechanism="PLAIN", allow_insecure_auth=True)
        client.authenticate(ReplayMechanism(said))
        assert client.stat().messages == len(MAIL)
    stream.check()


def test_a_trace_without_a_mechanism() -> None:
    with pytest.raises(ValueError, match="nobody has logged in by a mechanism"):
        ReplayMechanism(records(b"AUTH\r\n", b"-ERR\r\n", b"NOOP\r\n", b"+OK\r\n"))


def test_a_server_that_asks_for_more_than_then() -> None:
    said = records(b"AUTH X\r\n", b"+ \r\n", b"eA==\r\n", b"+OK\r\n")
    mechanism = ReplayMechanism(said)
    assert mechanism.respond(b"") == (b"x", False)
    with pytest.raises(RemoteProtocolError, match="nothing more"):
        mechanism.respond(b"")


class Cancelling(Login):
    def respond(self, challenge: bytes) -> Response:
        raise LocalProtocolError("no more")


def test_auth_that_was_cancelled() -> None:
    stream = ReplayStream(records(b"AUTH LOGIN\r\n", b"+ \r\n", b"*\r\n", b"-ERR\r\n"))
    client = open_client(stream)
    with pytest.raises(LocalProtocolError, match="no more"):
        client.authenticate(Cancelling(), allow_insecure_auth=True)
    stream.check()
    client.close()


def test_what_is_sent_may_be_cut_anywhere() -> None:
    said = [
        TraceRecord(SENT, b"+OK <1.2@pop3> ready\r\n"),
        TraceRecord(RECEIVED, b"RETR 1\r\n"),
        TraceRecord(SENT, b"+OK\r\n"),
        TraceRecord(SENT, b"abc\r\n.", body=True),
        TraceRecord(SENT, b".\r\n.\r\n", body=True, ends=True),
    ]
    whole = b"+OK\r\nabc\r\n..\r\n.\r\n"
    for place in range(len(whole) + 1):
        stream = ReplayStream(said)
        stream.send(b"+OK <other@pop3> ready\r\n", None)
        assert stream.receive(None) == b"RETR 1\r\n"
        for piece in (whole[:place], whole[place:]):
            stream.send(piece, None)
        stream.check()


@pytest.mark.parametrize("password", ["x", "***", "much longer than asterisks"])
def test_a_server_that_got_a_login_in_one_piece(password: str) -> None:
    said: list[TraceRecord] = []
    with (
        serve(mailbox(password), allow_insecure_auth=True, trace=lambda _: said.append) as server,
        dial(server.port) as wire,
    ):
        wire.line()
        wire.send(f"USER {NAME}\r\nPASS {password}\r\nSTAT\r\nQUIT\r\n".encode())
        wire.rest()
    stream = ReplayStream(said)
    serve_stream(mailbox("***"), stream, allow_insecure_auth=True)
    stream.check()
