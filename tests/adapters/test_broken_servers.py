"""Servers that close, stall, talk nonsense or lie, and what a client makes of it."""

import socket
import ssl
import threading
from collections.abc import Awaitable, Callable
from contextlib import ExitStack

import pytest

from pop3_adapters.socket import Timeouts
from pop3_proto import (
    AuthenticationFailed,
    BodyTooLarge,
    CommandFailed,
    Deletions,
    Limits,
    LineTooLong,
    MailboxInUse,
    MailboxStat,
    ProtocolError,
    RemoteProtocolError,
    State,
    TemporaryFailure,
    TlsPolicy,
    UnexpectedEof,
    UnsolicitedReply,
)

from .backends import Incoming, Session
from .mail import big
from .net import NAME, PASSWORD, Net
from .scripts import accept_quit, announce, begin, greet, let_in, log_in
from .wire import BOUND, LOOPBACK, Wire, scripted

SOON = 0.1
RATHER_SOON = Timeouts(silence=2 * SOON)
SECURED = pytest.mark.parametrize(
    "policy", [TlsPolicy.STLS, TlsPolicy.IMPLICIT], ids=["stls", "implicit"]
)
RESET = pytest.mark.parametrize("reset", [False, True], ids=["close", "reset"])


async def logged_in(
    net: Net,
    port: int,
    *,
    tls: TlsPolicy = TlsPolicy.NONE,
    timeouts: Timeouts | None = None,
    limits: Limits | None = None,
) -> Session:
    session = await net.connect(port, tls=tls, timeouts=timeouts, limits=limits)
    await session.login(NAME, PASSWORD, allow_insecure_auth=True)
    return session


def until_the_client_leaves(wire: Wire) -> None:
    _ = wire.rest()


# What the server does before it goes away, and what the client says then.

CLOSES: dict[str, tuple[bytes, str]] = {
    "before the greeting": (b"", "before the greeting"),
    "inside the greeting": (b"+OK ready wh", "before the greeting"),
    "before the capabilities": (b"+OK\r\n", "while the reply to CAPA was due"),
    "inside the capabilities": (b"+OK\r\n+OK\r\nTOP\r\n", "octets of the response to CAPA"),
}


@pytest.mark.parametrize("case", CLOSES)
@RESET
async def test_a_server_that_goes_away_before_the_login(net: Net, case: str, reset: bool) -> None:
    said, complaint = CLOSES[case]
    greeting, lf, rest = said.partition(b"\n")

    def play(wire: Wire) -> None:
        wire.send(greeting + lf)
        if lf:
            wire.expect(b"CAPA\r\n")
            wire.send(rest)
        if reset:
            wire.reset()

    with scripted(play) as port, pytest.raises((UnexpectedEof, OSError)) as caught:
        _ = await net.connect(port)
    if not reset:
        assert isinstance(caught.value, UnexpectedEof)
        assert complaint in str(caught.value)


@pytest.mark.parametrize("said", [b"", b"+OK begin T"])
@RESET
async def test_a_server_that_goes_away_instead_of_beginning_tls(
    net: Net, said: bytes, reset: bool
) -> None:
    def play(wire: Wire) -> None:
        wire.send(b"+OK\r\n")
        wire.expect(b"STLS\r\n")
        wire.send(said)
        if reset:
            wire.reset()

    with scripted(play) as port, pytest.raises((UnexpectedEof, OSError)) as caught:
        _ = await net.connect(port, tls=TlsPolicy.STLS)
    if not reset:
        assert isinstance(caught.value, UnexpectedEof)
        assert "the reply to STLS" in str(caught.value)


HALF_A_HELLO = b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03"


def begin_handshake(wire: Wire, policy: TlsPolicy, said: bytes) -> None:
    """From the connection to these octets of a handshake."""
    if policy is TlsPolicy.STLS:
        wire.send(b"+OK\r\n")
        wire.expect(b"STLS\r\n")
        wire.send(b"+OK\r\n")
    assert wire.some()[:1] == b"\x16"
    wire.send(said)


