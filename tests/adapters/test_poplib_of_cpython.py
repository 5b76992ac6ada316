"""Our poplib in the place of Python's: in its own tests, in its example, and as a command."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Generator
from pathlib import Path

import pytest

from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_adapters.socket import Server, serve
from pop3_proto import TlsPolicy

NAME, PASSWORD = "alice", "secret"
MAIL = [b"Subject: one\r\n\r\n.\r\n..two\r\n", b"Subject: two\r\n\r\ngr\xc3\xbcn \xff\r\n"]
SECONDS = 120

OWN_TESTS = Path(sysconfig.get_path("stdlib"), "test", "test_poplib.py")
ON_DEBIAN = "libpython{}.{}-testsuite".format(*sys.version_info)

RUN_OWN_TESTS = """
import sys, unittest
from pop3_adapters import poplib
sys.modules["poplib"] = poplib
from test import test_poplib
result = unittest.main(module=test_poplib, exit=False).result
print(result.testsRun, result.wasSuccessful(), result.skipped)
"""

# Nobody but root can listen where poplib connects to.
REDIRECTED = """
import importlib, runpy, socket, sys
connect, port = socket.create_connection, int(sys.argv.pop(1))
def redirect(address, timeout):
    assert address == ("localhost", 110)
    return connect(("127.0.0.1", port), timeout)
socket.create_connection = redirect
"""

IN_PLACE = """
sys.modules["poplib"] = importlib.import_module(sys.argv.pop(1))
"""

# From the documentation of Python's poplib.
EXAMPLE = """
import getpass, poplib

M = poplib.POP3('localhost')
M.user(getpass.getuser())
M.pass_(getpass.getpass())
numMessages = len(M.list()[1])
for i in range(numMessages):
    for j in M.retr(i+1)[1]:
        print(j)
"""

COMMAND = """
runpy.run_module("pop3_adapters.poplib", run_name="__main__")
"""


@pytest.fixture
def server() -> Generator[Server]:
    users = Passwords({NAME: PASSWORD}, lambda _: MemoryMaildrop(MAIL))
    with serve(users, tls=TlsPolicy.NONE, allow_insecure_auth=True) as server:
        yield server


def output(code: str, *arguments: str) -> str:
    """What a program prints for `NAME`, who gives the password. Both modules print octets, so it
    is not for this process, which may have been told to refuse that.
    """
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "LOGNAME": NAME, "PYTHONUTF8": "1"},
        input=f"{PASSWORD}\n",
        stdout=subprocess.PIPE,
        start_new_session=True,  # without a terminal, getpass reads its input
        encoding="utf-8",
        timeout=SECONDS,
        check=True,
    ).stdout


@pytest.mark.skipif(
    not OWN_TESTS.exists(),
    reason=f"{OWN_TESTS} is not here: on Debian, run `apt-get install {ON_DEBIAN}`",
)
def test_its_own_tests() -> None:
    ran, rest = output(RUN_OWN_TESTS).split(" ", 1)
    assert int(ran) >= 71
    assert rest == "True []\n"


@pytest.mark.parametrize("module", ["poplib", "pop3_adapters.poplib"], ids=["standard", "ours"])
def test_the_example(server: Server, module: str) -> None:
    found = output(REDIRECTED + IN_PLACE + EXAMPLE, str(server.port), module)
    assert found.splitlines() == [
        *("b'Subject: one'", "b''", "b'.'", "b'..two'"),
        *("b'Subject: two'", "b''", r"b'gr\xc3\xbcn \xff'"),
    ]


def test_the_command(server: Server) -> None:
    found = output(REDIRECTED + COMMAND, str(server.port), "localhost", NAME, PASSWORD)
    greeting, *lines = found.splitlines()
    assert greeting.startswith("b'+OK")
    assert lines == [
        *("Message 1:", "   Subject: one", "   ", "   .", "   ..two", "-" * 23),
        *("Message 2:", "   Subject: two", "   ", "   grün \N{REPLACEMENT CHARACTER}", "-" * 23),
    ]
