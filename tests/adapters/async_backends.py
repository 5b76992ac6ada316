"""The asynchronous clients and servers as backends, each library in a loop of its own."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TypeAlias, Unpack

import anyio
import trio
import uvloop

from pop3_adapters import anyio as anyio_module
from pop3_adapters import asyncio as asyncio_module
from pop3_adapters import trio as trio_module
from pop3_adapters.asyncio import Client, ClientOptions, Server, ServerOptions, Timeouts
from pop3_proto import Authenticator, Limits, TlsPolicy, Trace

from .backends import RunningServer

__all__ = ["LIBRARIES", "SERVER", "AsyncClients", "AsyncServers", "Library"]


SERVER: Final = "server"
"""The name of the thread that a server's event loop runs in."""

Main: TypeAlias = Callable[[], Coroutine[object, object, None]]


class Module(Protocol):
    """What `pop3_adapters.asyncio`, `.trio` and `.anyio` have in common."""

    def connect(
        self,
        host: str,
        port: int | None = None,
        *,
        local_address: str | None = None,
        proxy: str | None = None,
        **options: Unpack[ClientOptions],
    ) -> Awaitable[Client]: ...
    def connect_unix(
        self, path: str, *, host: str | None = None, **options: Unpack[ClientOptions]
    ) -> Awaitable[Client]: ...
    def serve(
        self,
        authenticator: Authenticator,
        host: str = "127.0.0.1",
        port: int = 0,
        **options: Unpack[ServerOptions],
    ) -> AbstractAsyncContextManager[Server]: ...
    def serve_unix(
        self, authenticator: Authenticator, path: Path, **options: Unpack[ServerOptions]
    ) -> AbstractAsyncContextManager[Server]: ...


@dataclass(frozen=True)
class Library:
    """A module of ours, and an event loop that it runs on."""

    module: Module
    run: Callable[[Main], None]
    connect_stream: "ConnectStream"


class ConnectStream(Protocol):
    """`connect_stream` over a socket, which is made what the module takes."""

    def __call__(
        self, sock: socket.socket, *, host: str | None, **options: Unpack[ClientOptions]
    ) -> Awaitable[Client]: ...


async def over_asyncio(
    sock: socket.socket, *, host: str | None, **options: Unpack[ClientOptions]
) -> Client:
    return await asyncio_module.connect_stream(sock, host=host, **options)


async def over_trio(
    sock: socket.socket, *, host: str | None, **options: Unpack[ClientOptions]
) -> Client:
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(sock))
    return await trio_module.connect_stream(stream, host=host, **options)


async def over_anyio(
    sock: socket.socket, *, host: str | None, **options: Unpack[ClientOptions]
) -> Client:
    unix = sock.family == socket.AF_UNIX
    kind = anyio.abc.UNIXSocketStream if unix else anyio.abc.SocketStream
    stream = await kind.from_socket(sock)
    return await anyio_module.connect_stream(stream, host=host, **options)


def on_asyncio(main: Main) -> None:
    asyncio.run(alone(main))


def on_uvloop(main: Main) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(alone(main))


def on_anyio_asyncio(main: Main) -> None:
    anyio.run(alone, main, backend="asyncio")


async def alone(main: Main) -> None:
    """Nothing but this is left when it has ended; trio sees to that itself."""
    await main()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def nothing() -> None:
    """Run a loop for nothing: some keep something open for the whole process."""


LIBRARIES = {
    "asyncio": Library(asyncio_module, on_asyncio, over_asyncio),
    "uvloop": Library(asyncio_module, on_uvloop, over_asyncio),
    "trio": Library(trio_module, trio.run, over_trio),
    "anyio-asyncio": Library(anyio_module, on_anyio_asyncio, over_anyio),
    "anyio-trio": Library(anyio_module, partial(anyio.run, backend="trio"), over_anyio),
}


class AsyncClients:
    """`connect` of one of the libraries."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def run(self, scenario: Coroutine[object, object, None]) -> None:
        async def main() -> None:
            await scenario

        self._library.run(main)

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
    ) -> Client:
        client: Client = await self._library.module.connect(
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
        return client

    async def connect_unix(
        self, path: str, *, host: str | None = None, **options: Unpack[ClientOptions]
    ) -> Client:
        client: Client = await self._library.module.connect_unix(path, host=host, **options)
        return client

    async def connect_stream(
        self, sock: socket.socket, *, host: str | None = None, **options: Unpack[ClientOptions]
    ) -> Client:
        client: Client = await self._library.connect_stream(sock, host=host, **options)
        return client


class AsyncServers:
    """`serve` of one of the libraries, in a thread."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def serve(
        self, authenticator: Authenticator, **options: Unpack[ServerOptions]
    ) -> AbstractContextManager[RunningServer]:
        options["testing"] = True
        return running(self._library, lambda module: module.serve(authenticator, **options))

    def serve_unix(
        self, authenticator: Authenticator, path: Path, **options: Unpack[ServerOptions]
    ) -> AbstractContextManager[RunningServer]:
        return running(
            self._library, lambda module: module.serve_unix(authenticator, path, **options)
        )


Opened: TypeAlias = Callable[[Module], AbstractAsyncContextManager[Server]]


@contextmanager
def running(library: Library, opened: Opened) -> Generator[RunningServer]:
    server = _Running(library, opened)
    try:
        yield server
    finally:
        server.close()


class _Running:
    """A server in a thread; it ends when it is told to, from wherever."""

    def __init__(self, library: Library, opened: Opened) -> None:
        self.port = 0
        self._ready = threading.Event()
        self._ending = threading.Event()
        self._grace = 0.0
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(library, opened), name=SERVER)
        self._thread.start()
        self._ready.wait()
        if self._failure:
            self._thread.join()
            raise self._failure

    def close(self, grace: float = 0.0) -> None:
        self._grace = grace
        self._ending.set()
        self._thread.join()
        failure, self._failure = self._failure, None
        if failure:
            raise failure

    def _run(self, library: Library, opened: Opened) -> None:
        async def main() -> None:
            async with opened(library.module) as server:
                self.port = server.port
                self._ready.set()
                await self._wait(library)
                await server.close(self._grace)

        try:
            library.run(main)
        except BaseException as error:
            self._failure = error
        finally:
            self._ready.set()

    async def _wait(self, library: Library) -> None:
        if library.run is trio.run:
            await trio.to_thread.run_sync(self._ending.wait)
        elif library.module is anyio_module:
            await anyio.to_thread.run_sync(self._ending.wait)
        else:
            await asyncio.to_thread(self._ending.wait)