@SECURED
@pytest.mark.parametrize("said", [b"", HALF_A_HELLO], ids=["nothing", "half a ServerHello"])
@RESET
async def test_a_server_that_breaks_off_half_a_handshake(
    net: Net, policy: TlsPolicy, said: bytes, reset: bool
) -> None:
    def play(wire: Wire) -> None:
        begin_handshake(wire, policy, said)
        if reset:
            wire.reset()
        else:
            wire.half_close()
            until_the_client_leaves(wire)

    with scripted(play) as port, pytest.raises((UnexpectedEof, OSError)) as caught:
        _ = await net.connect(port, tls=policy)
    if not reset:
        assert isinstance(caught.value, UnexpectedEof)
        assert "during the TLS handshake" in str(caught.value)


LEAVES: dict[str, tuple[bytes, Callable[[Session], Awaitable[object]], str]] = {
    "STAT": (b"", lambda session: session.stat(), "the reply to STAT"),
    "inside the line": (b"+OK 1", lambda session: session.stat(), "the reply to STAT"),
    "LIST": (b"+OK\r\n1 10\r\n", lambda session: session.scan_listings(), "response to LIST"),
    "RETR": (b"", lambda session: session.retrieve(1), "the reply to RETR 1"),
    "TOP": (b"+OK\r\nSubj", lambda session: whole(session.top(1)), "the response to TOP 1"),
    "UIDL 1": (b"", lambda session: session.unique_id(1), "the reply to UIDL 1"),
    "DELE": (b"", lambda session: session.delete(1), "the reply to DELE 1"),
    "RSET": (b"", lambda session: session.reset(), "the reply to RSET"),
    "NOOP": (b"", lambda session: session.noop(), "the reply to NOOP"),
}


async def whole(incoming: Awaitable[Incoming]) -> bytes:
    return await (await incoming).read()


@pytest.mark.parametrize("case", LEAVES)
@RESET
async def test_a_server_that_goes_away_inside_a_command(
    net: Net, tls: TlsPolicy, case: str, reset: bool
) -> None:
    said, command, complaint = LEAVES[case]

    def play(wire: Wire) -> None:
        begin(wire, tls, net.certificates.server())
        log_in(wire)
        _ = wire.line()
        wire.send(said)
        if reset:
            wire.reset()

    with scripted(play) as port:
        session = await logged_in(net, port, tls=tls)
        with pytest.raises((UnexpectedEof, OSError)) as caught:
            _ = await command(session)
        assert session.state is State.BROKEN
        if not reset:
            assert isinstance(caught.value, UnexpectedEof)
            assert complaint in str(caught.value)
        with pytest.raises(ProtocolError):
            await session.noop()
        assert await session.quit() is Deletions.KEPT


@pytest.mark.parametrize("where", ["USER", "PASS"])
@RESET
async def test_a_server_that_goes_away_inside_the_login(net: Net, where: str, reset: bool) -> None:
    def play(wire: Wire) -> None:
        greet(wire)
        _ = wire.line()
        if where == "PASS":
            wire.send(b"+OK\r\n")
            _ = wire.line()
        if reset:
            wire.reset()

    with scripted(play) as port:
        session = await net.connect(port)
        with pytest.raises((UnexpectedEof, OSError)) as caught:
            await session.login(NAME, PASSWORD, allow_insecure_auth=True)
        assert PASSWORD not in str(caught.value)
        assert session.state is State.BROKEN
        if not reset:
            assert isinstance(caught.value, UnexpectedEof)
            assert f"the reply to {where}" in str(caught.value)
        await session.close()


async def test_a_server_that_goes_away_behind_a_wrong_password(net: Net) -> None:
    def play(wire: Wire) -> None:
        greet(wire)
        _ = wire.line()
        wire.send(b"+OK\r\n")
        _ = wire.line()
        wire.send(b"-ERR [AUTH] no\r\n")

    with scripted(play) as port:
        session = await net.connect(port)
        with pytest.raises(AuthenticationFailed):
            await session.login(NAME, PASSWORD, allow_insecure_auth=True)
        assert await session.quit() is Deletions.KEPT


