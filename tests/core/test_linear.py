"""Work grows in proportion to the input, however that comes: counted, and not timed.

Counted are the lines that the interpreter executes, and the octets that one of them searches or
copies.
"""

import gc
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Self, cast

import pytest

if TYPE_CHECKING:
    from _typeshed import TraceFunction

from pop3_proto import (
    NEED_DATA,
    PAUSED,
    Auth,
    AuthResponse,
    Capa,
    Capabilities,
    ClientConnection,
    Command,
    Deletions,
    EndOfStream,
    Limits,
    LineTooLong,
    List,
    MessageEntry,
    Noop,
    ProtocolError,
    Retr,
    ServerConnection,
    Stat,
    State,
    TlsPolicy,
    TraceRecord,
    Uidl,
    connection,
    lines,
    parse_record,
    replay_client,
    replay_server,
    write_record,
)
from pop3_proto.flows import client as flows
from pop3_proto.flows.core import Flow, Invoke, Io
from pop3_proto.flows.login import login
from pop3_proto.flows.server import ServerSession
from pop3_proto.lines import LineBuffer
from tests.core.conversing import converse
from tests.core.machines import client_events, client_in, server_in

# Sixteen times the work would be quadratic. Of what is done once, some has to be allowed for.
GROWTH = 4
MARGIN = 1.1

counted = 0


def count(octets: int) -> None:
    global counted
    counted += octets


class CountedBytes(bytes):
    """Octets that count how many of them are searched or copied."""

    def __new__(cls, octets: object = b"") -> Self:
        made = super().__new__(cls, cast(bytes, octets))
        count(len(made))
        return made

    def __getitem__(self, key: object) -> object:  # type: ignore[override]  # of both kinds
        found = cast(object, super().__getitem__(cast(slice, key)))
        return CountedBytes(found) if isinstance(found, bytes) else found

    def __add__(self, other: object) -> "CountedBytes":
        return CountedBytes(super().__add__(cast(bytes, other)))

    def __radd__(self, other: bytes) -> "CountedBytes":
        return CountedBytes(other.__add__(self))

    def __contains__(self, key: object) -> bool:
        return self.find(cast(bytes, key)) >= 0

    def find(self, *key: object) -> int:
        found = super().find(*cast("tuple[bytes]", key))
        start = cast(int, key[1]) if len(key) > 1 else 0
        count((found if found >= 0 else len(self)) - start + 1)
        return found

    def rfind(self, *key: object) -> int:
        found = super().rfind(*cast("tuple[bytes]", key))
        start, end, _ = slice(*key[1:] or [None]).indices(len(self))
        count(end - (found if found >= 0 else start))
        return found


class CountedArray(bytearray):
    """The same of a bytearray, as far as it is used as a buffer."""

    def __iadd__(self, other: object) -> Self:
        count(len(cast(bytes, other)))
        return super().__iadd__(cast(bytes, other))

    def __getitem__(self, key: object) -> object:  # type: ignore[override]  # of both kinds
        found = cast(object, super().__getitem__(cast(slice, key)))
        return CountedBytes(found) if isinstance(found, bytearray) else found


def counting(name: str) -> Callable[..., object]:
    """A method of bytes that looks at all of them."""
    method = cast(Callable[..., object], getattr(bytes, name))

    def call(self: bytes, *arguments: object) -> object:
        count(len(self))
        found = method(self, *arguments)
        if isinstance(found, tuple | list):
            parts = map(CountedBytes, cast(Iterable[object], found))
            return tuple(parts) if isinstance(found, tuple) else list(parts)
        return CountedBytes(found) if isinstance(found, bytes) else found

    return call


for _name in (
    *("count", "decode", "isdigit", "lower", "lstrip", "partition", "removeprefix"),
    *("removesuffix", "replace", "rstrip", "split", "strip", "translate", "upper"),
):
    setattr(CountedBytes, _name, counting(_name))


@pytest.fixture(autouse=True)
def octets_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (connection, lines, flows):
        monkeypatch.setattr(module, "bytes", CountedBytes, raising=False)
        monkeypatch.setattr(module, "bytearray", CountedArray, raising=False)
    advance = LineBuffer._advance  # pyright: ignore[reportPrivateUsage]  # what it joins is plain

    def count_joined(buffer: LineBuffer) -> None:
        advance(buffer)
        buffer._chunk = CountedBytes(buffer._chunk)  # pyright: ignore[reportPrivateUsage]  # as here

    monkeypatch.setattr(LineBuffer, "_advance", count_joined)


Scenario = Callable[[int], object]


def octets_of(scenario: Scenario, size: int) -> int:
    before = counted
    scenario(size)
    return counted - before


