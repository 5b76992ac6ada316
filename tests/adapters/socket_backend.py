"""The blocking client and the threaded server as backends."""

import socket
import ssl
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Collection,
    Coroutine,
    Iterable,
    Mapping,
)
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar, Unpack

from pop3_adapters.socket import (
    Client,
    ClientOptions,
    Message,
    Server,
    ServerOptions,
    Timeouts,
    connect,
    connect_stream,
    connect_unix,
    serve,
    serve_unix,
)
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

__all__ = ["SocketClients", "SocketServers"]

T = TypeVar("T")


class AwaitedMessage:
    """A message whose methods never let anybody else run."""

    def __init__(self, message: Message) -> None:
        self._message = message

    @property
    def number(self) -> int:
        return self._message.number

    @property
    def refusal(self) -> CommandFailed | None:
        return self._message.refusal

    @property
    def complete(self) -> bool:
        return self._message.complete

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._message:
            yield chunk

    async def read(self) -> bytes:
        return self._message.read()

    async def delete(self) -> None:
        self._message.delete()

    async def __aenter__(self) -> Self:
        _ = self._message.__enter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._message.__exit__(kind, error, trace)


class AwaitedClient:
    """A client whose methods never let anybody else run."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def greeting(self) -> Greeting:
        return self._client.greeting

    @property
    def state(self) -> State:
        return self._client.state

    @property
    def tls(self) -> bool:
        return self._client.tls

    @property
    def capabilities(self) -> Capabilities | None:
        return self._client.capabilities

    @property
    def tls_object(self) -> ssl.SSLObject | None:
        return self._client.tls_object

    @property
    def marked(self) -> frozenset[int]:
        return self._client.marked

    @property
    def deletions(self) -> Deletions:
        return self._client.deletions

    def offer(self, capability: str) -> Offer:
        return self._client.offer(capability)

    async def ask_capabilities(self) -> Capabilities | None:
        return self._client.ask_capabilities()

    async def login(
        self,
        name: str | bytes,
        password: str | bytes,
        *,
        mechanism: str | None = None,
        initial_response: bool = True,
        allow_insecure_auth: bool = False,
        allow_utf8_login: bool = False,
    ) -> str:
        return self._client.login(
            name,
            password,
            mechanism=mechanism,
            initial_response=initial_response,
            allow_insecure_auth=allow_insecure_auth,
            allow_utf8_login=allow_utf8_login,
        )

    async def login_oauth(
        self,
        name: str | bytes,
        token: str | TokenProvider,
        *,
        mechanism: str | None = None,
        initial_response: bool = False,
        allow_insecure_auth: bool = False,
    ) -> str:
        return self._client.login_oauth(
            name,
            token,
            mechanism=mechanism,
            initial_response=initial_response,
            allow_insecure_auth=allow_insecure_auth,
        )

    async def authenticate(
        self,
        mechanism: ClientMechanism,
        *,
        initial_response: bool = True,
        allow_insecure_auth: bool = False,
    ) -> None:
        self._client.authenticate(
            mechanism, initial_response=initial_response, allow_insecure_auth=allow_insecure_auth
        )

    async def request(self, command: Command[T]) -> T:
        return self._client.request(command)

    async def stat(self) -> MailboxStat:
        return self._client.stat()

    async def scan_listings(self) -> list[ScanListing]:
        return self._client.scan_listings()

    async def scan_listing(self, number: int) -> ScanListing:
        return self._client.scan_listing(number)

    async def unique_ids(self) -> list[UniqueId]:
        return self._client.unique_ids()

    async def unique_id(self, number: int) -> UniqueId:
        return self._client.unique_id(number)

    async def retrieve(self, number: int) -> AwaitedMessage:
        return AwaitedMessage(self._client.retrieve(number))

    async def top(self, number: int, lines: int = 0) -> AwaitedMessage:
        return AwaitedMessage(self._client.top(number, lines))

    async def fetch(
        self, messages: Iterable[int | ScanListing], *, window: int = 256
    ) -> AsyncGenerator[AwaitedMessage]:
        for message in self._client.fetch(messages, window=window):
            yield AwaitedMessage(message)

    async def delete(self, *numbers: int) -> None:
        self._client.delete(*numbers)

    async def reset(self) -> None:
        self._client.reset()

    async def noop(self) -> None:
        self._client.noop()

    async def quit(self) -> Deletions:
        return self._client.quit()

    async def close(self) -> None:
        self._client.close()

    async def __aenter__(self) -> Self:
        _ = self._client.__enter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.__exit__(kind, error, trace)


class SocketClients:
    """`pop3_adapters.socket.connect`."""

    def run(self, scenario: Coroutine[object, object, None]) -> None:
        try:
            _ = scenario.send(None)
        except StopIteration:
            return
        raise RuntimeError("a scenario awaits something that does not block")

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
    ) -> AwaitedClient:
        client = connect(
            host,
            port,
            local_address=local_address,
            proxy=proxy,
            tls=tls,
            context=context,
            timeouts=timeouts,
            limits=limits,
            trace=trace,
        )
        return AwaitedClient(client)

    async def connect_unix(
        self, path: str, *, host: str | None = None, **options: Unpack[ClientOptions]
    ) -> AwaitedClient:
        return AwaitedClient(connect_unix(path, host=host, **options))

    async def connect_stream(
        self, sock: socket.socket, *, host: str | None = None, **options: Unpack[ClientOptions]
    ) -> AwaitedClient:
        return AwaitedClient(connect_stream(sock, host=host, **options))


class SocketServers:
    """`pop3_adapters.socket.serve`."""

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
    ) -> Server:
        return serve(
            authenticator,
            tls=tls,
            context=context,
            allow_insecure_auth=allow_insecure_auth,
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
            testing=True,
        )

    def serve_unix(
        self, authenticator: Authenticator, path: Path, **options: Unpack[ServerOptions]
    ) -> Server:
        return serve_unix(authenticator, path, **options)
