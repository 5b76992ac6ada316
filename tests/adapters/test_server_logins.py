"""Logging in to our server: what is announced, who is let in, and what becomes of who fails."""

import asyncio
import logging
import re
import socket
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial

import pytest

from pop3_adapters import asyncio as asyncio_module
from pop3_adapters.maildrops import MemoryMaildrop, Passwords, Verifiers
from pop3_adapters.scram import Scram, make_verifier
from pop3_adapters.socket import ServerOptions, serve, serve_stream
from pop3_proto import (
    AuthenticationFailed,
    Authenticator,
    ClientCertificate,
    ClientMechanism,
    Credentials,
    Limits,
    LoginAttempt,
    Maildrop,
    Pop3Error,
    Proven,
    ServerMechanism,
    TlsPolicy,
)
from pop3_proto.apop import apop_digest, find_timestamp
from pop3_proto.mechanisms import (
    Anonymous,
    CramMd5,
    External,
    Login,
    OAuthBearer,
    Plain,
    XOAuth2,
)

from .net import NAME, PASSWORD, Net, Served
from .wire import BOUND, LOOPBACK, Wire, dial

LOGINS = "pop3_adapters.logins"
WRONG = b"-ERR [AUTH] wrong name or password\r\n"
REFUSED = "AUTH: wrong name or password"
BY_PASSWORD = ("SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5")
FOR_EVER = 10_000.0


class Everybody(Passwords):
    """Knows alice by all that she may show, who may have bob's maildrop; and lets guests in."""

    def __init__(self, maildrop: Maildrop) -> None:
        super().__init__(
            {NAME: PASSWORD, "bob": "his own"},
            lambda name: maildrop,
            permits=lambda name, other: (name, other) == (NAME, "bob"),
        )
        self.shared = maildrop
        self.certificates: list[ClientCertificate] = []

    def token_holder(self, token: str) -> str | None:
        return NAME if token == PASSWORD.replace(" ", "-") else None

    def certificate_holder(self, certificate: ClientCertificate) -> str | None:
        self.certificates.append(certificate)
        return NAME if f"{NAME}@example.org" in certificate.emails else None

    def guest(self, trace: str) -> Maildrop | None:
        return self.shared if trace else None


TOKEN = PASSWORD.replace(" ", "-")


class Attempts:
    """What `on_login` is told."""

    def __init__(self) -> None:
        self.told: list[tuple[LoginAttempt, str]] = []
        self.first = threading.Event()

    def __call__(self, attempt: LoginAttempt, address: str) -> None:
        self.told.append((attempt, address))
        self.first.set()

    @property
    def outcomes(self) -> list[tuple[str, str, bool, int]]:
        return [(told.name, told.way, told.ok, told.failures) for told, _ in self.told]


def greeted(wire: Wire) -> Wire:
    assert wire.line().startswith(b"+OK")
    return wire


def fail(wire: Wire) -> bytes:
    """The answer to a wrong password."""
    assert wire.ask(f"USER {NAME}".encode()).startswith(b"+OK")
    return wire.ask(b"PASS wrong")


def succeed(wire: Wire) -> bytes:
    assert wire.ask(f"USER {NAME}".encode()).startswith(b"+OK")
    return wire.ask(f"PASS {PASSWORD}".encode())


def sasl(wire: Wire) -> list[str]:
    """The mechanisms that are announced, which a bare AUTH has to list, too."""
    assert wire.ask(b"CAPA").startswith(b"+OK")
    announced = [line.split()[1:] for line in wire.lines() if line.startswith(b"SASL ")]
    assert wire.ask(b"AUTH").startswith(b"+OK")
    listed = [line.strip() for line in wire.lines()[:-1]]
    assert announced == [listed] or not announced + listed
    return [name.decode() for name in listed]


# Failures.


def test_failures_are_told_and_counted_and_end_the_session(net: Net) -> None:
    attempts = Attempts()
    server = net.serve(net.memory(), on_login=attempts)
    with dial(server.port) as wire:
        _ = greeted(wire)
        assert [fail(wire) for _ in range(3)] == [WRONG] * 3
        assert wire.rest() == b""
    assert attempts.outcomes == [(NAME, "USER", False, count) for count in (1, 2, 3)]
    assert {address for _, address in attempts.told} == {LOOPBACK}