async def test_a_server_that_went_away_while_nothing_was_asked(net: Net) -> None:
    with scripted(let_in) as port:
        session = await logged_in(net, port)
    with pytest.raises(UnexpectedEof, match="while nothing was asked"):
        await session.noop()
    await session.close()


async def test_a_server_that_goes_away_in_mid_message(net: Net, tls: TlsPolicy) -> None:
    def play(wire: Wire) -> None:
        begin(wire, tls, net.certificates.server())
        log_in(wire)
        wire.expect(b"RETR 1\r\n")
        wire.send(b"+OK\r\nSubject: the fir")
        # In TLS, too, without a word about the end.

    with scripted(play) as port:
        session = await net.connect(port, tls=tls)
        await session.login(NAME, PASSWORD, allow_insecure_auth=True)
        message = await session.retrieve(1)
        with pytest.raises(UnexpectedEof, match=r"16 octets.*RETR 1, which is incomplete"):
            _ = await message.read()
        assert not message.complete
        await session.close()


async def test_the_end_of_tls_instead_of_a_reply(net: Net) -> None:
    def play(wire: Wire) -> None:
        wire.start_tls(net.certificates.server(), server_side=True)
        greet(wire)
        _ = wire.line()
        wire.end_tls()

    with scripted(play) as port:
        session = await net.connect(port, tls=TlsPolicy.IMPLICIT)
        with pytest.raises(UnexpectedEof, match="the reply to USER"):
            await session.login(NAME, PASSWORD)
        await session.close()


# Time.


async def test_nobody_accepts_the_connection(net: Net) -> None:
    with ExitStack() as opened:
        listener = opened.enter_context(socket.create_server((LOOPBACK, 0), backlog=0))
        port = listener.getsockname()[1]
        for _ in range(4):  # the queue is full with one, on some systems with two
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            _ = waiting.connect_ex((LOOPBACK, port))
        with pytest.raises(TimeoutError):
            _ = await net.connect(port, timeouts=Timeouts(connect=SOON))


async def test_nobody_listens(net: Net) -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        _ = await net.connect(port)


async def test_no_greeting_in_time(net: Net) -> None:
    patience = Timeouts(silence=SOON)
    with scripted(until_the_client_leaves) as port, pytest.raises(TimeoutError, match="greeting"):
        _ = await net.connect(port, timeouts=patience)


@SECURED
@pytest.mark.parametrize("said", [b"", HALF_A_HELLO], ids=["nothing", "half a ServerHello"])
@pytest.mark.parametrize(
    "timeouts",
    [Timeouts(tls=SOON, silence=None), Timeouts(tls=None, operation=2 * SOON)],
    ids=["tls", "operation"],
)
async def test_no_handshake_in_time(
    net: Net, policy: TlsPolicy, said: bytes, timeouts: Timeouts
) -> None:
    def play(wire: Wire) -> None:
        begin_handshake(wire, policy, said)
        until_the_client_leaves(wire)

    with scripted(play) as port, pytest.raises(TimeoutError, match="TLS handshake"):
        _ = await net.connect(port, tls=policy, timeouts=timeouts)


async def test_without_any_bounds(net: Net, tls: TlsPolicy) -> None:
    server = net.serve(net.memory(b"one\n"), tls=tls)
    timeouts = Timeouts(connect=None, tls=None, silence=None, operation=None)
    async with await net.login(server, timeouts=timeouts) as session:
        assert await whole(session.retrieve(1)) == b"one\r\n"


async def test_a_late_reply_belongs_to_its_command(net: Net, tls: TlsPolicy) -> None:
    timed_out = threading.Event()

    def play(wire: Wire) -> None:
        begin(wire, tls, net.certificates.server())
        log_in(wire)
        wire.expect(b"STAT\r\n")
        assert timed_out.wait(BOUND)
        wire.send(b"+OK 7 700\r\n")
        wire.expect(b"STAT\r\n")
        wire.send(b"+OK 8 800\r\n")
        accept_quit(wire)
        _ = wire.rest()

    with scripted(play) as port:
        async with await logged_in(net, port, tls=tls, timeouts=RATHER_SOON) as session:
            with pytest.raises(TimeoutError, match="the reply to STAT was due"):
                _ = await session.stat()
            assert session.state is State.TRANSACTION
            timed_out.set()
            assert await session.stat() == MailboxStat(8, 800)


