"""The way to a server."""

import socket

from pop3_proto import Pop3Url

from .._hosts import find_host

__all__ = ["dial"]


def dial(url: Pop3Url, seconds: float | None) -> socket.socket:
    """Connect to where a URL leads, waiting for each of the host's addresses up to `seconds`.

    Raises OSError, and LocalProtocolError for what is no host.
    """
    return socket.create_connection((find_host(url.host).address, url.port), seconds)
