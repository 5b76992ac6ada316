"""One server in mount and process namespaces of its own, which end as a whole.

The server sees the machine with its packages laid over it; what it writes to /etc, /var and /run
goes to memory. The network is the machine's, so clients reach the server over loopback.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.interop.servers import ServerFailed
from tests.interop.servers.ports import is_free

# Where the server finds its work folder: a path that is short, as Unix sockets need it, and open to
# the server's unprivileged users wherever the real folder is. Nobody's temporary files are under
# /boot, where they would be hidden.
WORK = "/boot/work"

SECONDS_TO_START = 30
SECONDS_BETWEEN_LOOKS = 0.01

# Whoever starts the server takes it along when it dies, even by SIGKILL.
ENTER = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"),
)

PREPARE = """
mount -t tmpfs -o mode=755 tmpfs /boot
mkdir /boot/work /boot/packages
mount --bind "$1" /boot/work
mount --bind "$2" /boot/packages
shift 2
mount -t overlay -o lowerdir=/boot/packages/usr:/usr overlay /usr
for name in etc var; do
    mkdir -p /boot/$name/upper /boot/$name/work
    lower=lowerdir=/boot/packages/$name:/$name
    mount -t overlay -o $lower,upperdir=/boot/$name/upper,workdir=/boot/$name/work overlay /$name
done
mount -t tmpfs -o mode=755 tmpfs /run
exec "$@"
"""


@contextmanager
def running(command: Sequence[str], *, work: Path, packages: Path, port: int) -> Generator[None]:
    """Run `command`, which stays in the foreground, until the context is left.

    It is entered when the server greets on `port`. The command's standard output and error, and
    the server's log with them, go to the file `log` in `work`.

    Raises:
        ServerFailed: the server ended, or said nothing for 30 seconds.
    """
    if not is_free(port):
        raise ServerFailed(f"port {port} is taken: choose another one")
    with (work / "log").open("ab") as log:
        process = subprocess.Popen(
            _inside(command, work, packages),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
        )
    try:
        _wait_for_greeting(process, port, work / "log")
        yield
    finally:
        _end(process)


def _inside(command: Sequence[str], work: Path, packages: Path) -> list[str]:
    return [*ENTER, "sh", "-e", "-c", PREPARE, "sh", str(work), str(packages), *command]


def _wait_for_greeting(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while not _greets(port):
        if _has_ended(process) or time.monotonic() > deadline:
            said = log.read_text(encoding="utf-8", errors="replace")
            raise ServerFailed(f"the server does not greet on port {port}. Its log:\n{said}")


def _greets(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), SECONDS_TO_START) as client:
            return client.recv(512).startswith(b"+OK")
    except OSError:
        return False


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(SECONDS_BETWEEN_LOOKS)
    except subprocess.TimeoutExpired:
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    # With the first process of a namespace the kernel ends the others, and those before the first.
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for pid in [int(child) for child in children] or [process.pid]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()