async def test_a_message_that_came_late_is_read_on(net: Net) -> None:
    timed_out = threading.Event()

    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"RETR 1\r\n")
        wire.send(b"+OK\r\nfirst\r\n")
        assert timed_out.wait(BOUND)
        wire.send(b"last\r\n.\r\n")
        accept_quit(wire)

    with scripted(play) as port:
        async with await logged_in(net, port, timeouts=Timeouts(silence=2 * SOON)) as session:
            message = await session.retrieve(1)
            received = bytearray()
            with pytest.raises(TimeoutError, match="the rest of the response to RETR 1"):
                await read_on(message, received)
            timed_out.set()
            await read_on(message, received)
            assert received == b"first\r\nlast\r\n"
            assert message.complete


async def test_nothing_is_lost_when_the_whole_of_a_message_is_asked_for_again(net: Net) -> None:
    timed_out = threading.Event()

    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"RETR 1\r\n")
        wire.send(b"+OK\r\nfirst\r\n")
        assert timed_out.wait(BOUND)
        wire.send(b"last\r\n.\r\n")
        accept_quit(wire)

    with scripted(play) as port:
        async with await logged_in(net, port, timeouts=Timeouts(silence=2 * SOON)) as session:
            message = await session.retrieve(1)
            with pytest.raises(TimeoutError):
                _ = await message.read()
            assert not message.complete
            timed_out.set()
            assert await message.read() == b"first\r\nlast\r\n"
            assert await message.read() == b""


async def test_a_fetch_that_ran_out_of_time_can_be_begun_anew(net: Net) -> None:
    timed_out = threading.Event()

    def play(wire: Wire) -> None:
        let_in(wire, "PIPELINING")
        wire.expect(b"RETR 1\r\nRETR 2\r\n")
        wire.send(b"+OK\r\none\r\n.\r\n+OK\r\nhal")
        assert timed_out.wait(BOUND)
        wire.send(b"f\r\n.\r\n")
        wire.expect(b"RETR 2\r\n")
        wire.send(b"+OK\r\ntwo\r\n.\r\n")
        accept_quit(wire)

    with scripted(play) as port:
        async with await logged_in(net, port, timeouts=Timeouts(silence=2 * SOON)) as session:
            received: list[bytes] = []
            with pytest.raises(TimeoutError, match="RETR 2"):
                await fetch_into(session, [1, 2], received)
            timed_out.set()
            await fetch_into(session, [2], received)
            assert received == [b"one\r\n", b"two\r\n"]


async def fetch_into(session: Session, numbers: list[int], received: list[bytes]) -> None:
    async for message in session.fetch(numbers):
        whole = await message.read()
        received.append(whole)


async def read_on(message: Incoming, received: bytearray) -> None:
    async for chunk in message:
        received += chunk


async def test_an_operation_that_never_ends_although_there_is_no_silence(net: Net) -> None:
    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"LIST\r\n")
        endless(wire, b"+OK\r\n", b"1 1\r\n" * 100)

    with scripted(play) as port:
        session = await logged_in(net, port, timeouts=Timeouts(operation=2 * SOON))
        with pytest.raises(TimeoutError, match="the rest of the response to LIST"):
            _ = await session.scan_listings()
        await session.close()


async def test_a_message_that_never_ends_although_there_is_no_silence(net: Net) -> None:
    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"RETR 1\r\n")
        endless(wire, b"+OK\r\n", big(1000))

    with scripted(play) as port:
        limits = Limits(message=64 * 1024 * 1024)
        session = await logged_in(net, port, timeouts=Timeouts(operation=SOON), limits=limits)
        try:
            with pytest.raises(TimeoutError, match="the rest of the response to RETR 1"):
                _ = await (await session.retrieve(1)).read()
        finally:
            await session.close()


