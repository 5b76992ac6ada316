"""Whole sessions between the flows of a client and of a server, without a socket."""

from functools import partial
from typing import Final

from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_proto import ClientConnection, ServerConnection, TlsPolicy
from pop3_proto.flows import client as flows
from pop3_proto.flows.core import Flow
from pop3_proto.flows.login import login
from pop3_proto.flows.server import ServerSession

from ..bodies import body
from .benchmark import EACH, Benchmark, Work, timed
from .conversations import converse

__all__ = ["BENCHMARKS"]

SESSIONS: Final = 100
MESSAGES: Final = 1_000
SMALL: Final = 4_000


def sessions(size: float) -> Work:
    """Sessions in which nothing happens but the login."""
    count = max(1, int(SESSIONS * size))

    def run(users: Passwords) -> None:
        for _ in range(count):
            hold_session(users, 0)

    return timed(count, run, lambda: users_with(1))


def messages(size: float) -> Work:
    """One session, in which all messages are fetched."""
    count = max(1, int(MESSAGES * size))
    users = users_with(count)
    return timed(count, partial(hold_session, fetched=count), lambda: users)


def users_with(count: int) -> Passwords:
    """A user with so many messages, each another one."""
    octets = body("base64", SMALL)
    maildrop = MemoryMaildrop(b"X-Number: %d\r\n\r\n" % number + octets for number in range(count))
    return Passwords({"alice": "secret"}, lambda name: maildrop)


def hold_session(users: Passwords, fetched: int) -> None:
    """Log in, fetch the first so many messages, and quit."""
    client, server = ClientConnection(), ServerConnection()
    session = ServerSession(server, users, allow_insecure_auth=True)
    converse(client, fetching(client, fetched), server, serving(session))


def fetching(conn: ClientConnection, count: int) -> Flow[None]:
    """The client's side."""
    _ = yield from flows.open_session(conn, TlsPolicy.NONE)
    _ = yield from login(conn, "alice", "secret", allow_insecure_auth=True)
    fetch, fetched = flows.Fetch(conn, range(1, count + 1)), 0
    while reply := (yield from fetch.advance()):
        while (yield from flows.next_chunk(conn)):
            pass
        fetched += reply.ok
    assert fetched == count
    _ = yield from flows.quit(conn)


def serving(session: ServerSession) -> Flow[None]:
    """The server's side."""
    yield from session.run()
    yield from session.close()


BENCHMARKS: Final = [
    Benchmark("flows.sessions", "100 times greeting, CAPA, login, CAPA and QUIT", EACH, sessions),
    Benchmark("flows.fetch", "a session that fetches 1,000 messages of 4 kB", EACH, messages),
]
