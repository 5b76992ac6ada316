"""Connections to servers that may close one in the middle of a login."""

import socket
import ssl
from collections.abc import Callable

from pop3_proto import Pop3Url, Trace

from .._blocking_session import open_client
from .._client import Client, Origin
from .._opening import opening
from .._socket_stream import SocketStream
from .._timeouts import Timeouts

__all__ = ["connect"]


def connect(
    url: Pop3Url,
    context: ssl.SSLContext,
    dial: Callable[[], socket.socket],
    *,
    timeouts: Timeouts | None = None,
    trace: Trace | None = None,
) -> Client:
    """A client that knows how to begin once more: by a socket from `dial`, whose owner closes it.

    Raises what `pop3_adapters.socket.connect` does.
    """
    new = opening(url.host, tls=url.tls, context=context, timeouts=timeouts, trace=trace)

    def again() -> Client:
        return connect(url, context, dial, timeouts=timeouts, trace=trace)

    return open_client(SocketStream(dial()), new, Origin(url.host, url.port, again))