async def test_the_beginning_of_a_session_has_its_time(net: Net) -> None:
    timeouts = Timeouts(silence=None, operation=SOON)
    with scripted(until_the_client_leaves) as port, pytest.raises(TimeoutError, match="greeting"):
        _ = await net.connect(port, timeouts=timeouts)


async def test_a_login_has_its_time(net: Net) -> None:
    def play(wire: Wire) -> None:
        greet(wire)
        _ = wire.line()
        wire.send(b"+OK\r\n")
        _ = wire.rest()

    with scripted(play) as port:
        timeouts = Timeouts(silence=None, operation=2 * SOON)
        session = await net.connect(port, timeouts=timeouts)
        with pytest.raises(TimeoutError, match="the reply to PASS"):
            await session.login(NAME, PASSWORD, allow_insecure_auth=True)
        await session.close()


TAKING_TIME: dict[str, tuple[bytes, Callable[[Session], Awaitable[object]], str]] = {
    "STAT": (b"", lambda session: session.stat(), "the reply to STAT"),
    "RETR": (b"", lambda session: session.retrieve(1), "the reply to RETR 1"),
    "TOP": (b"+OK\r\n", lambda session: whole(session.top(1)), "the response to TOP 1"),
    "fetch": (b"", lambda session: fetch_into(session, [1], []), "the reply to RETR 1"),
    "inside a fetch": (
        b"+OK\r\none\r\n",
        lambda session: fetch_into(session, [1], []),
        "the rest of the response to RETR 1",
    ),
}


@pytest.mark.parametrize("case", TAKING_TIME)
async def test_an_operation_has_its_time(net: Net, case: str) -> None:
    said, operation, complaint = TAKING_TIME[case]

    def play(wire: Wire) -> None:
        let_in(wire)
        _ = wire.line()
        wire.send(said)
        until_the_client_leaves(wire)

    with scripted(play) as port:
        timeouts = Timeouts(silence=None, operation=2 * SOON)
        session = await logged_in(net, port, timeouts=timeouts)
        try:
            with pytest.raises(TimeoutError, match=complaint):
                _ = await operation(session)
        finally:
            await session.close()


async def test_quit_has_its_time(net: Net) -> None:
    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"DELE 1\r\n")
        wire.send(b"+OK\r\n")
        wire.expect(b"QUIT\r\n")
        assert wire.rest() == b""

    with scripted(play) as port:
        timeouts = Timeouts(silence=None, operation=2 * SOON)
        session = await logged_in(net, port, timeouts=timeouts)
        await session.delete(1)
        assert await session.quit() is Deletions.UNKNOWN


def endless(wire: Wire, beginning: bytes, more: bytes) -> None:
    """Send until the client has gone."""
    try:
        wire.send(beginning)
        while True:
            wire.send(more)
    except OSError:
        pass


async def test_a_server_that_takes_nothing(net: Net) -> None:
    timed_out = threading.Event()

    def play(wire: Wire) -> None:
        greet(wire)
        assert timed_out.wait(BOUND)

    with scripted(play) as port:
        limits = Limits(command_out=64 * 1024 * 1024)
        session = await net.connect(port, timeouts=Timeouts(silence=SOON), limits=limits)
        with pytest.raises(TimeoutError):
            await session.login(b"x" * (32 * 1024 * 1024), "", allow_insecure_auth=True)
        timed_out.set()
        # Half a command is at the server: whatever came next would be taken for the rest.
        assert session.state is State.BROKEN
        await session.close()


# Nonsense.

FOREIGN: dict[str, tuple[bytes, str]] = {
    "IMAP": (b"* OK IMAP4rev1 ready\r\n", "it speaks IMAP"),
    "SMTP": (b"220 mail.example.org ESMTP\r\n", "it speaks SMTP"),
    "SSH": (b"SSH-2.0-OpenSSH_9.2\r\n", "it speaks SSH"),
    "HTTP": (b"HTTP/1.1 400 Bad Request\r\n", "it speaks HTTP"),
    "noise": (bytes(range(256)) + b"\n", "where the greeting was due"),
    "+OKAY": (b"+OKAY\r\n", "where the greeting was due"),
    "empty line": (b"\r\n", "an empty line where the greeting was due"),
}


