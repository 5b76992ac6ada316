"""Clients of others against our server: Python's own poplib and curl, in every mode."""

import os
import poplib
import ssl
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from pop3_adapters.maildrops import MaildirMaildrop, Passwords
from pop3_adapters.socket import Server, serve
from pop3_proto import TlsPolicy
from tests.interop.modes import every_mode
from tests.interop.seeds import SEEDS
from tests.interop.servers.certificates import Certificates, write_certificates
from tests.interop.servers.maildir import read_maildir, write_maildir

pytestmark = pytest.mark.interop

ALL = [seed.on_disk for seed in SEEDS.values()]
WIRE = [seed.on_wire for seed in SEEDS.values()]
SECONDS = 30


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return write_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def trusting(certificates: Certificates) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificates.ca_file)


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    write_maildir(tmp_path / "maildir", ALL, owner=os.getuid())
    return tmp_path / "maildir"


@pytest.fixture
def server(
    certificates: Certificates, maildir: Path, mode: TlsPolicy
) -> Generator[Server, None, None]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.server_file)
    plain = mode is TlsPolicy.NONE
    with serve(
        Passwords({"alice": "secret"}, lambda name: MaildirMaildrop(maildir)),
        tls=mode,
        context=None if plain else context,
        allow_insecure_auth=plain,
    ) as running:
        yield running


def poplib_client(server: Server, mode: TlsPolicy, context: ssl.SSLContext) -> poplib.POP3:
    if mode is TlsPolicy.IMPLICIT:
        return poplib.POP3_SSL("localhost", server.port, timeout=SECONDS, context=context)
    client = poplib.POP3("localhost", server.port, timeout=SECONDS)
    if mode is TlsPolicy.STLS:
        _ = client.stls(context)
    return client


@every_mode
def test_poplib(
    server: Server,
    mode: TlsPolicy,
    trusting: ssl.SSLContext,
    maildir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(poplib, "_MAXLINE", 200_000)  # one of the seeds has a line of 70 kB
    client = poplib_client(server, mode, trusting)
    _ = client.user("alice")
    _ = client.pass_("secret")
    assert client.stat() == (len(ALL), sum(map(len, WIRE)))
    assert client.list()[1] == [b"%d %d" % (n, len(wire)) for n, wire in enumerate(WIRE, 1)]
    assert len({line.split()[1] for line in client.uidl()[1]}) == len(ALL)
    for number, wire in enumerate(WIRE, 1):
        assert client.retr(number)[1] == as_poplib_gives(wire)
    assert client.top(1, 1)[1][-1] == WIRE[0].split(b"\r\n")[-3]
    assert "UIDL" in client.capa()
    _ = client.dele(1)
    with pytest.raises(poplib.error_proto):
        _ = client.retr(1)
    _ = client.noop()
    _ = client.rset()
    _ = client.dele(2)
    _ = client.quit()
    assert sorted(read_maildir(maildir)) == sorted(ALL[:1] + ALL[2:])


def as_poplib_gives(wire: bytes) -> list[bytes]:
    """The lines without their ends, as poplib cuts them."""
    return [line.removesuffix(b"\r") for line in wire.split(b"\n")[:-1]]


@every_mode
def test_poplib_with_a_wrong_password(
    server: Server, mode: TlsPolicy, trusting: ssl.SSLContext
) -> None:
    client = poplib_client(server, mode, trusting)
    _ = client.user("alice")
    with pytest.raises(poplib.error_proto) as caught:
        _ = client.pass_("wrong")
    _ = client.quit()
    assert caught.value.args[0].startswith(b"-ERR [AUTH]")


@pytest.mark.parametrize("mode", [TlsPolicy.STLS], ids=["stls"])
def test_no_passwords_before_stls(server: Server) -> None:
    client = poplib.POP3("localhost", server.port, timeout=SECONDS)
    assert "USER" not in client.capa()
    with pytest.raises(poplib.error_proto) as caught:
        _ = client.user("alice")
    _ = client.quit()
    assert b"use TLS" in caught.value.args[0]


def run_curl(
    curl: str, server: Server, mode: TlsPolicy, authority: Path, path: str, *options: str
) -> bytes:
    scheme = "pop3s" if mode is TlsPolicy.IMPLICIT else "pop3"
    tls = ["--ssl-reqd"] if mode is TlsPolicy.STLS else []
    return subprocess.run(
        [
            *(curl, "--silent", "--show-error", "--max-time", str(SECONDS)),
            *("--cacert", str(authority), "--user", "alice:secret"),
            *(*tls, *options, f"{scheme}://localhost:{server.port}/{path}"),
        ],
        check=True,
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    ).stdout


@every_mode
def test_curl(
    server: Server,
    mode: TlsPolicy,
    certificates: Certificates,
    curl: str,
    maildir: Path,
) -> None:
    ca_file = certificates.ca_file
    listing = run_curl(curl, server, mode, ca_file, "")
    assert listing.splitlines() == [b"%d %d" % (n, len(wire)) for n, wire in enumerate(WIRE, 1)]
    for number, wire in enumerate(WIRE, 1):
        assert run_curl(curl, server, mode, ca_file, str(number)) == wire
    _ = run_curl(curl, server, mode, ca_file, "2", "--request", "DELE", "--head")
    assert sorted(read_maildir(maildir)) == sorted(ALL[:1] + ALL[2:])
