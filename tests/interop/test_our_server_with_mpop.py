"""mpop against our server, in every mode: it keeps every octet, with LF for CRLF."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pop3_proto import TlsPolicy
from tests.interop.modes import every_mode
from tests.interop.ours import NAME, PASSWORD, OurServer
from tests.interop.seeds import SEEDS
from tests.interop.servers.maildir import read_maildir

pytestmark = pytest.mark.interop

ALL = [seed.on_disk for seed in SEEDS.values()]
FETCHED = [seed.on_wire.replace(b"\r\n", b"\n") for seed in SEEDS.values()]
SECONDS = 30
TLS = {
    TlsPolicy.NONE: "tls off",
    TlsPolicy.STLS: "tls on\ntls_starttls on",
    TlsPolicy.IMPLICIT: "tls on\ntls_starttls off",
}
CONFIG = """
account default
host localhost
port {port}
user {name}
auth user
password {password}
{tls}
tls_trust_file {ca_file}
received_header off
uidls_file {folder}/uidls
delivery maildir {folder}
keep {keep}
"""

DONE, NO_PERMISSION = 0, 77

Fetch = Callable[..., int]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The Maildir that mpop delivers to."""
    for part in ("cur", "new", "tmp"):
        (tmp_path / "fetched" / part).mkdir(parents=True)
    return tmp_path / "fetched"


@pytest.fixture
def fetch(mpop: str, our_server: OurServer, folder: Path) -> Fetch:
    """Run mpop, and give its exit status."""

    def run(*, keep: bool, password: str = PASSWORD) -> int:
        file = folder / "config"
        text = CONFIG.format(
            port=our_server.port,
            name=NAME,
            password=password,
            tls=TLS[our_server.mode],
            ca_file=our_server.ca_file,
            folder=folder,
            keep="on" if keep else "off",
        )
        file.write_text(text)
        file.chmod(0o600)
        command = [mpop, f"--file={file}", "--quiet"]
        return subprocess.run(command, stdin=subprocess.DEVNULL, timeout=SECONDS).returncode

    return run


@every_mode
def test_fetch_once(fetch: Fetch, our_server: OurServer, folder: Path) -> None:
    for _ in range(2):
        assert fetch(keep=True) == DONE
        assert read_maildir(folder) == FETCHED
        assert read_maildir(our_server.maildir) == ALL


@every_mode
def test_fetch_and_delete(fetch: Fetch, our_server: OurServer, folder: Path) -> None:
    assert fetch(keep=False) == DONE
    assert read_maildir(folder) == FETCHED
    assert read_maildir(our_server.maildir) == []


@every_mode
def test_what_was_fetched_before_is_deleted(
    fetch: Fetch, our_server: OurServer, folder: Path
) -> None:
    assert fetch(keep=True) == DONE
    assert fetch(keep=False) == DONE
    assert read_maildir(folder) == FETCHED
    assert read_maildir(our_server.maildir) == []


@every_mode
def test_wrong_password(fetch: Fetch, our_server: OurServer, folder: Path) -> None:
    assert fetch(keep=False, password="wrong") == NO_PERMISSION
    assert read_maildir(folder) == []
    assert read_maildir(our_server.maildir) == ALL