def test_how_many_may_fail_is_a_limit(net: Net) -> None:
    server = net.serve(net.memory(), limits=Limits(failed_logins=1))
    with dial(server.port) as wire:
        assert fail(greeted(wire)) == WRONG
        assert wire.rest() == b""
    with dial(server.port) as wire:
        assert succeed(greeted(wire)).startswith(b"+OK")


def test_a_success_is_told(net: Net) -> None:
    attempts = Attempts()
    server = net.serve(net.memory(), on_login=attempts)
    with dial(server.port) as wire:
        assert fail(greeted(wire)) == WRONG
        assert succeed(wire).startswith(b"+OK")
    assert attempts.outcomes == [(NAME, "USER", False, 1), (NAME, "USER", True, 1)]


def test_who_is_told_and_fails_harms_nobody(net: Net, caplog: pytest.LogCaptureFixture) -> None:
    def on_login(attempt: LoginAttempt, address: str) -> None:
        raise RuntimeError("no disk")

    server = net.serve(net.memory(), on_login=on_login)
    with dial(server.port) as wire:
        assert fail(greeted(wire)) == WRONG
        assert succeed(wire).startswith(b"+OK")
    assert caplog.messages.count("on_login failed") == 2


def test_who_is_told_may_be_a_coroutine(caplog: pytest.LogCaptureFixture) -> None:
    attempts = Attempts()

    async def on_login(attempt: LoginAttempt, address: str) -> None:
        await asyncio.sleep(0)
        attempts(attempt, address)
        if not attempt.ok:
            raise RuntimeError("no disk")

    async def main() -> None:
        options = ServerOptions(allow_insecure_auth=True, failure_delay=0.05, on_login=on_login)
        async with asyncio_module.serve(users(), **options) as server:
            await asyncio.to_thread(fail_and_succeed, server.port)

    asyncio.run(main())
    assert attempts.outcomes == [(NAME, "USER", False, 1), (NAME, "USER", True, 1)]
    assert caplog.messages.count("on_login failed") == 1


class Later:
    """Can be awaited, and is no coroutine."""

    def __await__(self) -> Generator[None]:
        raise AssertionError("nobody can await this")


async def told_later(attempt: LoginAttempt, address: str) -> None:
    raise AssertionError("nobody can await this")


def told_otherwise(attempt: LoginAttempt, address: str) -> Later:
    return Later()


@pytest.mark.parametrize("on_login", [told_later, told_otherwise])
def test_who_is_told_is_no_coroutine_without_an_event_loop(
    on_login: Callable[[LoginAttempt, str], object], caplog: pytest.LogCaptureFixture
) -> None:
    options = ServerOptions(allow_insecure_auth=True, failure_delay=0.05, on_login=on_login)
    with serve(users(), **options) as server:
        fail_and_succeed(server.port)
    assert caplog.messages.count("on_login failed") == 2
    assert caplog.text.count("TypeError: on_login is asynchronous, which needs asyncio") == 2


def fail_and_succeed(port: int) -> None:
    with dial(port) as wire:
        assert fail(greeted(wire)) == WRONG
        assert succeed(wire).startswith(b"+OK")


@contextmanager
def delayed(net: Net) -> Generator[tuple[Served, Wire]]:
    """A server with a client who waits for the answer to a wrong password."""
    attempts = Attempts()
    server = net.serve(net.memory(), failure_delay=FOR_EVER, login=FOR_EVER, on_login=attempts)
    with dial(server.port) as wire:
        greeted(wire).send(f"USER {NAME}\r\nPASS wrong\r\n".encode())
        assert wire.line().startswith(b"+OK")
        assert attempts.first.wait(BOUND)
        wire.nothing(0.05)
        yield server, wire


