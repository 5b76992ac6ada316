"""A client's library, a server's library and certificates: what a scenario runs on."""

import ssl
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_adapters.socket import ServerOptions, Timeouts
from pop3_proto import (
    Authenticator,
    Command,
    Limits,
    LoginAttempt,
    Maildrop,
    ServerMechanism,
    TlsPolicy,
    Trace,
)
from pop3_proto.flows.server import NO_MECHANISMS

from .backends import ClientBackend, RunningServer, ServerBackend, Session
from .certificates import Certificates
from .wire import LOOPBACK

__all__ = ["NAME", "PASSWORD", "Net", "Served"]

NAME = "alice"
PASSWORD = "correct horse"


@dataclass(frozen=True)
class Served:
    """A server of ours that runs, and the policy that it was started with."""

    running: RunningServer
    tls: TlsPolicy

    @property
    def port(self) -> int:
        return self.running.port


class Net:
    """Starts servers and connects clients; what it has started ends with the test."""

    def __init__(
        self,
        clients: ClientBackend,
        servers: ServerBackend,
        certificates: Certificates,
        started: ExitStack,
    ) -> None:
        self.clients = clients
        self.certificates = certificates
        self._servers = servers
        self._started = started

    def serve(
        self,
        maildrop: Maildrop | Callable[[str], Maildrop],
        *,
        authenticator: Authenticator | None = None,
        tls: TlsPolicy = TlsPolicy.NONE,
        context: ssl.SSLContext | None = None,
        allow_insecure_auth: bool | None = None,
        limits: Limits | None = None,
        mechanisms: Mapping[str, Callable[[], ServerMechanism]] = NO_MECHANISMS,
        apop: bool = False,
        logins: Collection[str] | None = None,
        failure_delay: float = 0.0,
        on_login: Callable[[LoginAttempt, str], object] | None = None,
        commands: Iterable[type[Command[object]]] = (),
        login: float = 60.0,
        autologout: float = 600.0,
        handshake: float = 30.0,
        connections: int | None = None,
        connections_per_address: int | None = None,
        proxies: Iterable[str] = (),
        trace: Callable[[str], Trace] | None = None,
    ) -> Served:
        """A server of ours with one user; without TLS it takes passwords unless told otherwise, and
        nobody waits for the answer to a login that fails."""
        plain = tls is TlsPolicy.NONE

        def find(name: str) -> Maildrop:
            return maildrop(name) if callable(maildrop) else maildrop

        running = self._started.enter_context(
            self._servers.serve(
                authenticator or Passwords({NAME: PASSWORD}, find),
                tls=tls,
                context=None if plain else context or self.certificates.server(),
                allow_insecure_auth=plain if allow_insecure_auth is None else allow_insecure_auth,
                limits=limits,
                mechanisms=mechanisms,
                apop=apop,
                logins=logins,
                failure_delay=failure_delay,
                on_login=on_login,
                commands=commands,
                login=login,
                autologout=autologout,
                handshake=handshake,
                connections=connections,
                connections_per_address=connections_per_address,
                proxies=proxies,
                trace=trace,
            )
        )
        return Served(running, tls)

    def serve_unix(
        self, maildrop: Maildrop, path: Path, **options: Unpack[ServerOptions]
    ) -> RunningServer:
        """A server of ours with one user, on a Unix socket."""
        users = Passwords({NAME: PASSWORD}, lambda name: maildrop)
        return self._started.enter_context(self._servers.serve_unix(users, path, **options))

    async def connect(
        self,
        port: int,
        *,
        tls: TlsPolicy = TlsPolicy.NONE,
        host: str = LOOPBACK,
        context: ssl.SSLContext | None = None,
        timeouts: Timeouts | None = None,
        limits: Limits | None = None,
        trace: Trace | None = None,
        local_address: str | None = None,
        proxy: str | None = None,
    ) -> Session:
        """A client's session with whatever listens there."""
        return await self.clients.connect(
            host,
            port,
            tls=tls,
            context=context or self.certificates.client(),
            timeouts=timeouts,
            limits=limits,
            trace=trace,
            local_address=local_address,
            proxy=proxy,
        )

    async def login(
        self, server: Served, *, timeouts: Timeouts | None = None, limits: Limits | None = None
    ) -> Session:
        """A client's session with a server of ours, in TRANSACTION."""
        session = await self.connect(server.port, tls=server.tls, timeouts=timeouts, limits=limits)
        await session.login(NAME, PASSWORD, allow_insecure_auth=not session.tls)
        return session

    def memory(self, *messages: bytes) -> MemoryMaildrop:
        """A maildrop."""
        return MemoryMaildrop(messages)
