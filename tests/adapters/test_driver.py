"""The blocking run loop by itself, over streams that do as they are told."""

import time
from collections.abc import Generator

import pytest

from pop3_adapters._blocking import BlockingDriver
from pop3_adapters._deadlines import Deadlines
from pop3_adapters._link import Link
from pop3_adapters._tls import TlsLayer
from pop3_proto import ClientConnection, LocalProtocolError, ProtocolError, Quit, Stat, State
from pop3_proto.flows import client as flows
from pop3_proto.flows import login as logins
from pop3_proto.flows.core import Flow, Invoke, Io, Send


class Told:
    """A stream that gives what it was told to give, and remembers what was sent."""

    def __init__(self, *incoming: bytes | BaseException) -> None:
        self._incoming = list(incoming)
        self.sent: list[bytes] = []
        self.timeouts: list[float | None] = []
        self.closed = 0

    def send(self, data: bytes, within: float | None) -> None:
        self.sent.append(data)
        self.timeouts.append(within)

    def receive(self, within: float | None) -> bytes:
        if within:
            self.timeouts.append(within)
        if within == 0 or not self._incoming:
            raise TimeoutError("nothing is there")
        said = self._incoming.pop(0)
        if isinstance(said, BaseException):
            raise said
        return said

    def close(self) -> None:
        self.closed += 1


def no_tls() -> TlsLayer:
    raise AssertionError("TLS was not asked for")


def driver_of(stream: Told) -> tuple[BlockingDriver, ClientConnection]:
    conn = ClientConnection()
    deadlines = Deadlines(time.monotonic, silence=30.0, handshake=30.0)
    driver = BlockingDriver(stream, Link(conn, no_tls), deadlines)
    return driver, conn


def at_work(*incoming: bytes | BaseException) -> tuple[BlockingDriver, ClientConnection, Told]:
    """A connection in TRANSACTION."""
    stream = Told(b"+OK\r\n", b"+OK\r\n", b"+OK\r\n", *incoming)
    driver, conn = driver_of(stream)
    _ = driver.run(receive_one(conn))
    driver.run(logins.login(conn, "alice", "secret", allow_insecure_auth=True))
    assert conn.state is State.TRANSACTION
    return driver, conn, stream


def receive_one(conn: ClientConnection) -> Flow[None]:
    yield Io.RECEIVE
    _ = conn.next_event()


def test_a_flow_returns_what_it_returns() -> None:
    driver, _, _ = at_work()

    def flow() -> Flow[int]:
        yield Send(b"NOOP\r\n")
        return 7

    assert driver.run(flow()) == 7


def test_what_goes_wrong_is_thrown_into_the_flow() -> None:
    driver, _, _ = at_work(ConnectionResetError("gone"))

    def flow() -> Flow[str]:
        try:
            yield Io.RECEIVE
        except ConnectionResetError as error:
            yield Send(b"")
            return str(error)
        return "nothing"

    assert driver.run(flow()) == "gone"


def test_each_piece_of_something_long_has_its_own_time() -> None:
    driver, _, stream = at_work()
    before = len(stream.sent)
    much = bytes(range(256)) * 40_000

    def flow() -> Flow[None]:
        yield Send(much)

    driver.run(flow())
    assert b"".join(stream.sent[before:]) == much
    assert len(stream.sent) - before > 10
    assert set(stream.timeouts) == {30.0}


def test_an_exchange_has_one_time_for_all_its_octets_and_the_next_has_it_anew() -> None:
    stream = Told(*[b"x"] * 4)
    conn = ClientConnection()
    deadlines = Deadlines(time.monotonic, silence=30.0, handshake=30.0, per_exchange=True)
    driver = BlockingDriver(stream, Link(conn, no_tls), deadlines)

    def flow() -> Flow[None]:
        yield Io.RECEIVE
        yield Io.RECEIVE
        yield Send(b"+OK\r\n")
        yield Io.RECEIVE
        yield Io.RECEIVE

    driver.run(flow())
    first, second, _, third, fourth = (timeout or 0 for timeout in stream.timeouts)
    assert 30.0 >= first > second
    assert 30.0 >= third > fourth
    assert third > second


class Interruption(BaseException):
    """What a signal handler may raise."""


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), Interruption()])
def test_an_interrupted_reception_breaks_the_connection(interruption: BaseException) -> None:
    driver, conn, stream = at_work(interruption, b"+OK 1 10\r\n")
    with pytest.raises(type(interruption)):
        _ = driver.run(flows.request(conn, Stat()))
    # The signal may have come between two octets, and the first one may be lost.
    assert conn.state is State.BROKEN
    with pytest.raises(ProtocolError, match="interrupted"):
        _ = driver.run(flows.request(conn, Stat()))
    before = list(stream.sent)
    _ = driver.run(flows.quit(conn))
    assert stream.sent == before


def test_what_cannot_be_encrypted_breaks_the_connection() -> None:
    driver, conn, _ = at_work()

    class Broken(TlsLayer):
        def __init__(self) -> None:
            pass

        def encrypt(self, plaintext: bytes) -> bytes:
            raise OSError("no more keys")

    driver.link.tls = Broken()
    with pytest.raises(OSError, match="no more keys"):
        driver.run(send(conn))
    assert conn.state is State.BROKEN


def send(conn: ClientConnection) -> Flow[None]:
    yield Send(conn.send(Stat()))


def test_a_flow_cannot_be_run_inside_another() -> None:
    driver, conn, _ = at_work()
    busy: list[LocalProtocolError] = []

    def again() -> None:
        with pytest.raises(LocalProtocolError, match="busy") as caught:
            driver.run(flows.settle(conn))
        busy.append(caught.value)

    def flow() -> Flow[None]:
        yield Invoke(again, lambda result: None)

    driver.run(flow())
    assert busy
    assert conn.state is State.TRANSACTION


def test_after_an_error_the_driver_is_free_again() -> None:
    driver, _, _ = at_work()

    def flow() -> Generator[Io, None, None]:
        raise ZeroDivisionError
        yield Io.POLL

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            driver.run(flow())


def test_close_closes_once_and_says_nothing() -> None:
    driver, conn, stream = at_work()
    before = list(stream.sent)
    driver.close()
    driver.close()
    assert stream.closed == 1
    assert stream.sent == before
    assert conn.state is State.BROKEN


def test_quit_on_a_closed_connection_sends_nothing() -> None:
    driver, conn, stream = at_work()
    driver.close()
    before = list(stream.sent)
    _ = driver.run(flows.quit(conn))
    assert stream.sent == before
    with pytest.raises(LocalProtocolError, match="it was closed"):
        _ = conn.send(Quit())
