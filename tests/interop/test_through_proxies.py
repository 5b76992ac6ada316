"""Our client through proxies of others, on every backend and in every mode."""

import ssl
from pathlib import Path

import pytest

from pop3_adapters.socket import Timeouts
from pop3_proto import TlsPolicy
from tests.adapters.async_backends import LIBRARIES, AsyncClients
from tests.adapters.backends import ClientBackend, Session
from tests.adapters.socket_backend import SocketClients
from tests.interop import proxies
from tests.interop.conftest import path_of
from tests.interop.modes import every_mode
from tests.interop.ours import NAME, PASSWORD, OurServer
from tests.interop.proxies import SECRET, USER
from tests.interop.seeds import SEEDS

pytestmark = pytest.mark.interop

WIRE = [seed.on_wire for seed in SEEDS.values()]
CLIENTS: dict[str, ClientBackend] = {
    "socket": SocketClients(),
    **{name: AsyncClients(library) for name, library in LIBRARIES.items()},
}

every_client = pytest.mark.parametrize("clients", CLIENTS.values(), ids=CLIENTS)
plain = pytest.mark.parametrize("mode", [TlsPolicy.NONE], ids=["plain"])


@pytest.fixture
def microsocks() -> str:
    return path_of("microsocks")


@pytest.fixture
def tinyproxy() -> str:
    return path_of("tinyproxy")


async def connect(clients: ClientBackend, server: OurServer, proxy: str) -> Session:
    return await clients.connect(
        "localhost",
        server.port,
        tls=server.mode,
        context=ssl.create_default_context(cafile=server.ca_file),
        timeouts=Timeouts(),
        limits=None,
        trace=None,
        proxy=proxy,
    )


def fetch(clients: ClientBackend, server: OurServer, proxy: str) -> list[bytes]:
    """All messages through a proxy."""
    bodies: list[bytes] = []

    async def scenario() -> None:
        async with await connect(clients, server, proxy) as session:
            await session.login(NAME, PASSWORD, allow_insecure_auth=not session.tls)
            numbers = [number for number, _ in await session.scan_listings()]
            bodies.extend([await message.read() async for message in session.fetch(numbers)])

    clients.run(scenario())
    return bodies


def refused(clients: ClientBackend, server: OurServer, proxy: str, words: str) -> None:
    async def scenario() -> None:
        with pytest.raises(OSError, match=rf"through the proxy 127\.0\.0\.1:.*{words}") as error:
            _ = await connect(clients, server, proxy)
        assert "wrong" not in str(error.value)

    clients.run(scenario())


@every_client
@every_mode
@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_microsocks(
    microsocks: str, our_server: OurServer, clients: ClientBackend, scheme: str
) -> None:
    with proxies.microsocks(microsocks) as port:
        url = f"{scheme}://{USER}:{SECRET}@127.0.0.1:{port}"
        assert fetch(clients, our_server, url) == WIRE


@every_client
@plain
def test_microsocks_refuses(microsocks: str, our_server: OurServer, clients: ClientBackend) -> None:
    with proxies.microsocks(microsocks) as port:
        refused(clients, our_server, f"socks5h://{USER}:wrong@127.0.0.1:{port}", "authentication")
        refused(clients, our_server, f"socks5h://127.0.0.1:{port}", "authentication")


@every_client
@every_mode
@pytest.mark.parametrize("scheme", ["socks4", "socks4a"])
def test_twisted(our_server: OurServer, clients: ClientBackend, scheme: str) -> None:
    with proxies.twisted() as port:
        assert fetch(clients, our_server, f"{scheme}://127.0.0.1:{port}") == WIRE


@every_client
@every_mode
def test_tinyproxy(
    tinyproxy: str, our_server: OurServer, clients: ClientBackend, tmp_path: Path
) -> None:
    with proxies.tinyproxy(tinyproxy, tmp_path, our_server.port) as port:
        url = f"http://{USER}:{SECRET}@127.0.0.1:{port}"
        assert fetch(clients, our_server, url) == WIRE


@every_client
@plain
def test_tinyproxy_refuses(
    tinyproxy: str, our_server: OurServer, clients: ClientBackend, tmp_path: Path
) -> None:
    with proxies.tinyproxy(tinyproxy, tmp_path, our_server.port + 1) as port:
        url = f"127.0.0.1:{port}"
        refused(clients, our_server, f"http://{url}", "put a name and a password")
        refused(clients, our_server, f"http://{USER}:wrong@{url}", "40[17]")
        refused(clients, our_server, f"http://{USER}:{SECRET}@{url}", "403")
