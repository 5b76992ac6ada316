"""The way to a server through a proxy, whatever library goes it."""

import contextlib
import socket
import sys
import threading
import traceback
from base64 import b64encode
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import NoReturn

import pytest

from pop3_adapters._proxies import find_route
from pop3_adapters.socket import Timeouts
from pop3_proto import CommandFailed, LocalProtocolError, TlsPolicy

from .net import NAME, PASSWORD, Net
from .scripts import accept_quit, begin, greet
from .tasks import Way, in_each_library
from .wire import BOUND, LOOPBACK, Script, Wire, dial, played, scripted

HOST = "pop.example.org"
"""A name that only a proxy can look up."""

SECRET = "hemlig"
SHORT = Timeouts(connect=0.1)
DENIED = "no connection to .* through the proxy 127"


@dataclass(frozen=True)
class Kind:
    """What a proxy is asked for, and what it answers."""

    scheme: str
    looks_up: bool
    asked: Callable[[Wire, str, int], None]
    """Takes what is asked for, up to the answer."""

    granted: bytes
    refused: bytes
    refusal: str
    login: str = ""

    def url(self, port: int) -> str:
        return f"{self.scheme}://{self.login}{LOOPBACK}:{port}"

    @property
    def host(self) -> str:
        """What the client is told."""
        return HOST if self.looks_up else LOOPBACK

    def accept(self, wire: Wire, port: int) -> None:
        self.asked(wire, self.host, port)
        wire.send(self.granted)


