"""What a server is told of its connections, each apart from the others."""

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from pop3_adapters import socket as socket_module
from pop3_adapters._socket_stream import SocketStream
from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_adapters.traces import TraceFile, read_trace
from pop3_proto import (
    Pass,
    Quit,
    ServerConnection,
    TlsPolicy,
    Trace,
    Traced,
    TraceRecord,
    User,
    replay_server,
)

from .async_backends import LIBRARIES
from .net import NAME, PASSWORD, Net
from .test_streams import ADOPT, AsyncOwn, Own, beside, pair
from .wire import BOUND, LOOPBACK, dial

OK = TraceRecord(Traced.SENT, b"+OK POP3 server ready\r\n")


class Kept:
    """A trace that keeps its records, and knows whether it was closed."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.records: list[TraceRecord] = []
        self.closed = threading.Event()

    def __call__(self, record: TraceRecord) -> None:
        assert not self.closed.is_set()
        self.records.append(record)

    def said(self, what: Traced) -> list[bytes]:
        return [record.octets for record in self.records if record.what is what]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert not self.closed.is_set()
        self.closed.set()


class Keeper:
    """Makes traces, and keeps them."""

    def __init__(self) -> None:
        self.kept: list[Kept] = []

    def __call__(self, address: str) -> Trace:
        self.kept.append(Kept(address))
        return self.kept[-1]


async def test_each_connection_has_a_trace_until_its_end(net: Net, tls: TlsPolicy) -> None:
    traces = Keeper()
    server = net.serve(net.memory(b"one\r\n"), tls=tls, logins=["USER"], trace=traces)
    for _ in range(2):
        async with await net.login(server) as client:
            assert await (await client.retrieve(1)).read() == b"one\r\n"
    assert [trace.address for trace in traces.kept] == [LOOPBACK] * 2
    for trace in traces.kept:
        assert trace.closed.wait(BOUND)
        assert (TraceRecord(Traced.TLS) in trace.records) is (tls is not TlsPolicy.NONE)
        assert TraceRecord(Traced.SENT, b"one\r\n", body=True) in trace.records
        events = list(replay_server(ServerConnection(), trace.records))
        assert User(NAME) in events
        assert Pass("***") in events
        assert isinstance(events[-1], Quit)


async def test_no_password_is_in_a_servers_trace(net: Net) -> None:
    traces = Keeper()
    server = net.serve(net.memory(), trace=traces)
    with dial(server.port) as wire:
        wire.line()
        wire.ask(f"PASS {PASSWORD}".encode())
        wire.ask(f"USER {NAME}".encode())
        wire.ask(f"pass {PASSWORD}".encode())
        wire.ask(f"PASS {PASSWORD}".encode())
        wire.ask(b"QUIT")
    (trace,) = traces.kept
    assert trace.closed.wait(BOUND)
    assert trace.said(Traced.RECEIVED).count(b"PASS ***\r\n") == 3
    assert PASSWORD not in repr(trace.records)


async def test_a_file_for_each_connection(net: Net, tmp_path: Path) -> None:
    closed = threading.Event()

    class Closing(TraceFile):
        def close(self) -> None:
            super().close()
            closed.set()

    server = net.serve(net.memory(), trace=lambda address: Closing(tmp_path / address))
    async with await net.login(server):
        pass
    assert closed.wait(BOUND)
    assert next(read_trace(tmp_path / LOOPBACK)) == OK


async def test_a_unix_socket_has_no_addresses(net: Net, tmp_path: Path) -> None:
    traces = Keeper()
    net.serve_unix(net.memory(), tmp_path / "socket", trace=traces)
    async with await net.clients.connect_unix(str(tmp_path / "socket")):
        pass
    (trace,) = traces.kept
    assert trace.closed.wait(BOUND)
    assert trace.address == ""
    assert trace.records[0] == OK


async def test_a_trace_knows_what_a_proxy_says(net: Net) -> None:
    traces = Keeper()
    server = net.serve(net.memory(), proxies=[LOOPBACK], trace=traces)
    with dial(server.port) as wire:
        wire.send(b"PROXY TCP4 192.0.2.7 192.0.2.8 1024 110\r\n")
        wire.line()
        wire.ask(b"QUIT")
    assert [trace.address for trace in traces.kept] == ["192.0.2.7"]
    assert traces.kept[0].closed.wait(BOUND)
    assert traces.kept[0].records[0] == OK


async def test_who_is_turned_away_leaves_no_trace(net: Net) -> None:
    traces = Keeper()
    implicit = net.serve(net.memory(), tls=TlsPolicy.IMPLICIT, trace=traces)
    with dial(implicit.port) as wire:
        wire.send(b"no TLS\r\n")
        wire.rest()
    full = net.serve(net.memory(), connections=0, trace=traces)
    with dial(full.port) as wire:
        wire.rest()
    assert traces.kept == []


@pytest.mark.parametrize("error", [OSError("no room"), RuntimeError("a mistake")])
async def test_a_trace_that_cannot_be_made_costs_one_session(
    net: Net, error: Exception, complaints: list[str]
) -> None:
    traces = Keeper()

    def make(address: str) -> Trace:
        failures.append(error)
        if len(failures) == 1:
            raise error
        return traces(address)

    failures: list[Exception] = []
    server = net.serve(net.memory(), trace=make)
    with dial(server.port) as wire:
        assert wire.rest() == b""
    async with await net.login(server):
        pass
    (trace,) = traces.kept
    assert trace.closed.wait(BOUND)
    if isinstance(error, RuntimeError):
        assert "a mistake" in complaints.pop()


async def test_a_trace_that_cannot_be_written_costs_one_session(net: Net) -> None:
    class Full(Kept):
        def __call__(self, record: TraceRecord) -> None:
            super().__call__(record)
            if record.what is Traced.RECEIVED:
                raise OSError("no room")

    traces: list[Full] = []

    def make(address: str) -> Trace:
        traces.append(Full(address))
        return traces[-1]

    server = net.serve(net.memory(), trace=make)
    for _ in range(2):
        with dial(server.port) as wire:
            wire.line()
            wire.send(b"CAPA\r\n")
            assert wire.rest() == b""
    assert len(traces) == 2
    assert all(trace.closed.wait(BOUND) for trace in traces)


async def test_a_trace_that_cannot_be_closed_costs_nothing(net: Net, complaints: list[str]) -> None:
    class Stuck(Kept):
        def __exit__(self, *_: object) -> None:
            self.closed.set()
            raise OSError("no room")

    traces: list[Stuck] = []

    def make(address: str) -> Trace:
        traces.append(Stuck(address))
        return traces[-1]

    server = net.serve(net.memory(), trace=make)
    for _ in range(2):
        async with await net.login(server):
            pass
    assert all(trace.closed.wait(BOUND) for trace in traces)
    server.running.close()
    complaints.clear()


def users() -> Passwords:
    return Passwords({NAME: PASSWORD}, lambda _: MemoryMaildrop([b"one\n"]))


def quits(here: socket.socket) -> Callable[[], None]:
    def run() -> None:
        with socket_module.connect_stream(here, tls=TlsPolicy.NONE) as client:
            client.login(NAME, PASSWORD, allow_insecure_auth=True)

    return run


def test_a_stream_of_ones_own_has_a_trace() -> None:
    traces = Keeper()
    with pair() as (here, there), beside(quits(here)):
        stream = Own(SocketStream(there))
        socket_module.serve_stream(users(), stream, allow_insecure_auth=True, trace=traces)
    (trace,) = traces.kept
    assert trace.closed.is_set()
    assert trace.address == ""
    assert trace.said(Traced.RECEIVED)[-1] == b"QUIT\r\n"


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_stream_of_ones_own_in_an_event_loop_has_a_trace(library: str) -> None:
    traces = Keeper()

    async def scenario() -> None:
        stream = AsyncOwn(await ADOPT[library](there))
        module: Any = LIBRARIES[library].module
        await module.serve_stream(users(), stream, allow_insecure_auth=True, trace=traces)

    with pair() as (here, there), beside(quits(here)):
        LIBRARIES[library].run(scenario)
    (trace,) = traces.kept
    assert trace.closed.is_set()
    assert trace.said(Traced.RECEIVED)[-1] == b"QUIT\r\n"
