"""Every command of the facade, with a server of ours, in plaintext and in TLS."""

from dataclasses import dataclass

import pytest

from pop3_proto import (
    AuthenticationFailed,
    Body,
    Command,
    CommandFailed,
    Deletions,
    LocalProtocolError,
    MailboxStat,
    Maildrop,
    Noop,
    Pass,
    Quit,
    ScanListing,
    State,
    StatusLine,
    Stls,
    TlsPolicy,
    User,
)

from .mail import MAILS, wire_form
from .net import NAME, PASSWORD, Net
from .scripts import accept_quit, let_in
from .wire import Wire, scripted


async def test_a_session_from_the_greeting_to_quit(net: Net, tls: TlsPolicy) -> None:
    server = net.serve(net.memory(b"one\n", b"two\nthree\n", b"four\n"), tls=tls)
    session = await net.connect(server.port, tls=tls)
    assert session.greeting.ok
    assert session.greeting.text == "POP3 server ready"
    assert session.state is State.AUTHORIZATION
    assert session.tls is (tls is not TlsPolicy.NONE)
    assert session.capabilities is not None
    assert "USER" in session.capabilities
    assert "STLS" not in session.capabilities
    if tls is TlsPolicy.NONE:
        assert session.tls_object is None
    else:
        assert session.tls_object is not None
        assert session.tls_object.version() == "TLSv1.3"

    await session.login(NAME, PASSWORD, allow_insecure_auth=tls is TlsPolicy.NONE)
    assert session.state is State.TRANSACTION
    assert await session.stat() == MailboxStat(3, 5 + 12 + 6)
    listings = await session.scan_listings()
    assert listings == [ScanListing(1, 5), ScanListing(2, 12), ScanListing(3, 6)]
    assert await session.scan_listing(2) == ScanListing(2, 12)
    unique_ids = await session.unique_ids()
    assert [number for number, _ in unique_ids] == [1, 2, 3]
    assert await session.unique_id(3) == unique_ids[2]

    await session.delete(1, 3)
    assert session.marked == {1, 3}
    await session.noop()
    assert await session.stat() == MailboxStat(1, 12)
    assert await session.scan_listings() == [ScanListing(2, 12)]
    await session.reset()
    assert session.marked == frozenset()
    assert await session.stat() == MailboxStat(3, 23)
    assert await session.ask_capabilities() == session.capabilities

    assert await session.quit() is Deletions.DONE
    assert session.state is State.CLOSED


async def test_every_octet_of_every_message(net: Net, tls: TlsPolicy) -> None:
    server = net.serve(net.memory(*MAILS), tls=tls)
    async with await net.login(server) as session:
        sizes = dict(await session.scan_listings())
        for number, mail in enumerate(MAILS, 1):
            received = await (await session.retrieve(number)).read()
            assert received == wire_form(mail)
            assert len(received) == sizes[number]


async def test_top_gives_headers_and_the_lines_asked_for(net: Net) -> None:
    server = net.serve(net.memory(b"Subject: x\n\none\n.two\nthree\n"))
    async with await net.login(server) as session:
        assert await (await session.top(1)).read() == b"Subject: x\r\n\r\n"
        assert await (await session.top(1, 2)).read() == b"Subject: x\r\n\r\none\r\n.two\r\n"
        whole = await (await session.retrieve(1)).read()
        assert await (await session.top(1, 9)).read() == whole


async def test_an_empty_maildrop(net: Net) -> None:
    async with await net.login(net.serve(net.memory())) as session:
        assert await session.stat() == MailboxStat(0, 0)
        assert await session.scan_listings() == []
        assert await session.unique_ids() == []


async def test_what_is_not_there_is_refused_and_the_session_goes_on(net: Net) -> None:
    async with await net.login(net.serve(net.memory(b"one\n"))) as session:
        with pytest.raises(CommandFailed, match="LIST 2"):
            _ = await session.scan_listing(2)
        with pytest.raises(CommandFailed, match="UIDL 2"):
            _ = await session.unique_id(2)
        with pytest.raises(CommandFailed, match="RETR 2"):
            _ = await session.retrieve(2)
        with pytest.raises(CommandFailed, match="TOP 2 0"):
            _ = await session.top(2)
        with pytest.raises(CommandFailed, match="DELE 2"):
            await session.delete(2)
        await session.noop()


async def test_deleting_many_goes_on_behind_the_one_that_is_refused(net: Net) -> None:
    maildrop = net.memory(b"one\n", b"two\n", b"three\n")
    async with await net.login(net.serve(maildrop)) as session:
        with pytest.raises(CommandFailed, match="DELE 7"):
            await session.delete(1, 7, 3)
    assert maildrop.messages == [b"two\r\n"]


async def test_deleting_more_than_a_window_full(net: Net) -> None:
    maildrop = net.memory(*(b"%d\n" % number for number in range(300)))
    async with await net.login(net.serve(maildrop)) as session:
        await session.delete(*range(1, 300))
    assert maildrop.messages == [b"299\r\n"]


