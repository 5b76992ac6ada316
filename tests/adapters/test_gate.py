"""How many clients a server takes at a time, and that a place is free again when one has gone."""

import socket
import ssl
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager

import pytest

from pop3_adapters._gate import Gate
from pop3_proto import TlsPolicy

from .net import NAME, PASSWORD, Net
from .wire import BOUND, LOOPBACK, Wire, dial

TOO_MANY = b"-ERR [SYS/TEMP] too many connections\r\n"


@contextmanager
def dial_from(address: str, port: int) -> Generator[Wire]:
    """A client at another address of this machine."""
    connected = socket.create_connection((LOOPBACK, port), BOUND, (address, 0))
    with connected, closing(Wire(connected)) as wire:
        yield wire


def comes_in(port: int) -> None:
    """A client is greeted, as soon as the server has seen that another one has gone."""
    last = time.monotonic() + BOUND
    while True:
        with dial(port) as wire:
            if wire.line().startswith(b"+OK"):
                return
        assert time.monotonic() < last, "the place is still taken"


def is_refused(port: int) -> None:
    with dial(port) as wire:
        assert wire.line() == TOO_MANY
        assert wire.rest() == b""


def test_one_too_many_is_told_so(net: Net) -> None:
    server = net.serve(net.memory(b"one\n"), connections=2)
    with dial(server.port) as one, dial(server.port) as two:
        assert one.line().startswith(b"+OK")
        assert two.line().startswith(b"+OK")
        is_refused(server.port)
        is_refused(server.port)  # a client that is refused takes no place
        assert one.ask(f"USER {NAME}".encode()).startswith(b"+OK")
        assert one.ask(f"PASS {PASSWORD}".encode()).startswith(b"+OK")


def test_one_too_many_from_an_address_is_told_so(net: Net) -> None:
    server = net.serve(net.memory(), connections=3, connections_per_address=1)
    with dial(server.port) as one, dial_from("127.0.0.2", server.port) as two:
        assert one.line().startswith(b"+OK")
        assert two.line().startswith(b"+OK")
        is_refused(server.port)
        with dial_from("127.0.0.2", server.port) as again:
            assert again.line() == TOO_MANY


def quits(wire: Wire) -> None:
    assert wire.ask(b"QUIT").startswith(b"+OK")
    assert wire.rest() == b""


@pytest.mark.parametrize("leave", [quits, Wire.half_close, Wire.close, Wire.reset])
@pytest.mark.parametrize("which", ["all", "address"])
def test_a_place_that_was_left_can_be_taken(
    net: Net, leave: Callable[[Wire], None], which: str
) -> None:
    server = (
        net.serve(net.memory(), connections=1)
        if which == "all"
        else net.serve(net.memory(), connections_per_address=1)
    )
    with dial(server.port) as wire:
        assert wire.line().startswith(b"+OK")
        is_refused(server.port)
        leave(wire)
        comes_in(server.port)


def test_with_implicit_tls_it_just_closes(net: Net) -> None:
    server = net.serve(net.memory(), tls=TlsPolicy.IMPLICIT, connections=1)
    with dial(server.port) as one:
        one.start_tls(net.certificates.client())
        assert one.line().startswith(b"+OK")
        with dial(server.port) as two:
            assert two.rest() == b""


def test_half_a_handshake_holds_a_place_until_its_time_is_up(net: Net) -> None:
    server = net.serve(net.memory(), tls=TlsPolicy.IMPLICIT, connections=1, handshake=0.1)
    with dial(server.port) as half:
        half.send(b"\x16\x03\x01")
        assert half.rest() == b""
        comes_in_with_tls(net, server.port)


def comes_in_with_tls(net: Net, port: int) -> None:
    last = time.monotonic() + BOUND
    while True:
        assert time.monotonic() < last, "the place is still taken"
        with dial(port) as wire:
            try:
                wire.start_tls(net.certificates.client())
            except (ssl.SSLError, OSError):
                continue
            assert wire.line().startswith(b"+OK")
            return


def test_without_limits_all_come_in() -> None:
    gate = Gate(None, None)
    assert all(gate.admit("a") for _ in range(2000))


def test_the_limits_are_counted_apart() -> None:
    gate = Gate(3, 2)
    assert [gate.admit(address) for address in "aaabb"] == [True, True, False, True, False]
    gate.leave("a")
    assert [gate.admit(address) for address in "ba"] == [True, False]


def test_those_without_an_address_count_in_all() -> None:
    gate = Gate(3, 1)
    assert [gate.admit("") for _ in range(4)] == [True, True, True, False]
