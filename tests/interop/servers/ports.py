"""Ports that nobody listens on."""

import random
import socket
from pathlib import Path


def free_ports(count: int) -> list[int]:
    """`count` different free TCP ports of 127.0.0.1.

    They lie below those that the kernel hands out to clients, so that no connection of a test that
    runs at the same time takes one before the server does.
    """
    below = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    candidates = random.sample(range(below // 2, below), below // 2)
    free = (port for port in candidates if is_free(port))
    return [next(free) for _ in range(count)]


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
