"""The ways to log in beside USER and PASS, with a server of ours."""

import re
from base64 import b64encode
from collections.abc import Callable

import pytest

from pop3_adapters.maildrops import Passwords
from pop3_adapters.socket import serve
from pop3_proto import (
    Apop,
    Auth,
    AuthenticationFailed,
    CommandFailed,
    Credentials,
    Deletions,
    Limits,
    LocalProtocolError,
    MailboxStat,
    Maildrop,
    Offer,
    Pass,
    RemoteProtocolError,
    Response,
    ServerMechanism,
    State,
    TlsPolicy,
    UnexpectedEof,
    User,
)

from .net import NAME, PASSWORD, Net
from .scripts import accept_quit, capabilities, greet
from .wire import Wire, dial, scripted

MAIL = b"Subject: x\n\ny\n"


class Plain:
    """RFC 4616, the client."""

    name = "PLAIN"
    client_first = True
    shows_secret = True

    def __init__(self, name: str = NAME, password: str = PASSWORD) -> None:
        self._message = f"\0{name}\0{password}".encode()

    def respond(self, challenge: bytes) -> Response:
        return Response(self._message, last=True)


class PlainServer:
    """RFC 4616, the server."""

    client_first = True
    shows_secret = True

    def step(self, response: bytes) -> bytes | Credentials:
        _, name, password = response.decode("utf-8").split("\0")
        return Credentials(name, password)


class Login:
    """The mechanism LOGIN, the client."""

    name = "LOGIN"
    client_first = False
    shows_secret = True

    def __init__(self) -> None:
        self._words = iter((Response(NAME.encode(), False), Response(PASSWORD.encode(), True)))

    def respond(self, challenge: bytes) -> Response:
        return next(self._words)


class LoginServer:
    """The mechanism LOGIN, the server."""

    client_first = False
    shows_secret = True

    def __init__(self) -> None:
        self._name: str | None = None
        self._asked = False

    def step(self, response: bytes) -> bytes | Credentials:
        if not self._asked:
            self._asked = True
            return b"Username:"
        if self._name is None:
            self._name = response.decode("utf-8")
            return b"Password:"
        return Credentials(self._name, response.decode("utf-8"))


LOGINS = ("USER", "PLAIN", "LOGIN")
MECHANISMS: dict[str, Callable[[], ServerMechanism]] = {"plain": PlainServer, "LOGIN": LoginServer}


@pytest.mark.parametrize("initial_response", [True, False])
async def test_authenticate(net: Net, tls: TlsPolicy, initial_response: bool) -> None:
    server = net.serve(net.memory(MAIL), tls=tls, mechanisms=MECHANISMS, logins=LOGINS)
    for mechanism in (Plain(), Login()):
        async with await net.connect(server.port, tls=tls) as session:
            assert session.capabilities is not None
            assert session.capabilities.sasl == ("PLAIN", "LOGIN")
            assert await session.request(Auth()) == ["PLAIN", "LOGIN"]
            await session.authenticate(
                mechanism,
                initial_response=initial_response,
                allow_insecure_auth=tls is TlsPolicy.NONE,
            )
            assert await session.stat() == MailboxStat(1, 17)


async def test_several_logins_on_one_connection(net: Net) -> None:
    limits = Limits(failed_logins=9)
    server = net.serve(net.memory(MAIL), mechanisms=MECHANISMS, limits=limits)
    async with await net.connect(server.port) as session:
        for _ in range(2):
            with pytest.raises(AuthenticationFailed):
                await session.authenticate(Plain(password="wrong"), allow_insecure_auth=True)
            with pytest.raises(AuthenticationFailed):
                await session.login(NAME, "wrong", allow_insecure_auth=True)
        assert session.state is State.AUTHORIZATION
        await session.authenticate(Login(), allow_insecure_auth=True)
        assert session.state is State.TRANSACTION


async def test_no_mechanism_goes_out_in_plaintext_unasked(net: Net) -> None:
    server = net.serve(net.memory(), logins=LOGINS, allow_insecure_auth=False)
    async with await net.connect(server.port) as session:
        assert session.offer("SASL") is Offer.NOT_OFFERED
        with pytest.raises(LocalProtocolError, match="allow_insecure_auth"):
            await session.authenticate(Plain())
        with pytest.raises(CommandFailed, match="use TLS"):
            await session.authenticate(Plain(), allow_insecure_auth=True)


async def test_what_a_mechanism_raises_cancels(net: Net) -> None:
    class Hesitant(Login):
        def respond(self, challenge: bytes) -> Response:
            raise ValueError("that is not my server")

    server = net.serve(net.memory(), mechanisms=MECHANISMS)
    async with await net.connect(server.port) as session:
        with pytest.raises(ValueError, match="not my server"):
            await session.authenticate(Hesitant(), allow_insecure_auth=True)
        await session.login(NAME, PASSWORD, allow_insecure_auth=True)


async def test_a_challenge_that_is_no_base64(net: Net) -> None:
    def script(wire: Wire) -> None:
        greet(wire, "SASL LOGIN")
        wire.expect(b"AUTH LOGIN\r\n")
        wire.send(b"+ what?\r\n")
        wire.expect(b"*\r\n")
        wire.send(b"-ERR cancelled\r\n")
        accept_quit(wire)

    with scripted(script) as port:
        async with await net.connect(port) as session:
            with pytest.raises(RemoteProtocolError, match="no base64"):
                await session.authenticate(Login(), allow_insecure_auth=True)
            assert session.state is State.AUTHORIZATION


RESET = pytest.mark.parametrize("reset", [False, True], ids=["close", "reset"])


