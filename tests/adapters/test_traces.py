"""Traces in files: what was said, without the secrets, and the same again from the file."""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_adapters.socket import connect, serve
from pop3_adapters.traces import TraceFile, read_trace
from pop3_proto import (
    ClientConnection,
    ClientEvent,
    Greeting,
    Reply,
    TlsPolicy,
    Traced,
    TraceRecord,
    parse_record,
    replay_client,
)

from .certificates import Certificates

PASSWORD = "correct horse"
MAIL = [b"Subject: one\r\n\r\n\xff\x00.\r\n", b"Subject: two\r\n\r\n.two\r\n"]


def converse(path: Path, certificates: Certificates) -> list[TraceRecord]:
    """A whole session, inside TLS, with its trace; gives what was to be written down."""
    heard: list[TraceRecord] = []
    maildrop = MemoryMaildrop(MAIL)
    users = Passwords({"alice": PASSWORD}, lambda _: maildrop)
    with (
        serve(users, tls=TlsPolicy.STLS, context=certificates.server()) as server,
        TraceFile(path) as trace,
    ):

        def both(record: TraceRecord) -> None:
            heard.append(record)
            trace(record)

        with connect(
            server.host,
            server.port,
            tls=TlsPolicy.STLS,
            context=certificates.client(),
            trace=both,
        ) as client:
            client.login("alice", PASSWORD)
            assert [message.read() for message in client.fetch([1, 2])] == MAIL
    return heard


@pytest.fixture
def certificates() -> Certificates:
    return Certificates()


def test_what_is_read_back_is_what_was_written(tmp_path: Path, certificates: Certificates) -> None:
    heard = converse(tmp_path / "trace", certificates)
    assert list(read_trace(tmp_path / "trace")) == heard
    assert TraceRecord(Traced.TLS) in heard


def events(records: Iterable[TraceRecord]) -> list[ClientEvent]:
    return list(replay_client(ClientConnection(), records))


def test_what_is_replayed_is_what_happened(tmp_path: Path, certificates: Certificates) -> None:
    heard = converse(tmp_path / "trace", certificates)
    replayed = events(read_trace(tmp_path / "trace"))
    assert replayed == events(heard)
    assert isinstance(replayed[0], Greeting)
    said = [event.command.verb for event in replayed if isinstance(event, Reply)]
    assert said == ["STLS", "CAPA", "USER", "PASS", "RETR", "RETR", "QUIT"]


def test_no_secret_is_in_it(tmp_path: Path, certificates: Certificates) -> None:
    _ = converse(tmp_path / "trace", certificates)
    text = (tmp_path / "trace").read_text("ascii")
    assert '"PASS ***\\r\\n"' in text
    assert PASSWORD not in text
    assert "horse" not in text


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        TraceFile(tmp_path / "trace").close()
    finally:
        _ = os.umask(mask)
    assert (tmp_path / "trace").stat().st_mode & 0o777 == 0o600


def test_a_line_is_in_the_file_as_soon_as_it_was_said(tmp_path: Path) -> None:
    record = TraceRecord(Traced.RECEIVED, bytes(range(256)))
    with TraceFile(tmp_path / "trace") as trace:
        trace(record)
        (line,) = (tmp_path / "trace").read_text("ascii").splitlines()
    assert parse_record(line) == record
    trace.close()


def test_one_that_is_there_is_replaced(tmp_path: Path) -> None:
    for octets in (b"a long first line\r\n", b"x\r\n"):
        with TraceFile(tmp_path / "trace") as trace:
            trace(TraceRecord(Traced.SENT, octets))
    assert list(read_trace(tmp_path / "trace")) == [TraceRecord(Traced.SENT, b"x\r\n")]


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        _ = TraceFile(tmp_path / "missing" / "trace")


def test_what_is_no_trace(tmp_path: Path) -> None:
    (tmp_path / "trace").write_text("[1]\n")
    with pytest.raises(ValueError, match="no record of a trace"):
        _ = list(read_trace(tmp_path / "trace"))
