"""The life of a server in threads: it starts, takes what comes, and ends when it is told to."""

import logging
import resource
import socket
import threading
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Collection,
    Iterable,
    Iterator,
    Sequence,
)

import pytest

from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_adapters.socket import Server, serve
from pop3_proto import LocalProtocolError, Maildrop, MaybeAwaitable, MessageEntry, TlsPolicy

from .certificates import Certificates
from .net import NAME, PASSWORD
from .wire import BOUND, LOOPBACK, Wire, dial


def started(maildrop: Maildrop | None = None) -> Server:
    found = MemoryMaildrop([b"one\n"]) if maildrop is None else maildrop
    return serve(Passwords({NAME: PASSWORD}, lambda name: found), allow_insecure_auth=True)


def log_in(wire: Wire) -> None:
    assert wire.line().startswith(b"+OK")
    assert wire.ask(f"USER {NAME}".encode()).startswith(b"+OK")
    assert wire.ask(f"PASS {PASSWORD}".encode()).startswith(b"+OK")


class Records(logging.Handler):
    """What is logged, and an event for the first of it."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.first = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())
        self.first.set()


@pytest.fixture
def logged() -> Iterator[Records]:
    records = Records()
    logger = logging.getLogger("pop3_adapters")
    logger.addHandler(records)
    yield records
    logger.removeHandler(records)


def test_it_says_where_it_listens() -> None:
    with started() as server:
        assert server.host == LOOPBACK
        assert 0 < server.port < 65536
        with dial(server.port) as wire:
            assert wire.line() == b"+OK POP3 server ready\r\n"


def test_it_listens_on_ipv6() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here: enable it with `sysctl -w net.ipv6.conf.all.disable_ipv6=0`")
    authenticator = Passwords({}, lambda name: MemoryMaildrop())
    with serve(authenticator, "::1") as server, socket.create_connection(("::1", server.port)) as s:
        assert Wire(s).line().startswith(b"+OK")


@pytest.mark.parametrize("seconds", [0.0, 599.9])
def test_autologout_has_a_minimum(seconds: float) -> None:
    with pytest.raises(ValueError, match="600 s"):
        _ = serve(Passwords({}, lambda name: MemoryMaildrop()), autologout=seconds)


def test_a_policy_and_a_context_belong_together(certificates: Certificates) -> None:
    authenticator = Passwords({}, lambda name: MemoryMaildrop())
    with pytest.raises(ValueError, match="belong together"):
        _ = serve(authenticator, tls=TlsPolicy.STLS)
    with pytest.raises(ValueError, match="belong together"):
        _ = serve(authenticator, context=certificates.server())


def test_a_greeting_that_is_none_is_found_at_once() -> None:
    with pytest.raises(LocalProtocolError, match="CR, LF or NUL"):
        _ = serve(Passwords({}, lambda _: MemoryMaildrop()), greeting="a\r\nb")


def test_a_port_that_is_taken() -> None:
    with started() as server, pytest.raises(OSError, match="in use"):
        _ = serve(Passwords({}, lambda name: MemoryMaildrop()), port=server.port)


def test_close_ends_everything_and_deletes_nothing() -> None:
    maildrop = MemoryMaildrop([b"one\n"])
    server = started(maildrop)
    with dial(server.port) as idle, dial(server.port) as deleting, dial(server.port) as half:
        assert idle.line().startswith(b"+OK")
        assert half.line().startswith(b"+OK")
        half.send(b"USER al")
        log_in(deleting)
        assert deleting.ask(b"DELE 1").startswith(b"+OK")
        server.close()
        for wire in (idle, deleting, half):
            assert wire.rest() == b""
    assert maildrop.messages == [b"one\r\n"]
    with pytest.raises(ConnectionRefusedError), dial(server.port):
        pass


def test_close_ends_handshakes(certificates: Certificates) -> None:
    server = serve(
        Passwords({}, lambda name: MemoryMaildrop()),
        tls=TlsPolicy.IMPLICIT,
        context=certificates.server(),
    )
    with dial(server.port) as silent, dial(server.port) as half:
        half.send(b"\x16\x03\x01")
        with dial(server.port) as third:  # who is served when those two have been accepted
            third.start_tls(certificates.client())
            assert third.line().startswith(b"+OK")
        server.close()
        assert silent.rest() == b""
        assert half.rest() == b""


def test_close_may_be_repeated_and_wait_returns() -> None:
    server = started()
    waiting = threading.Thread(target=server.wait)
    waiting.start()
    server.close()
    server.close()
    server.wait()
    waiting.join(BOUND)
    assert not waiting.is_alive()


def test_close_from_several_threads() -> None:
    server = started()
    with dial(server.port) as wire:
        assert wire.line().startswith(b"+OK")
        closing = [threading.Thread(target=server.close) for _ in range(4)]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join(BOUND)
        assert not [thread for thread in closing if thread.is_alive()]


def test_close_waits_for_a_session_that_is_deleting() -> None:
    deleting, go_on = threading.Event(), threading.Event()

    class Slow(MemoryMaildrop):
        def delete(self, indexes: Collection[int]) -> None:
            deleting.set()
            assert go_on.wait(BOUND)
            super().delete(indexes)

    maildrop = Slow([b"one\n"])
    server = started(maildrop)
    closing = threading.Thread(target=server.close)
    with dial(server.port) as wire:
        log_in(wire)
        assert wire.ask(b"DELE 1").startswith(b"+OK")
        wire.send(b"QUIT\r\n")
        assert deleting.wait(BOUND)
        closing.start()
        go_on.set()
        closing.join(BOUND)
    # QUIT had arrived.
    assert maildrop.messages == []


def test_close_while_clients_keep_coming() -> None:
    for _ in range(20):
        server = started()
        port = server.port
        stop = threading.Event()

        def knock(port: int = port, stop: threading.Event = stop) -> None:
            while not stop.is_set():
                try:
                    with socket.create_connection((LOOPBACK, port), BOUND) as connected:
                        # Linux resets what it has forgotten, when that speaks.
                        connected.sendall(b"NOOP\r\n")
                        _ = connected.recv(100)
                except OSError:
                    pass

        knocking = [threading.Thread(target=knock) for _ in range(3)]
        for thread in knocking:
            thread.start()
        with dial(port) as wire:
            assert wire.line().startswith(b"+OK")
        server.close()
        stop.set()
        for thread in knocking:
            thread.join(BOUND)


def test_clients_that_are_gone_before_they_are_accepted() -> None:
    with started() as server:
        for _ in range(50):
            with dial(server.port) as wire:
                wire.reset()
        with dial(server.port) as wire:
            log_in(wire)


def test_without_descriptors_it_takes_no_one_and_goes_on_later(logged: Records) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with started() as server, socket.socket() as connected:
        with socket.socket() as probe:
            free = probe.fileno()
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, before[1]))
        try:
            connected.connect((LOOPBACK, server.port))
            assert logged.first.wait(BOUND)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        assert "could not be accepted" in logged.texts[0]
        log_in(Wire(connected))


def test_without_threads_it_takes_no_one_and_goes_on_later(logged: Records) -> None:
    with started() as server:
        before = threading.stack_size(1 << 47)  # more than there can be
        try:
            with dial(server.port) as wire:
                assert wire.rest() == b""
        finally:
            _ = threading.stack_size(before)
        assert "thread" in logged.texts[0]
        with dial(server.port) as wire:
            log_in(wire)


class Asynchronous:
    """A maildrop for another kind of server: one of its methods has to be awaited."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._plain: Maildrop = MemoryMaildrop([b"one\n"])

    def authenticate(self, name: str, password: str) -> MaybeAwaitable[Maildrop | None]:
        async def maildrop() -> Maildrop | None:
            raise AssertionError("awaited")

        return maildrop() if self._where == "authenticate" else self

    def open(self) -> MaybeAwaitable[Sequence[MessageEntry]]:
        async def entries() -> Sequence[MessageEntry]:
            raise AssertionError("awaited")

        return entries() if self._where == "open" else self._plain.open()

    def read(self, index: int) -> Iterable[bytes] | AsyncIterable[bytes]:
        async def pieces() -> AsyncGenerator[bytes]:
            yield b"one\r\n"

        return pieces() if self._where == "read" else self._plain.read(index)

    def delete(self, indexes: Collection[int]) -> MaybeAwaitable[None]:
        return nothing() if self._where == "delete" else self._plain.delete(indexes)

    def close(self) -> MaybeAwaitable[None]:
        return nothing() if self._where == "close" else self._plain.close()