def test_the_answer_to_a_failure_is_delayed_but_not_beyond_the_server(net: Net) -> None:
    with delayed(net) as (server, wire):
        stopping = threading.Thread(target=server.running.close, args=(BOUND,))
        stopping.start()
        assert wire.line() == WRONG
        assert wire.ask(b"QUIT").startswith(b"+OK")
        stopping.join(BOUND)
        assert not stopping.is_alive()


def test_a_server_that_stops_at_once_waits_for_nobody(net: Net) -> None:
    with delayed(net) as (server, wire):
        server.running.close()
        assert wire.rest() in (b"", WRONG)


def test_the_delay_ends_with_the_time_for_the_login(net: Net) -> None:
    server = net.serve(net.memory(), failure_delay=FOR_EVER, login=0.2)
    with dial(server.port) as wire:
        greeted(wire).send(f"USER {NAME}\r\nPASS wrong\r\n".encode())
        assert wire.line().startswith(b"+OK")
        assert wire.rest() == b""


def test_a_short_delay_passes(net: Net) -> None:
    server = net.serve(net.memory(), failure_delay=0.05)
    with dial(server.port) as wire:
        assert fail(greeted(wire)) == WRONG
        assert succeed(wire).startswith(b"+OK")


def test_those_who_wait_hold_no_thread_that_others_need(net: Net) -> None:
    server = net.serve(net.memory(), failure_delay=FOR_EVER, login=FOR_EVER)
    with ExitStack() as waiting:
        for _ in range(60):  # more than any library has threads
            wire = greeted(waiting.enter_context(dial(server.port)))
            wire.send(f"USER {NAME}\r\nPASS wrong\r\n".encode())
        with dial(server.port) as wire:
            assert succeed(greeted(wire)).startswith(b"+OK")


def test_the_delay_of_one_that_serves_a_single_stream() -> None:
    ours, theirs = socket.socketpair()
    users = Passwords({NAME: PASSWORD}, lambda name: MemoryMaildrop())
    serving = threading.Thread(
        target=serve_stream,
        args=(users, theirs),
        kwargs={"allow_insecure_auth": True, "failure_delay": 0.05},
    )
    serving.start()
    with closing(Wire(ours)) as wire:
        assert fail(greeted(wire)) == WRONG
        assert succeed(wire).startswith(b"+OK")
    serving.join(BOUND)
    assert not serving.is_alive()


def test_the_same_in_an_event_loop(logins: Callable[[], list[str]]) -> None:
    async def main() -> None:
        ours, theirs = socket.socketpair()
        users = Passwords({NAME: PASSWORD}, lambda name: MemoryMaildrop())
        options = ServerOptions(allow_insecure_auth=True, failure_delay=0.05)
        serving = asyncio.create_task(asyncio_module.serve_stream(users, theirs, **options))
        with closing(Wire(ours)) as wire:
            assert await asyncio.to_thread(lambda: fail(greeted(wire))) == WRONG
        await serving

    asyncio.run(main())
    assert logins() == [f'WARNING login failed: address=- way=USER tls=no failures=1 name="{NAME}"']


# The log.


