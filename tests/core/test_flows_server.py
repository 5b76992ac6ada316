"""A server's session over maildrops of the application, plain and asynchronous."""

import asyncio
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Iterable,
    Iterator,
    Sequence,
)
from dataclasses import dataclass
from io import BytesIO
from itertools import count, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto import (
    COMMANDS,
    Announced,
    Answer,
    Body,
    Command,
    Limits,
    LoginInterval,
    MessageEntry,
    PlaintextAfterStls,
    Refused,
    ResponseCode,
    Retention,
    ServerConnection,
    Snapshot,
    State,
    TlsPolicy,
)
from pop3_proto.flows.core import Invoke, Io, Send, Want
from pop3_proto.flows.server import ServerSession
from tests.core.machines import cut_anywhere
from tests.core.playing import play, play_async
from tests.core.serving import (
    GREETING,
    LOGIN,
    ONE,
    QUIT,
    TWO,
    AsyncDrop,
    AsyncUsers,
    Drop,
    Served,
    Users,
    exchange,
)


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


@dataclass
class AnnouncingUsers(Users):
    """What holds for the worst of all users."""

    @property
    def announced(self) -> Announced:
        return Announced(LoginInterval(900, by_user=True), Retention(0, by_user=True), utf8=True)


@dataclass
class AnnouncingDrop(Drop):
    """What holds for this user."""

    @property
    def announced(self) -> Announced:
        return Announced(LoginInterval(60), Retention(None), utf8=True)


class TestAnnounced:
    """RFC 2449, section 5: by state."""

    CAPA = TestSecurity.CAPA.format("S: USER\n{}S: UTF8\n{}")
    WORST = "S: LOGIN-DELAY 900 USER\nS: EXPIRE 0 USER\n"
    EXACT = "S: LOGIN-DELAY 60\nS: EXPIRE NEVER\n"

    def test_by_user(self) -> None:
        users = AnnouncingUsers(AnnouncingDrop())
        Served(users=users, tls=TlsPolicy.OPPORTUNISTIC).play(
            GREETING
            + self.CAPA.format("S: STLS\n", self.WORST)
            + LOGIN
            + self.CAPA.format("", self.EXACT)
            + QUIT
        )

    def test_by_nobody_but_the_authenticator(self) -> None:
        Served(users=AnnouncingUsers(Drop())).play(
            GREETING
            + self.CAPA.format("", self.WORST)
            + LOGIN
            + self.CAPA.format("", self.WORST)
            + QUIT
        )

    def test_by_nobody_before_the_login(self) -> None:
        Served(AnnouncingDrop()).play(
            GREETING
            + TestSecurity.CAPA.format("S: USER\n")
            + LOGIN
            + TestSecurity.CAPA.format("S: USER\n" + self.EXACT)
            + QUIT
        )