def steps_of(scenario: Scenario, size: int) -> int:
    """How many lines the interpreter executes, a loop within a line counted as often as it runs."""
    steps = 0

    def step(frame: FrameType, event: str, argument: object) -> "TraceFunction":
        nonlocal steps
        steps += 1
        return step

    traced = sys.gettrace()
    # What is collected now and then is told to others, to hypothesis for one.
    gc.disable()
    sys.settrace(step)
    try:
        scenario(size)
    finally:
        sys.settrace(traced)
        gc.enable()
    return steps


def grows_linearly(scenario: Scenario, size: int) -> bool:
    """Whether four times the input takes no more than four times the work, and a margin."""
    small, large = octets_of(scenario, size), octets_of(scenario, size * GROWTH)
    # A line that is traced costs so much more that less has to do.
    few, many = steps_of(scenario, size // 8), steps_of(scenario, size // 8 * GROWTH)
    return large <= small * GROWTH * MARGIN and many <= few * GROWTH * MARGIN


def test_what_is_not_linear_is_found() -> None:
    def copied(size: int) -> None:
        buffer = lines.LineBuffer()
        for _ in range(size):
            buffer.feed(CountedBytes(b"x"))
            buffer.take_line()
            buffer.beginning()

    def repeated(size: int) -> None:
        for end in range(size):
            _ = [number + 1 for number in range(end)]

    def searched(size: int) -> None:
        text = CountedBytes(b"x" * size)
        for start in range(size):
            text.find(b"y", start)

    assert not grows_linearly(copied, 512)
    assert not grows_linearly(repeated, 512)
    assert not grows_linearly(searched, 512)
    assert grows_linearly(lambda size: list(range(size)) and CountedBytes(size), 512)


def one_by_one(octets: bytes) -> Iterable[bytes]:
    return (octets[at : at + 1] for at in range(len(octets)))


def at_once(octets: bytes) -> Iterable[bytes]:
    return [octets]


def in_reads(octets: bytes) -> Iterable[bytes]:
    return (octets[at : at + 64] for at in range(0, len(octets), 64))


CUTS = [one_by_one, at_once, in_reads]
Cut = Callable[[bytes], Iterable[bytes]]


def generous(size: int) -> Limits:
    most = 100 * size + 10_000
    return Limits(line=most, command=most, sasl=most, capabilities=most, blank_lines=most)


def ignore(record: TraceRecord) -> None:
    """What passes is traced, and thrown away."""


def hear_all(conn: ClientConnection, octets: bytes, cut: Cut) -> None:
    for part in cut(octets):
        conn.receive_data(part)
        events = client_events(conn)
        assert not events or not isinstance(events[-1], ProtocolError), events[-1]


BODIES = {
    "dots": b".",
    "lines of a dot": b"..\r\n",
    "line ends": b"\r\n",
    "no line ends": b"x",
    "bare CR": b"\r",
    "bare LF": b"\n",
    "almost the end": b"\r\n.\r",
    "text": b"a line of text, as most of them are, with . in it\r\n",
}


@pytest.mark.parametrize("unit", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("cut", CUTS)
def test_bodies(unit: bytes, cut: Cut) -> None:
    def scenario(size: int) -> None:
        conn = client_in(State.TRANSACTION, trace=ignore)
        conn.send(Retr(1))
        body = (unit * size)[:size]
        hear_all(conn, b"+OK\r\nx" + body + b"\r\n.\r\n", cut)
        assert not conn.pending

    assert grows_linearly(scenario, 4096)


@pytest.mark.parametrize("unit", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("cut", CUTS)
def test_bodies_of_a_server(unit: bytes, cut: Cut) -> None:
    def scenario(size: int) -> None:
        conn = server_in(State.TRANSACTION, trace=ignore)
        conn.receive_data(b"RETR 1\r\n")
        assert conn.next_event() == Retr(1)
        conn.reply(True)
        for part in cut((unit * size)[:size]):
            conn.send_body(CountedBytes(part))
        conn.end_body()

    assert grows_linearly(scenario, 4096)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("command", [Noop(), Auth("PLAIN")])
@pytest.mark.parametrize("traced", [ignore, None])
def test_lines_that_do_not_end(
    cut: Cut, command: Command[object], traced: Callable[[TraceRecord], None] | None
) -> None:
    def scenario(size: int) -> None:
        state = State.TRANSACTION if command == Noop() else State.AUTHORIZATION
        conn = client_in(state, trace=traced, limits=Limits(line=size, sasl=size))
        conn.send(command)
        for part in cut(b"+OK" + b"A" * size):
            conn.receive_data(part)
            client_events(conn)
        assert isinstance(conn.failure, LineTooLong)

    assert grows_linearly(scenario, 2048)


@pytest.mark.parametrize("cut", CUTS)
def test_an_endless_greeting(cut: Cut) -> None:
    def scenario(size: int) -> None:
        conn = ClientConnection(limits=generous(size))
        hear_all(conn, b"+OK" + b" " * size + b"\r\n", cut)
        assert conn.state is State.AUTHORIZATION

    assert grows_linearly(scenario, 4096)


# The limit of a SASL line is 128 KiB: four times this, and AUTH, is just below it.
SASL_LINE = 32 * 1024 - 32


@pytest.mark.parametrize("cut", CUTS)
def test_challenges(cut: Cut) -> None:
    def scenario(size: int) -> None:
        conn = client_in(State.AUTHORIZATION, trace=ignore)
        conn.send(Auth("PLAIN"))
        hear_all(conn, b"+ " + b"A" * size + b"\r\n", cut)
        assert conn.challenged
        conn.respond(b"x" * (size // 2), last=True)

    assert grows_linearly(scenario, SASL_LINE)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("state", [State.AUTHORIZATION, State.AUTHENTICATING])
def test_lines_of_auth_on_a_server(cut: Cut, state: State) -> None:
    def scenario(size: int) -> None:
        conn = server_in(state, trace=ignore)
        line = b"A" * size + b"\r\n"
        serve_all(conn, line if state is State.AUTHENTICATING else b"AUTH PLAIN " + line, cut)
        assert conn.state is State.TRANSACTION

    assert grows_linearly(scenario, SASL_LINE)


def serve_all(conn: ServerConnection, octets: bytes, cut: Cut) -> None:
    for part in cut(octets):
        conn.receive_data(part)
        while (event := conn.next_event()) is not NEED_DATA and event is not PAUSED:
            if isinstance(event, EndOfStream):
                return
            ok = isinstance(event, Command | AuthResponse)
            conn.reply(ok)
            if conn.in_body:
                conn.end_body()


COMMAND_LINES = {
    "commands": b"NOOP\r\n",
    "multi-line ones": b"LIST\r\n",
    "bad ones": b"WHAT\r\n",
    "blank lines": b"\r\n",
    "bare line ends": b"\n",
}


@pytest.mark.parametrize("line", COMMAND_LINES.values(), ids=COMMAND_LINES.keys())
@pytest.mark.parametrize("cut", CUTS)
def test_many_commands_at_once(line: bytes, cut: Cut) -> None:
    def scenario(size: int) -> None:
        serve_all(server_in(State.TRANSACTION, trace=ignore), line * (size // len(line)), cut)

    assert grows_linearly(scenario, 4096)


@pytest.mark.parametrize("beginning", [b"", b"AUTH ", b"AUTH PLAIN "])
@pytest.mark.parametrize("cut", CUTS)
def test_commands_that_do_not_end(beginning: bytes, cut: Cut) -> None:
    def scenario(size: int) -> None:
        limits = Limits(command=size // 2, sasl=size // 2)
        conn = server_in(State.TRANSACTION, trace=ignore, limits=limits)
        serve_all(conn, beginning + b"x" * size + b"\r\nSTAT\r\n", cut)
        assert conn.bad_commands == 1

    assert grows_linearly(scenario, 4096)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("reply", [b"+OK\r\n", b"-ERR [SYS/TEMP] later\r\n", b"+OK\r\n.\r\n"])
def test_many_replies_at_once(cut: Cut, reply: bytes) -> None:
    command = List() if b"." in reply else Noop()

    def scenario(size: int) -> None:
        conn = client_in(State.TRANSACTION, trace=ignore)
        for _ in range(size):
            conn.send(command)
        hear_all(conn, reply * size, cut)
        assert not conn.pending

    assert grows_linearly(scenario, 2048)


def test_many_blank_lines() -> None:
    def scenario(size: int) -> None:
        conn = client_in(State.TRANSACTION, limits=generous(size))
        conn.receive_data(b"\r\n" * size)
        assert conn.next_event() is NEED_DATA
        assert conn.blank_lines == size

    assert grows_linearly(scenario, 4096)


def drive(flow: Flow[object], conn: ClientConnection, octets: bytes) -> object:
    """What a flow returns, when everything that it receives comes in small reads."""
    reads = iter(in_reads(octets))
    while True:
        try:
            want = next(flow)
        except StopIteration as stop:
            return stop.value
        if want is Io.RECEIVE:
            part = next(reads, None)
            conn.receive_data(part) if part else conn.receive_eof()


LISTINGS: list[tuple[Command[Sequence[object]], bytes]] = [
    (List(), b"%d 100\r\n"),
    (Uidl(), b"%d unique-id\r\n"),
]


@pytest.mark.parametrize(("command", "line"), LISTINGS)
def test_listings(command: Command[Sequence[object]], line: bytes) -> None:
    def scenario(size: int) -> None:
        conn = client_in(State.TRANSACTION)
        listing = b"".join(line % number for number in range(1, size + 1))
        found = drive(flows.request(conn, command), conn, b"+OK\r\n" + listing + b".\r\n")
        assert len(cast(Sequence[object], found)) == size

    assert grows_linearly(scenario, 25_000)


def test_capabilities() -> None:
    def scenario(size: int) -> None:
        conn = client_in(State.TRANSACTION, limits=generous(size))
        octets = b"+OK\r\n" + b"TOP\r\n" * size + b".\r\n"
        found = drive(flows.request(conn, Capa()), conn, octets)
        assert "TOP" in cast(Capabilities, found)

    assert grows_linearly(scenario, 2048)


@dataclass
class Drop:
    """A maildrop of so many messages."""

    size: int
    octets: int = 3

    def authenticate(self, name: str, password: str) -> "Drop":
        return self

    def open(self) -> Sequence[MessageEntry]:
        return [MessageEntry(self.octets, b"%d" % number) for number in range(self.size)]

    def read(self, index: int) -> Iterable[bytes]:
        return [b"x\r\n"]

    def delete(self, indexes: Collection[int]) -> None:
        assert len(indexes) == self.size

    def close(self) -> None:
        pass


def session_of(conn: ClientConnection, size: int) -> Flow[None]:
    """All messages are listed, fetched and deleted."""
    yield from flows.open_session(conn, TlsPolicy.NONE)
    yield from login(conn, "alice", "secret", allow_insecure_auth=True)
    assert len((yield from flows.request(conn, List()))) == size
    messages = flows.Fetch(conn, range(1, size + 1))
    number = 0
    while (yield from messages.advance()):
        number += 1
        while (yield from flows.next_chunk(conn)):
            pass
        yield from messages.delete(number)
    assert (yield from flows.request(conn, Stat())) == (0, 0)
    assert (yield from flows.quit(conn)) is Deletions.DONE


def test_a_whole_session() -> None:
    def scenario(size: int) -> None:
        client, server = ClientConnection(trace=ignore), ServerConnection(trace=ignore)
        session = ServerSession(server, Drop(size), allow_insecure_auth=True)
        converse(client, session_of(client, size), server, session.run())

    assert grows_linearly(scenario, 1024)


def again(records: Iterable[TraceRecord]) -> Iterable[TraceRecord]:
    return map(parse_record, map(write_record, records))


def serve_reads(conn: ServerConnection, flow: Flow[None], reads: Iterator[bytes]) -> None:
    """Run a server's flow until there is nothing more to receive."""
    for want in flow:
        if isinstance(want, Invoke):
            want.deliver(want.function())
        elif want is Io.RECEIVE:
            part = next(reads, None)
            conn.receive_data(part) if part else conn.receive_eof()


@pytest.mark.parametrize("octets", [1, 20_000, 100_000])
@pytest.mark.parametrize("end", [b"NOOP", b"NOOP\r\n", b"x" * 600])
@pytest.mark.parametrize("cut", CUTS)
def test_messages_that_are_asked_for_at_once(octets: int, end: bytes, cut: Cut) -> None:
    def scenario(size: int) -> None:
        conn = ServerConnection(trace=ignore)
        session = ServerSession(conn, Drop(size, octets), allow_insecure_auth=True)
        asked = b"".join(b"RETR %d\r\n" % number for number in range(1, size + 1))
        reads = cut(b"USER alice\r\nPASS secret\r\n" + asked + end)
        serve_reads(conn, session.run(), iter(reads))
        assert conn.state is State.CLOSED

    assert grows_linearly(scenario, 512)


def test_a_trace_that_is_replayed() -> None:
    def scenario(size: int) -> None:
        client_trace, server_trace = list[TraceRecord](), list[TraceRecord]()
        client = ClientConnection(trace=client_trace.append)
        server = ServerConnection(trace=server_trace.append)
        session = ServerSession(server, Drop(size), allow_insecure_auth=True)
        converse(client, session_of(client, size), server, session.run())
        heard = list(replay_client(ClientConnection(), again(client_trace)))
        said = list(replay_server(ServerConnection(), again(server_trace)))
        assert min(len(heard), len(said)) > size

    assert grows_linearly(scenario, 512)
