"""No client at all: asks for everything, and receives until the server closes the connection.

This is the floor: nothing is looked at, and one buffer is used again and again.
"""

import socket
from typing import Final

from ..job import Job
from ..measure import measure

BUFFER: Final = 256 * 1024
"""Octets, as many as our blocking client reads at once."""


def fetch(job: Job) -> int:
    buffer = bytearray(BUFFER)
    with socket.create_connection((job.host, job.port)) as sock:
        for command in (f"USER {job.user}", f"PASS {job.password}"):
            _ = sock.recv_into(buffer)
            sock.sendall(command.encode() + b"\r\n")
        _ = sock.recv_into(buffer)
        sock.sendall(b"".join(b"RETR %d\r\n" % number for number in job.numbers) + b"QUIT\r\n")
        octets = 0
        while received := sock.recv_into(buffer):
            octets += received
    return octets


if __name__ == "__main__":
    measure(fetch)
