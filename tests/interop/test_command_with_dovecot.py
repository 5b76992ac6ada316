"""`pop3 fetch` and `pop3 info` against a real Dovecot, in every mode."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pop3_adapters.traces import read_trace
from pop3_proto import ClientConnection, Greeting, TlsPolicy, replay_client
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


def run(
    command: str,
    server: Dovecot,
    mode: TlsPolicy,
    user: User,
    *options: str,
    password: str | None = None,
    trusted: bool = True,
) -> tuple[int, dict[str, Any], str]:
    """Run a command: its exit status, what it says to programs, and what to people."""
    scheme = "pop3s" if mode is TlsPolicy.IMPLICIT else "pop"
    port = server.tls_port if mode is TlsPolicy.IMPLICIT else server.port
    plain = mode is TlsPolicy.NONE
    url = f"{scheme}://{user.name}@localhost:{port}{'?tls=none' if plain else ''}"
    insecure = ["--allow-insecure-auth"] if plain else []
    authority = ["--ca-file", str(server.ca_file)] if trusted else []
    done = subprocess.run(
        [
            *(sys.executable, "-bb", "-W", "error", "-m", "pop3_adapters.cli", command, url),
            *("--json", *insecure, *authority, *options),
        ],
        env={**os.environ, "POP3_PASSWORD": password or user.password},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    return done.returncode, json.loads(done.stdout), done.stderr.decode()


def fetch(
    server: Dovecot,
    mode: TlsPolicy,
    user: User,
    maildir: Path,
    *options: str,
    password: str | None = None,
    trusted: bool = True,
) -> tuple[int, dict[str, Any], str]:
    """Fetch into a Maildir."""
    words = ("--maildir", str(maildir), *options)
    return run("fetch", server, mode, user, *words, password=password, trusted=trusted)


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


ANNOUNCED = {
    TlsPolicy.NONE: ["plaintext", "login"],
    TlsPolicy.STLS: ["plaintext", "tls", "login"],
    TlsPolicy.IMPLICIT: ["tls", "login"],
}


@every_mode
def test_info(dovecot: Dovecot, mode: TlsPolicy, tmp_path: Path) -> None:
    user = dovecot.new_user(ALL)
    trace = tmp_path / "trace"
    status, report, said = run("info", dovecot, mode, user, "--trace", str(trace))
    assert (status, said, report["error"]) == (0, "", None)
    assert list(report["capabilities"]) == ANNOUNCED[mode]
    after = {entry["line"]: entry["meaning"] for entry in report["capabilities"]["login"]}
    assert "mail can be left" in after["UIDL"]
    assert report["maildrop"]["messages"] == report["maildrop"]["unique_ids"] == len(ALL)
    assert (report["apop"]["well_formed"], report["apop"]["repeated"]) == (True, False)
    assert [fault["kind"] for fault in report["faults"]] == ["unsafe"] * (
        mode is not TlsPolicy.IMPLICIT
    )
    assert all("passwords are asked for without TLS" in f["sentence"] for f in report["faults"])
    assert (report["tls"] is None) is (mode is TlsPolicy.NONE)
    assert user.password not in trace.read_text()
    events = list(replay_client(ClientConnection(), read_trace(trace)))
    assert isinstance(events[0], Greeting)
    assert read_maildir(user.maildir) == ALL
    assert flags(user.maildir) == ""


def flags(maildir: Path) -> str:
    """What has been done to the messages: read, answered, thrown away."""
    return "".join(path.name.rpartition(":2,")[2] for path in (maildir / "cur").iterdir())


@pytest.mark.parametrize("mode", [TlsPolicy.STLS, TlsPolicy.IMPLICIT], ids=["stls", "implicit"])
def test_info_of_a_server_that_is_not_trusted(dovecot: Dovecot, mode: TlsPolicy) -> None:
    user = dovecot.new_user(ALL[:1])
    status, report, said = run("info", dovecot, mode, user, trusted=False)
    assert status == report["status"] == BROKEN
    assert "--ca-file" in said
    assert report["tls"]["verified_by"] is None
    assert "localhost" in report["tls"]["certificate"]["names"]
    assert report["capabilities"]["tls"]
    assert report["maildrop"] is None
