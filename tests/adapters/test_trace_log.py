"""Traces in a log."""

import logging
from collections.abc import Generator

import pytest

from pop3_adapters.traces import LogTrace
from pop3_proto import (
    ClientConnection,
    CommandFailed,
    TlsPolicy,
    Traced,
    TraceRecord,
    UnexpectedEof,
)

from .net import NAME, PASSWORD, Net
from .wire import scripted

SENT, RECEIVED = Traced.SENT, Traced.RECEIVED


class Lines(logging.Handler):
    """What was logged, in the order in which it was."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        assert record.levelno == logging.DEBUG
        self.lines.append(record.getMessage())


@pytest.fixture
def logged() -> Generator[list[str]]:
    logger, handler = logging.getLogger("pop3_adapters.wire"), Lines()
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield handler.lines
    finally:
        logger.setLevel(logging.NOTSET)
        logger.removeHandler(handler)


def log(*records: TraceRecord) -> None:
    trace = LogTrace()
    for record in records:
        trace(record)


async def test_both_ends_say_the_same(net: Net, tls: TlsPolicy, logged: list[str]) -> None:
    mail = b"Subject: secret\r\n\r\n.\r\n"
    server = net.serve(net.memory(mail), tls=tls, trace=lambda address: LogTrace(name=address))
    async with await net.connect(server.port, tls=tls, trace=LogTrace(name="client")) as client:
        await client.login(NAME, PASSWORD, mechanism="USER", allow_insecure_auth=not client.tls)
        assert await (await client.retrieve(1)).read() == mail
    server.running.close()
    ours = [line.removeprefix("client ") for line in logged if line.startswith("client ")]
    theirs = [line.removeprefix("127.0.0.1 ") for line in logged if line.startswith("127.0.0.1 ")]
    assert [line for line in theirs if not line.startswith("--")] == [
        line for line in ours if not line.startswith("--")
    ]
    assert ("-- TLS has started" in ours) is (tls is not TlsPolicy.NONE)
    assert ours[-7:-2] == [
        "C: PASS ***",
        "S: +OK 1 messages",
        "C: RETR 1",
        "S: +OK",
        f"S: ({len(mail) + 4} octets)",  # a dot more, and the end
    ]
    assert "secret" not in "".join(logged)
    assert "horse" not in "".join(logged)


async def test_what_a_server_says_moves_no_cursor(net: Net, logged: list[str]) -> None:
    with (
        scripted(lambda wire: wire.send(b"-ERR \x1b[2J\n")) as port,
        pytest.raises(CommandFailed),
    ):
        await net.connect(port, trace=LogTrace())
    assert logged == ["S: -ERR \\x1b[2J"]


def test_nothing_is_logged_where_nobody_reads_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pop3_adapters.wire")
    log(TraceRecord(RECEIVED, b"+OK\r\n"))
    assert caplog.records == []


def test_a_logger_of_ones_own(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "own")
    LogTrace(logging.getLogger("own"))(TraceRecord(RECEIVED, b"+OK %s\r\n"))
    assert caplog.messages == ["S: +OK %s"]


def test_a_body_that_does_not_end(logged: list[str]) -> None:
    log(
        TraceRecord(RECEIVED, b"+OK\r\n"),
        TraceRecord(SENT, b"RETR 1\r\n"),
        TraceRecord(RECEIVED, b"+OK\r\n"),
        TraceRecord(RECEIVED, b"abc", body=True),
        TraceRecord(RECEIVED, b"def", body=True),
        TraceRecord(Traced.CUT_OFF),
    )
    assert logged[3:] == ["S: (6 octets)", "-- the peer has ended its side without ending TLS"]


def test_a_command_that_is_sent_within_a_body(logged: list[str]) -> None:
    log(
        TraceRecord(RECEIVED, b"+OK\r\n"),
        TraceRecord(RECEIVED, b"abc", body=True),
        TraceRecord(SENT, b"RETR 2\r\n"),
        TraceRecord(RECEIVED, b".\r\n", body=True, ends=True),
        TraceRecord(Traced.EOF),
    )
    assert logged == [
        "S: +OK",
        "S: (3 octets)",
        "C: RETR 2",
        "S: (3 octets)",
        "-- the peer has ended its side",
    ]


def test_records_of_a_machine_that_is_never_greeted(logged: list[str]) -> None:
    conn = ClientConnection(trace=LogTrace())
    conn.receive_eof()
    with pytest.raises(UnexpectedEof):
        conn.next_event()
    assert logged == ["-- the peer has ended its side"]
