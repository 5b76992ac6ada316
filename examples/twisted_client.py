"""Twisted: a Protocol that does what a conversation wants, which knows nothing of Twisted.

    python examples/twisted_client.py HOST PORT USER PASSWORD

There is no TLS, and others may see the password on the command line: for loopback only.
"""

import sys
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol  # pyright: ignore[reportUnknownVariableType]
from twisted.internet.error import ConnectError
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import react
from twisted.internet.tcp import Connection  # typed in part, hence the words to pyright
from twisted.python.failure import Failure

from pop3_proto import ClientConnection, List, Pop3Error, Retr, TlsPolicy
from pop3_proto.flows import client as flows
from pop3_proto.flows.core import Flow, Invoke, Io, Send
from pop3_proto.flows.login import login


def retrieve(conn: ClientConnection, user: str, password: str) -> Flow[None]:
    """Log in, print every message, and quit."""
    yield from flows.open_session(conn, TlsPolicy.NONE)
    yield from login(conn, user, password, allow_insecure_auth=True)
    for number, _ in (yield from flows.request(conn, List())):
        message = yield from flows.request(conn, Retr(number))
        print(f"{number}: {len(message)} octets, {message[:30]!r}")
    yield from flows.quit(conn)


class Pop3Client(Protocol):
    def __init__(self, conn: ClientConnection, flow: Flow[None]) -> None:
        self.conn, self.flow = conn, flow
        self.done: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.conn.receive_data(data)
        self.go_on()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.conn.receive_eof()
        self.go_on()

    def go_on(self) -> None:
        if self.done.called:
            return
        transport = cast(Connection, self.transport)  # pyright: ignore[reportUnknownMemberType]
        try:
            for want in self.flow:
                if isinstance(want, Send):
                    transport.write(want.data)
                elif isinstance(want, Invoke):  # a mechanism of AUTH, which is quick here
                    want.deliver(want.function())
                elif want is Io.RECEIVE:
                    return
        except Exception as error:
            self.done.errback(error)
        else:
            self.done.callback(None)
        transport.loseConnection()


async def main(reactor: object, host: str, port: str, user: str, password: str) -> None:
    conn = ClientConnection()
    client = Pop3Client(conn, retrieve(conn, user, password))
    try:
        await connectProtocol(TCP4ClientEndpoint(reactor, host, int(port)), client)
        await client.done
    except (ConnectError, Pop3Error) as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    react(main, sys.argv[1:])