def asked_by_http(wire: Wire, host: str, port: int, *more: bytes) -> None:
    wire.expect(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n".encode())
    wire.expect(b"".join(more) + b"\r\n")


def asked_by_http_with_password(wire: Wire, host: str, port: int) -> None:
    basic = b64encode(f"bob:{SECRET}".encode())
    asked_by_http(wire, host, port, b"Proxy-Authorization: Basic " + basic + b"\r\n")


def asked_by_socks4(wire: Wire, host: str, port: int) -> None:
    wire.expect(b"\x04\x01" + port.to_bytes(2) + socket.inet_aton(host) + b"\0")


def asked_by_socks4a(wire: Wire, host: str, port: int) -> None:
    wire.expect(b"\x04\x01" + port.to_bytes(2) + b"\0\0\0\1bob\0" + host.encode() + b"\0")


def asked_by_socks5(wire: Wire, host: str, port: int) -> None:
    wire.expect(b"\x05\x01\x00")
    wire.send(b"\x05\x00")
    wire.expect(b"\x05\x01\x00\x01" + socket.inet_aton(host) + port.to_bytes(2))


def asked_by_socks5h(wire: Wire, host: str, port: int) -> None:
    wire.expect(b"\x05\x02\x00\x02")
    wire.send(b"\x05\x02")
    wire.expect(b"\x01\x03bob" + bytes([len(SECRET)]) + SECRET.encode())
    wire.send(b"\x01\x00")
    wire.expect(b"\x05\x01\x00\x03" + bytes([len(host)]) + host.encode() + port.to_bytes(2))


HTTP_GRANTED = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n"
HTTP_REFUSED = b"HTTP/1.1 403 Filtered\r\nContent-Length: 3\r\n\r\nno\n"
SOCKS4_GRANTED = b"\x00\x5a" + bytes(6)
SOCKS4_REFUSED = b"\x00\x5b" + bytes(6)
SOCKS5_GRANTED = b"\x05\x00\x00\x01" + bytes(6)
SOCKS5_REFUSED = b"\x05\x02\x00\x01" + bytes(6)

HTTP = Kind("http", True, asked_by_http, HTTP_GRANTED, HTTP_REFUSED, "403 Filtered")
SOCKS4 = Kind("socks4", False, asked_by_socks4, SOCKS4_GRANTED, SOCKS4_REFUSED, "rejected")
SOCKS5 = Kind("socks5", False, asked_by_socks5, SOCKS5_GRANTED, SOCKS5_REFUSED, "not allowed")
KINDS = {
    "http": HTTP,
    "http-password": Kind(
        "HTTP",
        True,
        asked_by_http_with_password,
        HTTP_GRANTED,
        HTTP_REFUSED,
        "403 Filtered",
        login=f"bob:{SECRET}@",
    ),
    "socks4": SOCKS4,
    "socks4a": Kind(
        "socks4a", True, asked_by_socks4a, SOCKS4_GRANTED, SOCKS4_REFUSED, "rejected", "bob@"
    ),
    "socks5": SOCKS5,
    "socks5h": Kind(
        "socks5h",
        True,
        asked_by_socks5h,
        # The address that the proxy connects from may be a name.
        b"\x05\x00\x00\x03\x05proxy\x04\x38",
        SOCKS5_REFUSED,
        "not allowed",
        login=f"bob:{SECRET}@",
    ),
}

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
one_of_each = pytest.mark.parametrize(
    "kind", [HTTP, SOCKS4, SOCKS5], ids=["http", "socks4", "socks5"]
)


def relay(wire: Wire, port: int) -> None:
    """Carry octets to a server and back, until both have ended."""
    with dial(port) as server:
        back = threading.Thread(target=carry, args=(server, wire))
        back.start()
        carry(wire, server)
        back.join(BOUND)
        assert not back.is_alive()


def carry(one: Wire, other: Wire) -> None:
    with contextlib.suppress(OSError):  # who has closed already takes nothing more
        while data := one.some():
            other.send(data)
        other.half_close()


@contextlib.contextmanager
def proxying(kind: Kind, port: int) -> Generator[str]:
    """A proxy in front of a server; gives its URL."""

    def play(wire: Wire) -> None:
        kind.accept(wire, port)
        relay(wire, port)

    with scripted(play) as proxy:
        yield kind.url(proxy)


@contextlib.contextmanager
def answering(script: Script, kind: Kind) -> Generator[str]:
    """A proxy that plays a script once it has been asked; gives its URL."""

    def play(wire: Wire) -> None:
        kind.asked(wire, kind.host, 110)
        script(wire)

    with scripted(play) as proxy:
        yield kind.url(proxy)


async def fail(net: Net, kind: Kind, url: str, timeouts: Timeouts | None = None) -> NoReturn:
    await net.connect(110, host=kind.host, proxy=url, timeouts=timeouts)
    pytest.fail("there is a session")


def check_secret(error: BaseException) -> None:
    text = "".join(traceback.format_exception(error))
    assert SECRET not in text
    assert b64encode(f"bob:{SECRET}".encode()).decode() not in text


# What works.


@every_kind
async def test_a_session(net: Net, kind: Kind, tls: TlsPolicy) -> None:
    # The proxy has no name in the certificate, and the server has.
    context = net.certificates.server(kind.host)
    server = net.serve(net.memory(b"one\n", b"two\n"), tls=tls, context=context)
    with proxying(kind, server.port) as url:
        async with await net.connect(server.port, host=kind.host, tls=tls, proxy=url) as session:
            await session.login(NAME, PASSWORD, allow_insecure_auth=not session.tls)
            bodies = [await message.read() async for message in session.fetch([1, 2])]
    assert bodies == [b"one\r\n", b"two\r\n"]


@every_kind
async def test_the_greeting_in_the_same_packet(net: Net, kind: Kind) -> None:
    def play(wire: Wire) -> None:
        kind.asked(wire, kind.host, 110)
        wire.send(kind.granted + b"+OK here\r\n")
        wire.expect(b"CAPA\r\n")
        wire.send(b"-ERR\r\n")
        accept_quit(wire)

    with scripted(play) as proxy:
        async with await net.connect(110, host=kind.host, proxy=kind.url(proxy)) as session:
            assert session.greeting.text == "here"


@every_kind
async def test_one_octet_at_a_time(net: Net, kind: Kind) -> None:
    def play(wire: Wire) -> None:
        kind.asked(wire, kind.host, 110)
        for octet in kind.granted + b"+OK here\r\n":
            wire.send(bytes([octet]))
        wire.expect(b"CAPA\r\n")
        wire.send(b"-ERR\r\n")
        accept_quit(wire)

    with scripted(play) as proxy:
        async with await net.connect(110, host=kind.host, proxy=kind.url(proxy)) as session:
            assert session.greeting.text == "here"


@one_of_each
async def test_a_source_address_is_that_of_the_connection_to_the_proxy(
    net: Net, kind: Kind
) -> None:
    peers: list[object] = []

    def play(wire: Wire) -> None:
        peers.append(wire.peer)
        kind.accept(wire, 110)
        greet(wire)
        accept_quit(wire)

    with scripted(play) as proxy:
        async with await net.connect(
            110, host=kind.host, proxy=kind.url(proxy), local_address="127.0.0.2"
        ):
            pass
    assert [peer[0] for peer in peers if isinstance(peer, tuple)] == ["127.0.0.2"]


@pytest.mark.parametrize("kind", [SOCKS4, SOCKS5], ids=["socks4", "socks5"])
async def test_a_name_that_is_looked_up_here(net: Net, kind: Kind) -> None:
    def play(wire: Wire) -> None:
        kind.accept(wire, 110)
        greet(wire)
        accept_quit(wire)

    with scripted(play) as proxy:
        async with await net.connect(110, host="localhost", proxy=kind.url(proxy)) as session:
            assert session.greeting.ok


@one_of_each
async def test_no_bound_on_the_time(net: Net, kind: Kind) -> None:
    server = net.serve(net.memory())
    with proxying(kind, server.port) as url:
        async with await net.connect(
            server.port, host=kind.host, proxy=url, timeouts=Timeouts(connect=None)
        ) as session:
            assert session.greeting.ok


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
async def test_an_ipv6_address_goes_to_the_proxy_as_one_without_its_zone(
    net: Net, scheme: str
) -> None:
    def play(wire: Wire) -> None:
        if scheme == "http":
            asked_by_http(wire, "[fe80::1]", 110)
            wire.send(HTTP_GRANTED)
        else:
            wire.expect(b"\x05\x01\x00")
            wire.send(b"\x05\x00")
            wire.expect(b"\x05\x01\x00\x04" + socket.inet_pton(socket.AF_INET6, "fe80::1"))
            wire.expect(b"\x00\x6e")
            wire.send(SOCKS5_GRANTED)
        begin(wire, TlsPolicy.IMPLICIT, net.certificates.server("fe80::1"))
        accept_quit(wire)
        wire.rest()

    with scripted(play) as proxy:
        async with await net.connect(
            110,
            host="[fe80::1%lo]",
            tls=TlsPolicy.IMPLICIT,
            proxy=f"{scheme}://{LOOPBACK}:{proxy}",
        ) as session:
            assert session.tls


@pytest.mark.parametrize("kind", [HTTP, KINDS["socks5h"]], ids=["http", "socks5h"])
async def test_an_international_name_goes_to_the_proxy_as_its_a_label(net: Net, kind: Kind) -> None:
    def play(wire: Wire) -> None:
        kind.asked(wire, "xn--strae-oqa.example", 110)
        wire.send(kind.granted)
        greet(wire)
        accept_quit(wire)

    with scripted(play) as proxy:
        async with await net.connect(110, host="Straße.example", proxy=kind.url(proxy)) as session:
            assert session.greeting.ok


@one_of_each
async def test_a_proxy_at_an_ipv6_address(net: Net, kind: Kind) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here: enable it with `sysctl -w net.ipv6.conf.all.disable_ipv6=0`")

    def play(wire: Wire) -> None:
        kind.accept(wire, 110)
        greet(wire)
        accept_quit(wire)

    with socket.create_server(("::1", 0), family=socket.AF_INET6) as there, played(there, play):
        url = f"{kind.scheme}://[::1]:{there.getsockname()[1]}/"
        async with await net.connect(110, host=kind.host, proxy=url) as session:
            assert session.greeting.ok


# What does not.


@every_kind
async def test_the_proxy_refuses(net: Net, kind: Kind) -> None:
    def refuse(wire: Wire) -> None:
        wire.send(kind.refused)
        wire.rest()

    with (
        answering(refuse, kind) as url,
        pytest.raises(OSError, match=rf"{DENIED}.*{kind.refusal}") as e,
    ):
        await fail(net, kind, url)
    check_secret(e.value)


@every_kind
@pytest.mark.parametrize("way", [Wire.close, Wire.reset], ids=["close", "reset"])
async def test_the_proxy_disappears(net: Net, kind: Kind, way: Script) -> None:
    with answering(way, kind) as url, pytest.raises(OSError, match=DENIED) as e:
        await fail(net, kind, url)
    check_secret(e.value)


@every_kind
async def test_the_proxy_disappears_in_its_answer(net: Net, kind: Kind) -> None:
    def play(wire: Wire) -> None:
        wire.send(kind.granted[:-1])

    with answering(play, kind) as url, pytest.raises(OSError, match=rf"{DENIED}.*\w$") as e:
        await fail(net, kind, url)
    check_secret(e.value)


@every_kind
@pytest.mark.parametrize("octets", [0, 2], ids=["at once", "in its answer"])
async def test_the_proxy_is_silent(net: Net, kind: Kind, octets: int) -> None:
    def play(wire: Wire) -> None:
        wire.send(kind.granted[:octets])
        assert wire.rest() == b""

    with (
        answering(play, kind) as url,
        pytest.raises(TimeoutError, match=f"time is up: {DENIED}") as e,
    ):
        await fail(net, kind, url, SHORT)
    check_secret(e.value)


@every_kind
@pytest.mark.parametrize("garbage", [b"+OK POP3 ready\r\n", b"\xff" * 64, bytes(64)])
async def test_the_proxy_is_none(net: Net, kind: Kind, garbage: bytes) -> None:
    def play(wire: Wire) -> None:
        wire.send(garbage)
        wire.rest()

    with scripted(play) as proxy, pytest.raises(OSError, match=rf"{DENIED}.*\w") as e:
        await fail(net, kind, kind.url(proxy))
    assert not isinstance(e.value, TimeoutError)
    check_secret(e.value)


async def test_an_answer_that_does_not_end(net: Net) -> None:
    def play(wire: Wire) -> None:
        wire.send(b"HTTP/1.1 200 OK\r\n")
        with contextlib.suppress(OSError):
            for _ in range(100_000):
                wire.send(b"X: y\r\n" * 100)
            pytest.fail("all of this was taken")

    with answering(play, HTTP) as url, pytest.raises(OSError, match="no end within"):
        await fail(net, HTTP, url)


@pytest.mark.parametrize("login", ["", f"bob:{SECRET}@"], ids=["none", "wrong"])
async def test_credentials_for_http(net: Net, login: str) -> None:
    def play(wire: Wire) -> None:
        while wire.line() != b"\r\n":
            pass
        wire.send(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
        wire.rest()

    words = "check the name and the password" if login else "put a name and a password"
    with scripted(play) as proxy, pytest.raises(OSError, match=f"{DENIED}.*407.*{words}") as e:
        await fail(net, HTTP, f"http://{login}{LOOPBACK}:{proxy}")
    check_secret(e.value)


async def test_credentials_that_socks_does_not_take(net: Net) -> None:
    def play(wire: Wire) -> None:
        wire.expect(b"\x05\x02\x00\x02")
        wire.send(b"\x05\x02")
        wire.expect(b"\x01\x03bob" + bytes([len(SECRET)]) + SECRET.encode())
        wire.send(b"\x01\x01")
        wire.rest()

    with scripted(play) as proxy, pytest.raises(OSError, match=f"{DENIED}.*authentication") as e:
        await fail(net, SOCKS5, f"socks5://bob:{SECRET}@{LOOPBACK}:{proxy}")
    check_secret(e.value)


async def test_credentials_that_socks_wants(net: Net) -> None:
    def play(wire: Wire) -> None:
        wire.expect(b"\x05\x01\x00")
        wire.send(b"\x05\xff")
        wire.rest()

    with scripted(play) as proxy, pytest.raises(OSError, match=f"{DENIED}.*authentication"):
        await fail(net, SOCKS5, SOCKS5.url(proxy))


@one_of_each
async def test_no_proxy_is_there(net: Net, kind: Kind) -> None:
    with socket.socket() as unused:
        unused.bind((LOOPBACK, 0))
        with pytest.raises(ConnectionRefusedError, match=DENIED):
            await fail(net, kind, kind.url(unused.getsockname()[1]))


@one_of_each
async def test_a_source_address_that_is_not_here(net: Net, kind: Kind) -> None:
    with pytest.raises(OSError, match=rf"{DENIED}.*(?i:address)"):
        await net.connect(110, host=kind.host, proxy=kind.url(9), local_address="192.0.2.1")


@every_kind
async def test_the_mail_server_refuses(net: Net, kind: Kind) -> None:
    def play(wire: Wire) -> None:
        wire.send(kind.granted + b"-ERR [SYS/TEMP] not now\r\n")
        wire.rest()

    with answering(play, kind) as url, pytest.raises(CommandFailed, match="not now"):
        await fail(net, kind, url)


# Cancellation.


@in_each_library
@every_kind
async def test_cancelled_while_the_proxy_is_silent(net: Net, way: Way, kind: Kind) -> None:
    silent = threading.Event()

    def play(wire: Wire) -> None:
        wire.send(kind.granted[:1])
        silent.set()
        assert wire.rest() == b""

    with answering(play, kind) as url:
        await way.cancelled(silent, net.connect(110, host=kind.host, proxy=url))


@in_each_library
@one_of_each
async def test_cancelled_at_every_step(net: Net, way: Way, kind: Kind) -> None:
    server = net.serve(net.memory())

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                connected, _ = listener.accept()
            except OSError:
                return
            with contextlib.suppress(AssertionError, OSError), connected:
                wire = Wire(connected)
                kind.accept(wire, server.port)
                relay(wire, server.port)

    async def connect_and_close(url: str) -> None:
        await (await net.connect(server.port, host=kind.host, proxy=url)).close()

    with socket.create_server((LOOPBACK, 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            step, url = 1, kind.url(listener.getsockname()[1])
            while await way.cancelled_at(step, connect_and_close(url)):
                step += 1
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(BOUND)
    assert step > 4


# URLs.


def test_the_parts_of_a_url() -> None:
    route = find_route(f"http://b%40b:{SECRET}%3a%2F@x@[::1]:3128/", "pop.example.org", 995)
    assert (route.proxy_host, route.proxy_port) == ("::1", 3128)
    assert (route.user, route.password) == (b"b@b", f"{SECRET}:/@x".encode())
    assert SECRET not in repr(route) + str(route)
    assert str(route) == "connection to pop.example.org:995 through the proxy [::1]:3128"


def test_the_usual_port() -> None:
    assert find_route("socks5h://proxy.example.org", HOST, 995).proxy_port == 1080
    with pytest.raises(LocalProtocolError, match="has no port: add it"):
        find_route("http://proxy.example.org", HOST, 995)


def test_a_proxy_by_its_international_name_or_with_a_zone() -> None:
    assert find_route("socks5://Straße.example", HOST, 995).proxy_host == "xn--strae-oqa.example"
    assert find_route("socks5://[fe80::1%25eth0]", HOST, 995).proxy_host == "fe80::1%eth0"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "the URL of a proxy is"),
        ("proxy.example.org:1080", "the URL of a proxy is"),
        (f"bob:{SECRET}@proxy.example.org:1080", "the URL of a proxy is"),
        ("http://", "the URL of a proxy is"),
        (f"http://bob:{SECRET}@:3128", "the URL of a proxy is"),
        (f"http://bob:{SECRET}/@proxy:3128", "%2F"),
        (f"http://bob%3A{SECRET}%40proxy:3128", "%40"),
        ("http://proxy:3128/path", "the URL of a proxy is"),
        ("http://proxy:3128?a=b", "the URL of a proxy is"),
        ("http://proxy:a", "the URL of a proxy is"),
        ("http://[::1:3128", "the URL of a proxy is"),
        (f"socks://bob:{SECRET}@proxy:1080", "socks:// is no kind of proxy"),
        (f"ftp://bob:{SECRET}@proxy:21", "ftp:// is no kind of proxy"),
        (f"https://bob:{SECRET}@proxy:443", r"https://\) is not supported"),
        ("http://proxy:0", "from 1 to 65535"),
        ("socks5://proxy:65536", "from 1 to 65535"),
        (f"http://bob:{SECRET}@pro xy:3128", "cannot be the name of a host"),
        (f"http://bob:{SECRET}@pro\r\nxy:3128", "cannot be the name of a host"),
        (f"http://bob:{SECRET}@[::g]:3128", "the URL of a proxy is"),
        (f"http://bob:{SECRET}@[::1::]:3128", "cannot be the name of a host"),
        (f"http://bob:{SECRET}%0d%0aX: y@proxy:3128", "CR, LF, NUL"),
        (f"http://bob:{SECRET}\r\n@proxy:3128", "CR, LF, NUL"),
        (f"socks5://bob%00:{SECRET}@proxy", "CR, LF, NUL"),
        (f"socks4://bob%00{SECRET}@proxy", "CR, LF, NUL"),
        (f"http://bob%3A:{SECRET}@proxy:3128", "colon"),
        (f"socks5://bob:{SECRET}%C3%A4@proxy", "ASCII"),
        (f"socks5://bob:{SECRET}\udcff@proxy", "ASCII"),
        (f"socks5://bob:{SECRET * 50}@proxy", "255"),
        ("socks5://bob@proxy", "both or neither"),
        (f"socks5://:{SECRET}@proxy", "both or neither"),
        (f"socks4a://bob:{SECRET}@proxy", "SOCKS 4 has no passwords"),
    ],
)
def test_what_is_no_proxy(url: str, words: str) -> None:
    with pytest.raises(LocalProtocolError, match=words) as e:
        find_route(url, HOST, 110)
    check_secret(e.value)


@pytest.mark.parametrize("login", [f"bob%00:{SECRET}", f"bob:{SECRET}%0d%0a"])
@pytest.mark.parametrize("scheme", ["http", "https", "socks", "socks4", "socks5h"])
async def test_what_is_no_proxy_is_not_dialled(net: Net, scheme: str, login: str) -> None:
    with socket.create_server((LOOPBACK, 0)) as there:
        there.setblocking(False)
        with pytest.raises(LocalProtocolError) as e:
            await net.connect(
                110, host=HOST, proxy=f"{scheme}://{login}@{LOOPBACK}:{there.getsockname()[1]}"
            )
        with pytest.raises(BlockingIOError):
            there.accept()
    check_secret(e.value)


@pytest.mark.parametrize("scheme", ["socks4", "socks4a"])
def test_socks_4_does_not_go_to_ipv6(scheme: str) -> None:
    with pytest.raises(LocalProtocolError, match="SOCKS 4 has no IPv6: use socks5://"):
        find_route(f"{scheme}://proxy", "::1", 110)


async def test_without_python_socks(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_socks", None)
    with pytest.raises(LocalProtocolError, match=r"pip install 'pop3-proto\[socks\]'"):
        await net.connect(110, host=HOST, proxy="socks5h://proxy")
    assert not find_route("http://proxy:3128", HOST, 110).is_socks
