"""getmail fetches from a real Dovecot, with our poplib in the place of Python's."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Generator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pop3_proto import TlsPolicy
from tests.interop.seeds import SEEDS
from tests.interop.servers.dovecot import Dovecot
from tests.interop.servers.maildir import read_maildir, write_maildir
from tests.interop.servers.server import User

pytestmark = pytest.mark.interop

ALL = [seed.on_disk for seed in SEEDS.values()]
SECONDS = 30

GETMAIL = Path(sysconfig.get_path("scripts"), "getmail")
# It has no STLS.
RETRIEVERS = {
    TlsPolicy.NONE: "SimplePOP3Retriever",
    TlsPolicy.IMPLICIT: "SimplePOP3SSLRetriever",
}
CLASSES = {TlsPolicy.NONE: "POP3", TlsPolicy.IMPLICIT: "POP3_SSL"}

# It delivers nothing as root. Python and the checkout may be where only root can read.
NOBODY = 65534
AS_NOBODY = (
    *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
)

# getmail gives poplib no context, so the one that poplib makes is to verify the server.
WITH_OURS = """
import runpy, ssl, sys
from pop3_adapters import poplib

def tell(event, arguments):
    if event == "poplib.connect":
        print("connected by", type(arguments[0]))

sys.addaudithook(tell)
sys.modules["poplib"] = poplib
ssl._create_stdlib_context = lambda **files: ssl.create_default_context()
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""

CONFIG = """
[retriever]
type = {type}
server = localhost
port = {port}
username = {user.name}
password = {user.password}

[destination]
type = Maildir
path = {folder}/maildir/

[options]
delivered_to = false
received = false
read_all = false
delete = {delete}
"""

every_mode = pytest.mark.parametrize("mode", RETRIEVERS, ids=[mode.value for mode in RETRIEVERS])


@pytest.fixture
def folder() -> Generator[Path]:
    """A folder with a Maildir, for getmail: pytest's own are root's alone."""
    with TemporaryDirectory() as name:
        os.chown(name, NOBODY, NOBODY)
        write_maildir(Path(name, "maildir"), (), owner=NOBODY)
        yield Path(name)


def fetch(dovecot: Dovecot, mode: TlsPolicy, user: User, folder: Path, *, delete: bool) -> str:
    """Run getmail, and give what it says."""
    config = CONFIG.format(
        type=RETRIEVERS[mode],
        port=dovecot.tls_port if mode is TlsPolicy.IMPLICIT else dovecot.port,
        user=user,
        folder=folder,
        delete=delete,
    )
    (folder / "getmailrc").write_text(config)
    done = subprocess.run(
        [*AS_NOBODY, sys.executable, "-c", WITH_OURS, GETMAIL, f"--getmaildir={folder}"],
        env={**os.environ, "HOME": str(folder), "SSL_CERT_FILE": str(dovecot.ca_file)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"connected by <class 'pop3_adapters.poplib.{CLASSES[mode]}'>" in done.stdout
    return done.stdout


def fetched(folder: Path) -> list[bytes]:
    """What getmail has stored; its names of files are in no order."""
    return sorted(read_maildir(folder / "maildir"))


def as_getmail_stores(wire: bytes) -> bytes:
    """A message with a line of getmail's own on top, and as Python's email writes it: a CR alone
    ends a line, and a header without a body ends with a blank line.
    """
    text = b"".join(b"%b\n" % line for line in wire.replace(b"\r\n", b"\n").splitlines())
    return b"Return-Path: <unknown>\n" + text + (b"" if b"\n\n" in text else b"\n")


FETCHED = sorted(as_getmail_stores(seed.on_wire) for seed in SEEDS.values())


@every_mode
def test_fetch_once(dovecot: Dovecot, mode: TlsPolicy, folder: Path) -> None:
    user = dovecot.new_user(ALL)
    said = fetch(dovecot, mode, user, folder, delete=False)
    assert f"{len(ALL)} messages" in said
    assert fetched(folder) == FETCHED
    said = fetch(dovecot, mode, user, folder, delete=False)
    assert "0 messages" in said
    assert fetched(folder) == FETCHED
    assert read_maildir(user.maildir) == ALL


@every_mode
def test_fetch_and_delete(dovecot: Dovecot, mode: TlsPolicy, folder: Path) -> None:
    user = dovecot.new_user(ALL)
    _ = fetch(dovecot, mode, user, folder, delete=True)
    assert fetched(folder) == FETCHED
    assert read_maildir(user.maildir) == []
