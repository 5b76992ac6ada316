"""curl against our server, in every mode."""

import subprocess
from pathlib import Path

import pytest

from pop3_proto import TlsPolicy
from tests.interop.modes import every_mode
from tests.interop.ours import NAME, PASSWORD, OurServer
from tests.interop.seeds import SEEDS
from tests.interop.servers.maildir import read_maildir

pytestmark = pytest.mark.interop

ALL = [seed.on_disk for seed in SEEDS.values()]
WIRE = [seed.on_wire for seed in SEEDS.values()]
# curl takes this for one URL each, and asks for all of them in one session.
EACH = f"[1-{len(ALL)}]"
SECONDS = 30
LOGIN_DENIED = 67


def curl_says(
    curl: str, server: OurServer, path: str, *options: str, password: str = PASSWORD
) -> bytes:
    scheme = "pop3s" if server.mode is TlsPolicy.IMPLICIT else "pop3"
    tls = ["--ssl-reqd"] if server.mode is TlsPolicy.STLS else []
    return subprocess.run(
        [
            *(curl, "--silent", "--show-error", "--max-time", str(SECONDS)),
            *("--cacert", str(server.ca_file), "--user", f"{NAME}:{password}"),
            *(*tls, *options, f"{scheme}://localhost:{server.port}/{path}"),
        ],
        check=True,
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    ).stdout


def fetched(curl: str, server: OurServer, folder: Path) -> list[bytes]:
    """All messages, as curl writes them to files."""
    _ = curl_says(curl, server, EACH, "--output", f"{folder}/#1.eml")
    return [(folder / f"{number}.eml").read_bytes() for number in range(1, len(ALL) + 1)]


@every_mode
def test_listing(curl: str, our_server: OurServer) -> None:
    listing = curl_says(curl, our_server, "")
    assert listing.splitlines() == [b"%d %d" % (n, len(wire)) for n, wire in enumerate(WIRE, 1)]


@every_mode
def test_fetch_and_delete(curl: str, our_server: OurServer, tmp_path: Path) -> None:
    assert fetched(curl, our_server, tmp_path) == WIRE
    assert read_maildir(our_server.maildir) == ALL
    _ = curl_says(curl, our_server, EACH, "--request", "DELE", "--head")
    assert read_maildir(our_server.maildir) == []


@every_mode
def test_one_is_deleted(curl: str, our_server: OurServer) -> None:
    _ = curl_says(curl, our_server, "2", "--request", "DELE", "--head")
    assert read_maildir(our_server.maildir) == ALL[:1] + ALL[2:]


@every_mode
def test_wrong_password(curl: str, our_server: OurServer) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        _ = curl_says(curl, our_server, "", password="wrong")
    assert caught.value.returncode == LOGIN_DENIED
