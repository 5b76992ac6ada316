"""A server's session over maildrops of the application, plain and asynchronous."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from pop3_proto import (
    COMMANDS,
    Body,
    Command,
    Limits,
    Maildrop,
    MessageEntry,
    PlaintextAfterStls,
    Refused,
    ResponseCode,
    ServerConnection,
    State,
    TlsPolicy,
)
from pop3_proto.flows.core import Flow, Invoke, Io, Send, invoke
from pop3_proto.flows.server import ServerSession
from tests.core.playing import play, play_async

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
        users: Users | None = None,
        tls: TlsPolicy = TlsPolicy.NONE,
        insecure: bool = True,
        limits: Limits | None = None,
    ) -> None:
        self.conn = ServerConnection(limits=limits)
        self.reported: list[Exception] = []
        self.session = ServerSession(
            self.conn,
            users or Users(Drop() if drop is None else drop),
            tls=tls,
            allow_insecure_auth=insecure,
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


class TestLogin:
    def test_login_and_quit(self) -> None:
        assert exchange("").asked == ["open", "close"]

    def test_wrong_password(self) -> None:
        drop = Drop()
        Served(drop).play(
            GREETING
            + """
            C: USER alice
            S: +OK
            C: PASS wrong
            S: -ERR [AUTH] wrong name or password
            C: PASS secret
            S: -ERR PASS is not allowed yet: send USER first
            """
            + LOGIN
            + QUIT
        )
        assert drop.asked == ["open", "close"]

    def test_user_says_nothing_about_who_exists(self) -> None:
        Served().play(GREETING + "C: USER nobody\nS: +OK\nC: USER alice\nS: +OK\nEOF")

    @pytest.mark.parametrize("line", ["USER \\xff", "USER alice"])
    def test_what_is_no_utf8_is_a_wrong_password(self, line: str) -> None:
        Served().play(
            GREETING
            + f"C: {line}\nS: +OK\nC: PASS \\xff\nS: -ERR [AUTH] wrong name or password\nEOF"
        )

    def test_the_authenticator_refuses(self) -> None:
        busy = Refused("too many logins", ResponseCode.of("LOGIN-DELAY"))
        served = Served(users=Users(Drop(), fails=busy))
        served.play(
            GREETING
            + "C: USER alice\nS: +OK\nC: PASS secret\nS: -ERR [LOGIN-DELAY] too many logins\nEOF"
        )
        assert served.reported == []

    def test_the_authenticator_fails(self) -> None:
        fault = RuntimeError("hunter2")
        served = Served(users=Users(Drop(), fails=fault))
        served.play(
            GREETING
            + "C: USER alice\nS: +OK\n"
            + "C: PASS secret\nS: -ERR [SYS/TEMP] the maildrop is not available\nEOF"
        )
        assert served.reported == [fault]

    def test_the_maildrop_is_in_use(self) -> None:
        drop = Drop(fails={"open": Refused("in use", ResponseCode.of("IN-USE"))})
        served = Served(drop)
        served.play(
            GREETING + "C: USER alice\nS: +OK\nC: PASS secret\nS: -ERR [IN-USE] in use\n" + QUIT
        )
        assert drop.asked == ["open"]
        assert served.reported == []

    def test_the_maildrop_cannot_be_opened(self) -> None:
        fault = OSError("disk")
        drop = Drop(fails={"open": fault})
        served = Served(drop)
        served.play(
            GREETING
            + "C: USER alice\nS: +OK\n"
            + "C: PASS secret\nS: -ERR [SYS/TEMP] the maildrop is not available\nEOF"
        )
        assert drop.asked == ["open"]
        assert served.reported == [fault]

    def test_an_empty_maildrop_that_has_a_length(self) -> None:
        class Sized(Drop):
            def __len__(self) -> int:
                return len(self.messages)

        drop = Sized([])
        Served(drop).play(
            GREETING + LOGIN.replace("2 messages", "0 messages") + "C: STAT\nS: +OK 0 0\n" + QUIT
        )
        assert drop.asked == ["open", "close"]


class TestSecurity:
    CAPA = """
        C: CAPA
        S: +OK
        S: TOP
        S: UIDL
        S: PIPELINING
        S: RESP-CODES
        S: AUTH-RESP-CODE
        {}S: IMPLEMENTATION pop3-proto
        S: .
    """
    USER = "S: USER\n"
    STLS = "S: STLS\n"

    @pytest.mark.parametrize("tls", [TlsPolicy.STLS, TlsPolicy.OPPORTUNISTIC])
    def test_no_password_before_stls(self, tls: TlsPolicy) -> None:
        served = Served(tls=tls, insecure=False)
        served.play(
            GREETING
            + self.CAPA.format(self.STLS)
            + """
            C: USER alice
            S: -ERR no passwords in plaintext: use TLS
            C: PASS secret
            S: -ERR PASS is not allowed yet: send USER first
            C: STLS
            S: +OK begin TLS
            TLS
            """
            + self.CAPA.format(self.USER)
            + "C: STLS\nS: -ERR STLS is not allowed: TLS is active already\n"
            + LOGIN
            + self.CAPA.format(self.USER)
            + QUIT
        )
        assert served.conn.tls

    def test_that_is_the_default(self) -> None:
        conn = ServerConnection()
        session = ServerSession(conn, Users(Drop()))
        script = "C: USER alice\nS: -ERR no passwords in plaintext: use TLS\nEOF"
        play(conn, session.run(), GREETING + script)

    def test_no_password_without_tls(self) -> None:
        Served(insecure=False).play(
            GREETING
            + self.CAPA.format("")
            + """
            C: USER alice
            S: -ERR no passwords in plaintext: use TLS
            C: STLS
            S: -ERR TLS is not available
            """
            + QUIT
        )

    def test_passwords_in_plaintext_where_that_was_asked_for(self) -> None:
        Served(tls=TlsPolicy.STLS).play(
            GREETING
            + self.CAPA.format(self.USER + self.STLS)
            + LOGIN
            + self.CAPA.format(self.USER)
            + QUIT
        )

    def test_implicit_tls(self) -> None:
        Served(tls=TlsPolicy.IMPLICIT, insecure=False).play(
            "TLS\n" + GREETING + self.CAPA.format(self.USER) + LOGIN + QUIT
        )

    def test_what_was_said_before_tls_is_forgotten(self) -> None:
        Served(tls=TlsPolicy.STLS).play(
            GREETING
            + """
            C: USER alice
            S: +OK
            C: STLS
            S: +OK begin TLS
            TLS
            C: PASS secret
            S: -ERR PASS is not allowed yet: send USER first
            EOF
            """
        )

    def test_plaintext_behind_stls_is_answered_by_nothing(self) -> None:
        served = Served(tls=TlsPolicy.STLS)
        with pytest.raises(PlaintextAfterStls):
            served.play(GREETING + "C: STLS\\r\\nUSER alice")
        assert served.conn.state is State.BROKEN


class TestMaildrop:
    def test_stat_and_listings(self) -> None:
        exchange(
            f"""
            C: STAT
            S: +OK 2 {len(ONE) + len(TWO)}
            C: LIST
            S: +OK
            S: 1 {len(ONE)}
            S: 2 {len(TWO)}
            S: .
            C: LIST 2
            S: +OK 2 {len(TWO)}
            C: UIDL
            S: +OK
            S: 1 id-0
            S: 2 id-1
            S: .
            C: UIDL 1
            S: +OK 1 id-0
            C: NOOP
            S: +OK
            """
        )

    @pytest.mark.parametrize(
        "command", ["LIST 3", "UIDL 3", "RETR 3", "TOP 3 1", "DELE 3", "RETR 9999999999999999999"]
    )
    def test_no_such_message(self, command: str) -> None:
        assert exchange(f"C: {command}\nS: -ERR no such message\n").asked == ["open", "close"]

    def test_numbers_leave_gaps(self) -> None:
        drop = exchange(
            f"""
            C: DELE 1
            S: +OK marked
            C: DELE 1
            S: -ERR no such message
            C: RETR 1
            S: -ERR no such message
            C: TOP 1 0
            S: -ERR no such message
            C: LIST 1
            S: -ERR no such message
            C: UIDL 1
            S: -ERR no such message
            C: STAT
            S: +OK 1 {len(TWO)}
            C: LIST
            S: +OK
            S: 2 {len(TWO)}
            S: .
            C: UIDL
            S: +OK
            S: 2 id-1
            S: .
            C: RSET
            S: +OK
            C: STAT
            S: +OK 2 {len(ONE) + len(TWO)}
            C: DELE 2
            S: +OK marked
            """
        )
        assert drop.asked == ["open", ("delete", [1]), "close"]

    @pytest.mark.parametrize("piece", [1, 7, 1000])
    def test_message(self, piece: int) -> None:
        drop = exchange(
            """
            C: RETR 1
            S: +OK
            S: Subject: one
            S:
            S: ..first
            S: second
            S: .
            C: RETR 2
            S: +OK
            S: Subject: two
            S:
            S: .
            """,
            Drop(piece=piece),
        )
        assert [what for what in drop.asked if what != "piece"] == [
            *("open", ("read", 0), "let go", ("read", 1), "let go", "close")
        ]

    @pytest.mark.parametrize("piece", [1, 7, 1000])
    def test_top(self, piece: int) -> None:
        drop = exchange(
            """
            C: TOP 1 0
            S: +OK
            S: Subject: one
            S:
            S: .
            C: TOP 1 1
            S: +OK
            S: Subject: one
            S:
            S: ..first
            S: .
            C: TOP 1 99
            S: +OK
            S: Subject: one
            S:
            S: ..first
            S: second
            S: .
            """,
            Drop(piece=piece),
        )
        assert drop.asked.count("let go") == 3

    def test_a_list_of_pieces_needs_no_letting_go(self) -> None:
        class Listed(Drop):
            def read(self, index: int) -> Iterable[bytes]:
                return [b"A: b\r\n\r\n", b"", b"one\r\n", b"two\r\n"]

        exchange("C: TOP 1 1\nS: +OK\nS: A: b\nS:\nS: one\nS: .\n", Listed())

    def test_an_empty_message(self) -> None:
        exchange("C: RETR 1\nS: +OK\nS: .\n", Drop([b"", b""]))

    def test_a_message_that_cannot_be_opened(self) -> None:
        fault = OSError("disk")
        drop = Drop(fails={"read": fault})
        served = Served(drop)
        served.play(
            GREETING + LOGIN + "C: RETR 1\nS: -ERR [SYS/TEMP] the message cannot be read\n" + QUIT
        )
        assert served.reported == [fault]

    @pytest.mark.parametrize("command", ["RETR 1", "TOP 1 5"])
    def test_a_message_that_cannot_be_read_to_its_end(self, command: str) -> None:
        fault = OSError("disk")
        drop = Drop(fails={"piece": fault})
        served = Served(drop)
        served.play(
            GREETING + LOGIN + f"C: DELE 2\nS: +OK marked\nC: {command}\nS: +OK\nS- Subject\nCLOSE"
        )
        assert served.conn.state is State.BROKEN
        assert served.reported == [fault]
        assert drop.asked == ["open", ("read", 0), "piece", "let go", "close"]

    @pytest.mark.parametrize(
        "ids", [[b"a\r\n.\r\n-ERR"], [b"a b"], [b""], [b"x" * 71], [b"\xff"], [b"a", b"a"]]
    )
    def test_unique_ids_that_are_none_are_found_at_the_login(self, ids: list[bytes]) -> None:
        class Faulty(Drop):
            def open(self) -> Sequence[MessageEntry]:
                _ = super().open()
                return [MessageEntry(1, unique_id) for unique_id in ids]

        drop = Faulty()
        Served(drop).play(
            GREETING
            + "C: USER alice\nS: +OK\nC: PASS secret\n"
            + "S: -ERR [SYS/TEMP] the maildrop is not available\nEOF"
        )
        assert drop.asked == ["open", "close"]


class TestTheEnd:
    def test_nothing_is_deleted_without_quit(self) -> None:
        drop = Drop()
        Served(drop).play(GREETING + LOGIN + "C: DELE 1\nS: +OK marked\nC- QUI\nEOF")
        assert drop.asked == ["open", "close"]

    def test_nothing_is_deleted_when_the_connection_is_lost(self) -> None:
        drop = Drop()
        served = Served(drop)
        with pytest.raises(ConnectionResetError):
            play(
                served.conn,
                served.session.run(),
                GREETING + LOGIN + "C: DELE 1\nS: +OK marked\nRESET",
            )
        play(served.conn, served.session.close())
        assert drop.asked == ["open", "close"]

    def test_quit_that_is_the_last_that_is_heard_deletes(self) -> None:
        drop = Drop()
        Served(drop).play(GREETING + LOGIN + "C: DELE 1\nS: +OK marked\n" + QUIT)
        assert drop.asked == ["open", ("delete", [0]), "close"]

    @pytest.mark.parametrize("what", ["delete", "close"])
    def test_a_deletion_that_fails(self, what: str) -> None:
        fault = OSError("disk")
        drop = Drop(fails={what: fault})
        served = Served(drop)
        served.play(
            GREETING
            + LOGIN
            + "C: DELE 2\nS: +OK marked\n"
            + "C: QUIT\nS: -ERR [SYS/TEMP] some deleted messages not removed"
        )
        assert served.reported == [fault]
        assert drop.asked == ["open", ("delete", [1]), "close"]
        assert served.conn.state is State.CLOSED

    def test_the_maildrop_is_closed_once(self) -> None:
        drop = Drop()
        served = Served(drop)
        served.play(GREETING + LOGIN + "EOF")
        play(served.conn, served.session.close())
        assert drop.asked == ["open", "close"]

    def test_a_session_may_be_dropped_while_it_deletes(self) -> None:
        served = Served()
        flow = served.session.run()
        for want in flow:
            if isinstance(want, Invoke) and served.conn.state is State.UPDATE:
                break
            if isinstance(want, Invoke):
                want.deliver(want.function())
            elif want is Io.RECEIVE:
                served.conn.receive_data(b"USER alice\r\nPASS secret\r\nDELE 1\r\nQUIT\r\n")
        flow.close()
        assert served.reported == []

    def test_an_abort_from_outside_ends_the_session(self) -> None:
        served = Served()
        flow = served.session.run()
        assert isinstance(next(flow), Send)
        assert next(flow) is Io.RECEIVE
        served.conn.receive_data(b"CAPA\r\n")
        assert isinstance(next(flow), Send)
        served.conn.abort("the network is gone")
        assert list(flow) == []

    def test_a_driver_that_does_not_start_tls(self) -> None:
        served = Served(tls=TlsPolicy.STLS)
        flow = served.session.run()
        next(flow)
        next(flow)
        served.conn.receive_data(b"STLS\r\n")
        next(flow)
        assert next(flow) is Io.START_TLS
        with pytest.raises(RuntimeError, match="not answered"):
            next(flow)


class TestClients:
    def test_bad_commands(self) -> None:
        exchange(
            """
            C: XYZZY hunter2
            S: -ERR unknown command
            C:
            S: -ERR no command
            C: RETR x
            S: -ERR RETR takes a number
            C: USER alice
            S: -ERR USER is not allowed in TRANSACTION: it belongs before the login
            """
        )

    def test_a_line_that_is_too_long(self) -> None:
        served = Served(limits=Limits(command=600))
        line = "x" * 700
        served.play(
            GREETING + f"C: {line}\nS: -ERR the line is longer than 600 octets\n" + LOGIN + QUIT
        )

    def test_pipelining(self) -> None:
        exchange(
            f"""
            C: STAT\\r\\nRETR 2\\r\\nDELE 2\\r\\nNOOP
            S: +OK 2 {len(ONE) + len(TWO)}
            S: +OK
            S: Subject: two
            S:
            S: .
            S: +OK marked
            S: +OK
            """
        )

    def test_commands_of_ones_own_are_not_supported(self) -> None:
        @dataclass(frozen=True, slots=True)
        class Xyzzy(Command[None]):
            verb = "XYZZY"
            states = frozenset({State.AUTHORIZATION})

        conn = ServerConnection(commands=(*COMMANDS, Xyzzy))
        session = ServerSession(conn, Users(Drop()))
        play(conn, session.run(), GREETING + "C: XYZZY\nS: -ERR XYZZY is not supported\nEOF")
        assert Xyzzy().body is Body.NONE


SESSION = (
    GREETING
    + LOGIN
    + """
    C: RETR 1
    S: +OK
    S: Subject: one
    S:
    S: ..first
    S: second
    S: .
    C: TOP 1 0
    S: +OK
    S: Subject: one
    S:
    S: .
    C: DELE 2
    S: +OK marked
    """
    + QUIT
)


# What the application is asked for in SESSION; letting go of the pieces of a message included.
ASKED = [*("open", ("read", 0), "let go", ("read", 0), "let go", ("delete", [1]), "close")]


class TestAsynchronous:
    def test_session(self) -> None:
        drop = Drop()
        conn = ServerConnection()
        session = ServerSession(conn, AsyncUsers(AsyncDrop(drop)), allow_insecure_auth=True)
        play_async(conn, session.run(), SESSION)
        assert conn.state is State.CLOSED
        assert [what for what in drop.asked if what not in ("piece", "let go")] == [
            what if what != "let go" else "let go, asynchronously" for what in ASKED
        ]

    def test_a_plain_one_does_the_same(self) -> None:
        drop = Drop()
        Served(drop).play(SESSION)
        assert [what for what in drop.asked if what != "piece"] == ASKED

    def test_faults(self) -> None:
        fault = OSError("disk")
        reported: list[Exception] = []
        conn = ServerConnection()
        users = AsyncUsers(AsyncDrop(Drop(fails={"piece": fault})))
        session = ServerSession(conn, users, allow_insecure_auth=True, report=reported.append)
        script = GREETING + LOGIN + "C: RETR 1\nS: +OK\nS- Subject\nCLOSE"
        play_async(conn, session.run(), script)
        assert reported == [fault]


class TestEffects:
    def test_what_is_invoked_comes_back(self) -> None:
        flow = invoke(lambda: 7)
        want = next(flow)
        assert isinstance(want, Invoke)
        want.deliver(want.function())
        with pytest.raises(StopIteration) as stop:
            next(flow)
        assert stop.value.value == 7

    def test_what_goes_wrong_comes_out_where_it_was_invoked(self) -> None:
        caught: list[Exception] = []

        def flow() -> Flow[str]:
            try:
                yield from invoke(lambda: int("seven"))
            except ValueError as error:
                caught.append(error)
            return "caught"

        assert play(ServerConnection(), flow()) == "caught"
        assert len(caught) == 1

    @pytest.mark.parametrize("answer", [None, 0, (), "text"])
    def test_any_answer_is_delivered(self, answer: object) -> None:
        def ask() -> object:
            return answer

        assert play(ServerConnection(), invoke(ask)) is answer
