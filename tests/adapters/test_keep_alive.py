"""NOOPs while a client's user does something else."""

import socket
import threading
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import pytest

from pop3_adapters.socket import Timeouts
from pop3_proto import (
    Deletions,
    LocalProtocolError,
    ProtocolError,
    State,
    TlsPolicy,
    Trace,
    TraceRecord,
)

from .backends import Session
from .net import NAME, PASSWORD, Net
from .scripts import accept_quit, greet, let_in
from .tasks import WAYS, Way
from .wire import BOUND, LOOPBACK, Wire, scripted

OFTEN = 0.05
"""Seconds between two NOOPs."""

SEVERAL = 4 * OFTEN


Waited: TypeAlias = Callable[[threading.Event], Awaitable[object]]


async def blocked(event: threading.Event) -> object:
    return event.wait(BOUND)


@pytest.fixture
def waited(request: pytest.FixtureRequest) -> Waited:
    """Waits for an event; in an event loop other tasks run meanwhile."""
    name: str = request.node.callspec.params["backend"]
    return blocked if name == "socket" else next(iter(WAYS[name].values())).waited


async def connected(
    net: Net, port: int, timeouts: Timeouts | None = None, trace: Trace | None = None
) -> Session:
    sock = socket.create_connection((LOOPBACK, port), BOUND)
    return await net.clients.connect_stream(
        sock, tls=TlsPolicy.NONE, keepalive=OFTEN, timeouts=timeouts, trace=trace
    )


async def log_in(session: Session) -> None:
    await session.login(NAME, PASSWORD, allow_insecure_auth=True)


def answer(wire: Wire, command: bytes, reply: bytes) -> None:
    """The next command, and the NOOPs before it."""
    while (given := wire.line()) == b"NOOP\r\n":
        wire.send(b"+OK\r\n")
    assert given == command
    wire.send(reply)


async def test_noops_while_nothing_is_asked(net: Net, waited: Waited) -> None:
    kept = threading.Event()

    def script(wire: Wire) -> None:
        let_in(wire)
        for _ in range(3):
            wire.expect(b"NOOP\r\n")
            wire.send(b"+OK\r\n")
        kept.set()
        answer(wire, b"STAT\r\n", b"+OK 2 320\r\n")
        answer(wire, b"QUIT\r\n", b"+OK\r\n")

    with scripted(script) as port:
        async with await connected(net, port) as session:
            await log_in(session)
            await waited(kept)
            assert await session.stat() == (2, 320)


async def test_none_before_the_login_nor_inside_a_message(net: Net, waited: Waited) -> None:
    go_on = threading.Event()

    def script(wire: Wire) -> None:
        greet(wire)
        wire.nothing(SEVERAL)
        go_on.set()
        wire.expect(f"USER {NAME}\r\n".encode())
        wire.send(b"+OK\r\n")
        wire.expect(f"PASS {PASSWORD}\r\n".encode())
        wire.send(b"+OK\r\n")
        answer(wire, b"RETR 1\r\n", b"+OK\r\none\r\n")
        wire.nothing(SEVERAL)
        go_on.set()
        wire.send(b"two\r\n.\r\n")
        wire.expect(b"NOOP\r\n")
        wire.send(b"+OK\r\n")
        go_on.set()
        answer(wire, b"QUIT\r\n", b"+OK\r\n")

    with scripted(script) as port:
        async with await connected(net, port) as session:
            await waited(go_on)
            go_on.clear()
            await log_in(session)
            async with await session.retrieve(1) as message:
                begun = await anext(aiter(message))
                await waited(go_on)
                go_on.clear()
                assert begun + await message.read() == b"one\r\ntwo\r\n"
            await waited(go_on)


async def test_a_command_waits_for_a_noop_that_is_under_way(net: Net, waited: Waited) -> None:
    asked = threading.Event()

    def script(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"NOOP\r\n")
        asked.set()
        wire.nothing(SEVERAL)
        wire.send(b"+OK\r\n")
        answer(wire, b"STAT\r\n", b"+OK 2 320\r\n")
        answer(wire, b"QUIT\r\n", b"+OK\r\n")

    with scripted(script) as port:
        async with await connected(net, port) as session:
            await log_in(session)
            await waited(asked)
            assert await session.stat() == (2, 320)


