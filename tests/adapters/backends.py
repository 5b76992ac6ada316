"""What the scenarios ask of a client and of a server, whatever library does their I/O.

A scenario is a coroutine, so that it can run in any event loop; a blocking client is awaited, too.
A server always runs apart from the scenario, in threads or in a loop of its own.
"""

import socket
import ssl
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Iterable,
    Mapping,
)
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar, Unpack

from pop3_adapters.socket import ClientOptions, ServerOptions, Timeouts
from pop3_proto import (
    Authenticator,
    Capabilities,
    ClientMechanism,
    Command,
    CommandFailed,
    Deletions,
    Greeting,
    Limits,
    LoginAttempt,
    MailboxStat,
    Offer,
    ScanListing,
    ServerMechanism,
    State,
    TlsPolicy,
    Trace,
    UniqueId,
)
from pop3_proto.flows.login_oauth import TokenProvider

__all__ = ["ClientBackend", "Incoming", "RunningServer", "ServerBackend", "Session"]

T = TypeVar("T")


class Incoming(Protocol):
    """A message while it arrives."""

    @property
    def number(self) -> int: ...
    @property
    def refusal(self) -> CommandFailed | None: ...
    @property
    def complete(self) -> bool: ...
    def __aiter__(self) -> AsyncIterator[bytes]: ...
    async def read(self) -> bytes: ...
    async def delete(self) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Fetching(Protocol):
    """Messages, one after the other."""

    def __aiter__(self) -> AsyncIterator[Incoming]: ...
    def __anext__(self) -> Awaitable[Incoming]: ...
    def aclose(self) -> Awaitable[None]: ...


class Session(Protocol):
    """A client's session."""

    @property
    def greeting(self) -> Greeting: ...
    @property
    def state(self) -> State: ...
    @property
    def tls(self) -> bool: ...
    @property
    def capabilities(self) -> Capabilities | None: ...
    @property
    def tls_object(self) -> ssl.SSLObject | None: ...
    @property
    def marked(self) -> frozenset[int]: ...
    @property
    def deletions(self) -> Deletions: ...
    def offer(self, capability: str) -> Offer: ...
    async def ask_capabilities(self) -> Capabilities | None: ...
    async def login(
        self,
        name: str | bytes,
        password: str | bytes,
        *,
        mechanism: str | None = None,
        initial_response: bool = True,
        allow_insecure_auth: bool = False,
        allow_utf8_login: bool = False,
    ) -> str: ...
    async def login_oauth(
        self,
        name: str | bytes,
        token: str | TokenProvider,
        *,
        mechanism: str | None = None,
        initial_response: bool = False,
        allow_insecure_auth: bool = False,
    ) -> str: ...
    async def authenticate(
        self,
        mechanism: ClientMechanism,
        *,
        initial_response: bool = True,
        allow_insecure_auth: bool = False,
    ) -> None: ...
    async def request(self, command: Command[T]) -> T: ...
    async def stat(self) -> MailboxStat: ...
    async def scan_listings(self) -> list[ScanListing]: ...
    async def scan_listing(self, number: int) -> ScanListing: ...
    async def unique_ids(self) -> list[UniqueId]: ...
    async def unique_id(self, number: int) -> UniqueId: ...
    async def retrieve(self, number: int) -> Incoming: ...
    async def top(self, number: int, lines: int = 0) -> Incoming: ...
    def fetch(self, messages: Iterable[int | ScanListing], *, window: int = 256) -> Fetching: ...
    async def delete(self, *numbers: int) -> None: ...
    async def reset(self) -> None: ...
    async def noop(self) -> None: ...
    async def quit(self) -> Deletions: ...
    async def close(self) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class ClientBackend(Protocol):
    """One way to run a client."""

    def run(self, scenario: Coroutine[object, object, None]) -> None:
        """Run a scenario to its end."""
        ...

    async def connect(
        self,
        host: str,
        port: int,
        *,
        tls: TlsPolicy,
        context: ssl.SSLContext | None,
        timeouts: Timeouts | None,
        limits: Limits | None,
        trace: Trace | None,
        local_address: str | None = None,
        proxy: str | None = None,
    ) -> Session:
        """Connect as the library's users do."""
        ...

    async def connect_unix(
        self, path: str, *, host: str | None = None, **options: Unpack[ClientOptions]
    ) -> Session:
        """Connect through a Unix socket."""
        ...

    async def connect_stream(
        self, sock: socket.socket, *, host: str | None = None, **options: Unpack[ClientOptions]
    ) -> Session:
        """Go on with a socket that is connected, as a stream of the library's."""
        ...


class RunningServer(Protocol):
    """A server that somebody else runs."""

    @property
    def port(self) -> int: ...
    def close(self, grace: float = 0.0) -> None: ...


class ServerBackend(Protocol):
    """One way to run a server."""

    def serve(
        self,
        authenticator: Authenticator,
        *,
        tls: TlsPolicy,
        context: ssl.SSLContext | None,
        allow_insecure_auth: bool,
        limits: Limits | None,
        mechanisms: Mapping[str, Callable[[], ServerMechanism]],
        apop: bool,
        logins: Collection[str] | None,
        failure_delay: float,
        on_login: Callable[[LoginAttempt, str], object] | None,
        commands: Iterable[type[Command[object]]],
        login: float,
        autologout: float,
        handshake: float,
        connections: int | None,
        connections_per_address: int | None,
        proxies: Iterable[str],
        trace: Callable[[str], Trace] | None,
    ) -> AbstractContextManager[RunningServer]:
        """Serve on a free port until the context ends; an autologout may be short."""
        ...

    def serve_unix(
        self, authenticator: Authenticator, path: Path, **options: Unpack[ServerOptions]
    ) -> AbstractContextManager[RunningServer]:
        """Serve on a Unix socket until the context ends."""
        ...