class TestUtf8:
    """RFC 6856, section 2."""

    @dataclass
    class Drop(AnnouncingDrop):
        """Its second message needs UTF-8 mode."""

        def open(self) -> Sequence[MessageEntry]:
            first, second = super().open()
            return [first, second._replace(needs_utf8=True)]

    @dataclass
    class Surrogates(Drop):
        """It has something in place of that."""

        utf8 = False

        def enable_utf8(self) -> None:
            self.done("enable_utf8")

    def play(self, script: str, drop: Drop | None = None) -> Drop:
        drop = drop or self.Drop()
        Served(users=AnnouncingUsers(drop)).play(GREETING + script)
        return drop

    @pytest.mark.parametrize("command", ["RETR 2", "TOP 2 0"])
    def test_a_message_that_needs_it(self, command: str) -> None:
        refusal = "S: -ERR [UTF8] the message needs UTF-8 mode\n"
        message = "S: +OK\nS: Subject: two\nS:\nS: .\n"
        self.play(LOGIN + f"C: {command}\n{refusal}C: LAST\nS: +OK 0\n" + QUIT)
        utf8 = "C: UTF8\nS: +OK UTF-8 mode\n"
        self.play(utf8 + LOGIN + f"C: {command}\n{message}" + QUIT)

    def test_other_messages_go_out_as_they_are(self) -> None:
        self.play(LOGIN + "C: TOP 1 0\nS: +OK\nS: Subject: one\nS:\nS: .\n" + QUIT)

    def test_a_maildrop_is_told(self) -> None:
        assert self.play(LOGIN + QUIT, self.Surrogates()).asked == ["open", "close"]
        drop = self.play("C: UTF8\nS: +OK UTF-8 mode\n" + LOGIN + QUIT, self.Surrogates())
        assert drop.asked == ["enable_utf8", "open", "close"]

    def test_stls_comes_first(self) -> None:
        Served(users=AnnouncingUsers(Drop()), tls=TlsPolicy.STLS).play(
            GREETING
            + "C: UTF8\nS: +OK UTF-8 mode\n"
            + "C: STLS\nS: -ERR STLS is not allowed behind UTF8: send it first\nEOF"
        )

    def test_it_belongs_before_the_login(self) -> None:
        place = "UTF8 is not allowed in TRANSACTION: it belongs before the login"
        self.play(LOGIN + f"C: UTF8\nS: -ERR {place}\n" + QUIT)

    def test_where_nobody_knows_which_messages_need_it(self) -> None:
        Served().play(GREETING + "C: UTF8\nS: -ERR UTF8 is not supported\n" + LOGIN + QUIT)


# More than is gathered of a message before any of it is sent.
LONG = b"x" * 70_000


@dataclass(frozen=True, slots=True)
class Xsay(Command[bytes]):
    """Answers with what it is given, in one line."""

    verb = "XSAY"
    states = frozenset({State.AUTHORIZATION, State.TRANSACTION})

    words: tuple[bytes, ...]

    @classmethod
    def parse(cls, arguments: Sequence[bytes]) -> "Xsay":
        return cls(tuple(arguments))

    def answer(self, messages: Snapshot) -> Answer:
        if self.words == (b"refuse",):
            raise Refused("I won't\n", ResponseCode.of("SYS/PERM"))
        if self.words == (b"fail",):
            raise OSError("disk")
        return Answer(" ".join(map(bytes.decode, self.words)) + f" {messages.stat.messages}")


@dataclass(frozen=True, slots=True)
class Xall(Command[bytes]):
    """Answers with all messages, one behind the other."""

    verb = "XALL"
    states = frozenset({State.TRANSACTION})

    pieces: str = "plain"

    @property
    def body(self) -> Body:
        return Body.MESSAGE

    @classmethod
    def parse(cls, arguments: Sequence[bytes]) -> "Xall":
        return cls(*map(bytes.decode, arguments))

    async def answer(self, messages: Snapshot) -> Answer:
        await asyncio.sleep(0)
        if self.pieces == "none":
            return Answer("none")
        if self.pieces == "endless":
            return Answer("endless", repeat(LONG + b"\r\n"))
        numbers = [number for number, _ in messages.listing()]
        return Answer("all\r\n", self.octets(messages, numbers))

    async def octets(self, messages: Snapshot, numbers: Iterable[int]) -> AsyncIterator[bytes]:
        for number in numbers:
            pieces = messages.read(number)
            if isinstance(pieces, AsyncIterable):
                async for piece in pieces:
                    yield piece
            else:
                for piece in pieces:
                    yield piece
            if self.pieces == "fail":
                raise OSError("disk")


