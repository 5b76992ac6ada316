"""fetchmail against our server, in every mode."""

import os
import re
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
SECONDS = 30
TLS = {TlsPolicy.NONE: "sslproto ''", TlsPolicy.STLS: "sslproto 'auto'", TlsPolicy.IMPLICIT: "ssl"}
CONFIG = """
poll localhost protocol pop3 service {port} uidl auth password
user {name} password {password} {tls} sslcertfile {ca_file} sslcertck {keep}
mda {deliver}
"""
# Takes one message, as a file whose name is the next number.
DELIVER = """#!/bin/sh -e
cd {mail}
cat >"$(printf %03d "$(ls | wc -l)")"
"""

# Exit statuses: see its manual.
DONE, NO_MAIL, REFUSED = 0, 1, 3

Fetch = Callable[..., int]


# What it is known to change: it adds the header Received, ends lines with LF alone, removes every
# other CR, and ends the headers with an empty line where there was none. Of a long line it makes
# pieces of 8191 octets, before it unstuffs a dot, and puts two octets of its own and LF after each.
CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "08-headeronly": lambda text: text + b"\n",
    "10-barecr": lambda text: text.replace(b"\r", b""),
}
RECEIVED = re.compile(rb"\AReceived: .*\n(?:\t.*\n)+")
PIECE = re.compile(rb"(?m)^([^\n]{8190,8191})[\0-\xff]{2}\n")


def as_delivered() -> list[bytes]:
    with_lf = {name: seed.on_wire.replace(b"\r\n", b"\n") for name, seed in SEEDS.items()}
    return [CHANGES[name](text) if name in CHANGES else text for name, text in with_lf.items()]


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    """The folder that fetchmail's mail goes to."""
    (tmp_path / "fetched").mkdir()
    return tmp_path / "fetched"


@pytest.fixture
def fetch(fetchmail: str, our_server: OurServer, mail: Path, tmp_path: Path) -> Fetch:
    """Run fetchmail, and give its exit status."""
    deliver = tmp_path / "deliver"
    deliver.write_text(DELIVER.format(mail=mail))
    deliver.chmod(0o700)

    def run(keep: str, password: str = PASSWORD) -> int:
        file = tmp_path / "config"
        text = CONFIG.format(
            port=our_server.port,
            name=NAME,
            password=password,
            tls=TLS[our_server.mode],
            ca_file=our_server.ca_file,
            keep=keep,
            deliver=deliver,
        )
        file.write_text(text)
        file.chmod(0o600)
        return subprocess.run(
            [fetchmail, "--fetchmailrc", file, "--nosyslog"],
            stdin=subprocess.DEVNULL,
            # It remembers there what it has fetched.
            env={**os.environ, "FETCHMAILHOME": str(tmp_path)},
            timeout=SECONDS,
        ).returncode

    return run


def delivered(mail: Path) -> list[bytes]:
    messages = [file.read_bytes() for file in sorted(mail.iterdir())]
    assert all(RECEIVED.match(message) for message in messages)
    return [PIECE.sub(rb"\1", RECEIVED.sub(b"", message)) for message in messages]


@every_mode
def test_fetch_once(fetch: Fetch, our_server: OurServer, mail: Path) -> None:
    for status in (DONE, NO_MAIL):
        assert fetch("keep") == status
        assert delivered(mail) == as_delivered()
        assert read_maildir(our_server.maildir) == ALL


@every_mode
def test_fetch_and_delete(fetch: Fetch, our_server: OurServer, mail: Path) -> None:
    assert fetch("nokeep") == DONE
    assert delivered(mail) == as_delivered()
    assert read_maildir(our_server.maildir) == []


@every_mode
def test_what_was_fetched_before_is_deleted(
    fetch: Fetch, our_server: OurServer, mail: Path
) -> None:
    assert fetch("keep") == DONE
    assert fetch("nokeep flush") == NO_MAIL
    assert delivered(mail) == as_delivered()
    assert read_maildir(our_server.maildir) == []


@every_mode
def test_wrong_password(fetch: Fetch, our_server: OurServer, mail: Path) -> None:
    assert fetch("nokeep", "wrong") == REFUSED
    assert delivered(mail) == []
    assert read_maildir(our_server.maildir) == ALL