async def nothing() -> None:
    raise AssertionError("awaited")


@pytest.mark.parametrize(
    ("where", "refused"),
    [("authenticate", b"PASS"), ("open", b"PASS"), ("read", b"RETR"), ("delete", b"QUIT")],
)
def test_an_asynchronous_maildrop_is_refused_in_words(
    where: str, refused: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with serve(Asynchronous(where), allow_insecure_auth=True) as server, dial(server.port) as wire:
        assert wire.line().startswith(b"+OK")
        for command in (b"USER alice", b"PASS x", b"RETR 1", b"DELE 1", b"QUIT"):
            if wire.ask(command).startswith(b"-ERR [SYS/TEMP]"):
                assert command.startswith(refused)
                break
            if command == b"RETR 1":
                _ = wire.lines()
        else:
            pytest.fail("nothing was refused")
    assert "needs asyncio, trio or anyio" in caplog.text


def test_a_maildrop_that_has_to_be_closed_asynchronously(
    caplog: pytest.LogCaptureFixture, complaints: list[str]
) -> None:
    server = serve(Asynchronous("close"), allow_insecure_auth=True)
    with server, dial(server.port) as wire:
        assert wire.line().startswith(b"+OK")
        assert wire.ask(b"USER alice").startswith(b"+OK")
        assert wire.ask(b"PASS x").startswith(b"+OK")
    assert "needs asyncio, trio or anyio" in caplog.text
    complaints.clear()