@pytest.mark.parametrize("case", FOREIGN)
async def test_something_else_listens_there(net: Net, case: str) -> None:
    said, complaint = FOREIGN[case]

    def play(wire: Wire) -> None:
        wire.send(said)
        until_the_client_leaves(wire)

    with scripted(play) as port, pytest.raises(RemoteProtocolError, match=complaint):
        _ = await net.connect(port)


async def test_tls_where_no_tls_is_wanted(net: Net) -> None:
    def play(wire: Wire) -> None:
        # What a TLS server says when no handshake came: an alert, and the end.
        wire.send(b"\x15\x03\x03\x00\x02\x02\x46")

    with scripted(play) as port, pytest.raises(RemoteProtocolError, match="it speaks TLS"):
        _ = await net.connect(port)


@pytest.mark.parametrize(
    "said",
    [b"+OK POP3 ready\r\n", b"* OK IMAP4 ready\r\n", bytes(range(200)), b"HTTP/1.1 400 Bad\r\n"],
)
async def test_no_tls_where_tls_is_wanted(net: Net, said: bytes) -> None:
    def play(wire: Wire) -> None:
        wire.send(said)
        until_the_client_leaves(wire)

    with scripted(play) as port, pytest.raises(ssl.SSLError):
        _ = await net.connect(port, tls=TlsPolicy.IMPLICIT)


@pytest.mark.parametrize(
    ("greeting", "kind"),
    [
        (b"-ERR go away\r\n", CommandFailed),
        (b"-ERR [IN-USE] somebody else is here\r\n", MailboxInUse),
        (b"-ERR [SYS/TEMP] too many connections\r\n", TemporaryFailure),
    ],
)
async def test_a_greeting_that_refuses(
    net: Net, greeting: bytes, kind: type[CommandFailed]
) -> None:
    def play(wire: Wire) -> None:
        wire.send(greeting)
        assert wire.rest() == b""

    with scripted(play) as port, pytest.raises(kind, match="refused the session"):
        _ = await net.connect(port)


@pytest.mark.parametrize("said", [b"250 Ok\r\n", b"\0\xff\r\n", b"+\r\n", b"+OK 1 2\n"])
async def test_nonsense_instead_of_a_reply(net: Net, said: bytes) -> None:
    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"STAT\r\n")
        wire.send(said)
        until_the_client_leaves(wire)

    with scripted(play) as port:
        session = await logged_in(net, port)
        with pytest.raises(RemoteProtocolError):
            _ = await session.stat()
        assert session.state is State.BROKEN
        await session.close()


@SECURED
@pytest.mark.parametrize("said", [b"+OK 1 10\r\n", bytes(range(256))], ids=["+OK", "noise"])
async def test_plaintext_in_the_middle_of_tls(net: Net, policy: TlsPolicy, said: bytes) -> None:
    def play(wire: Wire) -> None:
        begin(wire, policy, net.certificates.server())
        log_in(wire)
        wire.expect(b"STAT\r\n")
        wire.send_past_tls(said)
        with pytest.raises(ssl.SSLError, match=r"(?i)alert"):
            _ = wire.rest()

    with scripted(play) as port:
        session = await logged_in(net, port, tls=policy)
        with pytest.raises(ssl.SSLError):
            _ = await session.stat()
        assert session.state is State.BROKEN
        assert await session.quit() is Deletions.KEPT


async def test_a_line_without_an_end(net: Net) -> None:
    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"STAT\r\n")
        endless(wire, b"+OK ", b"1" * 10_000)

    with scripted(play) as port:
        session = await logged_in(net, port)
        with pytest.raises(LineTooLong):
            _ = await session.stat()
        await session.close()


