"""What only a client that blocks can go through: other threads, and signals."""

import signal
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

import pytest

from pop3_adapters._blocking import BlockingDriver
from pop3_adapters._deadlines import Deadlines
from pop3_adapters._link import Link
from pop3_adapters._tls import TlsLayer
from pop3_adapters.socket import Client, connect
from pop3_proto import (
    ClientConnection,
    Deletions,
    Greeting,
    LocalProtocolError,
    MailboxStat,
    ProtocolError,
    State,
    TlsPolicy,
    UnexpectedEof,
)

from .net import NAME, PASSWORD
from .scripts import accept_quit, let_in
from .wire import BOUND, LOOPBACK, Wire, scripted


def logged_in(port: int) -> Client:
    client = connect(LOOPBACK, port, tls=TlsPolicy.NONE)
    client.login(NAME, PASSWORD, allow_insecure_auth=True)
    return client


class Waiting:
    """A server that holds the reply to one command back until it is told to give it."""

    def __init__(self, command: bytes, reply: bytes) -> None:
        self._command = command
        self._reply = reply
        self.asked = threading.Event()
        self.answer = threading.Event()

    def play(self, wire: Wire) -> None:
        let_in(wire)
        wire.expect(self._command)
        self.asked.set()
        assert self.answer.wait(BOUND)
        wire.send(self._reply)
        accept_quit(wire)


@contextmanager
def busy_with_stat(client: Client, server: Waiting) -> Generator[list[MailboxStat]]:
    """Another thread has asked for STAT, and waits for the reply."""
    results: list[MailboxStat] = []
    thread = threading.Thread(target=lambda: results.append(client.stat()))
    thread.start()
    assert server.asked.wait(BOUND)
    try:
        yield results
    finally:
        server.answer.set()
        thread.join(BOUND)


def test_a_second_thread_gets_an_error_and_disturbs_nobody() -> None:
    server = Waiting(b"STAT\r\n", b"+OK 3 300\r\n")
    with scripted(server.play) as port, logged_in(port) as client:
        with busy_with_stat(client, server) as results:
            with pytest.raises(LocalProtocolError, match="busy with another thread"):
                client.noop()
            with pytest.raises(LocalProtocolError, match="busy with another thread"):
                _ = next(iter(client.fetch([1])))
            with pytest.raises(LocalProtocolError, match="busy with another thread"):
                _ = client.quit()
        assert results == [MailboxStat(3, 300)]


def test_closing_wakes_the_thread_that_waits() -> None:
    asked = threading.Event()

    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"STAT\r\n")
        asked.set()
        assert wire.rest() == b""

    def wait() -> None:
        with pytest.raises((ProtocolError, OSError)) as caught:
            _ = client.stat()
        told.append(caught.value)

    told: list[BaseException] = []
    with scripted(play) as port:
        client = logged_in(port)
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert asked.wait(BOUND)
        client.close()
        waiting.join(BOUND)
    assert told
    assert client.state is State.BROKEN


class Meddled:
    """A stream that lets somebody meddle whenever the client waits for octets."""

    def __init__(self, *incoming: bytes) -> None:
        self._incoming = list(incoming)
        self.sent = b""
        self.meddle: Callable[[], None] = lambda: None

    def send(self, data: bytes, within: float | None) -> None:
        self.sent += data

    def receive(self, within: float | None) -> bytes:
        if within == 0:
            raise TimeoutError("nothing is there")
        self.meddle()
        return self._incoming.pop(0)

    def close(self) -> None:
        pass


def test_whoever_finds_the_connection_busy_takes_nobodys_turn() -> None:
    stream = Meddled(b"+OK\r\n", b"+OK\r\n", b"+OK\r\nfirst", b"last\r\n.\r\n", b"+OK\r\n")
    conn = ClientConnection()
    conn.receive_data(b"+OK\r\n")
    greeting = conn.next_event()
    assert isinstance(greeting, Greeting)

    def no_tls() -> TlsLayer:
        raise AssertionError("TLS was not asked for")

    deadlines = Deadlines(time.monotonic, silence=30.0, handshake=30.0)
    driver = BlockingDriver(stream, Link(conn, no_tls), deadlines)
    client = Client(driver, conn, greeting)
    client.login(NAME, PASSWORD, allow_insecure_auth=True)
    message = client.retrieve(1)

    def meddle() -> None:
        for method in (client.noop, client.quit, lambda: next(iter(client.fetch([1])))):
            with pytest.raises(LocalProtocolError, match="busy"):
                _ = method()
        refused.append(client.state)

    refused: list[State] = []
    stream.meddle = meddle
    assert message.read() == b"firstlast\r\n"
    assert refused == [State.TRANSACTION]
    stream.meddle = lambda: None
    message.delete()
    assert stream.sent.endswith(b"RETR 1\r\nDELE 1\r\n")


@contextmanager
def raising(error: BaseException) -> Generator[None]:
    """A signal that raises this in the main thread, as Ctrl-C does."""

    def handle(number: int, frame: FrameType | None) -> None:
        raise error

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        yield
    finally:
        _ = signal.signal(signal.SIGUSR1, before)


class Interruption(BaseException):
    """What a signal handler may raise besides KeyboardInterrupt."""


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Interruption()])
def test_a_signal_while_waiting_ends_the_session_without_quit(error: BaseException) -> None:
    main = threading.main_thread().ident
    assert main is not None

    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"DELE 1\r\n")
        wire.send(b"+OK\r\n")
        wire.expect(b"STAT\r\n")
        signal.pthread_kill(main, signal.SIGUSR1)
        assert wire.rest() == b""

    with raising(error), scripted(play) as port:
        client = logged_in(port)
        client.delete(1)
        with pytest.raises(type(error)), client:
            _ = client.stat()
        assert client.state is State.BROKEN
        assert client.deletions is Deletions.KEPT


def test_a_signal_that_somebody_catches_leaves_no_half_read_session() -> None:
    main = threading.main_thread().ident
    assert main is not None

    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"STAT\r\n")
        signal.pthread_kill(main, signal.SIGUSR1)
        assert wire.rest() == b""

    with raising(KeyboardInterrupt()), scripted(play) as port:
        client = logged_in(port)
        with pytest.raises(KeyboardInterrupt):
            _ = client.stat()
        with pytest.raises(ProtocolError, match=r"interrupted|could not be sent whole"):
            _ = client.stat()
        assert client.quit() is Deletions.KEPT


def test_the_client_verifies_and_wants_tls_by_default() -> None:
    def play(wire: Wire) -> None:
        assert wire.some()[:1] == b"\x16"

    with scripted(play) as port, pytest.raises((UnexpectedEof, OSError)):
        _ = connect(LOOPBACK, port)