async def test_waiting_for_a_noop_counts_as_time_of_the_operation(net: Net, waited: Waited) -> None:
    asked = threading.Event()

    def script(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"NOOP\r\n")
        asked.set()
        assert wire.rest() == b""

    with scripted(script) as port:
        session = await connected(net, port, Timeouts(operation=0.2, silence=None))
        async with session:
            await log_in(session)
            await waited(asked)
            with pytest.raises(TimeoutError):
                _ = await session.stat()
            await session.close()


async def test_a_noop_that_is_answered_late_spoils_no_deletion(net: Net, waited: Waited) -> None:
    asked, answered = threading.Event(), threading.Event()

    def script(wire: Wire) -> None:
        let_in(wire)  # without PIPELINING
        for number in (b"1", b"2"):
            answer(wire, b"RETR %s\r\n" % number, b"+OK\r\none\r\n.\r\n")
            wire.expect(b"NOOP\r\n")
            asked.set()
            assert answered.wait(BOUND)  # the client waits no longer
            wire.send(b"+OK\r\n")
            answer(wire, b"DELE %s\r\n" % number, b"+OK\r\n")
        answer(wire, b"QUIT\r\n", b"+OK\r\n")

    with scripted(script) as port:
        async with await connected(net, port, Timeouts(silence=0.1)) as session:
            await log_in(session)
            async for message in session.fetch([1, 2]):
                assert await message.read() == b"one\r\n"
                await waited(asked)
                asked.clear()
                answered.set()
                await message.delete()
            answered.set()
    assert session.deletions is Deletions.DONE


async def test_a_trace_that_fails_in_a_noop_fails_nothing_else(net: Net, waited: Waited) -> None:
    asked = threading.Event()

    def trace(record: TraceRecord) -> None:
        if record.octets == b"NOOP\r\n":
            asked.set()
            raise ValueError("the disk is full")

    def script(wire: Wire) -> None:
        let_in(wire)
        assert wire.rest() == b""

    with scripted(script) as port:
        async with await connected(net, port, trace=trace) as session:
            await log_in(session)
            await waited(asked)
            with pytest.raises(LocalProtocolError, match="trace could not be written"):
                _ = await session.stat()


async def test_when_the_server_has_gone_the_next_command_says_so(net: Net, waited: Waited) -> None:
    gone = threading.Event()

    def script(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"NOOP\r\n")
        wire.close()
        gone.set()

    with scripted(script) as port:
        async with await connected(net, port) as session:
            await log_in(session)
            await waited(gone)
            with pytest.raises((ProtocolError, OSError)):
                _ = await session.stat()


async def test_an_exception_ends_it(net: Net, waited: Waited) -> None:
    asked = threading.Event()

    def script(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"NOOP\r\n")
        asked.set()
        assert wire.some() == b""

    with scripted(script) as port:
        session = await connected(net, port)
        await log_in(session)

        async def used() -> None:
            async with session:
                await waited(asked)
                raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            await used()
        assert session.state is not State.TRANSACTION


async def test_without_the_statement_there_is_none(net: Net, waited: Waited) -> None:
    kept_still = threading.Event()

    def script(wire: Wire) -> None:
        let_in(wire)
        wire.nothing(SEVERAL)
        kept_still.set()
        accept_quit(wire)

    with scripted(script) as port:
        session = await connected(net, port)
        await log_in(session)
        await waited(kept_still)
        _ = await session.quit()


@pytest.mark.parametrize("seconds", [0, -1])
async def test_never_all_the_time(net: Net, seconds: float) -> None:
    with pytest.raises(LocalProtocolError, match="more than none"):
        _ = await net.clients.connect_unix("nowhere", keepalive=seconds)


@pytest.mark.parametrize(
    ("backend", "way"),
    [(name, way) for name, ways in WAYS.items() for way in ways.values()],
    indirect=["backend"],
)
async def test_a_cancellation_leaves_nothing_behind(net: Net, way: Way) -> None:
    asked = threading.Event()

    def script(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"NOOP\r\n")
        asked.set()
        assert wire.some() == b""

    async def used(session: Session) -> None:
        async with session:
            await log_in(session)
            await way.waited(asked)
            _ = await session.stat()

    with scripted(script) as port:
        await way.cancelled(asked, used(await connected(net, port)))
