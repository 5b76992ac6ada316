"""A server's session to be played by a script, and what it serves."""

import asyncio
from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field
from types import MappingProxyType

from pop3_proto import (
    COMMANDS,
    Authenticator,
    ClientCertificate,
    Command,
    Limits,
    LoginAttempt,
    Maildrop,
    MessageEntry,
    ServerConnection,
    ServerMechanism,
    State,
    TlsPolicy,
)
from pop3_proto.flows.server import ServerSession
from tests.core.playing import play

__all__ = [
    "GREETING",
    "LOGIN",
    "ONE",
    "QUIT",
    "TWO",
    "AsyncDrop",
    "AsyncUsers",
    "Drop",
    "Served",
    "Users",
    "exchange",
]

ONE = b"Subject: one\r\n\r\n.first\r\nsecond\r\n"
TWO = b"Subject: two\r\n\r\n"

GREETING = "S: +OK POP3 server ready\n"

LOGIN = """
    C: USER alice
    S: +OK
    C: PASS secret
    S: +OK 2 messages
"""

QUIT = """
    C: QUIT
    S: +OK bye
"""


@dataclass
class Drop:
    """A maildrop in memory, which remembers what it was asked for."""

    messages: Sequence[bytes] = (ONE, TWO)
    fails: dict[str, Exception] = field(default_factory=dict[str, Exception])
    asked: list[object] = field(default_factory=list[object])
    piece: int = 7
    # Held on to, so that nothing is let go by being forgotten.
    given: list[object] = field(default_factory=list[object])

    def done(self, what: str, *arguments: object) -> None:
        self.asked.append((what, *arguments) if arguments else what)
        if what in self.fails:
            raise self.fails[what]

    def open(self) -> Sequence[MessageEntry]:
        self.done("open")
        return [MessageEntry(len(m), b"id-%d" % n) for n, m in enumerate(self.messages)]

    def read(self, index: int) -> Iterable[bytes]:
        self.done("read", index)
        pieces = self.pieces(self.messages[index])
        self.given.append(pieces)
        return pieces

    def pieces(self, message: bytes) -> Iterator[bytes]:
        try:
            for start in range(0, len(message), self.piece):
                yield message[start : start + self.piece]
                self.done("piece")
        finally:
            self.asked.append("let go")

    def delete(self, indexes: Collection[int]) -> None:
        self.done("delete", list(indexes))

    def close(self) -> None:
        self.done("close")


@dataclass
class AsyncDrop:
    """The same, asynchronously."""

    drop: Drop

    async def open(self) -> Sequence[MessageEntry]:
        await asyncio.sleep(0)
        return self.drop.open()

    def read(self, index: int) -> AsyncIterator[bytes]:
        pieces = self.pieces(index)
        self.drop.given.append(pieces)
        return pieces

    async def pieces(self, index: int) -> AsyncIterator[bytes]:
        try:
            for piece in self.drop.read(index):
                await asyncio.sleep(0)
                yield piece
        finally:
            await asyncio.sleep(0)
            self.drop.asked.append("let go, asynchronously")

    async def delete(self, indexes: Collection[int]) -> None:
        await asyncio.sleep(0)
        self.drop.delete(indexes)

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.drop.close()


@dataclass
class Users:
    """Knows alice, whose password is secret."""

    drop: Maildrop
    fails: Exception | None = None

    def authenticate(self, name: str, password: str) -> Maildrop | None:
        if self.fails:
            raise self.fails
        return self.drop if (name, password) == ("alice", "secret") else None


@dataclass
class AsyncUsers:
    drop: Maildrop

    async def authenticate(self, name: str, password: str) -> Maildrop | None:
        await asyncio.sleep(0)
        return Users(self.drop).authenticate(name, password)


class Served:
    """A session that is played by a script, and what became of it."""

    def __init__(
        self,
        drop: Maildrop | None = None,
        *,
        users: Authenticator | None = None,
        tls: TlsPolicy = TlsPolicy.NONE,
        insecure: bool = True,
        limits: Limits | None = None,
        mechanisms: Mapping[str, Callable[[], ServerMechanism]] = MappingProxyType({}),
        user: bool = True,
        timestamp: bytes | None = None,
        certificate: ClientCertificate | None = None,
        own: Sequence[type[Command[object]]] = (),
    ) -> None:
        self.conn = ServerConnection(limits=limits, commands=(*COMMANDS, *own))
        self.reported: list[Exception] = []
        self.attempts: list[LoginAttempt] = []
        self.session = ServerSession(
            self.conn,
            users or Users(Drop() if drop is None else drop),
            tls=tls,
            allow_insecure_auth=insecure,
            mechanisms=mechanisms,
            user=user,
            timestamp=timestamp,
            certificate=lambda: certificate,
            attempted=self.attempts.append,
            report=self.reported.append,
        )

    def play(self, script: str) -> None:
        play(self.conn, self.session.run(), script)
        play(self.conn, self.session.close())


def exchange(script: str, drop: Drop | None = None) -> Drop:
    """Play what is said between the login and QUIT."""
    drop = drop or Drop()
    served = Served(drop)
    served.play(GREETING + LOGIN + script + QUIT)
    assert served.conn.state is State.CLOSED
    assert served.reported == []
    return drop
