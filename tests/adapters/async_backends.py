"""The asynchronous clients and servers as backends, each library in a loop of its own."""

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeAlias, Unpack

import anyio
import trio
import uvloop

from pop3_adapters import anyio as anyio_module
from pop3_adapters import asyncio as asyncio_module
from pop3_adapters import trio as trio_module
from pop3_adapters.asyncio import Client, ClientOptions, Server, ServerOptions, Timeouts
from pop3_proto import Authenticator, Limits, TlsPolicy, Trace

from .backends import RunningServer

__all__ = ["LIBRARIES", "AsyncClients", "AsyncServers", "Library"]


Main: TypeAlias = Callable[[], Coroutine[object, object, None]]


class Module(Protocol):
    """What `pop3_adapters.asyncio`, `.trio` and `.anyio` have in common."""

    def connect(
        self, host: str, port: int | None = None, **options: Unpack[ClientOptions]
    ) -> Awaitable[Client]: ...
    def serve(
        self,
        authenticator: Authenticator,
        host: str = "127.0.0.1",
        port: int = 0,
        **options: Unpack[ServerOptions],
    ) -> AbstractAsyncContextManager[Server]: ...


@dataclass(frozen=True)
class Library:
    """A module of ours, and an event loop that it runs on."""

    module: Module
    run: Callable[[Main], None]


def on_asyncio(main: Main) -> None:
    asyncio.run(main())


def on_uvloop(main: Main) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


async def nothing() -> None:
    """Run a loop for nothing: some keep something open for the whole process."""


LIBRARIES = {
    "asyncio": Library(asyncio_module, on_asyncio),
    "uvloop": Library(asyncio_module, on_uvloop),
    "trio": Library(trio_module, trio.run),
    "anyio-asyncio": Library(anyio_module, partial(anyio.run, backend="asyncio")),
    "anyio-trio": Library(anyio_module, partial(anyio.run, backend="trio")),
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
    ) -> Client:
        client: Client = await self._library.module.connect(
            host, port, tls=tls, context=context, timeouts=timeouts, limits=limits, trace=trace
        )
        return client


class AsyncServers:
    """`serve` of one of the libraries, in a thread."""

    def __init__(self, library: Library) -> None:
        self._library = library

    @contextmanager
    def serve(
        self, authenticator: Authenticator, **options: Unpack[ServerOptions]
    ) -> Generator[RunningServer]:
        options["testing"] = True
        running = _Running(self._library, authenticator, options)
        try:
            yield running
        finally:
            running.close()


class _Running:
    """A server in a thread; it ends when it is told to, from wherever."""

    def __init__(
        self, library: Library, authenticator: Authenticator, options: ServerOptions
    ) -> None:
        self.port = 0
        self._ready = threading.Event()
        self._ending = threading.Event()
        self._failure: BaseException | None = None
        arguments = (library, authenticator, options)
        self._thread = threading.Thread(target=self._run, args=arguments, name="server")
        self._thread.start()
        self._ready.wait()
        if self._failure:
            self._thread.join()
            raise self._failure

    def close(self) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self, library: Library, authenticator: Authenticator, options: ServerOptions) -> None:
        async def main() -> None:
            async with library.module.serve(authenticator, **options) as server:
                self.port = server.port
                self._ready.set()
                await self._wait(library)

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
