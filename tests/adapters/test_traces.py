"""Traces in files: what was said, without the secrets, and the same again from the file."""

import itertools
import logging
import os
import re
from base64 import b64encode
from collections.abc import Callable, Iterable
from contextlib import suppress
from hashlib import md5
from pathlib import Path

import pytest

from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_adapters.socket import Client, connect, serve
from pop3_adapters.traces import LogTrace, Measured, Meter, TraceFile, Traces, read_trace
from pop3_proto import (
    AuthenticationFailed,
    ClientConnection,
    ClientEvent,
    Greeting,
    Reply,
    ServerMechanism,
    TlsPolicy,
    Traced,
    TraceRecord,
    parse_record,
    replay_client,
)

from .certificates import Certificates
from .test_logins import Plain, PlainServer

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
            client.login("alice", PASSWORD, mechanism="USER")
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


def test_several_traces_are_told_the_same(tmp_path: Path) -> None:
    heard: list[TraceRecord] = []
    record = TraceRecord(Traced.SENT, b"x\r\n")
    file, log = TraceFile(tmp_path / "trace"), LogTrace()
    with Traces(file, heard.append, log) as traces:
        traces(record)
    assert heard == list(read_trace(tmp_path / "trace")) == [record]
    with pytest.raises(ValueError, match="closed"):
        file(record)


def test_what_one_of_several_traces_raises_comes_out(tmp_path: Path) -> None:
    class Open(Exception):
        pass

    class Failing:
        def __call__(self, record: TraceRecord) -> None: ...

        def __enter__(self) -> None:
            raise Open

        def __exit__(self, *_: object) -> None: ...

    file = TraceFile(tmp_path / "trace")
    with pytest.raises(Open), Traces(file, Failing()):
        pass
    with pytest.raises(ValueError, match="closed"):
        file(TraceRecord(Traced.EOF))


WRONG = PASSWORD + "!"
WAYS_IN: tuple[Callable[[Client], object], ...] = (
    lambda client: client.login("alice", PASSWORD, mechanism="USER"),
    lambda client: client.login("alice", PASSWORD, mechanism="APOP"),
    lambda client: client.authenticate(Plain("alice", PASSWORD)),
    lambda client: client.authenticate(Plain("alice", PASSWORD), initial_response=False),
    lambda client: client.login("alice", WRONG),
    lambda client: client.authenticate(Plain("alice", WRONG)),
)


def test_no_secret_is_in_anything_that_tells_of_a_session(
    tmp_path: Path, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    measured: list[Measured] = []
    heard: list[TraceRecord] = []

    def traces(address: str) -> Traces:
        name = f"{next(numbers)}.{address}"
        return Traces(
            TraceFile(tmp_path / name), LogTrace(name=name), Meter(measured.append), heard.append
        )

    numbers = itertools.count()
    users = Passwords({"alice": PASSWORD}, lambda _: MemoryMaildrop(MAIL))
    mechanisms: dict[str, Callable[[], ServerMechanism]] = {"PLAIN": PlainServer}
    with serve(
        users,
        tls=TlsPolicy.STLS,
        context=certificates.server(),
        mechanisms=mechanisms,
        apop=True,
        trace=traces,
    ) as server:
        for log_in in WAYS_IN:
            context = certificates.client()
            with (
                suppress(AuthenticationFailed),
                traces("client") as trace,
                connect(
                    server.host, server.port, tls=TlsPolicy.STLS, context=context, trace=trace
                ) as client,
            ):
                log_in(client)
    told = [path.read_text("ascii") for path in tmp_path.iterdir()]
    assert len(told) == 12
    assert {each.verb for each in measured} >= {"PASS", "APOP", "AUTH", "STLS"}
    told += [caplog.text, repr(measured), repr(heard)]
    everything = "".join(told)
    encoded = [b64encode(f"\0alice\0{PASSWORD}{end}".encode()).decode() for end in ("", "!")]
    digests = [
        md5(f"{timestamp}{PASSWORD}".encode(), usedforsecurity=False).hexdigest()
        for timestamp in re.findall(r"<[0-9a-f.]+@pop3>", caplog.text)
    ]
    assert digests
    for secret in (PASSWORD, "horse", *encoded, *digests):
        assert secret not in everything


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        _ = TraceFile(tmp_path / "missing" / "trace")


def test_what_is_no_trace(tmp_path: Path) -> None:
    (tmp_path / "trace").write_text("[1]\n")
    with pytest.raises(ValueError, match="no record of a trace"):
        _ = list(read_trace(tmp_path / "trace"))