@pytest.mark.parametrize(
    ("limits", "complaint"),
    [
        (Limits(listing=100_000), "LIST has more than 100000 octets"),
        (Limits(listing_lines=1000, listing=100_000), "more than 1000"),
    ],
)
async def test_a_listing_without_an_end(net: Net, limits: Limits, complaint: str) -> None:
    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"LIST\r\n")
        wire.send(b"+OK\r\n" + b"1 1\r\n" * 5000)
        if limits.listing_lines == 1000:
            wire.send(b".\r\n")
        endless(wire, b"", b"1 1\r\n" * 5000)

    with scripted(play) as port:
        session = await logged_in(net, port, limits=limits)
        with pytest.raises(BodyTooLarge, match=complaint):
            _ = await session.scan_listings()
        await session.close()


async def test_capabilities_without_an_end(net: Net) -> None:
    def play(wire: Wire) -> None:
        wire.send(b"+OK\r\n")
        wire.expect(b"CAPA\r\n")
        endless(wire, b"+OK\r\n", b"X-MORE\r\n" * 1000)

    with scripted(play) as port, pytest.raises(BodyTooLarge, match="CAPA"):
        _ = await net.connect(port)


async def test_a_reply_before_anything_was_asked(net: Net) -> None:
    def play(wire: Wire) -> None:
        let_in_with(wire, b"+OK\r\n-ERR [SYS/TEMP] shutting down\r\n")
        until_the_client_leaves(wire)

    with scripted(play) as port:
        session = await logged_in(net, port)
        with pytest.raises(UnsolicitedReply, match=r"SYS/TEMP. shutting down"):
            await session.delete(1)
        assert session.state is State.BROKEN
        assert await session.quit() is Deletions.KEPT


async def test_two_replies_to_one_command(net: Net) -> None:
    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"STAT\r\n")
        wire.send(b"+OK 1 10\r\n+OK 2 20\r\n")
        until_the_client_leaves(wire)

    with scripted(play) as port:
        session = await logged_in(net, port)
        assert await session.stat() == MailboxStat(1, 10)
        with pytest.raises(UnsolicitedReply):
            _ = await session.stat()
        await session.close()


def let_in_with(wire: Wire, answer: bytes) -> None:
    greet(wire)
    _ = wire.line()
    wire.send(b"+OK\r\n")
    _ = wire.line()
    wire.send(answer)


async def test_an_empty_line_where_a_reply_was_due_and_then_nothing(net: Net) -> None:
    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"DELE 5\r\n")
        wire.send(b"\r\n")
        assert wire.rest() == b""

    with scripted(play) as port:
        session = await logged_in(net, port, timeouts=Timeouts(silence=2 * SOON))
        with pytest.raises(TimeoutError, match="an empty line where the reply to DELE 5 was due"):
            await session.delete(5)
        assert session.state is State.BROKEN
        assert await session.quit() is Deletions.KEPT


async def test_an_empty_line_in_front_of_a_reply(net: Net) -> None:
    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"STAT\r\n")
        wire.send(b"\r\n+OK 1 10\r\n")
        accept_quit(wire)

    with scripted(play) as port:
        async with await logged_in(net, port) as session:
            assert await session.stat() == MailboxStat(1, 10)


def one_octet_at_a_time(wire: Wire) -> None:
    conversation: list[tuple[bytes, bytes]] = [
        (b"", b"+OK hello\r\n"),
        (b"CAPA\r\n", announce("PIPELINING")),
        (b"USER alice\r\n", b"+OK\r\n"),
        (b"PASS correct horse\r\n", b"+OK\r\n"),
        (b"RETR 1\r\nRETR 2\r\n", b"+OK\r\n..\r\n.\r\n-ERR gone\r\n"),
        (b"QUIT\r\n", b"+OK\r\n"),
    ]
    for expected, answer in conversation:
        wire.expect(expected)
        for octet in answer:
            wire.send(bytes([octet]))


async def test_a_server_that_sends_one_octet_at_a_time(net: Net) -> None:
    with scripted(one_octet_at_a_time) as port:
        async with await logged_in(net, port) as session:
            one, two = [
                None if message.refusal else await message.read()
                async for message in session.fetch([1, 2])
            ]
            assert one == b".\r\n"
            assert two is None