@pytest.fixture
def logins(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """The lines about logins, with their levels."""
    caplog.set_level(logging.INFO, LOGINS)

    def lines() -> list[str]:
        return [
            f"{record.levelname} {record.getMessage()}"
            for record in caplog.records
            if record.name == LOGINS
        ]

    return lines


def test_a_line_for_each_login(net: Net, logins: Callable[[], list[str]]) -> None:
    server = net.serve(net.memory(), tls=TlsPolicy.IMPLICIT, authenticator=Everybody(net.memory()))
    with dial(server.port) as wire:
        wire.start_tls(net.certificates.client())
        assert fail(greeted(wire)) == WRONG
        plain = b64encode(f"bob\0{NAME}\0{PASSWORD}".encode())
        assert wire.ask(b"AUTH PLAIN " + plain).startswith(b"+OK")
    failure, success = logins()
    assert failure == (
        f'WARNING login failed: address={LOOPBACK} way=USER tls=yes failures=1 name="{NAME}"'
    )
    assert success == (
        f"INFO login succeeded: address={LOOPBACK} way=PLAIN tls=yes failures=1 "
        f'name="{NAME}" authorization="bob"'
    )


def test_who_goes_with_a_right_password_leaves_a_line(
    net: Net, logins: Callable[[], list[str]]
) -> None:
    """He knows already, by the server's own proof, that the password is right."""
    attempts = Attempts()
    server = net.serve(net.memory(), on_login=attempts)
    client = Scram("SCRAM-SHA-256", NAME, PASSWORD)
    with dial(server.port) as wire:
        first = b64encode(client.respond(b"").data)
        challenge = decoded(greeted(wire).ask(b"AUTH SCRAM-SHA-256 " + first))
        proof = wire.ask(b64encode(client.respond(challenge).data))
        assert client.respond(decoded(proof)).last
    assert attempts.first.wait(BOUND)
    told = f"address={LOOPBACK} way=SCRAM-SHA-256 tls=no failures=1"
    assert logins() == [f'WARNING login failed: {told} name="{NAME}"']


class AnyName:
    """Takes any text for a name, and for that of another, too."""

    client_first = True
    shows_secret = False

    def step(self, response: bytes) -> Credentials:
        return Credentials(response.decode(), PASSWORD, response.decode() + "!")


FORGED = 'login failed: address=192.0.2.9 way=USER tls=no failures=1 name="x"'


@pytest.mark.parametrize(
    "name",
    [
        "x\r\nWARNING " + FORGED,
        'x" ' + FORGED,
        "x\\",
        'x\\" address=192.0.2.9',
        "x\x1b[2J\u2028\u202e\x85 address=192.0.2.9",
        "x" * 5000,
    ],
)
def test_no_name_can_forge_a_line(net: Net, name: str, logins: Callable[[], list[str]]) -> None:
    server = net.serve(net.memory(), mechanisms={"X-ANY": AnyName})
    with dial(server.port) as wire:
        assert greeted(wire).ask(b"AUTH X-ANY " + b64encode(name.encode())) == WRONG
    (line,) = logins()
    assert line.isprintable()
    assert len(line) < 2000
    text = r'"(x(?:[^"\\]|\\.)*)"'
    start = f"WARNING login failed: address={LOOPBACK} way=X-ANY tls=no failures=1"
    assert re.fullmatch(f"{re.escape(start)} name={text} authorization={text}", line)


def test_no_secret_is_in_it(net: Net, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "hunter2-is-long-enough"
    server = net.serve(net.memory(), authenticator=Everybody(net.memory()))
    with dial(server.port) as wire:
        assert greeted(wire).ask(b"USER alice").startswith(b"+OK")
        assert wire.ask(f"PASS {secret}".encode()) == WRONG
        token = b64encode(f"user=alice\1auth=Bearer {secret}\1\1".encode())
        assert wire.ask(b"AUTH XOAUTH2 " + token).startswith(b"+ ")
        assert wire.ask(b"") == WRONG
    assert secret not in caplog.text


# What is announced.


@pytest.mark.parametrize("policy", [TlsPolicy.NONE, TlsPolicy.STLS, TlsPolicy.IMPLICIT])
def test_what_shows_a_secret_is_announced_inside_tls(net: Net, policy: TlsPolicy) -> None:
    users = Everybody(net.memory())
    server = net.serve(net.memory(), authenticator=users, tls=policy, allow_insecure_auth=False)
    with dial(server.port) as wire:
        if policy is TlsPolicy.IMPLICIT:
            wire.start_tls(net.certificates.client())
        _ = greeted(wire)
        if policy is not TlsPolicy.IMPLICIT:
            assert sasl(wire) == [*BY_PASSWORD, "ANONYMOUS"]
            assert wire.ask(b"AUTH PLAIN =").startswith(b"-ERR no passwords in plaintext")
            assert wire.ask(b"USER alice").startswith(b"-ERR no passwords in plaintext")
        if policy is TlsPolicy.STLS:
            assert wire.ask(b"STLS").startswith(b"+OK")
            wire.start_tls(net.certificates.client())
        if policy is not TlsPolicy.NONE:
            tokens = ["OAUTHBEARER", "XOAUTH2"]
            assert sasl(wire) == [*BY_PASSWORD, "PLAIN", "LOGIN", *tokens, "ANONYMOUS"]
            assert wire.ask(b"USER alice").startswith(b"+OK")


class Nobody:
    """Can do nothing but what every authenticator can."""

    def authenticate(self, name: str, password: str) -> Maildrop | None:
        return None


def test_an_authenticator_that_can_do_no_more(net: Net) -> None:
    server = net.serve(net.memory(), authenticator=Nobody())
    with dial(server.port) as wire:
        assert sasl(greeted(wire)) == ["PLAIN", "LOGIN"]
    server = net.serve(net.memory(), authenticator=Nobody(), allow_insecure_auth=False)
    with dial(server.port) as wire:
        assert sasl(greeted(wire)) == []


def test_only_the_logins_that_are_wanted(net: Net) -> None:
    users = Everybody(net.memory())
    server = net.serve(net.memory(), authenticator=users, logins=["plain", "SCRAM-SHA-1", "APOP"])
    with dial(server.port) as wire:
        greeting = wire.line()
        assert sasl(wire) == ["SCRAM-SHA-1", "PLAIN"]
        assert wire.ask(b"USER alice") == b"-ERR USER is not supported: use AUTH or APOP\r\n"
        assert wire.ask(b"AUTH LOGIN") == b"-ERR unknown mechanism\r\n"
        digest = apop_digest(find_timestamp(greeting) or b"", PASSWORD.encode())
        assert wire.ask(b"APOP alice " + digest).startswith(b"+OK")


class Always:
    """Knows who it is without asking."""

    client_first = True
    shows_secret = False

    def step(self, response: bytes) -> Proven:
        return Proven(NAME)


def test_a_mechanism_of_ones_own_is_added_or_takes_the_place_of_ours(net: Net) -> None:
    own: dict[str, Callable[[], ServerMechanism]] = {"x-own": Always, "Plain": Always}
    server = net.serve(net.memory(), mechanisms=own, allow_insecure_auth=False)
    with dial(server.port) as wire:
        assert sasl(greeted(wire)) == [*BY_PASSWORD, "PLAIN", "X-OWN"]
        assert wire.ask(b"AUTH PLAIN =").startswith(b"+OK")


def users() -> Passwords:
    return Passwords({NAME: PASSWORD}, lambda name: MemoryMaildrop())


@pytest.mark.parametrize(
    ("authenticator", "name", "words"),
    [
        (Nobody(), "CRAM-MD5", "CRAM-MD5 needs an authenticator that knows passwords"),
        (Nobody(), "APOP", "APOP needs an authenticator that knows passwords"),
        (Nobody(), "SCRAM-SHA-256", "or has a verifier of each user for it"),
        (users(), "XOAUTH2", "XOAUTH2 needs an authenticator that knows tokens: see TokenHolders"),
        (users(), "external", "EXTERNAL needs an authenticator that knows certificates"),
        (Everybody(MemoryMaildrop()), "EXTERNAL", "EXTERNAL needs client_ca="),
        (users(), "ANONYMOUS", "ANONYMOUS needs an authenticator that lets guests in"),
        (users(), "GSSAPI", "there is no GSSAPI to log in by: there are SCRAM-SHA-512, "),
    ],
)
def test_a_login_that_cannot_be_offered(
    authenticator: Authenticator, name: str, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        _ = serve(authenticator, logins=["PLAIN", name])


@pytest.mark.parametrize("logins", ["PLAIN", [], ""])
def test_logins_that_are_no_list(logins: str | list[str]) -> None:
    with pytest.raises(ValueError, match="is a list of the ways to log in"):
        _ = serve(users(), logins=logins)


def test_apop_of_who_knows_no_password() -> None:
    with pytest.raises(ValueError, match="APOP needs an authenticator that knows passwords"):
        _ = serve(Nobody(), apop=True)


def test_scram_without_scramp(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(name: str) -> None:
        assert name == "scramp"

    monkeypatch.setattr("pop3_adapters._scram_extra.find_spec", found)
    with pytest.raises(ValueError, match="SCRAM-SHA-1 needs scramp: pip install"):
        _ = serve(users(), logins=["SCRAM-SHA-1"])
    with serve(users()) as server, dial(server.port) as wire:
        assert sasl(greeted(wire)) == ["CRAM-MD5"]


# Each way in, and the same words for all who are not let in.


def by_passwords(name: str, password: str) -> Iterator[ClientMechanism]:
    for mechanism in ("SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1"):
        yield Scram(mechanism, name, password)
    yield CramMd5(name, password)
    yield Plain(name, password)
    yield Login(name, password)


async def signed_in(net: Net, server: Served, mechanism: ClientMechanism) -> None:
    async with await net.connect(server.port, tls=server.tls) as session:
        await session.authenticate(mechanism, allow_insecure_auth=True)
        assert (await session.stat()).messages == 1


async def refusal(net: Net, server: Served, mechanism: ClientMechanism) -> str:
    """What the server says at the end of a login that fails."""
    session = await net.connect(server.port, tls=server.tls)
    try:
        with pytest.raises(AuthenticationFailed) as failed:
            await session.authenticate(mechanism, allow_insecure_auth=True)
    finally:
        await session.close()
    return f"{failed.value.code}: {failed.value.reply.text}"


async def test_every_mechanism_with_a_password(net: Net) -> None:
    attempts = Attempts()
    server = net.serve(net.memory(b"one\n"), on_login=attempts)
    for mechanism in by_passwords(NAME, PASSWORD):
        await signed_in(net, server, mechanism)
    assert attempts.outcomes == [
        (NAME, mechanism.name, True, 0) for mechanism in by_passwords(NAME, PASSWORD)
    ]


@pytest.mark.parametrize(
    ("name", "password"), [(NAME, "mistaken"), ("nobody", PASSWORD), ("nobody", "mistaken")]
)
async def test_the_same_words_for_who_does_not_exist(net: Net, name: str, password: str) -> None:
    attempts = Attempts()
    server = net.serve(net.memory(), on_login=attempts)
    for mechanism in by_passwords(name, password):
        assert await refusal(net, server, mechanism) == REFUSED
    assert attempts.outcomes == [
        (name, mechanism.name, False, 1) for mechanism in by_passwords(name, password)
    ]


@pytest.mark.parametrize("name", [NAME, "nobody"])
def test_scram_answers_an_unknown_name_as_a_known_one(net: Net, name: str) -> None:
    server = net.serve(net.memory())
    first = b64encode(f"n,,n={name},r=abcdefgh".encode())
    salts: set[bytes] = set()
    for _ in range(2):
        with dial(server.port) as wire:
            challenge = greeted(wire).ask(b"AUTH SCRAM-SHA-256 " + first)
            fields = dict(field.split(b"=", 1) for field in decoded(challenge).split(b","))
            assert fields[b"r"].startswith(b"abcdefgh")
            assert fields[b"i"] == b"4096"
            salts.add(fields[b"s"])
    assert len(salts) == 1


def decoded(challenge: bytes) -> bytes:
    assert challenge.startswith(b"+ ")
    return b64decode(challenge[2:])


async def test_the_maildrop_of_somebody_else(net: Net) -> None:
    given: list[str] = []

    def maildrop(name: str) -> Maildrop:
        given.append(name)
        return MemoryMaildrop([b"one\n"])

    delegating = Passwords(
        {NAME: PASSWORD, "bob": "his own"},
        maildrop,
        permits=lambda name, other: (name, other) == (NAME, "bob"),
    )
    server = net.serve(maildrop, authenticator=delegating)
    await signed_in(net, server, Plain(NAME, PASSWORD, NAME))
    await signed_in(net, server, Plain(NAME, PASSWORD, "bob"))
    assert given[-1] == "bob"
    for refused in (Plain("bob", "his own", NAME), Plain(NAME, PASSWORD, "nobody")):
        assert await refusal(net, server, refused) == REFUSED
    server = net.serve(maildrop)
    assert await refusal(net, server, Plain(NAME, PASSWORD, "bob")) == REFUSED


async def test_tokens(net: Net) -> None:
    attempts = Attempts()
    everybody = Everybody(net.memory(b"one\n"))
    server = net.serve(net.memory(), authenticator=everybody, on_login=attempts)
    for kind in (XOAuth2, OAuthBearer):
        for name in (NAME, "bob"):
            await signed_in(net, server, kind(name, TOKEN))
        for mechanism in (kind(NAME, "bad"), kind("nobody", TOKEN)):
            assert await refusal(net, server, mechanism) == REFUSED
            assert mechanism.refusal
            assert mechanism.refusal.status
    names = [(told.name, told.authorization, told.ok) for told, _ in attempts.told]
    each = [
        (NAME, "", True),
        (NAME, "bob", True),
        (NAME, "", False),
        (NAME, "nobody", False),
    ]
    assert names == each * 2


async def test_guests(net: Net) -> None:
    everybody = Everybody(net.memory(b"one\n"))
    server = net.serve(net.memory(), authenticator=everybody)
    await signed_in(net, server, Anonymous("sirhc"))
    assert await refusal(net, server, Anonymous()) == REFUSED


async def test_certificates(net: Net, tls: TlsPolicy) -> None:
    if tls is TlsPolicy.NONE:
        return
    attempts = Attempts()
    everybody = Everybody(net.memory(b"one\n"))
    server = net.serve(
        net.memory(),
        authenticator=everybody,
        tls=tls,
        context=net.certificates.asking(),
        on_login=attempts,
    )

    async def show(mechanism: ClientMechanism, who: str | None) -> None:
        context = net.certificates.client(own=bool(who), address=who or "")
        async with await net.connect(server.port, tls=tls, context=context) as session:
            assert session.capabilities
            assert ("EXTERNAL" in (session.capabilities.sasl or ())) is bool(who)
            await session.authenticate(mechanism)
            assert (await session.stat()).messages == 1

    await show(External(), f"{NAME}@example.org")
    await show(External(NAME), f"{NAME}@example.org")
    await show(External("bob"), f"{NAME}@example.org")
    with pytest.raises(AuthenticationFailed):
        await show(External("carol"), f"{NAME}@example.org")
    with pytest.raises(AuthenticationFailed):
        await show(External(NAME), "mallory@example.org")
    await show(Plain(NAME, PASSWORD), None)
    with pytest.raises(Pop3Error):
        await show(External(), None)
    assert everybody.certificates[0].emails == (f"{NAME}@example.org",)
    assert everybody.certificates[0].der
    assert [(told.name, told.authorization, told.way, told.ok) for told, _ in attempts.told] == [
        (NAME, "", "EXTERNAL", True),
        (NAME, "", "EXTERNAL", True),
        (NAME, "bob", "EXTERNAL", True),
        (NAME, "carol", "EXTERNAL", False),
        (NAME, "", "EXTERNAL", False),
        (NAME, "", "PLAIN", True),
    ]


# Where there are verifiers, and no password.

VERIFIERS = {
    NAME: [
        make_verifier(kind, PASSWORD, iterations=5000) for kind in ("SCRAM-SHA-256", "SCRAM-SHA-1")
    ],
    "bob": [make_verifier("SCRAM-SHA-256", "his own", iterations=5000)],
}


async def test_verifiers_are_enough(net: Net) -> None:
    attempts = Attempts()
    known = Verifiers(VERIFIERS, lambda name: net.memory(b"one\n"))
    server = net.serve(net.memory(), authenticator=known, on_login=attempts)
    with dial(server.port) as wire:
        assert sasl(greeted(wire)) == ["SCRAM-SHA-256", "PLAIN", "LOGIN"]
        assert succeed(wire).startswith(b"+OK")
    makers: list[Callable[[str, str], ClientMechanism]] = [
        partial(Scram, "SCRAM-SHA-256"),
        Plain,
        Login,
    ]
    for make in makers:
        await signed_in(net, server, make("bob", "his own"))
        for who in (("bob", "mistaken"), ("nobody", PASSWORD), (NAME, "his own")):
            assert await refusal(net, server, make(*who)) == REFUSED
    assert [told.ok for told, _ in attempts.told] == [True, *[True, False, False, False] * 3]


def test_a_name_that_nobody_has_looks_like_one_that_somebody_has() -> None:
    known = Verifiers(VERIFIERS, lambda name: MemoryMaildrop())
    again = Verifiers(VERIFIERS, lambda name: MemoryMaildrop())
    real = VERIFIERS["bob"][0]
    decoy = known.verifier("nobody", "SCRAM-SHA-256")
    assert known.verifier("bob", "SCRAM-SHA-256") == real
    assert decoy
    assert decoy == known.verifier("nobody", "SCRAM-SHA-256")
    # After a restart, too.
    assert decoy == again.verifier("nobody", "SCRAM-SHA-256")
    assert decoy != known.verifier("nobody else", "SCRAM-SHA-256")
    assert decoy.iterations == real.iterations
    assert [len(octets) for octets in (decoy.salt, decoy.stored_key, decoy.server_key)] == [
        len(octets) for octets in (real.salt, real.stored_key, real.server_key)
    ]
    assert known.verifier("bob", "SCRAM-SHA-512") is None
    assert known.maildrop("nobody") is None


def test_a_name_is_known_as_saslprep_has_it_to_passwords_and_to_verifiers() -> None:
    name = "\ufb01"
    kept = {name: [make_verifier("SCRAM-SHA-256", PASSWORD)]}
    given: list[str] = []

    def maildrop(name: str) -> Maildrop:
        given.append(name)
        return MemoryMaildrop()

    known = Verifiers(kept, maildrop)
    for form in (name, "fi"):
        assert known.verifier(form, "SCRAM-SHA-256") == kept[name][0]
        for each in (known, Passwords({name: PASSWORD}, maildrop)):
            assert each.authenticate(form, PASSWORD)
            assert each.maildrop(form)
            assert not each.authenticate(form, "wrong")
    assert given == [name] * 8


def test_a_name_as_it_is_comes_before_that_of_another_as_prepared() -> None:
    for table in ({"\ufb01": "one", "fi": "two"}, {"fi": "two", "\ufb01": "one"}):
        known = Passwords(table, lambda name: MemoryMaildrop())
        assert known.password("fi") == "two"
        assert known.password("\ufb01") == "one"


def test_passwords_are_compared_with_the_same_work_for_everybody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = Passwords({NAME: "\ufb01ne", "bob": "x" * 500}, lambda name: MemoryMaildrop())
    done: list[str] = []

    def prepare(text: str) -> str:
        raise AssertionError("what is kept is prepared once")

    def compare(one: bytes, other: bytes) -> bool:
        done.append("compared")
        return one == other

    monkeypatch.setattr("pop3_adapters.maildrops._names.stored_or_nothing", prepare)
    monkeypatch.setattr("hmac.compare_digest", compare)
    for name, password in ((NAME, "wrong"), ("bob", "wrong"), ("nobody", "wrong"), ("nobody", "")):
        done.clear()
        assert not known.authenticate(name, password)
        assert done == ["compared"] * 2
    assert known.authenticate(NAME, "fine")


def test_the_secret_of_decoys_may_be_kept() -> None:
    one = Verifiers(VERIFIERS, lambda name: MemoryMaildrop(), secret=b"kept")
    other = Verifiers({"bob": VERIFIERS["bob"]}, lambda name: MemoryMaildrop(), secret=b"kept")
    assert one.verifier("x", "SCRAM-SHA-256") == other.verifier("x", "SCRAM-SHA-256")


def test_users_who_have_no_mechanism_in_common() -> None:
    mixed = {"one": [VERIFIERS[NAME][0]], "two": [VERIFIERS[NAME][1]]}
    known = Verifiers(mixed, lambda name: MemoryMaildrop())
    assert known.mechanisms() == frozenset()
    for name in mixed:
        assert known.authenticate(name, PASSWORD)
        assert not known.authenticate(name, "wrong")
    with pytest.raises(ValueError, match="nobody has a verifier"):
        _ = Verifiers({"one": []}, lambda name: MemoryMaildrop())
