"""POP3 over the pipes of a subprocess, as over `ssh HOST COMMAND`: one driver for both roles.

    python examples/subprocess_pipes.py USER PASSWORD [COMMAND ...]

The command has to speak POP3 on its standard input and output; without one it is this file, with
a maildrop of one message. A pipe needs no TLS, but others may see the command line: for trying.
"""

import os
import sys
from contextlib import suppress
from select import select
from subprocess import PIPE, Popen

import pop3_proto as pop3
from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_proto.flows import client as flows
from pop3_proto.flows.core import Flow, Invoke, Io, Send
from pop3_proto.flows.login import login
from pop3_proto.flows.server import ServerSession


def run(flow: Flow[None], conn: pop3.Connection, source: int, target: int) -> None:
    """Do what a flow wants, and tell it what goes wrong."""
    with suppress(StopIteration):
        want = next(flow)
        while True:
            try:
                if isinstance(want, Send):
                    unsent = want.data
                    while unsent:
                        unsent = unsent[os.write(target, unsent) :]
                elif isinstance(want, Invoke):
                    want.deliver(want.function())
                elif want is Io.RECEIVE or (want is Io.POLL and select([source], [], [], 0)[0]):
                    data = os.read(source, 65536)
                    conn.receive_data(data) if data else conn.receive_eof()
            except Exception as error:
                want = flow.throw(error)
            else:
                want = next(flow)


def retrieve(conn: pop3.ClientConnection, user: str, password: str) -> Flow[None]:
    """Log in, print every message, and quit."""
    yield from flows.open_session(conn, pop3.TlsPolicy.NONE)
    yield from login(conn, user, password, allow_insecure_auth=True)
    for number, _ in (yield from flows.request(conn, pop3.List())):
        message = yield from flows.request(conn, pop3.Retr(number))
        print(f"{number}: {len(message)} octets, {message[:30]!r}")
    yield from flows.quit(conn)


def main(user: str, password: str, *command: str) -> None:
    own = (sys.executable, __file__, "--serve", user, password)
    conn = pop3.ClientConnection()
    with Popen(command or own, stdin=PIPE, stdout=PIPE, bufsize=0) as process:
        source, target = process.stdout, process.stdin
        if source and target:  # as PIPE makes them
            run(retrieve(conn, user, password), conn, source.fileno(), target.fileno())


def serve(user: str, password: str) -> None:
    maildrop = MemoryMaildrop([b"Subject: hello\r\n\r\nfrom the other end of a pipe\r\n"])
    conn = pop3.ServerConnection()
    users = Passwords({user: password}, lambda name: maildrop)
    session = ServerSession(conn, users, allow_insecure_auth=True)
    try:
        run(session.run(), conn, sys.stdin.fileno(), sys.stdout.fileno())
    finally:
        run(session.close(), conn, sys.stdin.fileno(), sys.stdout.fileno())


if __name__ == "__main__":
    try:
        serve(*sys.argv[2:]) if sys.argv[1] == "--serve" else main(*sys.argv[1:])
    except (OSError, pop3.Pop3Error) as error:
        sys.exit(f"{type(error).__name__}: {error}")