@pytest.mark.parametrize("numbers", [(0,), (1, 0), (1, 2, -1), (1, 10**19)])
async def test_no_message_number_is_refused_before_anything_is_sent(
    net: Net, numbers: tuple[int, ...]
) -> None:
    maildrop = net.memory(b"one\n", b"two\n")
    async with await net.login(net.serve(maildrop)) as session:
        with pytest.raises(LocalProtocolError, match="message-number"):
            await session.delete(*numbers)
        assert await session.stat() == MailboxStat(2, 10)
    assert len(maildrop.messages) == 2


async def test_a_command_in_the_wrong_place_is_not_sent(net: Net) -> None:
    async with await net.connect(net.serve(net.memory()).port) as session:
        with pytest.raises(LocalProtocolError, match="log in"):
            _ = await session.stat()
        await session.login(NAME, PASSWORD, allow_insecure_auth=True)
        with pytest.raises(LocalProtocolError, match="before the login"):
            await session.login(NAME, PASSWORD, allow_insecure_auth=True)
        _ = await session.quit()
        with pytest.raises(LocalProtocolError, match="open a new connection"):
            await session.noop()


async def test_names_and_passwords_with_blanks_and_beyond_ascii(net: Net) -> None:
    zoe = name, password = "Zoë d'Aubigné", "pass word  zwei ß "
    maildrop = net.memory(b"one\n")

    class One:
        def authenticate(self, name: str, password: str) -> Maildrop | None:
            return maildrop if (name, password) == zoe else None

    server = net.serve(maildrop, authenticator=One(), logins=["USER"])
    async with await net.connect(server.port) as session:
        with pytest.raises(LocalProtocolError, match="ASCII"):
            await session.login(name, password, allow_insecure_auth=True)
        await session.login(name, password, allow_insecure_auth=True, allow_utf8_login=True)
        assert (await session.stat()).messages == 1
    server = net.serve(maildrop, authenticator=One())
    async with await net.connect(server.port) as session:
        assert await session.login(name, password, allow_insecure_auth=True) == "PLAIN"
        assert (await session.stat()).messages == 1


async def test_a_password_that_is_no_utf8_is_a_wrong_one(net: Net) -> None:
    async with await net.connect(net.serve(net.memory()).port) as session:
        with pytest.raises(AuthenticationFailed):
            await session.login(NAME, b"\xff", allow_insecure_auth=True, allow_utf8_login=True)


async def test_a_server_without_capa(net: Net) -> None:
    def play(wire: Wire) -> None:
        wire.send(b"+OK\r\n")
        wire.expect(b"CAPA\r\n")
        wire.send(b"-ERR what?\r\n")
        wire.expect(b"USER alice\r\n")
        wire.send(b"+OK\r\n")
        wire.expect(b"PASS secret\r\n")
        wire.send(b"+OK\r\n")
        wire.expect(b"QUIT\r\n")
        wire.send(b"+OK\r\n")

    with scripted(play) as port:
        async with await net.connect(port) as session:
            assert session.capabilities is None
            await session.login("alice", "secret", allow_insecure_auth=True)


@dataclass(frozen=True)
class Sender(Command[str]):
    """Who has sent a message."""

    verb = "XSENDER"
    states = frozenset({State.TRANSACTION})

    number: int

    def arguments(self) -> tuple[bytes, ...]:
        return (b"%d" % self.number,)

    def result(self, reply: StatusLine, body: bytes) -> str:
        return reply.text


@dataclass(frozen=True)
class Headers(Command[list[bytes]]):
    """One header of every message."""

    verb = "XTND"
    states = frozenset({State.TRANSACTION})

    header: bytes

    @property
    def body(self) -> Body:
        return Body.LISTING

    def arguments(self) -> tuple[bytes, ...]:
        return (b"XLST", self.header)

    def result(self, reply: StatusLine, body: bytes) -> list[bytes]:
        return body.splitlines()


@pytest.mark.parametrize("command", [User("a"), Pass("b"), Stls(), Quit()])
async def test_a_part_of_a_conversation_is_not_requested(
    net: Net, command: Command[object]
) -> None:
    async with await net.login(net.serve(net.memory(b"one\n"))) as session:
        with pytest.raises(LocalProtocolError, match=f"give {command.verb} with"):
            _ = await session.request(command)


async def test_commands_of_ones_own(net: Net) -> None:
    def play(wire: Wire) -> None:
        let_in(wire)
        wire.expect(b"XSENDER 3\r\n")
        wire.send(b"+OK a@example.org\r\n")
        wire.expect(b"XTND XLST Subject\r\n")
        wire.send(b"+OK\r\n1 Subject: hello\r\n..2 no subject\r\n.\r\n")
        accept_quit(wire)

    with scripted(play) as port:
        async with await net.connect(port) as session:
            await session.login(NAME, PASSWORD, allow_insecure_auth=True)
            assert await session.request(Sender(3)) == "a@example.org"
            assert await session.request(Headers(b"Subject")) == [
                b"1 Subject: hello",
                b".2 no subject",
            ]


async def test_a_server_that_does_not_know_the_command_says_so(net: Net) -> None:
    async with await net.login(net.serve(net.memory())) as session:
        with pytest.raises(CommandFailed, match=r"XSENDER 1.*unknown command"):
            _ = await session.request(Sender(1))
        _ = await session.request(Noop())
