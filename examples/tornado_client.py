"""Tornado: a driver that does what a conversation wants, over an IOStream.

    python examples/tornado_client.py HOST PORT USER PASSWORD

There is no TLS, and others may see the password on the command line: for loopback only.
"""

import asyncio
import sys
from contextlib import suppress

from tornado.iostream import IOStream, StreamClosedError
from tornado.tcpclient import TCPClient

from pop3_proto import ClientConnection, List, Pop3Error, Retr, TlsPolicy
from pop3_proto.flows import client as flows
from pop3_proto.flows.core import Flow, Invoke, Io, Send
from pop3_proto.flows.login import login


def retrieve(conn: ClientConnection, user: str, password: str) -> Flow[None]:
    """Log in, show every message, and quit."""
    yield from flows.open_session(conn, TlsPolicy.NONE)
    yield from login(conn, user, password, allow_insecure_auth=True)
    for number, _ in (yield from flows.request(conn, List())):
        message = yield from flows.request(conn, Retr(number))
        print(f"{number}: {len(message)} octets, {message[:30]!r}")
    yield from flows.quit(conn)


class Driver:
    def __init__(self, conn: ClientConnection, stream: IOStream) -> None:
        self.conn, self.stream = conn, stream
        self.reading: asyncio.Future[bytes] | None = None

    async def run(self, flow: Flow[None]) -> None:
        with suppress(StopIteration):
            want = next(flow)
            while True:
                try:
                    if isinstance(want, Send):
                        await self.stream.write(want.data)
                    elif isinstance(want, Invoke):  # a mechanism of AUTH, which is quick here
                        want.deliver(want.function())
                    elif want is Io.RECEIVE or want is Io.POLL:
                        await self.receive(wait=want is Io.RECEIVE)
                except Exception as error:
                    want = flow.throw(error)
                else:
                    want = next(flow)

    async def receive(self, *, wait: bool) -> None:
        if self.reading is None:
            self.reading = asyncio.ensure_future(self.stream.read_bytes(65536, partial=True))
        if wait or self.reading.done():
            reading, self.reading = self.reading, None
            try:
                self.conn.receive_data(await reading)
            except StreamClosedError:
                self.conn.receive_eof()


async def main(host: str, port: str, user: str, password: str) -> None:
    conn = ClientConnection()
    stream = await TCPClient().connect(host, int(port))
    try:
        await Driver(conn, stream).run(retrieve(conn, user, password))
    finally:
        stream.close()


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except StreamClosedError as error:
        sys.exit(f"not connected: {error.real_error}")
    except (OSError, Pop3Error) as error:
        sys.exit(f"{type(error).__name__}: {error}")
