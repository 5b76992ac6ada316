"""Where a server listens, and that all who connect come to a clean end."""

import asyncio
import errno
import math
import socket
import threading
from contextlib import ExitStack, suppress
from typing import Any

import anyio
import pytest
import trio

from pop3_adapters._listening import listen
from pop3_adapters._sessions import Sessions
from pop3_adapters.asyncio import serve as asynchronous
from pop3_adapters.asyncio import serve_stream as serve_one
from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_adapters.socket import connect, serve
from pop3_proto import Maildrop

from .async_backends import LIBRARIES
from .net import Net
from .wire import BOUND, LOOPBACK, dial


def nothing(name: str) -> Maildrop:
    return MemoryMaildrop()


NOBODY = Passwords({}, nothing)


def greeting(host: str, port: int) -> bytes:
    with socket.create_connection((host, port), BOUND) as connected:
        return connected.recv(100)


@pytest.mark.parametrize("host", ["", "localhost"])
def test_it_listens_on_each_address_of_its_host(host: str) -> None:
    with serve(NOBODY, host) as server:
        assert greeting(LOOPBACK, server.port).startswith(b"+OK")
        if host == "":
            assert greeting("::1", server.port).startswith(b"+OK")


def test_each_of_its_sockets_is_heard_in_an_event_loop() -> None:
    async def scenario() -> None:
        async with asynchronous(NOBODY, "") as server:
            for host in (LOOPBACK, "::1"):
                with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as client:
                    client.setblocking(False)
                    loop = asyncio.get_running_loop()
                    await loop.sock_connect(client, (host, server.port))
                    assert (await loop.sock_recv(client, 100)).startswith(b"+OK")

    asyncio.run(scenario())


def test_an_address_that_this_machine_has_not_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def found(*_: object, **__: object) -> list[object]:
        stream = (socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        elsewhere = (socket.AF_INET6, *stream, ("2001:db8::1", 0, 0, 0))
        return [elsewhere, (socket.AF_INET, *stream, (LOOPBACK, 0))]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    listener = listen("pop.example.org", 0, Sessions(NOBODY))
    assert (listener.host, len(listener.sockets)) == (LOOPBACK, 1)
    listener.close()


def test_without_any_address_it_says_why() -> None:
    with pytest.raises(OSError, match="assign requested address") as raised:
        _ = serve(NOBODY, "192.0.2.1")
    assert raised.value.errno == errno.EADDRNOTAVAIL


def test_a_port_that_is_taken() -> None:
    with serve(NOBODY) as server, pytest.raises(OSError, match="already in use"):
        _ = serve(NOBODY, port=server.port)


def test_many_who_connect_just_before_the_end_are_let_go(net: Net) -> None:
    server = net.serve(net.memory())
    with ExitStack() as stack:
        wires = [stack.enter_context(dial(server.port)) for _ in range(50)]
        assert wires[0].line().startswith(b"+OK")
        server.running.close()
        for wire in wires:
            with suppress(ConnectionResetError):  # it had not been accepted yet
                _ = wire.rest()


@pytest.mark.parametrize("library", LIBRARIES)
def test_what_is_raised_in_its_statement_comes_out_as_it_is(library: str) -> None:
    async def scenario() -> None:
        async with LIBRARIES[library].module.serve(NOBODY):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        LIBRARIES[library].run(scenario)


@pytest.mark.parametrize("library", ["trio", "anyio-asyncio", "anyio-trio"])
def test_what_is_raised_in_a_scope_that_is_cancelled_comes_out_all_the_same(library: str) -> None:
    module = trio if library == "trio" else anyio

    async def scenario() -> None:
        with module.CancelScope() as scope:
            async with LIBRARIES[library].module.serve(NOBODY) as server:
                with dial(server.port):
                    scope.cancel()
                    raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        LIBRARIES[library].run(scenario)


@pytest.mark.parametrize("library", ["asyncio", "uvloop"])
def test_an_impatient_second_cancellation(library: str) -> None:
    async def scenario() -> None:
        listening, port = asyncio.Event(), list[int]()

        async def serve() -> None:
            async with asynchronous(NOBODY) as server:
                port.append(server.port)
                listening.set()
                await server.wait()

        task = asyncio.create_task(serve())
        await listening.wait()
        with dial(port[0]) as wire:
            assert await asyncio.to_thread(wire.line)
            task.cancel()
            for _ in range(4):
                await asyncio.sleep(0)
                task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(wire.rest) == b""

    LIBRARIES[library].run(scenario)


def test_a_time_limit_that_ends_a_session_inside_a_method_that_blocks() -> None:
    class Slow(Passwords):
        def authenticate(self, name: str, password: str) -> Maildrop | None:
            called.set()
            assert go_on.wait(BOUND)
            return None

    called, go_on = threading.Event(), threading.Event()

    async def scenario() -> None:
        async def expire() -> None:
            await asyncio.to_thread(called.wait, BOUND)
            limit.reschedule(asyncio.get_running_loop().time())
            await asyncio.sleep(0)
            go_on.set()

        async def limited() -> None:
            async with limit:
                expiring = asyncio.create_task(expire())
                try:
                    await serve_one(Slow({}, nothing), there, allow_insecure_auth=True)
                finally:
                    await expiring

        limit = asyncio.timeout(None)
        with pytest.raises(TimeoutError):
            await limited()

    here, there = socket.socketpair()
    with here, there:
        here.sendall(b"USER alice\r\nPASS secret\r\n")
        LIBRARIES["asyncio"].run(scenario)


def test_an_endless_grace() -> None:
    with serve(NOBODY) as server, dial(server.port) as wire:
        assert wire.line().startswith(b"+OK")
        closing = threading.Thread(target=server.close, args=(math.inf,))
        closing.start()
        assert wire.ask(b"QUIT").startswith(b"+OK")
        closing.join(BOUND)
        assert not closing.is_alive()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"timeout": 3}, "no option 'timeout': there are tls, context"),
        ({"tls": "stls"}, "tls is a TlsPolicy"),
        ({"tls": True}, "tls is a TlsPolicy"),
    ],
)
def test_what_is_no_option_is_no_plaintext_either(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TypeError, match=sentence):
        _ = connect("pop.example.org", **options)
    with pytest.raises(TypeError, match=sentence):
        _ = serve(NOBODY, **options)
