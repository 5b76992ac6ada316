"""A server for many clients on one `selectors` loop, without threads.

    python examples/selectors_server.py PORT USER PASSWORD [MESSAGE.eml ...]

There is no TLS, and others may see the password: for loopback only. `ServerSession` answers the
commands, so that only the loop is left to write; memory_pair.py shows the bare `ServerConnection`.
"""

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from socket import create_server, socket

from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_proto import Authenticator, Pop3Error, ServerConnection
from pop3_proto.flows.core import Flow, Invoke, Io, Send
from pop3_proto.flows.server import ServerSession


def converse(sock: socket, users: Authenticator) -> Iterator[int]:
    """One client's session; yields whether it waits to read or to write."""
    conn = ServerConnection()
    session = ServerSession(conn, users, allow_insecure_auth=True)
    with sock:
        try:
            yield from drive(session.run(), conn, sock)
        finally:  # the maildrop is unlocked, for which nothing has to be waited
            for _ in drive(session.close(), conn, sock):
                pass


def drive(flow: Flow[None], conn: ServerConnection, sock: socket) -> Iterator[int]:
    """Do what a flow wants, and tell it what goes wrong."""
    with suppress(StopIteration):
        want = next(flow)
        while True:
            try:
                if isinstance(want, Send):
                    unsent = memoryview(want.data)
                    while unsent:
                        yield EVENT_WRITE
                        unsent = unsent[sock.send(unsent) :]
                elif want is Io.RECEIVE:
                    yield EVENT_READ
                    data = sock.recv(65536)
                    conn.receive_data(data) if data else conn.receive_eof()
                elif isinstance(want, Invoke):  # of the maildrop, or of who knows the passwords
                    want.deliver(want.function())
            except Exception as error:
                want = flow.throw(error)
            else:
                want = next(flow)


def main(port: str, user: str, password: str, *files: str) -> None:
    maildrop = MemoryMaildrop(Path(file).read_bytes() for file in files)
    users = Passwords({user: password}, lambda name: maildrop)
    with create_server(("127.0.0.1", int(port))) as listener, DefaultSelector() as selector:
        selector.register(listener, EVENT_READ)
        print("port", listener.getsockname()[1], flush=True)
        while True:
            for key, _ in selector.select():
                if key.fileobj is listener:
                    sock, _ = listener.accept()
                    sock.setblocking(False)
                    conversation = converse(sock, users)
                    selector.register(sock, next(conversation), conversation)
                    continue
                try:
                    selector.modify(key.fileobj, next(key.data), key.data)
                except (StopIteration, OSError, Pop3Error):  # it is over
                    selector.unregister(key.fileobj)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
