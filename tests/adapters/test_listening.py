"""Where a server listens, and that all who connect come to a clean end."""

import asyncio
import errno
import socket
from contextlib import ExitStack, suppress

import pytest

from pop3_adapters._listening import listen
from pop3_adapters._sessions import Sessions
from pop3_adapters.asyncio import serve as asynchronous
from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_adapters.socket import serve

from .async_backends import LIBRARIES
from .net import Net
from .wire import BOUND, LOOPBACK, dial

NOBODY = Passwords({}, lambda name: MemoryMaildrop())


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
