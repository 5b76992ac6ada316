"""Commands of one's own, UTF-8 mode, what the maildrop announces, and odd clients."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import pytest

from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_proto import (
    Announced,
    Answer,
    Body,
    Command,
    CommandFailed,
    Lang,
    Last,
    Limits,
    LoginInterval,
    MessageEntry,
    Refused,
    Retention,
    Rset,
    Snapshot,
    State,
    StatusLine,
    TlsPolicy,
    Utf8,
    Utf8Required,
)

from .net import NAME, PASSWORD, Net
from .wire import dial

PIECE = b"0123456789abcde\r\n" * 1024


@dataclass(frozen=True, slots=True)
class Xstream(Command[int]):
    """A command of one's own with a body that is never in memory as a whole."""

    pieces: int

    verb = "XSTREAM"
    states = frozenset({State.TRANSACTION})

    @property
    def body(self) -> Body:
        return Body.MESSAGE

    def arguments(self) -> tuple[bytes, ...]:
        return (b"%d" % self.pieces,)

    @classmethod
    def parse(cls, arguments: Sequence[bytes]) -> "Xstream":
        (pieces,) = arguments
        return cls(int(pieces))

    def result(self, reply: StatusLine, body: bytes) -> int:
        return len(body)

    def answer(self, messages: Snapshot) -> Answer:
        if self.pieces > 1000:
            raise Refused("that is too much")
        return Answer(f"{self.pieces} pieces", (PIECE for _ in range(self.pieces)))


async def test_a_command_of_ones_own(net: Net, tls: TlsPolicy) -> None:
    server = net.serve(net.memory(), tls=tls, commands=[Xstream])
    async with await net.login(server) as session:
        octets: int = await session.request(Xstream(5))
        assert octets == 5 * len(PIECE)
        with pytest.raises(CommandFailed, match="XSTREAM 1001: -ERR that is too much"):
            await session.request(Xstream(1001))
        await session.noop()


class Announcing(MemoryMaildrop):
    """A maildrop in which the second message needs UTF-8 mode."""

    announced = Announced(LoginInterval(60), Retention(None), utf8=True)

    def open(self) -> Sequence[MessageEntry]:
        entries = list(super().open())
        entries[1] = entries[1]._replace(needs_utf8=True)
        return entries


class AnnouncingUsers(Passwords):
    announced = Announced(LoginInterval(900, by_user=True), Retention(30, by_user=True), utf8=True)


async def test_what_the_maildrop_announces(net: Net, tls: TlsPolicy) -> None:
    maildrop = Announcing([b"one\n", "Subject: zw\u00f6lf\n\n\n".encode()])
    users = AnnouncingUsers({NAME: PASSWORD}, lambda name: maildrop)
    server = net.serve(maildrop, authenticator=users, tls=tls)
    async with await net.connect(server.port, tls=tls) as session:
        before = session.capabilities
        assert before is not None
        assert before.login_interval == LoginInterval(900, by_user=True)
        assert before.retention == Retention(30, by_user=True)
        await session.login(NAME, PASSWORD, allow_insecure_auth=not session.tls)
        after = session.capabilities
        assert after is not None
        assert after.login_interval == LoginInterval(60)
        assert after.retention == Retention(None)
        assert await (await session.retrieve(1)).read() == b"one\r\n"
        with pytest.raises(Utf8Required, match="send UTF8 before the login"):
            await session.retrieve(2)
        with pytest.raises(Utf8Required):
            await session.top(2)
    async with await net.connect(server.port, tls=tls) as session:
        await session.request(Utf8())
        await session.login(NAME, PASSWORD, allow_insecure_auth=not session.tls)
        assert "zw\u00f6lf".encode() in await (await session.retrieve(2)).read()


class Surrogates:
    """A maildrop with one message, and something else in its place outside UTF-8 mode."""

    def __init__(self) -> None:
        self._message = b"Subject: see the attachment\r\n\r\n"

    def enable_utf8(self) -> None:
        self._message = "Subject: zw\u00f6lf\r\n\r\n".encode()

    def open(self) -> Sequence[MessageEntry]:
        return [MessageEntry(len(self._message), b"1")]

    def read(self, index: int) -> Iterator[bytes]:
        yield self._message

    def delete(self, indexes: Collection[int]) -> None:
        pytest.fail("nothing was marked")

    def close(self) -> None:
        pass


async def test_surrogates(net: Net) -> None:
    users = AnnouncingUsers({NAME: PASSWORD}, lambda name: Surrogates())
    server = net.serve(Surrogates(), authenticator=users)
    for utf8 in (False, True):
        async with await net.connect(server.port) as session:
            if utf8:
                await session.request(Utf8())
            await session.login(NAME, PASSWORD, allow_insecure_auth=True)
            message = await (await session.retrieve(1)).read()
            assert ("zw\u00f6lf".encode() in message) is utf8
            assert (await session.scan_listing(1)).octets == len(message)


async def test_what_the_server_does_not_have(net: Net) -> None:
    async with await net.connect(net.serve(net.memory()).port) as session:
        for command in (Utf8(), Lang(), Lang("de")):
            with pytest.raises(CommandFailed, match="is not supported"):
                await session.request(command)


async def test_last(net: Net) -> None:
    server = net.serve(net.memory(b"1\n", b"2\n", b"3\n"))
    async with await net.login(server) as session:
        assert await session.request(Last()) == 0
        for number in (2, 1):
            await (await session.retrieve(number)).read()
        await (await session.top(3)).read()
        assert await session.request(Last()) == 2
        await session.request(Rset())
        assert await session.request(Last()) == 0


async def test_a_server_ends_a_session_of_bad_commands(net: Net) -> None:
    server = net.serve(net.memory(), limits=Limits(bad_commands=3))
    with dial(server.port) as wire:
        assert wire.line().startswith(b"+OK")
        wire.send(b"HELO\r\nNOOP\r\n\x00\r\nXYZ\r\nCAPA\r\n")
        answers = [wire.line() for _ in range(4)]
        assert all(answer.startswith(b"-ERR") for answer in answers)
        assert wire.line() == b""


async def test_everything_in_one_piece_or_octet_by_octet(net: Net) -> None:
    session = (
        f"AUTH\r\nUSER nobody\r\nPASS x\r\nUSER {NAME}\r\nPASS wrong\r\n"
        f"USER {NAME}\r\nPASS {PASSWORD}\r\nstat\r\nNO\0OP\r\nLAST\nRETR 1\r\nDELE 1\r\n"
        "QUIT\r\n"
    ).encode()
    said: list[bytes] = []
    for pieces in ([session], [session[at : at + 1] for at in range(len(session))]):
        with dial(net.serve(net.memory(b"1\n", b"2\n")).port) as wire:
            for piece in pieces:
                wire.send(piece)
            said.append(b"".join(iter(wire.some, b"")))
    assert said[0] == said[1]
    assert said[0].count(b"+OK") == 11
    assert said[0].count(b"-ERR") == 3
    assert said[0].endswith(b"+OK bye\r\n")
