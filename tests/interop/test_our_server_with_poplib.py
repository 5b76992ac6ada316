"""Python's own poplib, and ours in its place, against our server, in every mode."""

import poplib as standard
import ssl
from types import ModuleType
from typing import TypeAlias

import pytest

from pop3_adapters import poplib as ours
from pop3_proto import TlsPolicy
from tests.interop.modes import every_mode
from tests.interop.ours import NAME, PASSWORD, OurServer
from tests.interop.seeds import SEEDS
from tests.interop.servers.maildir import read_maildir

pytestmark = pytest.mark.interop

ALL = [seed.on_disk for seed in SEEDS.values()]
WIRE = [seed.on_wire for seed in SEEDS.values()]
SECONDS = 30

Client: TypeAlias = standard.POP3 | ours.POP3


@pytest.fixture(params=[standard, ours], ids=["standard", "ours"])
def poplib(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """One of the seeds has a line of 70 kB, and Python's poplib takes 2048 octets as it is."""
    monkeypatch.setattr(standard, "_MAXLINE", 200_000)
    module: ModuleType = request.param
    return module


def connected(poplib: ModuleType, server: OurServer) -> Client:
    context = ssl.create_default_context(cafile=server.ca_file)
    client: Client
    if server.mode is TlsPolicy.IMPLICIT:
        client = poplib.POP3_SSL("localhost", server.port, timeout=SECONDS, context=context)
    else:
        client = poplib.POP3("localhost", server.port, timeout=SECONDS)
    if server.mode is TlsPolicy.STLS:
        client.stls(context)
    return client


def logged_in(poplib: ModuleType, server: OurServer) -> Client:
    client = connected(poplib, server)
    client.user(NAME)
    client.pass_(PASSWORD)
    return client


def as_poplib_gives(wire: bytes) -> list[bytes]:
    """The lines without their ends, as poplib cuts them: a CR before the end goes with it."""
    return [line.removesuffix(b"\r") for line in wire.split(b"\n")[:-1]]


@every_mode
def test_fetch(poplib: ModuleType, our_server: OurServer) -> None:
    client = logged_in(poplib, our_server)
    for number, wire in enumerate(WIRE, 1):
        assert client.retr(number)[1] == as_poplib_gives(wire)
    client.quit()
    assert read_maildir(our_server.maildir) == ALL


@every_mode
def test_fetch_and_delete(poplib: ModuleType, our_server: OurServer) -> None:
    client = logged_in(poplib, our_server)
    for number, wire in enumerate(WIRE, 1):
        assert client.retr(number)[1] == as_poplib_gives(wire)
        client.dele(number)
    client.quit()
    assert read_maildir(our_server.maildir) == []


@every_mode
def test_every_other_command(poplib: ModuleType, our_server: OurServer) -> None:
    client = logged_in(poplib, our_server)
    assert client.stat() == (len(ALL), sum(map(len, WIRE)))
    assert client.list()[1] == [b"%d %d" % (n, len(wire)) for n, wire in enumerate(WIRE, 1)]
    assert len({line.split()[1] for line in client.uidl()[1]}) == len(ALL)
    assert client.top(1, 1)[1][-1] == WIRE[0].split(b"\r\n")[-3]
    assert "UIDL" in client.capa()
    client.dele(1)
    with pytest.raises(poplib.error_proto):
        client.retr(1)
    client.noop()
    client.rset()
    client.dele(2)
    client.quit()
    assert read_maildir(our_server.maildir) == ALL[:1] + ALL[2:]


@every_mode
def test_wrong_password(poplib: ModuleType, our_server: OurServer) -> None:
    client = connected(poplib, our_server)
    client.user(NAME)
    with pytest.raises(poplib.error_proto) as caught:
        client.pass_("wrong")
    client.quit()
    assert caught.value.args[0].startswith(b"-ERR [AUTH]")


@pytest.mark.parametrize("mode", [TlsPolicy.STLS], ids=["stls"])
def test_no_passwords_before_stls(poplib: ModuleType, our_server: OurServer) -> None:
    client = poplib.POP3("localhost", our_server.port, timeout=SECONDS)
    assert "USER" not in client.capa()
    with pytest.raises(poplib.error_proto) as caught:
        client.user(NAME)
    client.quit()
    assert b"use TLS" in caught.value.args[0]
