"""Logs in, again and again: the server is what is measured, and this is no client at all."""

import base64
import socket
from typing import Final

from ..job import Job
from ..measure import measure

LOGINS: Final = 300


def log_in(job: Job) -> None:
    response = base64.b64encode(f"\0{job.user}\0{job.password}".encode()).decode()
    for _ in range(LOGINS):
        with socket.create_connection((job.host, job.port)) as sock, sock.makefile("rb") as said:
            _expect_ok(said.readline())
            for command in (f"AUTH PLAIN {response}", "QUIT"):
                sock.sendall(f"{command}\r\n".encode())
                _expect_ok(said.readline())
            _ = said.read()  # until the session is really over


def _expect_ok(reply: bytes) -> None:
    if not reply.startswith(b"+OK"):
        raise RuntimeError(f"the server says {reply!r}")


if __name__ == "__main__":
    measure(log_in)
