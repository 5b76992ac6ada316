"""Flows without I/O: with octets that are there already, or with each other."""

from collections.abc import Iterable
from typing import TypeVar, cast

from pop3_proto import Connection, State
from pop3_proto.flows.core import Flow, Invoke, Io, Send

__all__ = ["converse", "listen"]

T = TypeVar("T")


def listen(conn: Connection, flow: Flow[T], reads: Iterable[bytes]) -> T:
    """What a flow comes to where these reads arrive; what it sends goes nowhere."""
    arriving = iter(reads)
    try:
        while True:
            if next(flow) is Io.RECEIVE:
                conn.receive_data(next(arriving, b""))
    except StopIteration as end:
        return cast(T, end.value)


def converse(
    client: Connection, client_flow: Flow[object], server: Connection, server_flow: Flow[object]
) -> None:
    """Give each the octets of the other until both have ended."""
    said = b""
    while client.state is not State.CLOSED:
        said = _turn(client, client_flow, _turn(server, server_flow, said))


def _turn(conn: Connection, flow: Flow[object], heard: bytes) -> bytes:
    """What one side says until it has to hear more."""
    if heard:
        conn.receive_data(heard)
    said: list[bytes] = []
    for want in flow:
        if isinstance(want, Send):
            said.append(want.data)
        elif isinstance(want, Invoke):
            want.deliver(want.function())
        elif want is Io.RECEIVE:
            break
    return b"".join(said)
