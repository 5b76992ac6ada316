"""Our poplib against a real Dovecot, in every mode: it gives what Python's own gives."""

import poplib as standard
import ssl
from types import ModuleType
from typing import TypeAlias

import pytest

from pop3_adapters import poplib as ours
from pop3_proto import TlsPolicy
from tests.interop.modes import every_mode
from tests.interop.seeds import SEEDS
from tests.interop.servers.dovecot import Dovecot
from tests.interop.servers.maildir import read_maildir
from tests.interop.servers.server import User

pytestmark = pytest.mark.interop

ALL = [seed.on_disk for seed in SEEDS.values()]
NUMBERS = range(1, len(ALL) + 1)
SECONDS = 30

Client: TypeAlias = standard.POP3 | ours.POP3


@pytest.fixture(autouse=True)
def long_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the seeds has a line of 70 kB, and Python's poplib takes 2048 octets as it is."""
    monkeypatch.setattr(standard, "_MAXLINE", 200_000)


def connected(poplib: ModuleType, dovecot: Dovecot, mode: TlsPolicy) -> Client:
    context = ssl.create_default_context(cafile=dovecot.ca_file)
    client: Client
    if mode is TlsPolicy.IMPLICIT:
        client = poplib.POP3_SSL("localhost", dovecot.tls_port, timeout=SECONDS, context=context)
    else:
        client = poplib.POP3("localhost", dovecot.port, timeout=SECONDS)
    if mode is TlsPolicy.STLS:
        client.stls(context)
    return client


def results(poplib: ModuleType, dovecot: Dovecot, mode: TlsPolicy, user: User) -> list[object]:
    """What a session gives that changes nothing."""
    client = connected(poplib, dovecot, mode)
    found: list[object] = [client.capa(), client.user(user.name), client.pass_(user.password)]
    found += [client.capa(), client.stat(), client.list(), client.uidl()]
    for number in NUMBERS:
        found += [client.list(number), client.uidl(number)]
        found += [client.top(number, 0), client.top(number, 1), client.retr(number)]
    with pytest.raises(poplib.error_proto) as caught:
        client.retr(NUMBERS.stop)
    found += [caught.value.args, client.dele(1), client.rset(), client.noop(), client.quit()]
    return found


@every_mode
def test_the_same_results(dovecot: Dovecot, mode: TlsPolicy) -> None:
    user = dovecot.new_user(ALL)
    expected = results(standard, dovecot, mode, user)
    assert results(ours, dovecot, mode, user) == expected
    assert read_maildir(user.maildir) == ALL


@every_mode
def test_the_same_refusal(dovecot: Dovecot, mode: TlsPolicy) -> None:
    user = dovecot.new_user()
    said: list[object] = []
    for poplib in (standard, ours):
        client = connected(poplib, dovecot, mode)
        client.user(user.name)
        with pytest.raises(poplib.error_proto) as caught:
            client.pass_("wrong")
        client.quit()
        said.append(caught.value.args)
    assert said[0] == said[1]


@every_mode
def test_deletion(dovecot: Dovecot, mode: TlsPolicy) -> None:
    user = dovecot.new_user(ALL)
    client = connected(ours, dovecot, mode)
    client.user(user.name)
    client.pass_(user.password)
    for number in NUMBERS[1:]:
        client.dele(number)
    client.quit()
    assert read_maildir(user.maildir) == ALL[:1]
