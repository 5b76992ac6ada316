"""`pop3 fetch` against a real Dovecot, in every mode."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pop3_proto import TlsPolicy
from tests.interop.modes import every_mode
from tests.interop.seeds import SEEDS
from tests.interop.servers.dovecot import Dovecot
from tests.interop.servers.maildir import read_maildir
from tests.interop.servers.server import User

pytestmark = pytest.mark.interop

ALL = [seed.on_disk for seed in SEEDS.values()]
FETCHED = [seed.on_wire.replace(b"\r\n", b"\n") for seed in SEEDS.values()]
SECONDS = 60
BROKEN, REFUSED = 3, 4


def fetch(
    server: Dovecot,
    mode: TlsPolicy,
    user: User,
    maildir: Path,
    *options: str,
    password: str | None = None,
    trusted: bool = True,
) -> tuple[int, dict[str, object], str]:
    """Run the command: its exit status, what it says to programs, and what to people."""
    scheme = "pop3s" if mode is TlsPolicy.IMPLICIT else "pop"
    port = server.tls_port if mode is TlsPolicy.IMPLICIT else server.port
    plain = mode is TlsPolicy.NONE
    url = f"{scheme}://{user.name}@localhost:{port}{'?tls=none' if plain else ''}"
    insecure = ["--allow-insecure-auth"] if plain else []
    authority = ["--ca-file", str(server.ca_file)] if trusted else []
    done = subprocess.run(
        [
            *(sys.executable, "-bb", "-W", "error", "-m", "pop3_adapters.cli", "fetch", url),
            *("--maildir", str(maildir), "--json", *insecure, *authority, *options),
        ],
        env={**os.environ, "POP3_PASSWORD": password or user.password},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    return done.returncode, json.loads(done.stdout), done.stderr.decode()


@every_mode
def test_every_seed_arrives_once(dovecot: Dovecot, mode: TlsPolicy, tmp_path: Path) -> None:
    user = dovecot.new_user(ALL)
    status, report, said = fetch(dovecot, mode, user, tmp_path)
    assert (status, said) == (0, "")
    assert read_maildir(tmp_path) == FETCHED
    assert report["fetched"] == len(ALL)
    status, report, said = fetch(dovecot, mode, user, tmp_path)
    assert (status, said) == (0, "")
    assert (report["fetched"], report["skipped"]) == (0, len(ALL))
    assert len(read_maildir(tmp_path)) == len(ALL)


@every_mode
def test_deletion(dovecot: Dovecot, mode: TlsPolicy, tmp_path: Path) -> None:
    user = dovecot.new_user(ALL)
    status, report, _ = fetch(dovecot, mode, user, tmp_path, "--delete")
    assert (status, report["deleted"]) == (0, len(ALL))
    assert read_maildir(tmp_path) == FETCHED
    assert read_maildir(user.maildir) == []


def test_what_an_earlier_fetch_stored_is_deleted_too(dovecot: Dovecot, tmp_path: Path) -> None:
    user = dovecot.new_user(ALL[:3])
    _ = fetch(dovecot, TlsPolicy.STLS, user, tmp_path)
    status, report, _ = fetch(dovecot, TlsPolicy.STLS, user, tmp_path, "--delete")
    assert (status, report["fetched"], report["deleted"]) == (0, 0, 3)
    assert read_maildir(user.maildir) == []


@every_mode
def test_wrong_password(dovecot: Dovecot, mode: TlsPolicy, tmp_path: Path) -> None:
    user = dovecot.new_user(ALL[:1])
    status, report, said = fetch(dovecot, mode, user, tmp_path / "mail", password="not-this-one")
    assert (status, report["fetched"]) == (REFUSED, 0)
    assert "password" in said
    assert "not-this-one" not in said
    assert not (tmp_path / "mail").exists()


@pytest.mark.parametrize("mode", [TlsPolicy.STLS, TlsPolicy.IMPLICIT], ids=["stls", "implicit"])
def test_unknown_certificate(dovecot: Dovecot, mode: TlsPolicy, tmp_path: Path) -> None:
    user = dovecot.new_user(ALL[:1])
    status, report, said = fetch(dovecot, mode, user, tmp_path / "mail", trusted=False)
    assert (status, report["fetched"]) == (BROKEN, 0)
    assert "--ca-file" in said
