"""Servers behind a proxy that says for whom it connects."""

from ipaddress import ip_address
from pathlib import Path

import pytest

from pop3_adapters._proxy_protocol import MOST, SIGNATURE, Introduction, introduction
from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_adapters.socket import serve, serve_unix
from pop3_proto import TlsPolicy

from .net import Net
from .wire import LOOPBACK, dial

FOUR, SIX = "192.0.2.7", "2001:db8::7"
GREETED = b"+OK\r\n"


def version_1(address: str) -> bytes:
    family = "TCP6" if ":" in address else "TCP4"
    return f"PROXY {family} {address} {address} 1024 110\r\n".encode()


def version_2(address: str, more: bytes = b"", command: int = 0x21) -> bytes:
    packed = ip_address(address).packed
    kind = 0x11 if len(packed) == 4 else 0x21
    addresses = packed * 2 + b"\x04\x00\x00\x6e" + more
    return SIGNATURE + bytes([command, kind]) + len(addresses).to_bytes(2) + addresses


def heard(*received: bytes) -> Introduction | None:
    """What comes out; None where more has to come."""
    steps = introduction()
    next(steps)
    try:
        for data in received:
            steps.send(data)
    except StopIteration as done:
        found: Introduction = done.value
        return found
    return None


SAID = [
    (version_1(FOUR), FOUR),
    (version_1(SIX), SIX),
    (b"PROXY UNKNOWN\r\n", ""),
    (b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", ""),
    (version_2(FOUR), FOUR),
    (version_2(SIX), SIX),
    (version_2(FOUR, b"\x04\x00\x03abc"), FOUR),
    (version_2(FOUR, command=0x20), ""),
    (SIGNATURE + b"\x21\x00\x00\x00", ""),
    (SIGNATURE + b"\x21\x31\x00\xd8" + bytes(216), ""),
]


@pytest.mark.parametrize(("said", "address"), SAID)
def test_in_every_split(said: bytes, address: str) -> None:
    for cut in range(1, len(said)):
        assert heard(said[:cut]) is None
        assert heard(said[:cut], said[cut:]) == (address, b"")
        assert heard(said[:cut], said[cut:] + GREETED) == (address, GREETED)


@pytest.mark.parametrize(
    "said",
    [
        b"USER alice\r\n",
        b"PROXY\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.8 1024\r\n",
        b"PROXY TCP4 2001:db8::7 2001:db8::7 1024 110\r\n",
        b"PROXY TCP4 192.0.2.300 192.0.2.8 1024 110\r\n",
        b"PROXY TCP4 \xff 192.0.2.8 1024 110\r\n",
        b"PROXY TCP6 fe80::1%lo fe80::1 1024 110\r\n",
        b"proxy unknown\r\n",
        b"PROXY TCP4 " + b"1" * 120,
        b"\r\nUSER alice\r\n",
        SIGNATURE + b"\x31\x11\x00\x0c" + bytes(12),
        SIGNATURE + b"\x22\x11\x00\x0c" + bytes(12),
        SIGNATURE + b"\x21\x11\x00\x0b" + bytes(11),
        SIGNATURE + b"\x21\x11" + (MOST + 1).to_bytes(2),
    ],
)
def test_what_is_none(said: bytes) -> None:
    with pytest.raises(ValueError, match=r"PROXY protocol|IPv|Octet|permitted|Expected 4"):
        _ = heard(said)
    with pytest.raises(ValueError, match=r"PROXY protocol|IPv|Octet|permitted|Expected 4"):
        _ = heard(*(bytes([octet]) for octet in said))


@pytest.mark.parametrize("said", [b"", b"PROXY TCP4", SIGNATURE])
def test_the_end_before_it_is_whole(said: bytes) -> None:
    with pytest.raises(ValueError, match="ended before"):
        _ = heard(*filter(None, [said]), b"")


@pytest.mark.parametrize("said", [version_1(FOUR), version_2(SIX)])
def test_a_trusted_proxy_introduces_a_client(net: Net, said: bytes, tls: TlsPolicy) -> None:
    server = net.serve(net.memory(), tls=tls, proxies=["127.0.0.0/8"])
    with dial(server.port) as wire:
        wire.send(said)
        if tls is TlsPolicy.IMPLICIT:
            wire.start_tls(net.certificates.client())
        assert wire.line().startswith(b"+OK")


def test_what_comes_with_it_is_not_lost(net: Net) -> None:
    server = net.serve(net.memory(), proxies=[LOOPBACK])
    with dial(server.port) as wire:
        wire.send(version_2(FOUR) + b"CAPA\r\nQUIT\r\n")
        assert wire.line().startswith(b"+OK")
        assert wire.lines()[-1] == b".\r\n"
        assert wire.line().startswith(b"+OK")


@pytest.mark.parametrize("said", [b"CAPA\r\n", b"\r\nCAPA\r\n"])
def test_a_trusted_proxy_that_introduces_nobody_is_refused(net: Net, said: bytes) -> None:
    server = net.serve(net.memory(), proxies=[LOOPBACK])
    with dial(server.port) as wire:
        wire.send(said)
        assert wire.rest() == b""


def test_nobody_else_may(net: Net) -> None:
    server = net.serve(net.memory(), proxies=["192.0.2.1", "2001:db8::/32"])
    with dial(server.port) as wire:
        wire.send(version_1(FOUR))
        assert wire.line().startswith(b"+OK")
        assert wire.line().startswith(b"-ERR")


def test_one_that_says_nothing_has_so_much_time(net: Net) -> None:
    server = net.serve(net.memory(), proxies=[LOOPBACK], handshake=0.1)
    with dial(server.port) as wire:
        wire.send(b"PROXY ")
        assert wire.rest() == b""


def test_the_limit_by_address_is_that_of_the_clients(net: Net) -> None:
    server = net.serve(net.memory(), proxies=[LOOPBACK], connections_per_address=1)
    with dial(server.port) as one, dial(server.port) as two, dial(server.port) as three:
        one.send(version_1(FOUR))
        assert one.line().startswith(b"+OK")
        two.send(version_1(FOUR))
        assert two.line() == b"-ERR [SYS/TEMP] too many connections\r\n"
        assert two.rest() == b""
        three.send(version_1(SIX))
        assert three.line().startswith(b"+OK")


def test_the_limit_in_all_counts_a_client_once(net: Net) -> None:
    server = net.serve(net.memory(), proxies=[LOOPBACK], connections=1)
    with dial(server.port) as wire:
        wire.send(version_1(FOUR))
        assert wire.line().startswith(b"+OK")


def test_the_end_of_the_server_is_its_end(net: Net) -> None:
    server = net.serve(net.memory(), proxies=[LOOPBACK])
    with dial(server.port) as wire, dial(server.port) as last:
        wire.send(b"PROXY")
        last.send(version_1(FOUR))
        assert last.line().startswith(b"+OK")
        server.running.close()
        assert wire.rest() == b""


def test_what_is_no_network(tmp_path: Path) -> None:
    nobody = Passwords({}, lambda name: MemoryMaildrop())
    with pytest.raises(ValueError, match="does not appear to be"):
        _ = serve(nobody, proxies=["localhost"])
    with pytest.raises(ValueError, match="a list of addresses or networks"):
        _ = serve(nobody, proxies="127.0.0.1")
    with pytest.raises(ValueError, match="nobody has an address"):
        _ = serve_unix(nobody, tmp_path / "pop3", proxies=[LOOPBACK])
