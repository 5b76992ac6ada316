"""Our client on every event loop against a real Dovecot, in every mode."""

import ssl

import pytest

from pop3_adapters.asyncio import Timeouts
from pop3_proto import AuthenticationFailed, Deletions, TlsPolicy
from tests.adapters.async_backends import LIBRARIES, AsyncClients
from tests.interop.modes import every_mode
from tests.interop.seeds import SEEDS
from tests.interop.servers.dovecot import Dovecot
from tests.interop.servers.maildir import read_maildir

pytestmark = pytest.mark.interop

ALL = [seed.on_disk for seed in SEEDS.values()]
WIRE = [seed.on_wire for seed in SEEDS.values()]


@every_mode
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_whole_session(dovecot: Dovecot, mode: TlsPolicy, library: str) -> None:
    user = dovecot.new_user(ALL)
    clients = AsyncClients(LIBRARIES[library])
    plain = mode is TlsPolicy.NONE

    async def scenario() -> None:
        client = await clients.connect(
            "localhost",
            dovecot.tls_port if mode is TlsPolicy.IMPLICIT else dovecot.port,
            tls=mode,
            context=ssl.create_default_context(cafile=dovecot.ca_file),
            timeouts=Timeouts(silence=30),
            limits=None,
            trace=None,
        )
        async with client:
            with pytest.raises(AuthenticationFailed):
                await client.login(user.name, "wrong", allow_insecure_auth=plain)
            await client.login(user.name, user.password, allow_insecure_auth=plain)
            listings = await client.scan_listings()
            assert [one.octets for one in listings] == [s.listed_by_dovecot for s in SEEDS.values()]
            received: list[bytes] = []
            async for message in client.fetch(number for number, _ in listings):
                received.append(await message.read())
                if message.number != 3:
                    await message.delete()
            assert received == WIRE
            assert await client.quit() is Deletions.DONE

    clients.run(scenario())
    assert read_maildir(user.maildir) == [ALL[2]]
