"""Many messages in one go: their order, the window, and what one of them cannot spoil."""

from contextlib import aclosing

import pytest

from pop3_proto import (
    CommandFailed,
    Deletions,
    Limits,
    LocalProtocolError,
    ProtocolError,
    State,
    TlsPolicy,
    UnexpectedEof,
)

from .backends import Session
from .mail import MAILS, big, wire_form
from .net import NAME, PASSWORD, Net
from .scripts import accept_quit, let_in
from .wire import Script, Wire, scripted

MEGABYTE = 1024 * 1024


async def logged_in(net: Net, port: int) -> Session:
    session = await net.connect(port)
    await session.login(NAME, PASSWORD, allow_insecure_auth=True)
    return session


async def take(
    session: Session, numbers: list[int], received: list[bytes], delete_twice: int = 0
) -> None:
    """Read and delete, one after the other."""
    async for message in session.fetch(numbers):
        received.append(await message.read())
        await message.delete()
        if message.number == delete_twice:
            await message.delete()


async def test_messages_come_in_the_order_asked_for(net: Net, tls: TlsPolicy) -> None:
    server = net.serve(net.memory(*MAILS), tls=tls)
    numbers = [*range(len(MAILS), 0, -1), 3, 3]
    async with await net.login(server) as session:
        received = [(m.number, await m.read()) async for m in session.fetch(numbers)]
    assert received == [(number, wire_form(MAILS[number - 1])) for number in numbers]


@pytest.mark.parametrize("window", [1, 2, 3, 64, 1000])
async def test_large_messages_in_any_window(net: Net, window: int) -> None:
    mails = [b"%d\r\n" % number + big(300_000) for number in range(12)]
    async with await net.login(net.serve(net.memory(*mails))) as session:
        fetched = session.fetch(range(1, 13), window=window)
        assert [await message.read() async for message in fetched] == mails


async def test_nothing_to_fetch(net: Net) -> None:
    async with await net.login(net.serve(net.memory(b"one\n"))) as session:
        assert [message async for message in session.fetch([])] == []
        await session.noop()


def counting(count: int, *capabilities: str, least: int, most: int) -> Script:
    """A server that answers as late as it can, and counts what is outstanding."""

    def play(wire: Wire) -> None:
        let_in(wire, *capabilities)
        asked: list[bytes] = []
        for answered in range(count):
            while len(asked) < min(answered + least, count):
                asked.append(wire.line())
            asked += wire.arrived()
            assert len(asked) - answered <= most
            wire.send(b"+OK\r\n%d\r\n.\r\n" % answered)
        assert asked == [b"RETR %d\r\n" % number for number in range(1, count + 1)]
        accept_quit(wire)

    return play


async def test_many_are_asked_for_ahead_of_time_but_no_more_than_the_window(net: Net) -> None:
    with scripted(counting(100, "PIPELINING", least=2, most=8)) as port:
        async with await logged_in(net, port) as session:
            fetched = session.fetch(range(1, 101), window=8)
            received = [await message.read() async for message in fetched]
    assert received == [b"%d\r\n" % number for number in range(100)]


async def test_without_pipelining_one_is_asked_for_at_a_time(net: Net) -> None:
    with scripted(counting(10, least=1, most=1)) as port:
        async with await logged_in(net, port) as session:
            fetched = session.fetch(range(1, 11), window=8)
            assert [message.number async for message in fetched] == [*range(1, 11)]


@pytest.mark.parametrize("window", [0, -1])
async def test_a_window_of_nothing_loses_nothing(net: Net, window: int) -> None:
    async with await net.login(net.serve(net.memory(b"one\n", b"two\n"))) as session:
        fetched = session.fetch([1, 2], window=window)
        assert [await message.read() async for message in fetched] == [b"one\r\n", b"two\r\n"]


async def test_no_message_number_is_refused_before_anything_is_sent(net: Net) -> None:
    async with await net.login(net.serve(net.memory(b"one\n"))) as session:
        with pytest.raises(LocalProtocolError, match="message-number"):
            _ = [message async for message in session.fetch([1, 0])]
        assert (await session.stat()).messages == 1


@pytest.mark.parametrize("window", [1, 64])
async def test_a_message_that_is_refused_costs_only_itself(net: Net, window: int) -> None:
    async with await net.login(net.serve(net.memory(b"one\n", b"two\n"))) as session:
        received: list[bytes] = []
        async for message in session.fetch([1, 99, 2], window=window):
            assert (message.refusal is not None) is (message.number == 99)
            if message.refusal:
                with pytest.raises(CommandFailed, match="RETR 99"):
                    _ = await message.read()
                with pytest.raises(LocalProtocolError, match="not been read to its end"):
                    await message.delete()
                continue
            received.append(await message.read())
        assert received == [b"one\r\n", b"two\r\n"]


@pytest.mark.parametrize("window", [1, 2, 64])
async def test_messages_are_deleted_inside_the_fetch(net: Net, tls: TlsPolicy, window: int) -> None:
    maildrop = net.memory(*(b"%d\r\n" % number for number in range(1, 101)))
    async with await net.login(net.serve(maildrop, tls=tls)) as session:
        async for message in session.fetch(range(1, 101), window=window):
            assert await message.read() == b"%d\r\n" % message.number
            if message.number != 50:
                await message.delete()
        assert (await session.stat()).messages == 1
    assert session.deletions is Deletions.DONE
    assert maildrop.messages == [b"50\r\n"]


