"""How a client chooses its way to log in, and what it does with tokens, with scripted servers."""

import contextlib
import socket
import threading
from base64 import b64encode
from collections.abc import Callable
from typing import Any, cast

import pytest

from pop3_adapters._turns import Turns
from pop3_proto import (
    ClientMechanism,
    LoginImpossible,
    MaybeAwaitable,
    Pop3Error,
    RemoteProtocolError,
    Response,
    State,
    TlsPolicy,
    TokenRefused,
    UnexpectedEof,
)
from pop3_proto.mechanisms import Anonymous, External

from .net import NAME, PASSWORD, Net
from .scripts import accept_quit, greet, log_in
from .socket_backend import SocketClients
from .wire import BOUND, LOOPBACK, Script, Wire, played, scripted

OLD, NEW = "ya29.old", "ya29.new"
REFUSAL = b64encode(b'{"status":"401","schemes":"bearer"}')


def take_token(wire: Wire, token: str) -> None:
    """XOAUTH2 up to the server's answer."""
    wire.expect(b"AUTH XOAUTH2\r\n")
    wire.send(b"+ \r\n")
    wire.expect(b64encode(f"user={NAME}\1auth=Bearer {token}\1\1".encode()) + b"\r\n")


def refuse_token(wire: Wire, token: str) -> None:
    """XOAUTH2 up to its end."""
    take_token(wire, token)
    wire.send(b"+ " + REFUSAL + b"\r\n")
    wire.expect(b"\r\n")
    wire.send(b"-ERR [AUTH] no\r\n")


def welcome(wire: Wire, token: str) -> None:
    """XOAUTH2 up to the end of the session."""
    take_token(wire, token)
    wire.send(b"+OK\r\n")
    accept_quit(wire)


def giving(*tokens: str) -> tuple[Callable[[str | None], str], list[str | None]]:
    """What gives tokens in turn, and what it has been told."""
    told, left = list[str | None](), list(tokens)

    def provider(refused: str | None) -> str:
        told.append(refused)
        return left.pop(0)

    return provider, told


def hanging_up() -> tuple[Script, Callable[[str | None], str]]:
    """A server that refuses a token and hangs up, and what gives another one once it has."""
    closed = threading.Event()

    def script(wire: Wire) -> None:
        greet(wire, "SASL XOAUTH2")
        refuse_token(wire, OLD)
        wire.half_close()
        closed.set()

    def provider(refused: str | None) -> str:
        if refused is None:
            return OLD
        assert closed.wait(BOUND)
        return NEW

    return script, provider


@pytest.mark.parametrize(
    ("announced", "way"), [("SASL GSSAPI PLAIN", "PLAIN"), ("SASL", "USER"), ("TOP", "USER")]
)
async def test_login_tells_which_way_it_took(net: Net, announced: str, way: str) -> None:
    def script(wire: Wire) -> None:
        greet(wire, announced)
        if way == "USER":
            log_in(wire)
        else:
            wire.expect(b"AUTH PLAIN " + b64encode(f"\0{NAME}\0{PASSWORD}".encode()) + b"\r\n")
            wire.send(b"+OK\r\n")
        accept_quit(wire)

    with scripted(script) as port:
        async with await net.connect(port) as session:
            assert await session.login(NAME, PASSWORD, allow_insecure_auth=True) == way


async def test_an_error_tells_what_would_be_possible(net: Net) -> None:
    def script(wire: Wire) -> None:
        greet(wire, "SASL GSSAPI PLAIN")
        accept_quit(wire)

    with scripted(script) as port:
        async with await net.connect(port) as session:
            with pytest.raises(LoginImpossible, match="GSSAPI, PLAIN") as caught:
                await session.login(NAME, PASSWORD)
    assert caught.value.offered == ("GSSAPI", "PLAIN", "USER")
    assert "allow_insecure_auth=True" in caught.value.obstacles["PLAIN"]


@pytest.mark.parametrize("make", [External, Anonymous])
async def test_what_shows_no_secret_needs_no_tls(
    net: Net, make: Callable[[], ClientMechanism]
) -> None:
    mechanism = make()

    def script(wire: Wire) -> None:
        greet(wire, "SASL EXTERNAL ANONYMOUS")
        wire.expect(f"AUTH {mechanism.name} =\r\n".encode())
        wire.send(b"+OK\r\n")
        accept_quit(wire)

    with scripted(script) as port:
        async with await net.connect(port) as session:
            await session.authenticate(mechanism)
            assert session.state is State.TRANSACTION


async def test_another_token_in_the_same_session(net: Net) -> None:
    def script(wire: Wire) -> None:
        greet(wire, "SASL XOAUTH2")
        refuse_token(wire, OLD)
        welcome(wire, NEW)

    provider, told = giving(OLD, NEW)
    with scripted(script) as port:
        async with await net.connect(port) as session:
            assert await session.login_oauth(NAME, provider, allow_insecure_auth=True) == "XOAUTH2"
    assert told == [None, OLD]


