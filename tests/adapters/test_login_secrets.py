"""Whoever logs in, however, and however that ends: nothing that can be seen has the secret."""

import binascii
import logging
import traceback
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote

import pytest

from pop3_adapters.maildrops import MemoryMaildrop
from pop3_adapters.scram import Scram
from pop3_proto import (
    ClientMechanism,
    LoginAttempt,
    Maildrop,
    Pop3Error,
    TraceRecord,
    write_record,
)
from pop3_proto.mechanisms import CramMd5, Login, OAuthBearer, Plain, XOAuth2

from .backends import Session
from .net import NAME, Net

# Each form of it looks different, and it may be a token too.
SECRET: Final = "hunter2/Zeug+geheim=ja"
OTHER: Final = "Mond%und~Sterne:1969"

HARMLESS: Final = "nothing/that+is=secret"


def forms(secret: str) -> set[str]:
    """How it may be written."""
    octets = secret.encode()
    found = {secret, quote(secret), quote(secret, safe=""), octets.hex(), octets.hex().upper()}
    for ahead in range(3):
        encoded = binascii.b2a_base64(b"x" * ahead + octets, newline=False).decode()
        # What stands around it decides about the first and the last characters.
        found.add(encoded[4 if ahead else 0 : -4])
    return found


class Users:
    """Knows everybody by one secret, or fails."""

    def __init__(self, secret: str, failure: Exception | None = None) -> None:
        self._secret = secret
        self._failure = failure

    def _fail(self) -> None:
        if self._failure:
            raise self._failure

    def authenticate(self, name: str, password: str) -> Maildrop | None:
        self._fail()
        return MemoryMaildrop() if password == self._secret else None

    def password(self, name: str) -> str | None:
        self._fail()
        return self._secret

    def maildrop(self, name: str) -> Maildrop | None:
        self._fail()
        return MemoryMaildrop()

    def token_holder(self, token: str) -> str | None:
        self._fail()
        return NAME if token == self._secret else None


Sign = Callable[[Session, str], Awaitable[object]]


def named(way: str) -> Sign:
    return lambda session, secret: session.login(
        NAME, secret, mechanism=way, allow_insecure_auth=True
    )


def by_token(way: str) -> Sign:
    return lambda session, secret: session.login_oauth(
        NAME, lambda refused: secret, mechanism=way, allow_insecure_auth=True
    )


async def chosen(session: Session, secret: str) -> object:
    return await session.login(NAME, secret)


async def impossible(session: Session, secret: str) -> object:
    """What cannot be said is refused here, and the error must not repeat it."""
    return await session.login(NAME, secret + "\0", allow_insecure_auth=True)


PASSWORD_WAYS: Final = (
    *("SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"),
    *("USER", "APOP"),
)
WAYS: Final = (
    *(pytest.param(named(way), id=way) for way in PASSWORD_WAYS),
    *(pytest.param(by_token(way), id=way) for way in ("OAUTHBEARER", "XOAUTH2")),
    pytest.param(chosen, id="chosen"),
)


class Witness:
    """Sees all that anybody may see of a login."""

    def __init__(self, log: pytest.LogCaptureFixture) -> None:
        self._log = log
        self._log.set_level(logging.DEBUG)
        self.seen: list[str] = []

    def trace(self, record: TraceRecord) -> None:
        self.seen += [write_record(record), repr(record)]

    def attempt(self, attempt: LoginAttempt, address: str) -> None:
        self.seen.append(f"{attempt!r} {attempt} {address}")

    def error(self, error: BaseException) -> None:
        self.seen += [*traceback.format_exception(error), repr(error), repr(error.args)]
        self.seen.append(repr(vars(error)))

    def assert_ignorant(self, printed: str, *secrets: str) -> None:
        """Check that none of the secrets was seen, in no form."""
        text = "\n".join([*self.seen, self._log.text, printed])
        assert [form for secret in secrets for form in forms(secret) if form in text] == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("known", "failure"),
    [(SECRET, None), (OTHER, None), (OTHER, OSError("the disk is broken"))],
    ids=["right", "wrong", "broken"],
)
async def test_nobody_sees_a_secret(
    net: Net,
    way: Sign,
    known: str,
    failure: Exception | None,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    witness = Witness(caplog)
    server = net.serve(
        net.memory(),
        authenticator=Users(known, failure),
        apop=True,
        on_login=witness.attempt,
        trace=lambda address: witness.trace,
    )
    session = await net.connect(server.port, trace=witness.trace)
    try:
        await way(session, SECRET)
        assert known == SECRET
    except Pop3Error as error:
        assert known != SECRET
        witness.error(error)
    witness.seen.append(f"{session!r} {session} {vars(session)}")
    await session.close()
    server.running.close()
    assert len(witness.seen) > 10
    witness.assert_ignorant("".join(capfd.readouterr()), SECRET, OTHER)


@pytest.mark.parametrize("way", [impossible, named("PLAIN"), named("USER"), by_token("XOAUTH2")])
async def test_what_is_refused_here_is_not_repeated(net: Net, way: Sign) -> None:
    secret = SECRET + "\0\r\n"
    async with await net.connect(net.serve(net.memory()).port) as session:
        with pytest.raises(Pop3Error) as caught:
            await way(session, secret)
    assert [form for form in forms(SECRET) if form in repr(caught.value) + str(caught.value)] == []


@pytest.mark.parametrize(
    "mechanism",
    [
        *(make(NAME, SECRET) for make in (Plain, Login, CramMd5, XOAuth2, OAuthBearer)),
        Scram("SCRAM-SHA-256", NAME, SECRET),
    ],
    ids=lambda mechanism: mechanism.name,
)
def test_mechanisms_do_not_show_it(mechanism: ClientMechanism) -> None:
    shown = f"{mechanism!r} {mechanism} {mechanism.respond(b'')!r} {mechanism!r}"
    assert [form for form in forms(SECRET) if form in shown] == []


@pytest.mark.parametrize("form", sorted(forms(SECRET)))
def test_it_would_be_seen(form: str, caplog: pytest.LogCaptureFixture) -> None:
    witness = Witness(caplog)
    witness.assert_ignorant(HARMLESS, SECRET)
    with pytest.raises(AssertionError):
        witness.assert_ignorant(f"a line with {form} in it", SECRET)
    logging.getLogger("pop3_adapters").debug("said %s", form)
    with pytest.raises(AssertionError):
        witness.assert_ignorant("", SECRET)


@pytest.mark.parametrize("around", ["", "a", "ab", "\0alice\0"])
def test_base64_is_seen_wherever_it_begins(around: str, caplog: pytest.LogCaptureFixture) -> None:
    text = binascii.b2a_base64(f"{around}{SECRET}{around}".encode()).decode()
    with pytest.raises(AssertionError):
        Witness(caplog).assert_ignorant(text, SECRET)
