"""Our client signs in to a real Dovecot by every mechanism that it has, blocking and on asyncio."""

import pytest

from pop3_proto import AuthenticationFailed, LoginImpossible, State, TlsPolicy, TokenRefused
from pop3_proto.mechanisms import Anonymous, External, Plain
from tests.adapters.backends import ClientBackend
from tests.interop.seeds import SEEDS
from tests.interop.servers.dovecot import Dovecot, StartDovecot
from tests.interop.servers.server import User
from tests.interop.servers.tokens import FAR, OPENID_CONFIGURATION, OVER, SCOPE
from tests.interop.signing_in import connected, every_backend

pytestmark = [pytest.mark.interop, every_backend]

ONE = [SEEDS["01-plain"].on_disk]
# From the strongest to the weakest, as the client takes them.
OFFERED = ("SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN", "USER")
# SASLprep is from a time that had no keys among its characters, so that SCRAM cannot take this one.
NOT_FOR_SCRAM = "\N{OLD KEY} and a blank at the end "

every_way = pytest.mark.parametrize("way", [*OFFERED, "APOP"])
every_token_way = pytest.mark.parametrize("way", ["XOAUTH2", "OAUTHBEARER"])
in_one_line_or_two = pytest.mark.parametrize(
    "initial_response", [False, True], ids=["two-lines", "one-line"]
)


@in_one_line_or_two
@every_way
def test_a_password(
    clients: ClientBackend, dovecot: Dovecot, way: str, initial_response: bool
) -> None:
    user = dovecot.new_user(ONE)

    async def scenario() -> None:
        async with await connected(clients, dovecot) as session:
            took = await session.login(
                user.name, user.password, mechanism=way, initial_response=initial_response
            )
            assert took == way
            assert (await session.stat()).messages == 1

    clients.run(scenario())


@every_way
def test_a_wrong_password_and_then_the_right_one(
    clients: ClientBackend, dovecot: Dovecot, way: str
) -> None:
    user = dovecot.new_user(ONE)

    async def scenario() -> None:
        async with await connected(clients, dovecot) as session:
            with pytest.raises(AuthenticationFailed) as caught:
                await session.login(user.name, "wrong", mechanism=way)
            assert caught.value.untried == ()
            assert session.state is State.AUTHORIZATION
            await session.login(user.name, user.password, mechanism=way)
            assert (await session.stat()).messages == 1

    clients.run(scenario())


@every_way
def test_a_password_with_blanks(clients: ClientBackend, dovecot: Dovecot, way: str) -> None:
    user = dovecot.new_user(ONE, password="  pass word  two ")

    async def scenario() -> None:
        async with await connected(clients, dovecot) as session:
            await session.login(user.name, user.password, mechanism=way)
            assert (await session.stat()).messages == 1

    clients.run(scenario())


@every_way
def test_beyond_ascii(clients: ClientBackend, dovecot: Dovecot, way: str) -> None:
    async def scenario() -> None:
        async with await connected(clients, dovecot) as session:
            password = dovecot.users["böb"]
            await session.login("böb", password, mechanism=way, allow_utf8_login=True)
            assert (await session.stat()).messages == 2

    clients.run(scenario())


@pytest.mark.parametrize("mode", [TlsPolicy.NONE, TlsPolicy.STLS], ids=["none", "stls"])
def test_the_strongest_is_taken(clients: ClientBackend, dovecot: Dovecot, mode: TlsPolicy) -> None:
    user = dovecot.new_user(ONE)

    async def scenario() -> None:
        async with await connected(clients, dovecot, mode) as session:
            assert await session.login(user.name, user.password) == OFFERED[0]
            assert (await session.stat()).messages == 1

    clients.run(scenario())


def test_a_password_that_scram_cannot_take(clients: ClientBackend, dovecot: Dovecot) -> None:
    user = dovecot.new_user(ONE, password=NOT_FOR_SCRAM)

    async def scenario() -> None:
        async with await connected(clients, dovecot) as session:
            assert await session.login(user.name, user.password) == "CRAM-MD5"
            assert (await session.stat()).messages == 1

    clients.run(scenario())


def test_nothing_weaker_after_a_wrong_password(clients: ClientBackend, dovecot: Dovecot) -> None:
    user = dovecot.new_user(ONE)

    async def scenario() -> None:
        async with await connected(clients, dovecot) as session:
            with pytest.raises(AuthenticationFailed) as caught:
                await session.login(user.name, "wrong")
            assert caught.value.untried == OFFERED[1:]

    clients.run(scenario())


def test_passwords_in_plaintext(clients: ClientBackend, start_dovecot: StartDovecot) -> None:
    with start_dovecot("auth_mechanisms = plain") as dovecot:
        user = dovecot.new_user(ONE)

        async def scenario() -> None:
            async with await connected(clients, dovecot, TlsPolicy.NONE) as session:
                with pytest.raises(LoginImpossible) as caught:
                    await session.login(user.name, user.password)
                assert caught.value.offered == ("PLAIN", "USER")
                assert "plaintext" in caught.value.obstacles["PLAIN"]
                took = await session.login(user.name, user.password, allow_insecure_auth=True)
                assert took == "PLAIN"
            async with await connected(clients, dovecot) as session:
                assert await session.login(user.name, user.password) == "PLAIN"

        clients.run(scenario())


def test_the_maildrop_of_somebody_else(clients: ClientBackend, dovecot: Dovecot) -> None:
    user, other = dovecot.new_user(ONE), dovecot.new_user(ONE)

    async def scenario() -> None:
        async with await connected(clients, dovecot) as session:
            with pytest.raises(AuthenticationFailed):
                await session.authenticate(Plain(user.name, user.password, other.name))
            await session.authenticate(Plain(user.name, user.password, user.name))
            assert (await session.stat()).messages == 1

    clients.run(scenario())