async def test_another_token_in_a_new_session(net: Net) -> None:
    def second(wire: Wire) -> None:
        wire.send(b"+OK once more\r\n")
        wire.expect(b"CAPA\r\n")
        wire.send(b"+OK\r\nTOP\r\nUIDL\r\nSASL XOAUTH2\r\nIMPLEMENTATION another\r\n.\r\n")
        welcome(wire, NEW)

    first, provider = hanging_up()
    with scripted(first, second) as port:
        async with await net.connect(port) as session:
            await session.login_oauth(NAME, provider, allow_insecure_auth=True)
            assert session.greeting.text == "once more"
            assert session.capabilities is not None
            assert session.capabilities.implementation == "another"
            assert session.state is State.TRANSACTION


async def test_a_new_session_that_cannot_be_had(net: Net) -> None:
    first, give = hanging_up()

    def provider(refused: str | None) -> str:
        token = give(refused)
        if refused is not None:
            listener.close()
        return token

    with socket.create_server((LOOPBACK, 0)) as listener:
        port = listener.getsockname()[1]
        with played(listener, first):
            session = await net.connect(port)
            with pytest.raises(OSError, match=r".") as caught:
                await session.login_oauth(NAME, provider, allow_insecure_auth=True)
            assert isinstance(caught.value.__cause__, TokenRefused)
            with pytest.raises(Pop3Error):
                await session.stat()
            await session.close()


async def test_who_closes_a_client_does_not_get_a_new_session(net: Net) -> None:
    def second(wire: Wire) -> None:
        turns.ended = True  # as close() leaves it, from another thread or task
        greet(wire, "SASL XOAUTH2")
        assert wire.rest() == b""

    first, provider = hanging_up()
    with scripted(first, second) as port:
        session = await net.connect(port)
        turns: Turns = cast("Any", getattr(session, "_client", session))._turns
        with pytest.raises(TokenRefused):
            await session.login_oauth(NAME, provider, allow_insecure_auth=True)
        await session.close()


async def test_there_is_no_new_session_where_the_connection_came_from_elsewhere(net: Net) -> None:
    def script(wire: Wire) -> None:
        greet(wire, "SASL XOAUTH2")
        take_token(wire, OLD)
        wire.send(b"+ " + REFUSAL + b"\r\n")
        wire.expect(b"\r\n")

    provider, told = giving(OLD, NEW)
    with scripted(script) as port:
        sock = socket.create_connection((LOOPBACK, port), BOUND)
        session = await net.clients.connect_stream(sock, tls=TlsPolicy.NONE)
        with pytest.raises(UnexpectedEof):
            await session.login_oauth(NAME, provider, allow_insecure_auth=True)
        await session.close()
    assert told == [None, OLD]


async def test_no_third_token(net: Net) -> None:
    def script(wire: Wire) -> None:
        greet(wire, "SASL XOAUTH2")
        refuse_token(wire, OLD)
        refuse_token(wire, NEW)
        accept_quit(wire)

    provider, told = giving(OLD, NEW, "third")
    with scripted(script) as port:
        async with await net.connect(port) as session:
            with pytest.raises(TokenRefused, match="401") as caught:
                await session.login_oauth(NAME, provider, allow_insecure_auth=True)
    assert caught.value.refusal.status == "401"
    assert told == [None, OLD]


async def test_a_token_without_a_provider(net: Net) -> None:
    def script(wire: Wire) -> None:
        greet(wire, "SASL XOAUTH2")
        refuse_token(wire, OLD)
        accept_quit(wire)

    with scripted(script) as port:
        async with await net.connect(port) as session:
            with pytest.raises(TokenRefused):
                await session.login_oauth(NAME, OLD, allow_insecure_auth=True)


async def test_asynchronous_providers(net: Net) -> None:
    def script(wire: Wire) -> None:
        greet(wire, "SASL XOAUTH2")
        if not blocking:
            refuse_token(wire, OLD)
            welcome(wire, NEW)
        else:
            accept_quit(wire)

    async def provider(refused: str | None) -> str:
        return NEW if refused else OLD

    blocking = isinstance(net.clients, SocketClients)
    with scripted(script) as port:
        async with await net.connect(port) as session:
            if blocking:
                with pytest.raises(TypeError, match="asynchronous"):
                    await session.login_oauth(NAME, provider, allow_insecure_auth=True)
            else:
                await session.login_oauth(NAME, provider, allow_insecure_auth=True)


async def test_a_provider_that_fails(net: Net) -> None:
    def provider(refused: str | None) -> MaybeAwaitable[str]:
        raise LookupError("the issuer is not to be reached")

    def script(wire: Wire) -> None:
        greet(wire, "SASL XOAUTH2")
        accept_quit(wire)

    with scripted(script) as port:
        async with await net.connect(port) as session:
            with pytest.raises(LookupError, match="issuer"):
                await session.login_oauth(NAME, provider, allow_insecure_auth=True)
            assert session.state is State.AUTHORIZATION


async def test_a_server_that_asks_for_ever(net: Net) -> None:
    class Patient:
        name, client_first, shows_secret = "X", False, False

        def respond(self, challenge: bytes) -> Response:
            return Response(b"", last=False)

    def script(wire: Wire) -> None:
        greet(wire, "SASL X")
        wire.expect(b"AUTH X\r\n")
        with contextlib.suppress(OSError):
            while True:
                wire.send(b"+ \r\n")
                if not wire.line():
                    return

    with scripted(script) as port:
        session = await net.connect(port)
        with pytest.raises(RemoteProtocolError, match="more than 32 challenges"):
            await session.authenticate(Patient())
        await session.close()