async def test_a_deletion_that_is_refused_is_told_at_the_end_of_the_fetch(net: Net) -> None:
    maildrop = net.memory(b"one\n", b"two\n", b"three\n")
    async with await net.login(net.serve(maildrop)) as session:
        received: list[bytes] = []
        with pytest.raises(CommandFailed, match="DELE 1"):
            await take(session, [1, 2, 3], received, delete_twice=1)
        assert received == [b"one\r\n", b"two\r\n", b"three\r\n"]
    assert maildrop.messages == []


async def test_another_command_inside_a_fetch_is_an_error_and_costs_nothing(net: Net) -> None:
    mails = [big(100_000), big(200_000), big(300_000)]
    async with await net.login(net.serve(net.memory(*mails))) as session:
        received: list[bytes] = []
        async for message in session.fetch([1, 2, 3]):
            first = await anext(aiter(message))
            if message.number < 3:
                with pytest.raises(LocalProtocolError, match="messages are being fetched"):
                    await session.noop()
                with pytest.raises(LocalProtocolError, match="messages are being fetched"):
                    _ = await anext(session.fetch([1]))
            received.append(first + await message.read())
        assert received == mails
        await session.noop()


async def test_a_message_that_is_not_read_does_not_spoil_the_next(net: Net) -> None:
    mails = [big(2 * MEGABYTE), b"two\r\n", big(200_000), b"four\r\n"]
    async with await net.login(net.serve(net.memory(*mails))) as session:
        async for message in session.fetch([1, 2, 3, 4]):
            if message.number % 2 == 0:
                assert await message.read() == mails[message.number - 1]
            else:
                async with message:
                    _ = await anext(aiter(message))


async def test_a_message_cannot_be_read_when_the_next_one_is_there(net: Net) -> None:
    async with await net.login(net.serve(net.memory(b"one\n", b"two\n"))) as session:
        one, two = [message async for message in session.fetch([1, 2])]
        with pytest.raises(LocalProtocolError, match="message 1 was thrown away"):
            _ = await one.read()
        assert not two.complete


async def test_a_fetch_that_is_left_early_lets_the_session_go_on(net: Net, tls: TlsPolicy) -> None:
    mails = [big(100_000) for _ in range(9)]
    async with await net.login(net.serve(net.memory(*mails), tls=tls)) as session:
        async with aclosing(session.fetch(range(1, 10))) as fetched:
            async for message in fetched:
                if message.number == 3:
                    break
        assert (await session.stat()).messages == 9
        assert await (await session.retrieve(9)).read() == mails[8]


async def test_a_fetch_that_is_left_with_too_much_to_come_ends_the_session(net: Net) -> None:
    maildrop = net.memory(*(big(100_000) for _ in range(9)))
    server = net.serve(maildrop)
    session = await net.login(server, limits=Limits(drain=150_000))
    async with aclosing(session.fetch(range(1, 10))) as fetched:
        message = await anext(fetched)
        _ = await message.read()
        await message.delete()
    with pytest.raises(ProtocolError, match="150000 octets"):
        await session.noop()
    assert session.state is State.BROKEN
    assert await session.quit() is Deletions.KEPT
    server.running.close()
    assert len(maildrop.messages) == 9


async def test_one_fetch_after_the_other(net: Net) -> None:
    async with await net.login(net.serve(net.memory(b"one\n", b"two\n"))) as session:
        for _ in range(3):
            fetched = session.fetch([2, 1])
            assert [await m.read() async for m in fetched] == [b"two\r\n", b"one\r\n"]
            assert (await session.stat()).messages == 2


async def test_an_abandoned_fetch_that_ends_later_does_not_disturb_the_next(net: Net) -> None:
    maildrop = net.memory(b"one\n", b"two\n", b"three\n")
    async with await net.login(net.serve(maildrop)) as session:
        abandoned = session.fetch([1])
        _ = await (await anext(abandoned)).read()
        async for message in session.fetch([2, 3]):
            await abandoned.aclose()
            _ = await message.read()
            await message.delete()
    assert maildrop.messages == [b"one\r\n"]


async def test_a_server_that_goes_away_in_mid_fetch(net: Net) -> None:
    def play(wire: Wire) -> None:
        let_in(wire, "PIPELINING")
        wire.expect(b"RETR 1\r\nRETR 2\r\nRETR 3\r\n")
        wire.send(b"+OK\r\none\r\n.\r\n+OK\r\nhalf of tw")
        wire.expect(b"DELE 1\r\n")

    with scripted(play) as port:
        session = await logged_in(net, port)
        received: list[bytes] = []
        with pytest.raises(UnexpectedEof, match="10 octets of the response to RETR 2") as caught:
            await take(session, [1, 2, 3], received)
        assert [str(command) for command in caught.value.pending] == ["RETR 2", "RETR 3", "DELE 1"]
        assert received == [b"one\r\n"]
        assert await session.quit() is Deletions.KEPT
