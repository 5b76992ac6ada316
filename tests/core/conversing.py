"""A client's flow and a server's session, in memory, each as far as the other one needs it."""

from typing import TypeVar

from pop3_proto import ClientConnection, ServerConnection
from pop3_proto.flows.core import Flow, Invoke, Io, Send

T = TypeVar("T")


def converse(
    client: ClientConnection, flow: Flow[T], server: ServerConnection, session: Flow[None]
) -> T:
    """What the client's flow returns; the session goes on no further than it has to."""
    while True:
        try:
            want = next(flow)
        except StopIteration as stop:
            result: T = stop.value
            return result
        if isinstance(want, Send):
            server.receive_data(want.data)
        elif want is Io.RECEIVE:
            _receive(client, session)


def _receive(client: ClientConnection, session: Flow[None]) -> None:
    """The next octets that the server sends, or that it has ended."""
    error: Exception | None = None
    waiting = False
    while True:
        try:
            want = session.throw(error) if error else next(session)
        except StopIteration:
            client.receive_eof()
            return
        error = None
        if isinstance(want, Send) and want.data:
            client.receive_data(want.data)
            return
        if isinstance(want, Invoke):
            try:
                want.deliver(want.function())
            except Exception as raised:
                error = raised
        elif want is Io.RECEIVE:
            assert not waiting, "both sides wait"
            waiting = True
