"""The ways to a server: names, addresses, Unix sockets, what is connected already, certificates."""

import contextlib
import inspect
import select
import socket
import ssl
from collections.abc import Callable, Generator
from pathlib import Path
from types import ModuleType

import anyio
import anyio.abc
import anyio.streams.tls
import pytest
import trio

from pop3_adapters import anyio as anyio_module
from pop3_adapters import asyncio as asyncio_module
from pop3_adapters import socket as socket_module
from pop3_adapters import trio as trio_module
from pop3_adapters.socket import Timeouts
from pop3_proto import LocalProtocolError, RemoteProtocolError, TlsPolicy

from .net import NAME, PASSWORD, Net
from .scripts import accept_quit, begin, greet, let_in
from .wire import BOUND, LOOPBACK, Wire, played, scripted

SECURED = [TlsPolicy.STLS, TlsPolicy.IMPLICIT]
IDS = ["stls", "implicit"]

PATIENT = Timeouts(connect=BOUND)

# uvloop looks names up by itself, and takes their addresses in turn.
LOOKING_UP = ["socket", "asyncio", "trio", "anyio-asyncio", "anyio-trio"]
RACING = ["asyncio", "trio", "anyio-asyncio", "anyio-trio"]


def visited(wire: Wire) -> None:
    greet(wire)
    accept_quit(wire)


