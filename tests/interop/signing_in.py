"""Our client before it has signed in to a real server, blocking and on an event loop."""

import ssl
from pathlib import Path

import pytest

from pop3_adapters.socket import Timeouts
from pop3_proto import TlsPolicy
from tests.adapters.async_backends import LIBRARIES, AsyncClients
from tests.adapters.backends import ClientBackend, Session
from tests.adapters.socket_backend import SocketClients
from tests.interop.servers.server import Server

BACKENDS: dict[str, ClientBackend] = {
    "socket": SocketClients(),
    "asyncio": AsyncClients(LIBRARIES["asyncio"]),
}

every_backend = pytest.mark.parametrize("clients", BACKENDS.values(), ids=BACKENDS.keys())


async def connected(
    clients: ClientBackend,
    server: Server,
    mode: TlsPolicy = TlsPolicy.STLS,
    *,
    certificate: Path | None = None,
) -> Session:
    """A session that shows a client's certificate where there is one."""
    context = ssl.create_default_context(cafile=server.ca_file)
    if certificate:
        context.load_cert_chain(certificate)
    return await clients.connect(
        "localhost",
        server.tls_port if mode is TlsPolicy.IMPLICIT else server.port,
        tls=mode,
        context=context,
        timeouts=Timeouts(silence=30),
        limits=None,
        trace=None,
    )
