"""Proxies of others, each on loopback until its context is left."""

import socket
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.interop.servers import ServerFailed
from tests.interop.servers.ports import free_ports

USER, SECRET = "bob", "hemlig"

SECONDS_TO_START = 30
SECONDS_BETWEEN_LOOKS = 0.01

TINYPROXY = """
Port {port}
Listen 127.0.0.1
Timeout 60
BasicAuth {user} {secret}
ConnectPort {allowed}
"""

TWISTED = """
import sys
from twisted.internet import reactor
from twisted.protocols.socks import SOCKSv4Factory
reactor.listenTCP(int(sys.argv[1]), SOCKSv4Factory(None), interface="127.0.0.1")
reactor.run()
"""


@contextmanager
def microsocks(program: str) -> Generator[int]:
    """SOCKS 5 with a password, which looks names up; gives its port."""
    [port] = free_ports(1)
    command = [program, "-i", "127.0.0.1", "-p", str(port), "-u", USER, "-P", SECRET]
    with _running(command, port):
        yield port


@contextmanager
def tinyproxy(program: str, folder: Path, allowed: int) -> Generator[int]:
    """HTTP CONNECT with a password, to one port only; gives its own."""
    [port] = free_ports(1)
    config = folder / "tinyproxy.conf"
    config.write_text(TINYPROXY.format(port=port, user=USER, secret=SECRET, allowed=allowed))
    with _running([program, "-d", "-c", str(config)], port):
        yield port


@contextmanager
def twisted() -> Generator[int]:
    """SOCKS 4 and 4a, without names of users; gives its port."""
    [port] = free_ports(1)
    with _running([sys.executable, "-c", TWISTED, str(port)], port):
        yield port


@contextmanager
def _running(command: Sequence[str], port: int) -> Generator[None]:
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_until_it_listens(process, port)
        yield
    finally:
        process.terminate()
        _ = process.wait(SECONDS_TO_START)


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while not _listens(port):
        try:
            status = process.wait(SECONDS_BETWEEN_LOOKS)
        except subprocess.TimeoutExpired:
            status = None
        if status is not None or time.monotonic() > deadline:
            raise ServerFailed(f"{process.args!r} does not listen on port {port}")


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), SECONDS_TO_START).close()
    except OSError:
        return False
    return True
