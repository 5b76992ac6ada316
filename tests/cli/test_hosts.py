"""Every command takes the hosts that the library takes."""

import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from pop3_adapters.cli.dial import dial
from pop3_adapters.cli.serve import server_context
from pop3_adapters.cli.statuses import Status
from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_adapters.socket import serve
from pop3_proto import Pop3Url, TlsPolicy

from .hostile import Server
from .running import BOUND, PASSWORD, bodies, pop3, stored

ipv6 = pytest.mark.skipif(
    not socket.has_dualstack_ipv6(),
    reason="no IPv6 here: enable it with `sysctl -w net.ipv6.conf.all.disable_ipv6=0`",
)
hosts = pytest.mark.parametrize(
    ("host", "address", "name"),
    [
        ("localhost", "127.0.0.1", "localhost"),
        ("\uff4cocalhost", "127.0.0.1", "localhost"),  # as UTS 46 maps it
        pytest.param("[::1]", "::1", "::1", marks=ipv6),
        pytest.param("[::1%251]", "::1", "::1", marks=ipv6),  # with a zone
    ],
)


@contextmanager
def serving(
    address: str, name: str, authority: trustme.CA, folder: Path
) -> Generator[int, None, None]:
    """A server there, with a certificate for this name; gives its port."""
    file = folder / "server.pem"
    authority.issue_cert(name).private_key_and_cert_chain_pem.write_to_path(str(file))
    users = Passwords({"alice": PASSWORD}, lambda _: MemoryMaildrop(bodies("one")))
    context = server_context(file, None)
    with serve(users, address, tls=TlsPolicy.IMPLICIT, context=context) as server:
        yield server.port


@hosts
def test_fetch(
    host: str, address: str, name: str, authority: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mail"
    with serving(address, name, authority, tmp_path) as port:
        url = f"pop3s://alice@{host}:{port}"
        result = pop3("fetch", url, "--maildir", folder, "--ca-file", ca_file)
    assert (result.exit_code, result.stderr) == (0, "")
    assert stored(folder) == bodies("one")


@hosts
def test_info(
    host: str, address: str, name: str, authority: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    with serving(address, name, authority, tmp_path) as port:
        result = pop3("info", f"pop3s://alice@{host}:{port}", "--ca-file", ca_file)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "yes, by the authorities" in result.stdout


@hosts
def test_what_listens_there(host: str, address: str, name: str) -> None:
    with Server({}, address=address) as server:
        result = pop3("info", f"pop3s://{host}:{server.port}")
    assert result.exit_code == Status.BROKEN
    assert "it is POP3 in plaintext: use pop:// in place of pop3s://" in result.stderr


@ipv6
def test_an_address_in_brackets_is_dialled() -> None:
    with Server({}, address="::1") as server:
        dial(Pop3Url("[::1]", server.port, TlsPolicy.NONE), BOUND).close()


@pytest.mark.parametrize("command", ["fetch", "info"])
def test_without_idna_the_remedy_is_said(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "idna", None)  # importing it fails
    result = pop3(command, "pop3s://alice@m\u00fcnchen.example", "--ca-file", __file__)
    assert result.exit_code == Status.USAGE
    assert "pip install 'pop3-proto[idna]'" in result.stderr