def resolved(monkeypatch: pytest.MonkeyPatch, name: str, *addresses: str) -> None:
    """A name has these addresses, in this order."""
    real = socket.getaddrinfo

    def getaddrinfo(
        host: str | bytes, port: int, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> object:
        text = host.decode() if isinstance(host, bytes) else host
        if text != name or flags & socket.AI_NUMERICHOST:
            return real(host, port, family, type, proto, flags)
        found = (real(address, port, family, type, proto, flags) for address in addresses)
        return [info for infos in found for info in infos]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.fixture
def ipv6() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here: enable it with `sysctl -w net.ipv6.conf.all.disable_ipv6=0`")


@pytest.fixture
def listener(tmp_path: Path) -> Generator[socket.socket]:
    """A Unix socket that takes connections."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "pop3"))
        listening.listen()
        yield listening


@pytest.fixture
def path(listener: socket.socket) -> str:
    """Where it is."""
    name: str = listener.getsockname()
    return name


# Names and addresses.


@pytest.mark.parametrize("policy", SECURED, ids=IDS)
async def test_the_name_that_was_mapped_is_looked_up_and_verified(
    net: Net, policy: TlsPolicy
) -> None:
    named = net.certificates.server("localhost")
    server = net.serve(net.memory(), tls=policy, context=named)
    async with await net.connect(server.port, host="\uff4cocalhost", tls=policy) as session:
        assert session.tls


@pytest.mark.parametrize("backend", LOOKING_UP, indirect=True)
async def test_an_international_name_is_looked_up_sent_and_verified_as_its_a_label(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def remember(connection: object, name: str, context: ssl.SSLContext) -> None:
        asked.append(name)

    named = net.certificates.server("xn--strae-oqa.example")
    named.sni_callback = remember
    server = net.serve(net.memory(), tls=TlsPolicy.IMPLICIT, context=named)
    resolved(monkeypatch, "xn--strae-oqa.example", LOOPBACK)
    async with await net.connect(server.port, host="Straße.example", tls=TlsPolicy.IMPLICIT):
        assert asked == ["xn--strae-oqa.example"]


@pytest.mark.parametrize("host", ["", "pop.example.org:995", "☃.example", "a..b"])
async def test_what_is_no_host_is_not_looked_up(net: Net, host: str) -> None:
    with pytest.raises(LocalProtocolError, match="cannot be the name of a host"):
        _ = await net.connect(110, host=host)


@pytest.mark.usefixtures("ipv6")
@pytest.mark.parametrize("host", ["::1", "[::1]", "0:0:0:0:0:0:0:1"])
@pytest.mark.parametrize("policy", SECURED, ids=IDS)
async def test_an_ipv6_address_is_verified_as_one(net: Net, policy: TlsPolicy, host: str) -> None:
    def play(wire: Wire) -> None:
        begin(wire, policy, net.certificates.server("::1"))
        accept_quit(wire)
        assert wire.rest() == b""

    with socket.create_server(("::1", 0), family=socket.AF_INET6) as there, played(there, play):
        port: int = there.getsockname()[1]
        async with await net.connect(port, host=host, tls=policy) as session:
            assert session.tls


@pytest.mark.usefixtures("ipv6")
async def test_a_certificate_for_another_ipv6_address_is_refused(net: Net) -> None:
    def play(wire: Wire) -> None:
        with pytest.raises(ssl.SSLError, match=r"(?i)alert"):
            wire.start_tls(net.certificates.server("::2"), server_side=True)

    refused = pytest.raises(ssl.SSLCertVerificationError, match="::1")
    there = socket.create_server(("::1", 0), family=socket.AF_INET6)
    with there, played(there, play), refused:
        _ = await net.connect(there.getsockname()[1], host="::1", tls=TlsPolicy.IMPLICIT)


async def test_a_source_address(net: Net) -> None:
    peers: list[object] = []

    def play(wire: Wire) -> None:
        peers.append(wire.peer)
        visited(wire)

    with scripted(play) as port:
        async with await net.connect(port, local_address="127.0.0.2"):
            pass
    assert [peer[0] for peer in peers if isinstance(peer, tuple)] == ["127.0.0.2"]


async def test_a_source_address_that_is_not_here(net: Net) -> None:
    server = net.serve(net.memory())
    with pytest.raises(OSError, match=r"(?i)address"):
        _ = await net.connect(server.port, local_address="192.0.2.1")


# Several addresses. uvloop asks the system instead, which says something that works, too.


async def test_an_address_that_refuses_is_not_the_last_one(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = net.serve(net.memory())
    resolved(monkeypatch, "localhost", "::1", LOOPBACK)
    async with await net.connect(server.port, host="localhost", timeouts=PATIENT) as session:
        assert session.greeting.ok


def pair_of_listeners() -> tuple[socket.socket, socket.socket]:
    """Sockets of ::1 and of 127.0.0.1 on one port; the second one takes connections."""
    while True:
        first = socket.socket(socket.AF_INET6)
        first.bind(("::1", 0))
        try:
            return first, socket.create_server((LOOPBACK, first.getsockname()[1]))
        except OSError:  # somebody has that port
            first.close()


@contextlib.contextmanager
def beside_black_hole() -> Generator[socket.socket]:
    """Takes connections at 127.0.0.1, on a port where ::1 neither accepts nor refuses them."""
    with contextlib.ExitStack() as opened:
        full, open_one = pair_of_listeners()
        _ = opened.enter_context(full), opened.enter_context(open_one)
        full.listen(0)
        for _ in range(8):  # more than wait in a queue for none
            waiting = opened.enter_context(socket.socket(socket.AF_INET6))
            waiting.setblocking(False)
            _ = waiting.connect_ex(full.getsockname())
        yield open_one


@pytest.mark.usefixtures("ipv6")
@pytest.mark.parametrize("backend", RACING, indirect=True)
async def test_an_address_that_says_nothing_is_overtaken(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolved(monkeypatch, "localhost", "::1", LOOPBACK)
    with beside_black_hole() as there, played(there, visited):
        port: int = there.getsockname()[1]
        async with await net.connect(port, host="localhost", timeouts=PATIENT) as session:
            assert session.greeting.ok


@pytest.mark.usefixtures("ipv6")
@pytest.mark.parametrize("backend", ["socket"], indirect=True)
async def test_blocking_sockets_take_the_next_address_when_time_is_up(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolved(monkeypatch, "localhost", "::1", LOOPBACK)
    short = Timeouts(connect=0.2)
    with beside_black_hole() as there, played(there, visited):
        port: int = there.getsockname()[1]
        async with await net.connect(port, host="localhost", timeouts=short) as session:
            assert session.greeting.ok


# Unix sockets.


async def test_a_unix_socket_needs_no_tls_for_a_password(
    net: Net, listener: socket.socket, path: str
) -> None:
    def play(wire: Wire) -> None:
        let_in(wire)
        accept_quit(wire)

    with played(listener, play):
        async with await net.clients.connect_unix(path) as session:
            assert not session.tls
            await session.login(NAME, PASSWORD)


@pytest.mark.parametrize("policy", SECURED, ids=IDS)
async def test_a_unix_socket_with_tls_verifies_the_name_it_was_told(
    net: Net, listener: socket.socket, path: str, policy: TlsPolicy
) -> None:
    def play(wire: Wire) -> None:
        begin(wire, policy, net.certificates.server("pop.example.org"))
        accept_quit(wire)
        assert wire.rest() == b""

    context = net.certificates.client()
    with played(listener, play):
        async with await net.clients.connect_unix(
            path, host="pop.example.org", tls=policy, context=context
        ) as session:
            assert session.tls


async def test_a_unix_socket_with_the_certificate_of_another_name_is_refused(
    net: Net, listener: socket.socket, path: str
) -> None:
    def play(wire: Wire) -> None:
        with pytest.raises(ssl.SSLError, match=r"(?i)alert"):
            wire.start_tls(net.certificates.server("pop.example.org"), server_side=True)

    with played(listener, play), pytest.raises(ssl.SSLCertVerificationError, match="other"):
        _ = await net.clients.connect_unix(
            path,
            host="other.example.org",
            tls=TlsPolicy.IMPLICIT,
            context=net.certificates.client(),
        )


@pytest.mark.parametrize("policy", [*SECURED, TlsPolicy.OPPORTUNISTIC])
async def test_tls_without_a_name_to_verify_is_refused(net: Net, policy: TlsPolicy) -> None:
    with pytest.raises(LocalProtocolError, match="host="):
        _ = await net.clients.connect_unix("/nowhere", tls=policy)


async def test_a_context_that_verifies_no_name_needs_none(
    net: Net, listener: socket.socket, path: str
) -> None:
    def play(wire: Wire) -> None:
        begin(wire, TlsPolicy.IMPLICIT, net.certificates.server("pop.example.org"))
        accept_quit(wire)
        assert wire.rest() == b""

    context = net.certificates.client()
    context.check_hostname = False
    with played(listener, play):
        async with await net.clients.connect_unix(
            path, tls=TlsPolicy.IMPLICIT, context=context
        ) as session:
            assert session.tls


async def test_a_unix_socket_that_is_not_there(net: Net, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        _ = await net.clients.connect_unix(str(tmp_path / "nothing"))


# What is connected already.


async def test_a_socket_that_is_connected(net: Net, tls: TlsPolicy) -> None:
    server = net.serve(net.memory(b"one\n", b"two\n"), tls=tls)
    sock = socket.create_connection((LOOPBACK, server.port))
    context = net.certificates.client()
    async with await net.clients.connect_stream(
        sock, host=LOOPBACK, tls=tls, context=context
    ) as session:
        await session.login(NAME, PASSWORD, allow_insecure_auth=not session.tls)
        numbers = [message.number async for message in session.fetch([1, 2])]
        assert numbers == [1, 2]


async def test_a_unix_socket_that_is_connected(
    net: Net, listener: socket.socket, path: str
) -> None:
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)
    with played(listener, visited):
        async with await net.clients.connect_stream(sock, tls=TlsPolicy.NONE) as session:
            with pytest.raises(LocalProtocolError, match="in plaintext"):
                await session.login(NAME, PASSWORD)


async def test_a_socket_whose_peer_is_no_server_is_closed(net: Net) -> None:
    def play(wire: Wire) -> None:
        wire.send(b"220 SMTP\r\n")
        assert wire.rest() == b""

    with scripted(play) as port:
        sock = socket.create_connection((LOOPBACK, port))
        with pytest.raises(RemoteProtocolError):
            _ = await net.clients.connect_stream(sock, tls=TlsPolicy.NONE)


@pytest.mark.parametrize("backend", ["socket"], indirect=True)
async def test_a_stream_without_the_name_that_tls_needs_stays_open(net: Net) -> None:
    server = net.serve(net.memory())
    with socket.create_connection((LOOPBACK, server.port)) as sock:
        with pytest.raises(LocalProtocolError, match=r"host=.*TlsPolicy\.NONE"):
            _ = await net.clients.connect_stream(sock)
        assert sock.recv(3) == b"+OK"


@pytest.mark.parametrize("backend", ["trio"], indirect=True)
async def test_any_stream_of_trio(net: Net) -> None:
    server = net.serve(net.memory(b"one\n"), tls=TlsPolicy.IMPLICIT)
    stream = trio.SSLStream(
        await trio.open_tcp_stream(LOOPBACK, server.port),
        net.certificates.client(),
        server_hostname=LOOPBACK,
        https_compatible=True,
    )
    async with await trio_module.connect_stream(stream, tls=TlsPolicy.NONE) as client:
        await client.login(NAME, PASSWORD, allow_insecure_auth=True)
        assert (await client.stat()).messages == 1
        async with await client.retrieve(1) as message:
            assert await message.read() == b"one\r\n"


@pytest.mark.parametrize("backend", ["anyio-asyncio", "anyio-trio"], indirect=True)
async def test_any_stream_of_anyio(net: Net) -> None:
    server = net.serve(net.memory(b"one\n"), tls=TlsPolicy.IMPLICIT)
    stream = await anyio.streams.tls.TLSStream.wrap(
        await anyio.connect_tcp(LOOPBACK, server.port),
        server_side=False,
        hostname=LOOPBACK,
        ssl_context=net.certificates.client(),
        standard_compatible=False,
    )
    async with await anyio_module.connect_stream(stream, tls=TlsPolicy.NONE) as client:
        await client.login(NAME, PASSWORD, allow_insecure_auth=True)
        assert (await client.stat()).messages == 1
        async with await client.retrieve(1) as message:
            assert await message.read() == b"one\r\n"


@pytest.mark.parametrize("backend", ["anyio-asyncio", "anyio-trio"], indirect=True)
async def test_octets_of_tls_are_not_taken_for_something_to_read(net: Net) -> None:
    def play(wire: Wire) -> None:
        wire.start_tls(net.certificates.server(), server_side=True)  # with tickets, and no more
        assert wire.rest() == b""

    with scripted(play) as port:
        secured = await anyio.streams.tls.TLSStream.wrap(
            await anyio.connect_tcp(LOOPBACK, port),
            server_side=False,
            hostname=LOOPBACK,
            ssl_context=net.certificates.client(),
            standard_compatible=False,
        )
        raw = secured.extra(anyio.abc.SocketAttribute.raw_socket)
        assert select.select([raw], [], [], BOUND)[0]
        stream = anyio_module.AnyioStream(secured)
        with pytest.raises(TimeoutError):
            _ = await stream.receive(0)
        await stream.close()


# Certificates of the client; those that are accepted are in test_security.py.


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("policy", SECURED, ids=IDS)
async def test_a_client_whose_certificate_the_server_does_not_know(
    net: Net, policy: TlsPolicy, version: ssl.TLSVersion
) -> None:
    context = net.certificates.demanding()
    context.minimum_version = context.maximum_version = version
    server = net.serve(net.memory(), tls=policy, context=context)
    mine = net.certificates.client(own=True, known=False)
    # Under TLS 1.3 the client has done its handshake when it is told.
    with pytest.raises(ssl.SSLError, match=r"certificate of this client.*alert unknown ca"):
        _ = await net.connect(server.port, tls=policy, context=mine)


# One face for all.


def parameters(function: Callable[..., object]) -> list[inspect.Parameter]:
    # Each module has streams of its own.
    return [
        parameter.replace(annotation=object) if parameter.name == "stream" else parameter
        for parameter in inspect.signature(function).parameters.values()
    ]


@pytest.mark.parametrize("module", [asyncio_module, trio_module, anyio_module])
@pytest.mark.parametrize("name", ["connect", "connect_unix", "connect_stream"])
def test_one_signature_for_all(module: ModuleType, name: str) -> None:
    assert parameters(getattr(module, name)) == parameters(getattr(socket_module, name))