@in_one_line_or_two
@pytest.mark.parametrize("says_who", [False, True], ids=["by-certificate", "by-name"])
@pytest.mark.parametrize("mode", [TlsPolicy.STLS, TlsPolicy.IMPLICIT], ids=["stls", "implicit"])
def test_a_certificate(
    clients: ClientBackend,
    dovecot: Dovecot,
    mode: TlsPolicy,
    says_who: bool,
    initial_response: bool,
) -> None:
    user = dovecot.new_user(ONE)
    certificate = dovecot.certificates.client_file(user.name)

    async def scenario() -> None:
        async with await connected(clients, dovecot, mode, certificate=certificate) as session:
            await session.authenticate(
                External(user.name if says_who else ""), initial_response=initial_response
            )
            assert (await session.stat()).messages == 1

    clients.run(scenario())


def test_a_certificate_of_somebody_else(clients: ClientBackend, dovecot: Dovecot) -> None:
    user, other = dovecot.new_user(ONE), dovecot.new_user(ONE)

    async def scenario() -> None:
        certificate = dovecot.certificates.client_file(other.name)
        async with await connected(clients, dovecot, certificate=certificate) as session:
            with pytest.raises(AuthenticationFailed):
                await session.authenticate(External(user.name))
        async with await connected(clients, dovecot) as session:
            with pytest.raises(AuthenticationFailed):
                await session.authenticate(External(user.name))
            await session.login(user.name, user.password)

    clients.run(scenario())


@in_one_line_or_two
@pytest.mark.parametrize("trace", ["", "somebody@example.org"], ids=["silent", "trace"])
def test_nobody(
    clients: ClientBackend, dovecot: Dovecot, trace: str, initial_response: bool
) -> None:
    async def scenario() -> None:
        async with await connected(clients, dovecot) as session:
            await session.authenticate(Anonymous(trace), initial_response=initial_response)
            assert (await session.stat()).messages == 1

    clients.run(scenario())


@every_token_way
def test_a_token(clients: ClientBackend, dovecot: Dovecot, way: str) -> None:
    user = dovecot.new_user(ONE)

    async def scenario() -> None:
        async with await connected(clients, dovecot) as session:
            token = dovecot.token(user.name)
            assert await session.login_oauth(user.name, token, mechanism=way) == way
            assert (await session.stat()).messages == 1

    clients.run(scenario())


def test_a_token_of_who_is_beyond_ascii(clients: ClientBackend, dovecot: Dovecot) -> None:
    async def scenario() -> None:
        async with await connected(clients, dovecot) as session:
            assert await session.login_oauth("böb", dovecot.token("böb")) == "OAUTHBEARER"
            assert (await session.stat()).messages == 2

    clients.run(scenario())


@every_token_way
def test_an_expired_token(clients: ClientBackend, dovecot: Dovecot, way: str) -> None:
    user = dovecot.new_user(ONE)
    expired = dovecot.token(user.name, expires=OVER)

    async def scenario() -> None:
        async with await connected(clients, dovecot) as session:
            with pytest.raises(TokenRefused) as caught:
                await session.login_oauth(user.name, expired, mechanism=way)
            said = caught.value.refusal
            if way == "XOAUTH2":
                assert (said.status, said.schemes, said.scope) == ("401", "bearer", SCOPE)
            else:
                assert (said.status, said.schemes, said.scope) == ("invalid_token", None, None)
            assert said.openid_configuration == OPENID_CONFIGURATION
            assert expired not in str(caught.value)
            assert session.state is State.AUTHORIZATION
            await session.login(user.name, user.password)

    clients.run(scenario())


def test_a_token_of_somebody_else(clients: ClientBackend, dovecot: Dovecot) -> None:
    user, other = dovecot.new_user(ONE), dovecot.new_user(ONE)

    async def scenario() -> None:
        async with await connected(clients, dovecot) as session:
            with pytest.raises(TokenRefused):
                await session.login_oauth(user.name, dovecot.token(other.name))

    clients.run(scenario())


class Renewing:
    """Gives an expired token first, and then others; `asked` has what it was told."""

    def __init__(self, dovecot: Dovecot, user: User, *, then: int) -> None:
        self.expired = dovecot.token(user.name, expires=OVER)
        self._second = dovecot.token(user.name, expires=then)
        self.asked: list[str | None] = []

    def __call__(self, refused: str | None) -> str:
        self.asked.append(refused)
        return self._second if refused else self.expired


@every_token_way
def test_a_second_token(clients: ClientBackend, dovecot: Dovecot, way: str) -> None:
    user = dovecot.new_user(ONE)
    renewing = Renewing(dovecot, user, then=FAR)

    async def scenario() -> None:
        async with await connected(clients, dovecot) as session:
            assert await session.login_oauth(user.name, renewing, mechanism=way) == way
            assert (await session.stat()).messages == 1

    clients.run(scenario())
    assert renewing.asked == [None, renewing.expired]


def test_no_third_token(clients: ClientBackend, dovecot: Dovecot) -> None:
    user = dovecot.new_user(ONE)
    renewing = Renewing(dovecot, user, then=OVER + 1)

    async def scenario() -> None:
        async with await connected(clients, dovecot) as session:
            with pytest.raises(TokenRefused):
                await session.login_oauth(user.name, renewing)

    clients.run(scenario())
    assert renewing.asked == [None, renewing.expired]
