"""What a cancellation leaves behind, as docs/cancellation.md promises it."""

import re
import signal
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import ExitStack
from pathlib import Path

import anyio
import pytest

from pop3_adapters._async import AsyncDriver
from pop3_adapters._deadlines import Deadlines
from pop3_adapters._link import Link
from pop3_adapters._tls import TlsLayer
from pop3_adapters.asyncio import Asyncio
from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_adapters.socket import serve
from pop3_adapters.streams import AsyncStream
from pop3_proto import (
    ClientConnection,
    Deletions,
    Limits,
    LocalProtocolError,
    MailboxStat,
    MessageEntry,
    ProtocolError,
    ScanListing,
    State,
    TlsPolicy,
    UnsolicitedReply,
)
from pop3_proto.flows import client as flows

from .async_backends import LIBRARIES, Library
from .backends import Fetching, Incoming, Session
from .mail import big
from .net import NAME, PASSWORD, Net
from .scripts import accept_quit, begin, greet, let_in, log_in
from .tasks import WAYS, Way, Work, in_each_library, in_each_way
from .wire import BOUND, LOOPBACK, Script, Wire, dial, scripted

PAGE = Path(__file__).parents[2] / "docs" / "cancellation.md"


class Signals:
    """What a script and a scenario tell each other."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._cancelled = threading.Event()
        self._left = threading.Event()

    def reached(self) -> None:
        """The client is where it is to be cancelled."""
        self._reached.set()

    def wait_for_it(self) -> None:
        """The script: until the client has been cancelled."""
        assert self._cancelled.wait(BOUND)

    def cancel_here(self) -> None:
        """The script: both."""
        self.reached()
        self.wait_for_it()

    async def cancel(self, way: Way, work: Work) -> None:
        """The scenario: do this until one of both says `reached`."""
        await way.cancelled(self._reached, work)
        self._cancelled.set()

    def see_it_leave(self, wire: Wire) -> None:
        """The script: the client closes the connection, and says no QUIT."""
        assert b"QUIT" not in wire.rest()
        self._left.set()

    async def wait_until_seen(self, way: Way) -> None:
        """The scenario: until the script has seen it; a loop may close a little later."""
        await way.waited(self._left)


TLS = (TlsPolicy.NONE, TlsPolicy.STLS, TlsPolicy.IMPLICIT)


async def logged_in(
    net: Net, port: int, limits: Limits | None = None, tls: TlsPolicy = TlsPolicy.NONE
) -> Session:
    session = await net.connect(port, tls=tls, limits=limits)
    await session.login(NAME, PASSWORD, allow_insecure_auth=True)
    return session


async def read_all(message: Incoming, signals: Signals) -> None:
    """Read on and on; behind the first octets the client is inside the body."""
    async for _ in message:
        signals.reached()


async def take_all(
    fetched: Fetching, received: list[bytes], signals: Signals | None = None, reached_at: int = 0
) -> None:
    """Read message after message; the client has come far enough with so many of them."""
    async for message in fetched:
        received.append(await message.read())
        if signals and len(received) == reached_at:
            signals.reached()


# Clients: what is under way, and what the connection is good for afterwards.


async def connecting(net: Net, way: Way) -> None:
    reached = threading.Event()
    reached.set()
    with ExitStack() as opened:
        listener = opened.enter_context(socket.create_server((LOOPBACK, 0), backlog=0))
        port = listener.getsockname()[1]
        for _ in range(4):  # the queue is full with one, on some systems with two
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex((LOOPBACK, port))
        await way.cancelled(reached, net.connect(port))


async def waiting_for_the_greeting(net: Net, way: Way) -> None:
    signals = Signals()

    def play(wire: Wire) -> None:
        signals.cancel_here()
        signals.see_it_leave(wire)

    with scripted(play) as port:
        await signals.cancel(way, net.connect(port))
        await signals.wait_until_seen(way)


async def shaking_hands(net: Net, way: Way) -> None:
    for tls in (TlsPolicy.STLS, TlsPolicy.IMPLICIT):
        signals = Signals()

        def play(wire: Wire, tls: TlsPolicy = tls, signals: Signals = signals) -> None:
            if tls is TlsPolicy.STLS:
                wire.send(b"+OK\r\n")
                wire.expect(b"STLS\r\n")
                wire.send(b"+OK\r\n")
            assert wire.some()[:1] == b"\x16"
            signals.cancel_here()
            signals.see_it_leave(wire)

        with scripted(play) as port:
            await signals.cancel(way, net.connect(port, tls=tls))
            await signals.wait_until_seen(way)


async def sending(net: Net, way: Way) -> None:
    for tls in TLS:
        await sending_much(net, way, tls)


async def sending_much(net: Net, way: Way, tls: TlsPolicy) -> None:
    signals = Signals()
    much = "x" * 32_000_000  # more than any system holds for a peer that does not read

    def play(wire: Wire) -> None:
        begin(wire, tls, net.certificates.server())
        wire.expect(f"USER {NAME}\r\n".encode())
        wire.send(b"+OK\r\n")
        wire.expect(b"PASS x")
        signals.cancel_here()
        assert set(wire.rest()) <= {ord("x")}

    with scripted(play) as port:
        session = await net.connect(port, tls=tls, limits=Limits(command_out=len(much) + 7))
        await signals.cancel(way, session.login(NAME, much, allow_insecure_auth=True))
        assert session.state is State.BROKEN
        with pytest.raises(ProtocolError, match="something could not be sent whole"):
            await session.ask_capabilities()
        await session.close()


async def asking_for_a_token(net: Net, way: Way) -> None:
    signals, asked = Signals(), list[str | None]()

    async def give(refused: str | None) -> str:
        asked.append(refused)
        if len(asked) == 1:
            signals.reached()
            await anyio.sleep_forever()
        return "token"

    def play(wire: Wire) -> None:
        greet(wire, "SASL XOAUTH2")
        wire.expect(b"AUTH XOAUTH2\r\n")
        wire.send(b"+ \r\n")
        assert wire.line()
        wire.send(b"+OK\r\n")
        accept_quit(wire)

    with scripted(play) as port:
        async with await net.connect(port) as session:
            await signals.cancel(way, session.login_oauth(NAME, give, allow_insecure_auth=True))
            assert session.state is State.AUTHORIZATION
            await session.login_oauth(NAME, give, allow_insecure_auth=True)


async def receiving_a_reply(net: Net, way: Way) -> None:
    for tls in TLS:
        for reply in (b"+OK 3 30\r\n", b"-ERR too late\r\n"):
            for received in range(0, len(reply), 5):
                await late(net, way, tls, reply[:received], reply[received:])


async def late(net: Net, way: Way, tls: TlsPolicy, early: bytes, rest: bytes) -> None:
    signals = Signals()

    def play(wire: Wire) -> None:
        begin(wire, tls, net.certificates.server())
        log_in(wire)
        wire.expect(b"STAT\r\n")
        if early:
            wire.send(early)
        signals.cancel_here()
        wire.send(rest)
        wire.expect(b"LIST 1\r\n")
        wire.send(b"+OK 1 10\r\n")
        wire.expect(b"STAT\r\n")
        wire.send(b"+OK 4 40\r\n")
        accept_quit(wire)
        wire.rest()

    with scripted(play) as port:
        async with await logged_in(net, port, tls=tls) as session:
            await signals.cancel(way, session.stat())
            assert await session.scan_listing(1) == ScanListing(1, 10)
            assert await session.stat() == MailboxStat(4, 40)


async def receiving_a_listing(net: Net, way: Way) -> None:
    signals = Signals()

    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"LIST\r\n")
        wire.send(b"+OK\r\n1 10\r\n2 ")
        signals.cancel_here()
        wire.send(b"20\r\n.\r\n")
        wire.expect(b"LIST\r\n")
        wire.send(b"+OK\r\n1 10\r\n2 20\r\n.\r\n")
        accept_quit(wire)

    with scripted(play) as port:
        async with await logged_in(net, port) as session:
            await signals.cancel(way, session.scan_listings())
            assert await session.scan_listings() == [ScanListing(1, 10), ScanListing(2, 20)]


def half_a_message(net: Net, tls: TlsPolicy, signals: Signals, rest: bytes) -> Script:
    def play(wire: Wire) -> None:
        begin(wire, tls, net.certificates.server())
        log_in(wire)
        wire.expect(b"RETR 1\r\n")
        wire.send(b"+OK\r\n" + big(100_000))
        signals.wait_for_it()
        wire.send(rest + b".\r\n")
        wire.expect(b"NOOP\r\n")
        wire.send(b"+OK\r\n")
        accept_quit(wire)
        wire.rest()

    return play


async def inside_a_body(net: Net, way: Way) -> None:
    for tls in TLS:
        signals = Signals()
        with scripted(half_a_message(net, tls, signals, big(200_000))) as port:
            async with await logged_in(net, port, tls=tls) as session:
                message = await session.retrieve(1)
                await signals.cancel(way, read_all(message, signals))
                await session.noop()


async def far_from_the_end_of_a_body(net: Net, way: Way) -> None:
    signals = Signals()

    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"RETR 1\r\n")
        wire.send(b"+OK\r\n" + big(100_000))
        signals.wait_for_it()
        wire.send(big(3000))
        assert wire.rest() == b""

    with scripted(play) as port:
        session = await logged_in(net, port, Limits(drain=2000))
        await signals.cancel(way, read_all(await session.retrieve(1), signals))
        assert session.state is State.TRANSACTION
        with pytest.raises(ProtocolError, match="more than 2000 octets"):
            await session.noop()
        assert session.state is State.BROKEN
        assert await session.quit() is Deletions.KEPT


async def in_a_fetch(net: Net, way: Way) -> None:
    for early, rest in (
        (b"+OK\r\none\r\n.\r\n", b"+OK\r\ntwo\r\n.\r\n+OK\r\nthree\r\n.\r\n"),
        (b"+OK\r\none\r\n.\r\n+OK\r\ntw", b"o\r\n.\r\n+OK\r\nthree\r\n.\r\n"),
        (b"+OK\r\none\r\n.\r\n+OK\r\ntwo\r\n.\r\n-ER", b"R gone\r\n"),
    ):
        await left_fetch(net, way, early, rest)


async def left_fetch(net: Net, way: Way, early: bytes, rest: bytes) -> None:
    signals = Signals()
    received: list[bytes] = []

    def play(wire: Wire) -> None:
        let_in(wire, "PIPELINING")
        wire.expect(b"RETR 1\r\nRETR 2\r\nRETR 3\r\n")
        wire.send(early)
        signals.wait_for_it()
        wire.send(rest)
        wire.expect(b"NOOP\r\n")
        wire.send(b"+OK\r\n")
        accept_quit(wire)

    with scripted(play) as port:
        async with await logged_in(net, port) as session:
            fetched = session.fetch([1, 2, 3])
            whole = early.count(b"\r\n.\r\n")
            await signals.cancel(way, take_all(fetched, received, signals, whole))
            await fetched.aclose()
            await session.noop()
    assert received == [b"one\r\n", b"two\r\n"][:whole]


async def in_quit(net: Net, way: Way) -> None:
    signals = Signals()

    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"DELE 1\r\n")
        wire.send(b"+OK\r\n")
        wire.expect(b"QUIT\r\n")
        signals.cancel_here()
        signals.see_it_leave(wire)

    with scripted(play) as port:
        session = await logged_in(net, port)
        await session.delete(1)
        await signals.cancel(way, session.quit())
        await signals.wait_until_seen(way)
        assert session.deletions is Deletions.UNKNOWN
        assert session.state is State.BROKEN


Scenario = Callable[[Net, Way], Awaitable[None]]

CLIENTS: dict[tuple[str, str], Scenario] = {
    ("connecting", "closed"): connecting,
    ("waiting for the greeting", "closed"): waiting_for_the_greeting,
    ("shaking hands", "closed"): shaking_hands,
    ("sending", "broken"): sending,
    ("asking for a token of OAuth", "usable"): asking_for_a_token,
    ("receiving a reply", "usable"): receiving_a_reply,
    ("receiving a listing", "usable"): receiving_a_listing,
    ("inside a body", "usable after a drain"): inside_a_body,
    ("inside a body, more than `Limits.drain` to come", "broken"): far_from_the_end_of_a_body,
    ("in a fetch", "usable after a drain"): in_a_fetch,
    ("in `quit`", "closed"): in_quit,
}


def rows(heading: str) -> set[tuple[str, str]]:
    """The first two columns of the table under a heading of the page."""
    text = PAGE.read_text("utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = re.findall(r"^\| (.+?) \| (.+?) \|", text, re.MULTILINE)
    return {(first, second) for first, second in lines[1:]}


@in_each_way
@pytest.mark.parametrize("row", CLIENTS, ids=" - ".join)
async def test_a_client_that_is_cancelled(net: Net, way: Way, row: tuple[str, str]) -> None:
    await CLIENTS[row](net, way)


def test_the_page_has_each_row_for_clients() -> None:
    assert rows("Clients") == set(CLIENTS)


@in_each_library
async def test_a_message_can_be_read_on(net: Net, way: Way, tls: TlsPolicy) -> None:
    signals = Signals()
    received = bytearray()

    async def read() -> None:
        async for chunk in message:
            received.extend(chunk)
            signals.reached()

    with scripted(half_a_message(net, tls, signals, big(200_000))) as port:
        async with await logged_in(net, port, tls=tls) as session:
            message = await session.retrieve(1)
            await signals.cancel(way, read())
            received += await message.read()
            await session.noop()
    assert received == big(100_000) + big(200_000)


@in_each_library
async def test_what_a_cancelled_read_had_come_to_is_not_lost(net: Net, way: Way) -> None:
    signals = Signals()

    async def read() -> None:
        signals.reached()
        await message.read()

    with scripted(half_a_message(net, TlsPolicy.NONE, signals, big(200_000))) as port:
        async with await logged_in(net, port) as session:
            message = await session.retrieve(1)
            await signals.cancel(way, read())
            assert await message.read() == big(100_000) + big(200_000)
            await session.noop()


@in_each_library
async def test_a_fetch_can_go_on(net: Net, way: Way) -> None:
    signals = Signals()
    received: list[bytes] = []

    def play(wire: Wire) -> None:
        let_in(wire, "PIPELINING")
        wire.expect(b"RETR 1\r\nRETR 2\r\nRETR 3\r\n")
        wire.send(b"+OK\r\none\r\n.\r\n")
        signals.wait_for_it()
        wire.send(b"+OK\r\ntwo\r\n.\r\n+OK\r\nthree\r\n.\r\n")
        accept_quit(wire)

    with scripted(play) as port:
        async with await logged_in(net, port) as session:
            fetched = session.fetch([1, 2, 3])
            await signals.cancel(way, take_all(fetched, received, signals, 1))
            await take_all(fetched, received)
    assert received == [b"one\r\n", b"two\r\n", b"three\r\n"]


@in_each_library
async def test_what_comes_unasked_behind_a_late_reply_is_found(net: Net, way: Way) -> None:
    signals = Signals()
    answered, said = threading.Event(), threading.Event()

    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"STAT\r\n")
        signals.cancel_here()
        wire.send(b"+OK 3 30\r\n")
        wire.expect(b"NOOP\r\n")
        wire.send(b"+OK\r\n")
        assert answered.wait(BOUND)
        wire.send(b"-ERR autologout\r\n")
        said.set()
        assert wire.rest() == b""

    with scripted(play) as port:
        session = await logged_in(net, port)
        await signals.cancel(way, session.stat())
        await session.noop()
        answered.set()
        await way.waited(said)
        with pytest.raises(UnsolicitedReply):
            await session.noop()
        await session.close()


@in_each_library
async def test_a_second_task_on_a_busy_connection_disturbs_nobody(net: Net, way: Way) -> None:
    asked, refused = threading.Event(), threading.Event()

    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"STAT\r\n")
        asked.set()
        assert refused.wait(BOUND)
        wire.send(b"+OK 3 30\r\n")
        accept_quit(wire)

    async def first() -> None:
        assert await session.stat() == MailboxStat(3, 30)

    async def second() -> None:
        await way.waited(asked)
        for command in (session.noop, session.quit, session.stat, session.scan_listings):
            with pytest.raises(LocalProtocolError, match="busy with another task's command"):
                await command()
        with pytest.raises(LocalProtocolError, match="busy"):
            await session.retrieve(1)
        with pytest.raises(LocalProtocolError, match="busy"):
            await anext(session.fetch([1]))
        refused.set()

    with scripted(play) as port:
        async with await logged_in(net, port) as session:
            await way.beside(first(), second())


@in_each_library
async def test_closing_wakes_the_task_that_waits(net: Net, way: Way, tls: TlsPolicy) -> None:
    asked = threading.Event()

    def play(wire: Wire) -> None:
        begin(wire, tls, net.certificates.server())
        log_in(wire)
        wire.expect(b"STAT\r\n")
        asked.set()
        assert wire.rest() == b""

    async def first() -> None:
        with pytest.raises((ProtocolError, OSError)):
            await session.stat()

    async def second() -> None:
        await way.waited(asked)
        await session.close()

    with scripted(play) as port:
        session = await logged_in(net, port, tls=tls)
        await way.beside(first(), second())
        assert session.state is State.BROKEN


# Anywhere: at each moment in which a task gives way to others.


@in_each_library
async def test_connecting_can_be_cancelled_anywhere(net: Net, way: Way, tls: TlsPolicy) -> None:
    server = net.serve(net.memory(), tls=tls)

    async def connect_and_close() -> None:
        await (await net.connect(server.port, tls=tls)).close()

    step = 1
    while await way.cancelled_at(step, connect_and_close()):
        step += 1
    assert step > 3


class Everybody:
    """An authenticator that has a maildrop for whoever comes."""

    def __init__(self) -> None:
        self.maildrops: dict[str, MemoryMaildrop] = {}

    def authenticate(self, name: str, password: str) -> MemoryMaildrop:
        return self.maildrops.setdefault(name, MemoryMaildrop([b"one\n", b"two\n"]))


@in_each_library
async def test_a_session_can_be_cancelled_anywhere(net: Net, way: Way, tls: TlsPolicy) -> None:
    everybody = Everybody()
    server = net.serve(net.memory(), authenticator=everybody, tls=tls)
    sessions: dict[str, Session] = {}

    async def one_session(name: str) -> None:
        session = sessions[name] = await net.connect(server.port, tls=tls)
        async with session:
            await session.login(name, PASSWORD, allow_insecure_auth=True)
            async for message in session.fetch([1, 2]):
                assert await message.read() in (b"one\r\n", b"two\r\n")
                if message.number == 1:
                    await message.delete()

    step = 1
    while await way.cancelled_at(step, one_session(f"user{step}")):
        step += 1
    server.running.close()
    assert {each.deletions for each in sessions.values()} >= {Deletions.KEPT, Deletions.DONE}
    left = {Deletions.KEPT: (2,), Deletions.DONE: (1,), Deletions.UNKNOWN: (1, 2)}
    for name, session in sessions.items():
        assert session.state in (State.BROKEN, State.CLOSED)
        if maildrop := everybody.maildrops.get(name):
            assert len(maildrop.messages) in left[session.deletions]


def test_ctrl_c_says_nothing_and_leaves_nothing(net: Net) -> None:
    sessions: list[Session] = []
    main = threading.main_thread().ident
    assert main

    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"DELE 1\r\n")
        wire.send(b"+OK\r\n")
        wire.expect(b"STAT\r\n")
        signal.pthread_kill(main, signal.SIGINT)
        assert wire.rest() == b""

    async def scenario() -> None:
        async with await logged_in(net, port) as session:
            sessions.append(session)
            await session.delete(1)
            await session.stat()

    with scripted(play) as port, pytest.raises(KeyboardInterrupt):
        net.clients.run(scenario())
    assert sessions[0].deletions is Deletions.KEPT
    assert sessions[0].state is State.BROKEN


class Interrupted(AsyncStream):
    """A stream in which Ctrl-C comes while it receives."""

    async def send(self, data: bytes, within: float | None) -> None:
        raise AssertionError("nothing is sent")

    async def receive(self, within: float | None) -> bytes:
        raise KeyboardInterrupt

    async def close(self) -> None:
        raise AssertionError("nothing is closed")


def no_tls() -> TlsLayer:
    raise AssertionError("TLS was not asked for")


def test_ctrl_c_that_may_come_between_two_octets_breaks_the_connection() -> None:
    conn = ClientConnection()
    deadlines = Deadlines(time.monotonic, silence=None, handshake=None)
    driver = AsyncDriver(Interrupted(), Link(conn, no_tls), deadlines, Asyncio())
    with pytest.raises(KeyboardInterrupt):
        driver.run(flows.next_event(conn)).send(None)
    assert conn.state is State.BROKEN


# Servers: a session that is ended from outside, in each of its phases.


class Halting:
    """A maildrop, and its authenticator, that waits inside one of its methods."""

    def __init__(self, where: str) -> None:
        self.calls: list[str] = []
        self.there = threading.Event()
        self.go_on = threading.Event()
        self._where = where

    def authenticate(self, name: str, password: str) -> "Halting":
        self._pass("authenticate")
        return self

    def open(self) -> list[MessageEntry]:
        self._pass("open")
        return [MessageEntry(5, b"one"), MessageEntry(5, b"two")]

    def read(self, index: int) -> Iterator[bytes]:
        try:
            self._pass("read")
            yield b"one\r\n"
        finally:
            self.calls.append("read no more")

    def delete(self, indexes: Collection[int]) -> None:
        self._pass("delete")

    def close(self) -> None:
        self._pass("close")

    def _pass(self, method: str) -> None:
        if method == self._where:
            self.there.set()
            assert self.go_on.wait(BOUND)
        self.calls.append(method)


class Cancellable:
    """The same with asynchronous methods, which the cancellation ends."""

    def __init__(self, where: str) -> None:
        self.calls: list[str] = []
        self.there = threading.Event()
        self.go_on = threading.Event()
        self._where = where

    async def authenticate(self, name: str, password: str) -> "Cancellable":
        await self._pass("authenticate")
        return self

    async def open(self) -> list[MessageEntry]:
        await self._pass("open")
        return [MessageEntry(5, b"one"), MessageEntry(5, b"two")]

    async def read(self, index: int) -> AsyncIterator[bytes]:
        try:
            await self._pass("read")
            yield b"one\r\n"
        finally:
            self.calls.append("read no more")

    async def delete(self, indexes: Collection[int]) -> None:
        await self._pass("delete")

    async def close(self) -> None:
        await self._pass("close")

    async def _pass(self, method: str) -> None:
        if method == self._where:
            self.there.set()
            await anyio.sleep_forever()
        self.calls.append(method)


LOGIN = f"USER {NAME}\r\nPASS {PASSWORD}\r\n".encode("ascii")

# In which method of the application a session is, and the commands that lead there.

CALLING: dict[tuple[str, str], tuple[str, bytes]] = {
    ("checking a password", "closed, nothing is deleted"): ("authenticate", LOGIN),
    ("opening the maildrop", "closed, nothing is deleted"): ("open", LOGIN),
    ("reading a message", "closed, nothing is deleted"): ("read", LOGIN + b"DELE 2\r\nRETR 1\r\n"),
    ("deleting, behind QUIT", "closed, deleted or not"): ("delete", LOGIN + b"DELE 1\r\nQUIT\r\n"),
}


@pytest.mark.parametrize("row", CALLING, ids=" - ".join)
def test_a_session_of_a_server_that_is_cancelled(net: Net, row: tuple[str, str]) -> None:
    where, commands = CALLING[row]
    application = Halting(where)
    server = net.serve(net.memory(), authenticator=application)
    with dial(server.port) as wire, dial(server.port) as other:
        wire.send(commands)
        assert application.there.wait(BOUND)
        assert other.line().startswith(b"+OK")
        closing = threading.Thread(target=server.running.close)
        closing.start()
        assert other.rest() == b""  # all are cancelled at the same time
        application.go_on.set()
        closing.join(BOUND)
        wire.rest()
    calls = application.calls
    assert where in calls  # what runs in a thread comes to its end
    assert calls.count("open") == calls.count("close")
    assert ("delete" in calls) is (where == "delete")
    assert ("read no more" in calls) is (where == "read")


@in_each_library
@pytest.mark.parametrize("row", CALLING, ids=" - ".join)
def test_an_asynchronous_application_that_is_cancelled(
    net: Net, way: Way, row: tuple[str, str]
) -> None:
    where, commands = CALLING[row]
    application = Cancellable(where)
    server = net.serve(net.memory(), authenticator=application)
    with dial(server.port) as wire:
        wire.send(commands)
        assert application.there.wait(BOUND)
        server.running.close()
        wire.rest()
    calls = application.calls
    assert where not in calls
    assert calls.count("open") == calls.count("close")
    assert ("read no more" in calls) is (where == "read")


def half_a_handshake(wire: Wire) -> None:
    hello = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname=LOOPBACK)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    wire.send(hello.read())
    assert wire.some()


def greeted(wire: Wire) -> None:
    wire.line()


def marked(wire: Wire) -> None:
    wire.line()
    for command in (b"USER " + NAME.encode(), b"PASS " + PASSWORD.encode(), b"DELE 1"):
        assert wire.ask(command).startswith(b"+OK")


def deaf(wire: Wire) -> None:
    marked(wire)
    wire.send(b"RETR 2\r\n" * 8)
    assert wire.line().startswith(b"+OK")


WAITING: dict[tuple[str, str], tuple[TlsPolicy, Callable[[Wire], None]]] = {
    ("shaking hands", "closed, nothing is deleted"): (TlsPolicy.IMPLICIT, half_a_handshake),
    ("waiting for the login", "closed, nothing is deleted"): (TlsPolicy.NONE, greeted),
    ("waiting for a command", "closed, nothing is deleted"): (TlsPolicy.NONE, marked),
    ("sending a message", "closed, nothing is deleted"): (TlsPolicy.NONE, deaf),
}


@pytest.mark.parametrize("row", WAITING, ids=" - ".join)
def test_a_session_that_is_cancelled_while_it_waits(net: Net, row: tuple[str, str]) -> None:
    tls, play = WAITING[row]
    maildrop = net.memory(b"one\n", big(8_000_000))
    server = net.serve(maildrop, tls=tls)
    with dial(server.port) as wire:
        play(wire)
        server.running.close()
        wire.rest()
    assert len(maildrop.messages) == 2
    assert len(maildrop.open()) == 2  # nobody else has it
    maildrop.close()


def users_of(maildrop: MemoryMaildrop) -> Passwords:
    return Passwords({NAME: PASSWORD}, lambda name: maildrop)


class Visitor:
    """A client that marks a message, does something, and waits for the end."""

    def __init__(self, then: Callable[[], object]) -> None:
        self._then = then
        self._threads: list[threading.Thread] = []
        self._received: list[bytes] = []

    def come(self, port: int) -> None:
        """Visit the server there."""
        thread = threading.Thread(target=self._visit, args=(port,))
        self._threads.append(thread)
        thread.start()

    def is_told_nothing(self) -> None:
        """The end came without a word."""
        for thread in self._threads:
            thread.join(BOUND)
        assert self._received == [b""]

    def _visit(self, port: int) -> None:
        with dial(port) as wire:
            marked(wire)
            self._then()
            self._received.append(wire.rest())


def nothing_was_deleted(maildrop: MemoryMaildrop) -> None:
    assert len(maildrop.open()) == 1  # nobody has it any more
    maildrop.close()


@pytest.mark.parametrize(
    ("library", "way"),
    [
        pytest.param(LIBRARIES[name], way, id=f"{name}-{words}")
        for name, ways in WAYS.items()
        for words, way in ways.items()
    ],
)
def test_a_server_that_is_cancelled_from_outside(library: Library, way: Way) -> None:
    maildrop = MemoryMaildrop([b"one\n"])
    there = threading.Event()
    visitor = Visitor(there.set)

    async def serving() -> None:
        users = users_of(maildrop)
        async with library.module.serve(users, allow_insecure_auth=True) as server:
            visitor.come(server.port)
            await server.wait()

    async def main() -> None:
        await way.cancelled(there, serving())

    library.run(main)
    visitor.is_told_nothing()
    nothing_was_deleted(maildrop)


def ctrl_c() -> None:
    main = threading.main_thread().ident
    assert main
    signal.pthread_kill(main, signal.SIGINT)


@pytest.mark.parametrize("library", LIBRARIES)
def test_ctrl_c_ends_a_server(library: str) -> None:
    maildrop = MemoryMaildrop([b"one\n"])
    visitor = Visitor(ctrl_c)

    async def main() -> None:
        users = users_of(maildrop)
        async with LIBRARIES[library].module.serve(users, allow_insecure_auth=True) as server:
            visitor.come(server.port)
            await server.wait()

    # Where trio raises it in a session's task, it comes in a group.
    with pytest.raises((KeyboardInterrupt, BaseExceptionGroup)) as caught:
        LIBRARIES[library].run(main)
    assert caught.type is KeyboardInterrupt or caught.group_contains(KeyboardInterrupt)
    visitor.is_told_nothing()
    nothing_was_deleted(maildrop)


def test_ctrl_c_ends_a_server_in_threads() -> None:
    maildrop = MemoryMaildrop([b"one\n"])
    visitor = Visitor(ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        serve_visitor(maildrop, visitor)
    visitor.is_told_nothing()
    nothing_was_deleted(maildrop)


def serve_visitor(maildrop: MemoryMaildrop, visitor: Visitor) -> None:
    with serve(users_of(maildrop), allow_insecure_auth=True) as server:
        visitor.come(server.port)
        server.wait()


class Stuck(MemoryMaildrop):
    """A maildrop that cannot be closed."""

    def close(self) -> None:
        super().close()
        raise ZeroDivisionError


def test_a_maildrop_that_cannot_be_closed_ends_its_own_session_only(
    net: Net, complaints: list[str]
) -> None:
    server = net.serve(Stuck())
    for _ in range(2):
        with dial(server.port) as wire:
            wire.send(LOGIN)
            assert [wire.line()[:3] for _ in range(3)] == [b"+OK"] * 3
            wire.half_close()
            wire.rest()
    server.running.close()
    complaints.clear()


def test_the_page_has_each_row_for_servers() -> None:
    assert rows("Servers") == {*CALLING, *WAITING}
