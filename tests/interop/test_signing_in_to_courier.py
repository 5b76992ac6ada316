"""Our client signs in to a real Courier by every mechanism that both have."""

import pytest

from pop3_proto import AuthenticationFailed, State, TlsPolicy
from tests.adapters.backends import ClientBackend
from tests.interop.seeds import SEEDS
from tests.interop.servers.courier import Courier
from tests.interop.signing_in import BACKENDS, connected, every_backend

pytestmark = pytest.mark.interop

ONE = [SEEDS["01-plain"].on_disk]

every_way = pytest.mark.parametrize("way", ["CRAM-MD5", "PLAIN", "LOGIN", "USER"])


@every_backend
@every_way
@pytest.mark.parametrize("initial_response", [False, True], ids=["two-lines", "one-line"])
def test_a_password(
    clients: ClientBackend, courier: Courier, way: str, initial_response: bool
) -> None:
    user = courier.new_user(ONE)

    async def scenario() -> None:
        async with await connected(clients, courier) as session:
            took = await session.login(
                user.name, user.password, mechanism=way, initial_response=initial_response
            )
            assert took == way
            assert (await session.stat()).messages == 1

    clients.run(scenario())


@every_backend
@every_way
@pytest.mark.parametrize("name", ["erin", "böb"])
def test_blanks_and_what_is_beyond_ascii(
    clients: ClientBackend, courier: Courier, way: str, name: str
) -> None:
    async def scenario() -> None:
        async with await connected(clients, courier) as session:
            await session.login(name, courier.users[name], mechanism=way)
            assert (await session.stat()).messages in (1, 2)

    clients.run(scenario())


@every_backend
@pytest.mark.parametrize("mode", [TlsPolicy.NONE, TlsPolicy.STLS], ids=["none", "stls"])
def test_the_strongest_is_taken(clients: ClientBackend, courier: Courier, mode: TlsPolicy) -> None:
    user = courier.new_user(ONE)

    async def scenario() -> None:
        async with await connected(clients, courier, mode) as session:
            assert await session.login(user.name, user.password) == "CRAM-MD5"
            assert (await session.stat()).messages == 1

    clients.run(scenario())


def test_a_wrong_password(courier: Courier) -> None:
    """On one event loop only: Courier takes five seconds to say so."""
    clients, user = BACKENDS["asyncio"], courier.new_user(ONE)

    async def scenario() -> None:
        async with await connected(clients, courier) as session:
            with pytest.raises(AuthenticationFailed):
                await session.login(user.name, "wrong", mechanism="CRAM-MD5")
            assert session.state is State.AUTHORIZATION
            await session.login(user.name, user.password, mechanism="CRAM-MD5")
            assert (await session.stat()).messages == 1

    clients.run(scenario())
