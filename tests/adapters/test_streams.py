"""Streams of one's own, at both ends of a session."""

import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest

from pop3_adapters import anyio as anyio_module
from pop3_adapters import asyncio as asyncio_module
from pop3_adapters import socket as socket_module
from pop3_adapters import trio as trio_module
from pop3_adapters._socket_stream import SocketStream
from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_adapters.streams import AsyncStream, Stream
from pop3_proto import Deletions, TlsPolicy

from .async_backends import LIBRARIES
from .net import NAME, PASSWORD
from .wire import BOUND, LOOPBACK, dial

Adopt = Callable[[socket.socket], Any]
ADOPT: dict[str, Adopt] = {
    "asyncio": asyncio_module.Asyncio().adopt,
    "uvloop": asyncio_module.Asyncio().adopt,
    "trio": trio_module.Trio().adopt,
    "anyio-asyncio": anyio_module.Anyio().adopt,
    "anyio-trio": anyio_module.Anyio().adopt,
}


class Own:
    """Knows nothing but the three methods."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def send(self, data: bytes, within: float | None) -> None:
        self._stream.send(data, within)

    def receive(self, within: float | None) -> bytes:
        return self._stream.receive(within)

    def close(self) -> None:
        self._stream.close()


class AsyncOwn:
    """Knows nothing but the three methods."""

    def __init__(self, stream: AsyncStream) -> None:
        self._stream = stream

    async def send(self, data: bytes, within: float | None) -> None:
        await self._stream.send(data, within)

    async def receive(self, within: float | None) -> bytes:
        return await self._stream.receive(within)

    async def close(self) -> None:
        await self._stream.close()


@pytest.mark.parametrize("library", [*ADOPT, "socket"])
def test_what_is_short_is_sent_at_once(library: str) -> None:
    async def scenario() -> None:
        stream = await ADOPT[library](arrived)
        assert arrived.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        await stream.close()

    # What has been accepted does not say that its protocol is TCP.
    with socket.create_server((LOOPBACK, 0)) as listener, dial(listener.getsockname()[1]):
        arrived, _ = listener.accept()
        with arrived:
            if library != "socket":
                LIBRARIES[library].run(scenario)
            else:
                _ = SocketStream(arrived)
                assert arrived.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@contextmanager
def pair() -> Generator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


@contextmanager
def beside(work: Callable[[], object]) -> Generator[None]:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            _ = work()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    yield
    thread.join(BOUND)
    assert not thread.is_alive()
    assert failures == []


def users(maildrop: MemoryMaildrop) -> Passwords:
    return Passwords({NAME: PASSWORD}, lambda name: maildrop)


def deletes_the_first(stream: socket.socket | Stream) -> None:
    with socket_module.connect_stream(stream, tls=TlsPolicy.NONE) as client:
        client.login(NAME, PASSWORD, allow_insecure_auth=True)
        assert client.retrieve(1).read() == b"one\r\n"
        client.delete(1)


def test_blocking_streams_at_both_ends() -> None:
    maildrop = MemoryMaildrop([b"one\n", b"two\n"])
    with pair() as (here, there):

        def serve() -> None:
            socket_module.serve_stream(
                users(maildrop), Own(SocketStream(there)), allow_insecure_auth=True
            )

        with beside(serve):
            deletes_the_first(Own(SocketStream(here)))
    assert maildrop.messages == [b"two\r\n"]


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_client_over_a_stream_of_ones_own(library: str) -> None:
    maildrop = MemoryMaildrop([b"one\n", b"two\n"])

    async def scenario() -> None:
        stream = AsyncOwn(await ADOPT[library](here))
        module: Any = LIBRARIES[library].module
        client = await module.connect_stream(stream, tls=TlsPolicy.NONE)
        await client.login(NAME, PASSWORD, allow_insecure_auth=True)
        await client.delete(1)
        assert await client.quit() is Deletions.DONE

    with pair() as (here, there):

        def serve() -> None:
            socket_module.serve_stream(users(maildrop), there, allow_insecure_auth=True)

        with beside(serve):
            LIBRARIES[library].run(scenario)
    assert maildrop.messages == [b"two\r\n"]


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_server_over_a_stream_of_ones_own(library: str) -> None:
    maildrop = MemoryMaildrop([b"one\n", b"two\n"])

    async def scenario() -> None:
        stream = AsyncOwn(await ADOPT[library](there))
        module: Any = LIBRARIES[library].module
        await module.serve_stream(users(maildrop), stream, allow_insecure_auth=True)

    with pair() as (here, there), beside(lambda: deletes_the_first(here)):
        LIBRARIES[library].run(scenario)
    assert maildrop.messages == [b"two\r\n"]


def test_a_server_over_a_socket_of_its_own_library() -> None:
    maildrop = MemoryMaildrop([b"one\n", b"two\n"])

    async def scenario() -> None:
        await asyncio_module.serve_stream(users(maildrop), there, allow_insecure_auth=True)

    with pair() as (here, there), beside(lambda: deletes_the_first(here)):
        LIBRARIES["asyncio"].run(scenario)
    assert maildrop.messages == [b"two\r\n"]


@pytest.mark.parametrize("name", ["connections", "connections_per_address", "proxies"])
def test_one_connection_needs_no_limits_on_many(name: str) -> None:
    options: dict[str, Any] = {name: ()}
    with pair() as (_, there), pytest.raises(ValueError, match=f"leave out {name}="):
        socket_module.serve_stream(users(MemoryMaildrop()), there, **options)


def test_a_stream_that_lacks_a_method() -> None:
    half: Any = type("Half", (), {"send": None, "receive": None})()
    with pytest.raises(TypeError, match="send, receive and close"):
        _ = socket_module.connect_stream(half, tls=TlsPolicy.NONE)