@RESET
@pytest.mark.parametrize("challenges", [0, 1, 2])
async def test_a_server_that_goes_away_inside_auth(net: Net, challenges: int, reset: bool) -> None:
    def script(wire: Wire) -> None:
        greet(wire, "SASL LOGIN")
        wire.expect(b"AUTH LOGIN\r\n")
        for challenge in (b"Username:", b"Password:")[:challenges]:
            wire.send(b"+ " + b64encode(challenge) + b"\r\n")
            assert wire.line().endswith(b"\r\n")
        if reset:
            wire.reset()

    with scripted(script) as port:
        session = await net.connect(port)
        with pytest.raises((UnexpectedEof, OSError)) as caught:
            await session.authenticate(Login(), allow_insecure_auth=True)
        assert session.state is State.BROKEN
        if not reset:
            assert isinstance(caught.value, UnexpectedEof)
            assert "AUTH LOGIN" in str(caught.value)
        assert await session.quit() is Deletions.KEPT


@RESET
async def test_a_server_that_goes_away_inside_apop(net: Net, reset: bool) -> None:
    def script(wire: Wire) -> None:
        wire.send(b"+OK ready <1896.697170952@dbc.mtview.ca.us>\r\n")
        capabilities(wire)
        assert wire.line().startswith(b"APOP alice ")
        if reset:
            wire.reset()

    with scripted(script) as port:
        session = await net.connect(port)
        with pytest.raises((UnexpectedEof, OSError)):
            await session.login(NAME, PASSWORD, mechanism="APOP")
        assert session.state is State.BROKEN
        await session.close()


def asked_for_a_name(wire: Wire) -> None:
    """From the connection into AUTH."""
    assert wire.line().startswith(b"+OK")
    assert wire.ask(b"AUTH LOGIN") == b"+ " + b64encode(b"Username:") + b"\r\n"


@RESET
@pytest.mark.parametrize("said", [b"", b"YWxp", b"YWxpY2U=\r\n"])
async def test_a_client_that_goes_away_inside_auth(net: Net, said: bytes, reset: bool) -> None:
    server = net.serve(net.memory(MAIL), mechanisms=MECHANISMS)
    with dial(server.port) as wire:
        asked_for_a_name(wire)
        wire.send(said)
        if reset:
            wire.reset()
        else:
            wire.half_close()
            assert b"+OK" not in wire.rest()
    async with await net.login(server) as session:
        assert await session.stat() == MailboxStat(1, 17)


@pytest.mark.parametrize(("login", "autologout"), [(0.1, 600.0), (600.0, 0.1)])
def test_a_client_that_says_nothing_inside_auth(net: Net, login: float, autologout: float) -> None:
    maildrop = net.memory()
    server = net.serve(maildrop, mechanisms=MECHANISMS, login=login, autologout=autologout)
    with dial(server.port) as wire:
        asked_for_a_name(wire)
        assert b"+OK" not in wire.rest()


async def test_apop(net: Net, tls: TlsPolicy) -> None:
    server = net.serve(net.memory(MAIL), tls=tls, apop=True)
    timestamps = set[str]()
    for _ in range(2):
        async with await net.connect(server.port, tls=tls) as session:
            timestamps.update(re.findall("<.*@.*>", session.greeting.text))
            with pytest.raises(AuthenticationFailed):
                await session.login(NAME, "wrong", mechanism="APOP")
            with pytest.raises(AuthenticationFailed):
                await session.login("nobody", PASSWORD, mechanism="APOP")
            await session.login(NAME, PASSWORD, mechanism="APOP")
            assert await session.stat() == MailboxStat(1, 17)
    assert len(timestamps) == 2


async def test_apop_where_it_is_not_offered(net: Net) -> None:
    async with await net.connect(net.serve(net.memory()).port) as session:
        with pytest.raises(LocalProtocolError, match="does not offer APOP"):
            await session.login(NAME, PASSWORD, mechanism="APOP")


def test_apop_takes_an_authenticator_that_knows_passwords() -> None:
    class Hashed:
        def authenticate(self, name: str, password: str) -> Maildrop | None:
            return None

    with pytest.raises(ValueError, match="PasswordStore"):
        _ = serve(Hashed(), apop=True)


def test_passwords_that_are_known() -> None:
    passwords = Passwords({"böb": "pässwörd"}, lambda name: pytest.fail(name))
    assert passwords.password("böb") == "pässwörd"
    assert passwords.password("alice") is None


@pytest.mark.parametrize(
    "mechanism", ["SCRAM-SHA-256", "CRAM-MD5", "PLAIN", "LOGIN", "USER", "APOP"]
)
async def test_names_and_passwords_beyond_ascii(net: Net, mechanism: str) -> None:
    """Some ways send them as SASLprep has them, which is not as they are here."""
    maildrop, asked = net.memory(MAIL), list[str]()

    def find(name: str) -> Maildrop:
        asked.append(name)
        return maildrop

    users = Passwords({"\u2168": "\u00ad\ufb01n"}, find)
    server = net.serve(maildrop, authenticator=users, apop=True)
    async with await net.connect(server.port) as session:
        await session.login(
            "\u2168",
            "\u00ad\ufb01n",
            mechanism=mechanism,
            allow_insecure_auth=True,
            allow_utf8_login=True,
        )
        assert await session.stat() == MailboxStat(1, 17)
    assert set(asked) == {"\u2168"}


@pytest.mark.parametrize(
    "command",
    [User("a"), Pass("b"), Apop("a", b"0" * 32), Auth("PLAIN", b"\0a\0b", True)],
    ids=lambda command: command.verb,
)
async def test_conversations_are_not_given_as_commands(
    net: Net, command: User | Pass | Apop | Auth[object]
) -> None:
    async with await net.connect(net.serve(net.memory()).port) as session:
        with pytest.raises(LocalProtocolError, match=r"give \w+ with \w+\("):
            await session.request(command)
