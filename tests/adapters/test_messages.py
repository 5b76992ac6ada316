"""One message at a time: streamed, left early, refused, too large."""

import mmap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pop3_adapters.maildrops import MemoryMaildrop
from pop3_proto import (
    BodyTooLarge,
    CommandFailed,
    Deletions,
    Limits,
    LocalProtocolError,
    ProtocolError,
    State,
    TlsPolicy,
)

from .backends import Incoming
from .mail import big
from .net import NAME, PASSWORD, Net
from .scripts import accept_quit, let_in
from .tasks import Way, in_each_library
from .wire import BOUND, Wire, scripted

MEGABYTE = 1024 * 1024


async def test_the_first_octets_are_here_before_the_server_has_sent_the_last(net: Net) -> None:
    first_is_here = threading.Event()

    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"RETR 1\r\n")
        wire.send(b"+OK\r\nfirst\r\n")
        assert first_is_here.wait(BOUND)
        wire.send(b"last\r\n.\r\n")
        accept_quit(wire)

    with scripted(play) as port:
        async with await net.connect(port) as session:
            await session.login(NAME, PASSWORD, allow_insecure_auth=True)
            message = await session.retrieve(1)
            received = b""
            async for chunk in message:
                received += chunk
                first_is_here.set()
            assert received == b"first\r\nlast\r\n"
            assert message.complete


async def test_what_is_left_is_read_after_a_piece_was_taken(net: Net) -> None:
    mail = big(MEGABYTE)
    async with await net.login(net.serve(net.memory(mail))) as session:
        message = await session.retrieve(1)
        first = await anext(aiter(message))
        assert 0 < len(first) < len(mail)
        assert not message.complete
        assert first + await message.read() == mail
        assert message.complete
        assert await message.read() == b""


async def test_a_message_left_early_is_read_to_its_end_and_the_session_goes_on(
    net: Net, tls: TlsPolicy
) -> None:
    server = net.serve(net.memory(big(MEGABYTE), b"two\n"), tls=tls)
    async with await net.login(server) as session:
        async with await session.retrieve(1) as message:
            _ = await anext(aiter(message))
        assert (await session.stat()).messages == 2
        assert await (await session.retrieve(2)).read() == b"two\r\n"


async def test_a_message_left_early_with_too_much_to_come_ends_the_session(
    net: Net, tls: TlsPolicy
) -> None:
    maildrop = net.memory(big(4 * MEGABYTE), b"two\n")
    server = net.serve(maildrop, tls=tls)
    session = await net.login(server, limits=Limits(drain=1000))
    await session.delete(2)
    async with await session.retrieve(1) as message:
        _ = await anext(aiter(message))
    assert session.state is State.BROKEN
    with pytest.raises(ProtocolError, match=r"more than 1000 octets.*still to come"):
        await session.noop()
    assert await session.quit() is Deletions.KEPT
    server.running.close()
    assert len(maildrop.messages) == 2


async def test_a_message_that_an_exception_leaves_is_not_waited_for(net: Net) -> None:
    left = threading.Event()

    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"RETR 1\r\n")
        wire.send(b"+OK\r\nfirst\r\n")
        assert left.wait(BOUND)
        wire.send(b"last\r\n.\r\n")
        accept_quit(wire)

    with scripted(play) as port:
        async with await net.connect(port) as session:
            await session.login(NAME, PASSWORD, allow_insecure_auth=True)
            message = await session.retrieve(1)
            with pytest.raises(ZeroDivisionError):
                await failing_inside(message)
            left.set()


async def failing_inside(message: Incoming) -> None:
    async with message:
        assert (await anext(aiter(message))).startswith(b"first")
        raise ZeroDivisionError


async def test_another_command_takes_the_turn_of_an_unread_message(net: Net) -> None:
    async with await net.login(net.serve(net.memory(b"one\n", b"two\n"))) as session:
        message = await session.retrieve(1)
        assert (await session.stat()).messages == 2
        with pytest.raises(LocalProtocolError, match="rest of message 1 was thrown away"):
            _ = await message.read()
        with pytest.raises(LocalProtocolError, match="not been read to its end"):
            await message.delete()


async def test_a_message_is_deleted_only_when_it_is_here(net: Net) -> None:
    maildrop = net.memory(b"one\n", b"two\n")
    async with await net.login(net.serve(maildrop)) as session:
        message = await session.retrieve(1)
        with pytest.raises(LocalProtocolError, match="not been read to its end"):
            await message.delete()
        assert await message.read() == b"one\r\n"
        await message.delete()
        with pytest.raises(CommandFailed, match="DELE 1"):
            await message.delete()
    assert maildrop.messages == [b"two\r\n"]


async def test_a_message_of_which_only_the_top_is_here_is_not_deleted(net: Net) -> None:
    maildrop = net.memory(b"Subject: one\n\none\n")
    async with await net.login(net.serve(maildrop)) as session:
        message = await session.top(1)
        _ = await message.read()
        with pytest.raises(LocalProtocolError, match="all of it"):
            await message.delete()
    assert len(maildrop.messages) == 1


async def test_a_message_beyond_the_limit_ends_the_session(net: Net) -> None:
    maildrop = net.memory(b"one\n", big(2000))
    server = net.serve(maildrop)
    session = await net.login(server, limits=Limits(message=1999))
    await session.delete(1)
    message = await session.retrieve(2)
    with pytest.raises(BodyTooLarge, match="RETR 2 has more than 1999 octets"):
        _ = await message.read()
    assert session.state is State.BROKEN
    assert await session.quit() is Deletions.KEPT
    server.running.close()
    assert len(maildrop.messages) == 2


@in_each_library
async def test_what_nobody_reads_yet_stays_with_the_server(net: Net, way: Way) -> None:
    full = threading.Event()

    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"RETR 1\r\n")
        wire.send(b"+OK\r\n")
        wire.send_until_full(big(100_000), 64 * MEGABYTE)
        full.set()
        assert wire.rest() == b""

    with scripted(play) as port:
        session = await net.connect(port)
        await session.login(NAME, PASSWORD, allow_insecure_auth=True)
        message = await session.retrieve(1)
        await way.waited(full)
        assert (await anext(aiter(message))).startswith(b"0123456789")
        await session.close()


class Endless(MemoryMaildrop):
    """One message that is never in memory as a whole."""

    LINE = b"." + b"x" * 71 + b"\r\n"
    LINES = 3000
    PIECES = 500

    def __init__(self) -> None:
        super().__init__([b"instead\n"])

    def read(self, index: int) -> Iterator[bytes]:
        piece = self.LINE * self.LINES
        for _ in range(self.PIECES):
            yield piece


STATUS = Path("/proc/self/statm")


def resident() -> int:
    """Octets of memory that this process has, those of OpenSSL and of libuv, too."""
    return int(STATUS.read_text().split()[1]) * mmap.PAGESIZE if STATUS.exists() else 0


async def test_a_message_of_100_mb_needs_little_memory_on_both_sides(
    net: Net, tls: TlsPolicy
) -> None:
    maildrop = Endless()
    whole = len(maildrop.LINE) * maildrop.LINES * maildrop.PIECES
    assert whole > 100 * MEGABYTE
    async with await net.login(net.serve(maildrop, tls=tls)) as session:
        message = await session.retrieve(1)
        received = 0
        before = most = resident()
        async for chunk in message:
            received += len(chunk)
            most = max(most, resident())
    assert received == whole
    assert most - before < 16 * MEGABYTE
