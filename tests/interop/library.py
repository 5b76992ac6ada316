"""Our blocking client in a session with a real server."""

import ssl

from pop3_adapters.socket import Client, Timeouts, connect
from pop3_proto import TlsPolicy
from tests.interop.servers.server import Server, User


def connected(server: Server, mode: TlsPolicy) -> Client:
    """A client that trusts the server's authority and nobody else."""
    context = ssl.create_default_context(cafile=server.ca_file)
    port = server.tls_port if mode is TlsPolicy.IMPLICIT else server.port
    return connect("localhost", port, tls=mode, context=context, timeouts=Timeouts(silence=30))


def logged_in(server: Server, mode: TlsPolicy, user: User) -> Client:
    client = connected(server, mode)
    log_in(client, mode, user)
    return client


def log_in(client: Client, mode: TlsPolicy, user: User) -> None:
    client.login(user.name, user.password, allow_insecure_auth=mode is TlsPolicy.NONE)