class TestOwnCommands:
    def test_in_one_line(self) -> None:
        Served(own=[Xsay]).play(
            GREETING + "C: XSAY a b\nS: +OK a b 0\n" + LOGIN + "C: xsay c\nS: +OK c 2\n" + QUIT
        )

    def test_refused(self) -> None:
        served = Served(own=[Xsay])
        served.play(GREETING + "C: XSAY refuse\nS: -ERR [SYS/PERM] I won't\\\\n\n" + LOGIN + QUIT)
        assert served.reported == []

    def test_failed(self) -> None:
        served = Served(own=[Xsay])
        served.play(GREETING + "C: XSAY fail\nS: -ERR [SYS/TEMP] XSAY failed\n" + LOGIN + QUIT)
        assert list(map(str, served.reported)) == ["disk"]

    def test_out_of_place(self) -> None:
        served = Served(own=[Xall])
        served.play(
            GREETING + "C: XALL\nS: -ERR XALL is not allowed in AUTHORIZATION: log in with "
            "USER and PASS, APOP or AUTH first\nEOF"
        )

    def test_with_a_body(self) -> None:
        served = Served(Drop([b"a\r\n", b".b\r\n"]), own=[Xall])
        script = (
            "C: XALL\nS: +OK all\\\\r\\\\n\nS: a\nS: ..b\nS: .\nC: XALL none\nS: +OK none\nS: .\n"
        )
        play_async(served.conn, served.session.run(), GREETING + LOGIN + script + QUIT)

    def test_a_body_that_fails(self) -> None:
        served = Served(Drop([b"a\r\n", b""]), own=[Xall])
        script = "C: XALL fail\nS: +OK all\\\\r\\\\n\nS: a\nCLOSE"
        play_async(served.conn, served.session.run(), GREETING + LOGIN + script)
        assert (served.conn.state, list(map(str, served.reported))) == (State.BROKEN, ["disk"])

    def test_an_endless_body_is_sent_as_it_comes(self) -> None:
        served = Served(own=[Xall])
        script = "C: XALL endless\nS: +OK endless\n" + f"S: {LONG.decode()}\n" * 5 + "RESET"
        with pytest.raises(ConnectionResetError):
            play_async(served.conn, served.session.run(), GREETING + LOGIN + script)


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

    def test_last(self) -> None:
        exchange(
            """
            C: LAST
            S: +OK 0
            C: RETR 2
            S: +OK
            S: Subject: two
            S:
            S: .
            C: LAST
            S: +OK 2
            C: TOP 1 0
            S: +OK
            S: Subject: one
            S:
            S: .
            C: RETR 3
            S: -ERR no such message
            C: LAST
            S: +OK 2
            C: RSET
            S: +OK
            C: LAST
            S: +OK 0
            C: TOP 1 0
            S: +OK
            S: Subject: one
            S:
            S: .
            C: LAST
            S: +OK 0
            """
        )

    def test_last_is_the_highest(self) -> None:
        retrieved = "C: RETR {}\nS: +OK\nS: .\n"
        exchange(
            retrieved.format(2) + retrieved.format(1) + "C: LAST\nS: +OK 2\n", Drop([b"", b""])
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

    def test_a_file_is_closed_behind_its_end(self) -> None:
        class Filed(Drop):
            def read(self, index: int) -> Iterable[bytes]:
                file = BytesIO(self.messages[index])
                self.given.append(file)
                return file

        drop = exchange("C: RETR 2\nS: +OK\nS: Subject: two\nS:\nS: .\n", Filed())
        (file,) = drop.given
        assert isinstance(file, BytesIO)
        assert file.closed

    def test_a_small_message_is_read_at_once_and_sent_at_once(self) -> None:
        served = Served()
        play(served.conn, served.session.begin(), GREETING + LOGIN)
        served.conn.receive_data(b"RETR 2\r\n")
        done: list[Want] = []
        for want in served.session.go_on():
            if want is Io.RECEIVE:
                break
            done.append(want)
            if isinstance(want, Invoke):
                want.deliver(want.function())
        reading, sending = done
        assert isinstance(reading, Invoke)
        assert sending == Send(b"+OK\r\n" + TWO + b".\r\n")

    def test_an_empty_message(self) -> None:
        exchange("C: RETR 1\nS: +OK\nS: .\n", Drop([b"", b""]))

    def test_a_message_that_cannot_be_opened(self) -> None:
        fault = OSError("disk")
        drop = Drop(fails={"read": fault})
        served = Served(drop)
        served.play(
            GREETING
            + LOGIN
            + "C: RETR 1\nS: -ERR [SYS/TEMP] the message cannot be read\n"
            + "C: LAST\nS: +OK 0\n"
            + QUIT
        )
        assert served.reported == [fault]

    @pytest.mark.parametrize("command", ["RETR 1", "TOP 1 5"])
    def test_nothing_of_a_message_goes_out_that_fails_at_its_beginning(self, command: str) -> None:
        fault = OSError("disk")
        served = Served(Drop(fails={"piece": fault}))
        refused = f"C: {command}\nS: -ERR [SYS/TEMP] the message cannot be read\n"
        served.play(GREETING + LOGIN + refused + "C: LAST\nS: +OK 0\n" + QUIT)
        assert served.reported == [fault]

    @pytest.mark.parametrize("command", ["RETR 1", "TOP 1 5"])
    def test_a_message_that_cannot_be_read_to_its_end(self, command: str) -> None:
        fault = OSError("disk")
        drop = Drop([LONG * 2, TWO], {"piece": fault}, piece=len(LONG))
        served = Served(drop)
        script = f"C: DELE 2\nS: +OK marked\nC: {command}\nS: +OK\nS- {LONG.decode()}\nCLOSE"
        served.play(GREETING + LOGIN + script)
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
        attempt = (
            "C: USER alice\nS: +OK\nC: PASS secret\n"
            "S: -ERR [SYS/TEMP] the maildrop is not available\n"
        )
        Served(drop).play(GREETING + attempt * 2 + "EOF")
        assert drop.asked == ["open", "close"] * 2


class TestAskedForAtOnce:
    """Messages that a client asks for before it has the first: small ones are read together."""

    MESSAGES = tuple(b"%d\r\n" % number * 3 for number in range(1, 6))

    def served(self, drop: Drop) -> Served:
        served = Served(drop)
        play(
            served.conn,
            served.session.begin(),
            GREETING + LOGIN.replace("2", f"{len(drop.messages)}"),
        )
        return served

    def wants(self, served: Served, *reads: bytes) -> list[Want]:
        """What a session wants while it gets these."""
        wanted: list[Want] = []
        arriving = iter(reads)
        for want in served.session.go_on():
            if isinstance(want, Invoke):
                want.deliver(want.function())
            if want is not Io.RECEIVE:
                wanted.append(want)
            elif read := next(arriving, None):
                served.conn.receive_data(read)
            else:
                served.conn.receive_eof()
        return wanted

    def sent(self, wants: Sequence[Want]) -> list[bytes]:
        return [want.data for want in wants if isinstance(want, Send)]

    def read(self, drop: Drop) -> list[object]:
        return [what for what in drop.asked if what not in ("open", "piece", "let go")]

    def replies(self, *numbers: int) -> bytes:
        return b"".join(b"+OK\r\n" + self.MESSAGES[n - 1] + b".\r\n" for n in numbers)

    def test_they_are_read_in_one_call_and_sent_at_once(self) -> None:
        drop = Drop(self.MESSAGES)
        served = self.served(drop)
        reading, sending = self.wants(served, b"RETR 2\r\nRETR 1\r\nRETR 2\r\nLAST\r\n")[:2]
        assert isinstance(reading, Invoke)
        assert sending == Send(self.replies(2, 1, 2))
        assert self.read(drop) == [("read", 1), ("read", 0), ("read", 1)]
        assert drop.asked.count("let go") == 3

    def test_only_what_a_whole_line_asks_for_is_read(self) -> None:
        drop = Drop(self.MESSAGES)
        served = self.served(drop)
        wants = self.wants(served, b"RETR 1\r\nRETR 2\r\nRETR 3")
        assert self.read(drop) == [("read", 0), ("read", 1)]
        assert self.sent(wants) == [self.replies(1, 2)]

    @pytest.mark.parametrize(
        ("between", "reply"),
        [
            (b"DELE 1", b"+OK marked\r\n"),
            (b"NOOP", b"+OK\r\n"),
            (b"RETR 9", b"-ERR no such message\r\n"),
            (b"RETR 5", b"-ERR no such message\r\n"),
            (b"RETR x", b"-ERR RETR takes a number\r\n"),
            (b"LAST", b"+OK 2\r\n"),
            (b"RSET", b"+OK\r\n"),
        ],
    )
    def test_another_command_between(self, between: bytes, reply: bytes) -> None:
        drop = Drop(self.MESSAGES)
        asked = b"DELE 5\r\nRETR 1\r\nRETR 2\r\n" + between + b"\r\nRETR 3\r\nRETR 4\r\n"
        wants = self.wants(self.served(drop), asked)
        replies = [b"+OK marked\r\n", self.replies(1, 2), reply, self.replies(3, 4)]
        assert self.sent(wants) == replies

    def test_top_between(self) -> None:
        drop = Drop([b"A: b\r\n\r\none\r\ntwo\r\n"] * 3)
        wants = self.wants(self.served(drop), b"RETR 1\r\nTOP 2 1\r\nRETR 3\r\nLAST\r\n")
        whole = b"+OK\r\nA: b\r\n\r\none\r\ntwo\r\n.\r\n"
        top = b"+OK\r\nA: b\r\n\r\none\r\n.\r\n"
        assert self.sent(wants) == [whole + top + whole, b"+OK 3\r\n"]
        assert self.read(drop) == [("read", 0), ("read", 1), ("read", 2)]

    def test_what_was_marked_is_not_read(self) -> None:
        drop = Drop(self.MESSAGES)
        _ = self.wants(self.served(drop), b"DELE 2\r\nRETR 1\r\nRETR 2\r\nDELE 3\r\nRETR 3\r\n")
        assert self.read(drop) == [("read", 0)]

    def test_what_needs_utf8_is_not_read(self) -> None:
        drop = TestUtf8.Drop()
        served = self.served(drop)
        refusal = b"-ERR [UTF8] the message needs UTF-8 mode\r\n"
        sent = self.sent(self.wants(served, b"RETR 1\r\nRETR 2\r\n"))
        assert sent[1:] == [refusal]
        assert self.read(drop) == [("read", 0)]

    def test_the_second_of_three_cannot_be_read(self) -> None:
        class Faulty(Drop):
            def pieces(self, message: bytes) -> Iterator[bytes]:
                for piece in super().pieces(message):
                    yield piece
                    if message.startswith(b"2"):
                        raise fault

        fault = OSError("disk")
        served = self.served(Faulty(self.MESSAGES))
        wants = self.wants(served, b"RETR 1\r\nRETR 2\r\nRETR 3\r\nDELE 2\r\nLAST\r\n")
        refusal = b"-ERR [SYS/TEMP] the message cannot be read\r\n"
        replies = self.replies(1) + refusal + self.replies(3)
        assert self.sent(wants) == [replies, b"+OK marked\r\n", b"+OK 3\r\n"]
        assert served.reported == [fault]

    def test_none_of_them_can_be_opened(self) -> None:
        fault = OSError("disk")
        drop = Drop(self.MESSAGES, {"read": fault})
        served = self.served(drop)
        refusal = b"-ERR [SYS/TEMP] the message cannot be read\r\n"
        assert self.sent(self.wants(served, b"RETR 1\r\nRETR 2\r\nLAST\r\n")) == [
            refusal * 2,
            b"+OK 0\r\n",
        ]
        assert served.reported == [fault, fault]
        assert self.read(drop) == [("read", 0), ("read", 1)]

    @pytest.mark.parametrize("truth", [True, False])
    def test_no_more_is_held_than_is_read_at_once(self, truth: bool) -> None:
        class Large(Drop):
            def open(self) -> Sequence[MessageEntry]:
                return [
                    entry._replace(octets=entry.octets if truth else 1) for entry in super().open()
                ]

        drop = Large([LONG[:30_000] + b"\r\n"] * 5 + [LONG * 3 + b"\r\n"] * 2, piece=1000)
        asked = b"".join(b"RETR %d\r\n" % number for number in (1, 2, 6, 3, 7, 7, 4, 5))
        sent = self.sent(self.wants(self.served(drop), asked))
        assert max(map(len, sent)) < 64 * 1024 + drop.piece + 100
        assert len(b"".join(sent)) == sum(
            len(drop.messages[number - 1]) + 8 for number in (1, 2, 6, 3, 7, 7, 4, 5)
        )

    def test_no_more_than_sixteen_are_open(self) -> None:
        drop = Drop([b""] * 40)
        asked = b"".join(b"RETR %d\r\n" % number for number in range(1, 41))
        wants = self.wants(self.served(drop), asked)
        assert [len(octets) // 8 for octets in self.sent(wants)] == [16, 16, 8]
        assert self.read(drop) == [("read", index) for index in range(40)]

    def test_a_message_that_is_too_large_to_go_with_others_is_not_opened_ahead(self) -> None:
        drop = Drop([b"1\r\n", LONG, b"3\r\n"], piece=len(LONG))
        served = self.served(drop)
        flow = served.session.go_on()
        for want in flow:
            if isinstance(want, Invoke):
                want.deliver(want.function())
            elif want is Io.RECEIVE:
                served.conn.receive_data(b"RETR 1\r\nRETR 2\r\nRETR 3\r\n")
            else:
                break
        assert self.read(drop) == [("read", 0)]
        flow.close()

    @pytest.mark.parametrize("failing", [True, False])
    def test_the_file_is_closed_where_the_connection_is_lost(self, failing: bool) -> None:
        class Filed(Drop):
            def open(self) -> Sequence[MessageEntry]:
                return [entry._replace(octets=1) for entry in super().open()]

            def read(self, index: int) -> Iterable[bytes]:
                file = Held(self.messages[index])
                self.given.append(file)
                return file

        class Held(BytesIO):
            def close(self) -> None:
                super().close()
                if failing:
                    raise fault

        fault = OSError("disk")
        drop = Filed([LONG, b"2\r\n", b"3\r\n"])
        served = Served(drop)
        script = GREETING + LOGIN.replace("2", "3") + "C: RETR 1\\r\\nRETR 2\\r\\nRETR 3\nRESET"
        with pytest.raises(ConnectionResetError):
            play(served.conn, served.session.run(), script)
        (file,) = drop.given
        play(served.conn, served.session.close())
        assert isinstance(file, Held)
        assert file.closed
        assert served.reported == [fault] * failing
        assert drop.asked == ["open", "close"]

    @pytest.mark.parametrize(("behind", "opened"), [(b"", 1), (b"RETR 2\r\n", 2)])
    def test_the_session_ends_where_a_part_was_sent_and_the_rest_is_let_go(
        self, behind: bytes, opened: int
    ) -> None:
        class Faulty(Drop):
            def open(self) -> Sequence[MessageEntry]:
                return [entry._replace(octets=1) for entry in super().open()]

        fault = OSError("disk")
        drop = Faulty([LONG * 2, b"2\r\n"], {"piece": fault}, piece=len(LONG))
        served = self.served(drop)
        wants = self.wants(served, b"RETR 1\r\n" + behind)
        assert self.sent(wants) == [b"+OK\r\n" + LONG]
        assert Io.CLOSE in wants
        assert served.conn.state is State.BROKEN
        play(served.conn, served.session.close())
        assert served.reported == [fault]
        assert (drop.asked.count("let go"), drop.asked[-1]) == (opened, "close")

    @given(st.data())
    def test_any_split(self, data: st.DataObject) -> None:
        asked = (
            b"RETR 1\r\nRETR 2\nTOP 3 0\r\nRETR 4\r\nDELE 4\r\nRETR 4\r\nRETR 5\r\nNOOP\r\n"
            b"RETR 3\r\nRETR 9\r\nRETR 2\r\nLAST\r\n"
        )
        drop = Drop(self.MESSAGES)
        wants = self.wants(self.served(drop), *data.draw(cut_anywhere(asked)))
        assert b"".join(self.sent(wants)) == (
            self.replies(1, 2, 3, 4)
            + b"+OK marked\r\n-ERR no such message\r\n"
            + self.replies(5)
            + b"+OK\r\n"
            + self.replies(3)
            + b"-ERR no such message\r\n"
            + self.replies(2)
            + b"+OK 5\r\n"
        )
        indexes = (0, 1, 2, 3, 4, 2, 1)
        assert self.read(drop) == [("read", index) for index in indexes]

    def test_asynchronous_ones_are_opened_and_read_one_by_one(self) -> None:
        drop = Drop()
        conn = ServerConnection()
        session = ServerSession(conn, AsyncUsers(AsyncDrop(drop)), allow_insecure_auth=True)
        script = r"C: RETR 2\r\nRETR 2\r\nQUIT" + "\nS: +OK\nS: Subject: two\nS:\nS: ." * 2
        play_async(conn, session.run(), GREETING + LOGIN + script + "\nS: +OK bye")
        read = [*[("read", 1)], "let go", "let go, asynchronously"]
        assert [what for what in drop.asked if what != "piece"] == ["open", *read, *read, "close"]

    def test_what_takes_long_does_not_hold_up_the_rest(self) -> None:
        times = count()
        drop = Drop(self.MESSAGES)
        conn = ServerConnection()
        session = ServerSession(
            conn, Users(drop), allow_insecure_auth=True, clock=lambda: next(times)
        )
        play(conn, session.begin(), GREETING + LOGIN.replace("2", "5"))
        served = Served(drop)
        served.conn, served.session = conn, session
        assert self.sent(self.wants(served, b"RETR 1\r\nRETR 2\r\n")) == [
            self.replies(1),
            self.replies(2),
        ]


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

    def test_a_message_that_is_under_way_when_the_connection_is_lost_is_let_go(self) -> None:
        drop = Drop([LONG * 2, TWO], piece=len(LONG))
        served = Served(drop)
        script = f"C: RETR 1\nS: +OK\nS- {LONG.decode()}\nRESET"
        with pytest.raises(ConnectionResetError):
            play(served.conn, served.session.run(), GREETING + LOGIN + script)
        assert "let go" not in drop.asked
        play(served.conn, served.session.close())
        assert drop.asked[-2:] == ["let go", "close"]
        play(served.conn, served.session.close())
        assert drop.asked.count("let go") == drop.asked.count("close") == 1

    def test_what_cannot_be_let_go_does_not_keep_the_maildrop_locked(self) -> None:
        fault = OSError("disk")

        class Sticky(Drop):
            def pieces(self, message: bytes) -> Iterator[bytes]:
                try:
                    yield message
                finally:
                    raise fault

        drop = Sticky()
        served = Served(drop)
        with pytest.raises(ConnectionResetError):
            play(served.conn, served.session.run(), GREETING + LOGIN + "C: RETR 2\nRESET")
        play(served.conn, served.session.close())
        assert served.reported == [fault]
        assert drop.asked[-1] == "close"

    def test_what_cannot_be_let_go_is_reported_and_nothing_else(self) -> None:
        fault = OSError("disk")

        class Sticky(Drop):
            def pieces(self, message: bytes) -> Iterator[bytes]:
                try:
                    yield from (b"A: b\r\n\r\n", LONG, b"body\r\n")
                finally:
                    raise fault

        served = Served(Sticky())
        served.play(GREETING + LOGIN + "C: TOP 1 0\nS: +OK\nS: A: b\nS:\nS: .\n" + QUIT)
        assert served.reported == [fault]

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

    def test_too_many_bad_commands(self) -> None:
        served = Served(limits=Limits(bad_commands=2))
        served.play(
            GREETING
            + "C: NOOP\nS: -ERR NOOP is not allowed in AUTHORIZATION: log in with USER and PASS, "
            + "APOP or AUTH first\nC: XYZZY\nS: -ERR unknown command\n"
            + LOGIN
            + "C: XYZZY\nS: -ERR unknown command\nCLOSE"
        )
        assert served.conn.state is State.BROKEN

    def test_languages_are_not_supported(self) -> None:
        exchange(
            "C: LANG\nS: -ERR LANG is not supported\nC: LANG *\nS: -ERR LANG is not supported\n"
        )

    def test_commands_of_ones_own_that_do_not_answer(self) -> None:
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
