"""How a session ends, and what has become of the messages that were to be deleted."""

import pytest

from pop3_adapters.maildrops import MemoryMaildrop
from pop3_adapters.socket import Timeouts
from pop3_proto import (
    Deletions,
    DeletionsUnconfirmed,
    LocalProtocolError,
    State,
    TlsPolicy,
)

from .backends import Session
from .net import NAME, PASSWORD, Net
from .scripts import accept_quit, let_in
from .wire import Script, Wire, scripted


async def logged_in(net: Net, port: int, timeouts: Timeouts | None = None) -> Session:
    session = await net.connect(port, timeouts=timeouts)
    await session.login(NAME, PASSWORD, allow_insecure_auth=True)
    return session


async def test_the_end_of_the_block_sends_quit(net: Net, tls: TlsPolicy) -> None:
    maildrop = net.memory(b"one\n", b"two\n")
    async with await net.login(net.serve(maildrop, tls=tls)) as session:
        await session.delete(1)
        assert len(maildrop.messages) == 2
    assert session.deletions is Deletions.DONE
    assert session.state is State.CLOSED
    assert maildrop.messages == [b"two\r\n"]


async def failing_inside(session: Session) -> None:
    async with session:
        await session.delete(1)
        raise ZeroDivisionError


async def test_an_exception_in_the_block_sends_nothing_and_deletes_nothing(
    net: Net, tls: TlsPolicy
) -> None:
    maildrop = net.memory(b"one\n", b"two\n")
    server = net.serve(maildrop, tls=tls)
    session = await net.login(server)
    with pytest.raises(ZeroDivisionError):
        await failing_inside(session)
    assert session.deletions is Deletions.KEPT
    server.running.close()
    assert len(maildrop.messages) == 2


async def test_an_exception_in_the_block_is_seen_as_the_end_by_the_server(net: Net) -> None:
    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"DELE 1\r\n")
        wire.send(b"+OK\r\n")
        assert wire.rest() == b""

    with scripted(play) as port:
        session = await logged_in(net, port)
        with pytest.raises(ZeroDivisionError):
            await failing_inside(session)


def answer_to_quit(answer: bytes | None) -> Script:
    """A server that lets one message be marked, and answers QUIT with these octets and the end."""

    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"DELE 1\r\n")
        wire.send(b"+OK\r\n")
        wire.expect(b"QUIT\r\n")
        if answer is None:
            wire.reset()
        else:
            wire.send(answer)

    return play


async def deleting_inside(session: Session) -> None:
    async with session:
        await session.delete(1)


LOST = pytest.mark.parametrize(
    "answer",
    [b"", b"+OK half a line", b"-ERR [SYS/TEMP] some are left\r\n", b"220 what?\r\n", None],
    ids=["no reply", "half a reply", "-ERR", "nonsense", "reset"],
)


@LOST
async def test_deletions_that_are_not_confirmed_are_an_error(
    net: Net, answer: bytes | None
) -> None:
    with scripted(answer_to_quit(answer)) as port:
        session = await logged_in(net, port)
        with pytest.raises(DeletionsUnconfirmed, match="not known which") as caught:
            await deleting_inside(session)
    assert caught.value.marked == {1}
    assert caught.value.quit_sent


@LOST
async def test_quit_says_that_it_does_not_know(net: Net, answer: bytes | None) -> None:
    with scripted(answer_to_quit(answer)) as port:
        session = await logged_in(net, port)
        await session.delete(1)
        assert await session.quit() is Deletions.UNKNOWN


async def test_without_a_reply_in_time_quit_does_not_know(net: Net) -> None:
    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"DELE 1\r\n")
        wire.send(b"+OK\r\n")
        wire.expect(b"QUIT\r\n")
        assert wire.rest() == b""

    with scripted(play) as port:
        session = await logged_in(net, port, Timeouts(silence=0.1))
        with pytest.raises(DeletionsUnconfirmed, match="not known which"):
            await deleting_inside(session)


async def test_a_lost_reply_does_not_matter_where_nothing_was_to_be_deleted(net: Net) -> None:
    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"QUIT\r\n")

    with scripted(play) as port:
        async with await logged_in(net, port) as session:
            pass
    assert session.deletions is Deletions.UNKNOWN


async def test_a_connection_that_is_gone_before_quit_deletes_nothing(net: Net) -> None:
    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"DELE 1\r\n")
        wire.send(b"+OK\r\n")

    with scripted(play) as port:
        session = await logged_in(net, port)
        await session.delete(1)
    assert await session.quit() is Deletions.KEPT

    with scripted(play) as port:
        session = await logged_in(net, port)
        await session.delete(1)
    with pytest.raises(DeletionsUnconfirmed, match="none of them is deleted") as caught:
        async with session:
            pass
    assert not caught.value.quit_sent


async def test_a_maildrop_that_cannot_delete(net: Net) -> None:
    class Stubborn(MemoryMaildrop):
        def delete(self, indexes: object) -> None:
            raise OSError("read-only file system")

    maildrop = Stubborn([b"one\n"])
    server = net.serve(maildrop)
    session = await net.login(server)
    with pytest.raises(DeletionsUnconfirmed):
        await deleting_inside(session)
    assert session.deletions is Deletions.UNKNOWN
    async with await net.login(server) as session:
        assert (await session.stat()).messages == 1


async def test_quit_inside_the_block_is_the_only_one(net: Net) -> None:
    maildrop = net.memory(b"one\n")
    async with await net.login(net.serve(maildrop)) as session:
        await session.delete(1)
        assert await session.quit() is Deletions.DONE
    assert await session.quit() is Deletions.DONE
    assert maildrop.messages == []


async def test_quit_before_the_login(net: Net, tls: TlsPolicy) -> None:
    server = net.serve(net.memory(b"one\n"), tls=tls)
    session = await net.connect(server.port, tls=tls)
    assert await session.quit() is Deletions.KEPT
    assert session.state is State.CLOSED


async def test_close_ends_without_a_word_and_may_be_repeated(net: Net) -> None:
    maildrop = net.memory(b"one\n")
    server = net.serve(maildrop)
    session = await net.login(server)
    await session.delete(1)
    await session.close()
    await session.close()
    with pytest.raises(LocalProtocolError, match="open a new connection"):
        await session.noop()
    assert await session.quit() is Deletions.KEPT
    server.running.close()
    assert len(maildrop.messages) == 1


async def test_nothing_is_sent_behind_quit(net: Net) -> None:
    def play(wire: Wire) -> None:
        let_in(wire)
        accept_quit(wire)
        assert wire.rest() == b""

    with scripted(play) as port:
        session = await logged_in(net, port)
        assert await session.quit() is Deletions.DONE
        with pytest.raises(LocalProtocolError):
            await session.noop()


async def test_reset_takes_the_marks_back(net: Net) -> None:
    maildrop = net.memory(b"one\n", b"two\n")
    async with await net.login(net.serve(maildrop)) as session:
        await session.delete(1, 2)
        await session.reset()
        await session.delete(2)
    assert maildrop.messages == [b"one\r\n"]
