"""ServerConnection: commands in, one at a time, and replies out."""

import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from pop3_proto import (
    COMMANDS,
    NEED_DATA,
    PAUSED,
    Apop,
    Auth,
    AuthCancelled,
    AuthResponse,
    BadCommand,
    Body,
    Capa,
    Command,
    Dele,
    EndOfStream,
    Lang,
    Last,
    Limits,
    List,
    LocalProtocolError,
    Noop,
    Pass,
    PlaintextAfterStls,
    ProtocolError,
    Quit,
    ResponseCode,
    Retr,
    Rpop,
    Rset,
    ServerConnection,
    Stat,
    State,
    Stls,
    Top,
    Traced,
    TraceRecord,
    Uidl,
    User,
    Utf8,
)
from pop3_proto.base64 import encode_base64
from tests.core.machines import serve, server_in

IN_USE = ResponseCode.of("IN-USE")


def read(conn: ServerConnection, line: bytes) -> object:
    conn.receive_data(line)
    return conn.next_event()


def bad(conn: ServerConnection, line: bytes) -> str:
    """Why the line is a bad command; it has been refused, and the session goes on."""
    event = read(conn, line)
    assert isinstance(event, BadCommand)
    assert event.reason.encode() in conn.reply(False, event.reason)
    return event.reason


class TestGreeting:
    def test_the_server_speaks_first(self) -> None:
        conn = ServerConnection()
        assert conn.next_event() is PAUSED
        assert conn.greet("ready <1.2@host>") == b"+OK ready <1.2@host>\r\n"
        assert conn.state is State.AUTHORIZATION
        assert conn.next_event() is NEED_DATA

    def test_a_refusal_ends_the_session(self) -> None:
        conn = ServerConnection()
        assert conn.greet("full", ok=False, code=IN_USE) == b"-ERR [IN-USE] full\r\n"
        assert conn.state is State.CLOSED
        assert conn.next_event() == EndOfStream()

    def test_a_text_that_cannot_be_sent_changes_nothing(self) -> None:
        conn = ServerConnection()
        with pytest.raises(LocalProtocolError, match="CR, LF or NUL"):
            conn.greet("a\r\n+OK")
        assert conn.greet() == b"+OK\r\n"

    @pytest.mark.parametrize("state", set(State) - {State.GREETING})
    def test_once(self, state: State) -> None:
        with pytest.raises(LocalProtocolError, match="cannot greet"):
            server_in(state).greet()

    def test_a_client_that_does_not_wait(self) -> None:
        conn = ServerConnection()
        conn.receive_data(b"CAPA\r\n")
        assert conn.next_event() is PAUSED
        conn.greet()
        assert conn.next_event() == Capa()

    @pytest.mark.parametrize(
        ("text", "line"),
        [("ready", b"+OK ready <1.2@host>\r\n"), ("", b"+OK <1.2@host>\r\n")],
    )
    def test_a_timestamp(self, text: str, line: bytes) -> None:
        assert ServerConnection().greet(text, timestamp=b"<1.2@host>") == line

    @pytest.mark.parametrize("timestamp", [b"1@host", b"<1>", b"<\xff@host>", b"<1@a>\r\n"])
    def test_what_is_no_timestamp(self, timestamp: bytes) -> None:
        conn = ServerConnection()
        with pytest.raises(LocalProtocolError, match=r"no timestamp of APOP.*<atoms@domain>"):
            conn.greet(timestamp=timestamp)
        assert conn.state is State.GREETING

    def test_a_timestamp_that_would_be_cut(self) -> None:
        conn = ServerConnection()
        with pytest.raises(LocalProtocolError, match="too long for its timestamp"):
            conn.greet("x" * 500, timestamp=b"<1.2@host>")
        assert conn.greet("x" * 495, timestamp=b"<1.2@host>").endswith(b"<1.2@host>\r\n")


class TestCommands:
    @pytest.mark.parametrize(
        ("line", "command"),
        [
            (b"USER alice\r\n", User("alice")),
            (b"user  two words \r\n", User(" two words ")),
            (b"USER\r\n", User("")),
            (b"PASS  a  b \r\n", Pass(" a  b ")),
            (b"PASS\r\n", Pass("")),
            (b"PASS \r\n", Pass("")),
            (b"RPOP alice\r\n", Rpop("alice")),
            (b"APOP alice  0123\r\n", Apop("alice", b"0123")),
            (b"auth\r\n", Auth()),
            (b"auth plain\r\n", Auth("PLAIN")),
            (b"AUTH PLAIN =\r\n", Auth("PLAIN", b"")),
            (b"AUTH PLAIN AGEAYg==\n", Auth("PLAIN", b"\0a\0b")),
            (b"UTF8\r\n", Utf8()),
            (b"LANG *\r\n", Lang("*")),
            (b"STLS\r\n", Stls()),
            (b"cApA\n", Capa()),
            (b"CAPA  \r\n", Capa()),
            (b"QUIT\r\n", Quit()),
        ],
    )
    def test_before_the_login(self, line: bytes, command: Command[object]) -> None:
        conn = server_in(State.AUTHORIZATION)
        serve(conn, b"USER somebody")
        assert read(conn, line) == command

    @pytest.mark.parametrize(
        ("line", "command"),
        [
            (b"STAT\r\n", Stat()),
            (b"LIST\r\n", List()),
            (b"list   007  \r\n", List(7)),
            (b"RETR 1\n", Retr(1)),
            (b"DELE 9999999999999999999\r\n", Dele(10**19 - 1)),
            (b"NOOP\r\n", Noop()),
            (b"RSET\r\n", Rset()),
            (b"LAST\r\n", Last()),
            (b"LANG\r\n", Lang()),
            (b"TOP 1   0\r\n", Top(1, 0)),
            (b"UIDL\r\n", Uidl()),
            (b"UIDL 3\r\n", Uidl(3)),
            (b"CAPA\r\n", Capa()),
            (b"QUIT\r\n", Quit()),
        ],
    )
    def test_behind_the_login(self, line: bytes, command: Command[object]) -> None:
        assert read(server_in(State.TRANSACTION), line) == command

    def test_one_is_reported_until_it_is_answered(self) -> None:
        conn = server_in(State.TRANSACTION)
        assert read(conn, b"NOOP\r\nSTAT\r\n") == Noop()
        assert conn.next_event() is PAUSED
        assert conn.reply(True) == b"+OK\r\n"
        assert conn.next_event() == Stat()
        assert conn.reply(True, "2 320") == b"+OK 2 320\r\n"
        assert conn.next_event() is NEED_DATA

    @pytest.mark.parametrize(
        "line", [b"XYZZY\r\n", b" STAT\r\n", b"STAT\t\r\n", b"STATS\r\n", b"\xff\r\n", b"GET /\r\n"]
    )
    def test_unknown(self, line: bytes) -> None:
        assert bad(server_in(State.TRANSACTION), line) in ("unknown command", "no command")

    @pytest.mark.parametrize("line", [b"\r\n", b"\n", b" \r\n"])
    def test_none(self, line: bytes) -> None:
        assert bad(server_in(State.TRANSACTION), line) == "no command"

    @pytest.mark.parametrize("line", [b"ST\rAT\r\n", b"STAT\r\r\n", b"STAT\0\r\n", b"\0\n"])
    def test_with_cr_or_nul(self, line: bytes) -> None:
        assert bad(server_in(State.TRANSACTION), line) == "a command contains no CR and no NUL"

    def test_a_password_ends_with_the_line(self) -> None:
        conn = server_in(State.AUTHORIZATION)
        serve(conn, b"USER alice")
        assert bad(conn, b"PASS a\rb\r\n") == "a command contains no CR and no NUL"
        assert read(conn, b"PASS ab\n") == Pass("ab")

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            (b"RETR\r\n", "RETR takes a number"),
            (b"RETR +1\r\n", "RETR takes a number"),
            (b"RETR 0\r\n", "message-numbers begin at 1"),
            (b"TOP 1\r\n", "TOP takes 2 numbers"),
            (b"TOP 1 -1\r\n", "TOP takes 2 numbers"),
            (b"LIST 1 2\r\n", "LIST takes a number"),
            (b"UIDL 1_0\r\n", "UIDL takes a number"),
            (b"STAT 1\r\n", "STAT takes no argument"),
            (b"NOOP \x0c\r\n", "NOOP takes no argument"),
            (b"RETR \t1\r\n", "RETR takes a number"),
            (b"TOP 1\x0b2\r\n", "TOP takes 2 numbers"),
            (b"QUIT now\r\n", "QUIT takes no argument"),
        ],
    )
    def test_with_the_wrong_arguments(self, line: bytes, reason: str) -> None:
        conn = server_in(State.TRANSACTION)
        assert bad(conn, line) == reason
        assert conn.state is State.TRANSACTION

    def test_stls_with_an_argument(self) -> None:
        conn = server_in(State.AUTHORIZATION)
        assert bad(conn, b"STLS now\r\n") == "STLS takes no argument"
        assert conn.state is State.AUTHORIZATION

    def test_out_of_place(self) -> None:
        conn = server_in(State.AUTHORIZATION)
        assert bad(conn, b"STAT\r\n") == (
            "STAT is not allowed in AUTHORIZATION: log in with USER and PASS, APOP or AUTH first"
        )
        assert bad(conn, b"PASS secret\r\n") == "PASS is not allowed yet: send USER first"
        serve(conn, b"USER alice", b"PASS secret")
        assert "belongs before the login" in bad(conn, b"USER alice\r\n")
        for line in (b"UTF8\r\n", b"AUTH PLAIN\r\n", b"APOP a b\r\n", b"RPOP a\r\n"):
            assert "belongs before the login" in bad(conn, line)
        assert conn.bad_commands == 7

    def test_rpop_needs_user(self) -> None:
        conn = server_in(State.AUTHORIZATION)
        assert bad(conn, b"RPOP alice\r\n") == "RPOP is not allowed yet: send USER first"

    @pytest.mark.parametrize("code", [b"AUTH PLAIN AAA=BBB", b"AUTH PLAIN x", b"AUTH PLAIN ***"])
    def test_an_initial_response_that_is_no_base64(self, code: bytes) -> None:
        conn = server_in(State.AUTHORIZATION)
        assert bad(conn, code + b"\r\n") == "the initial response is no base64"
        assert conn.state is State.AUTHORIZATION

    def test_stls_behind_utf8(self) -> None:
        conn = server_in(State.AUTHORIZATION)
        serve(conn, b"UTF8")
        assert conn.utf8
        assert bad(conn, b"STLS\r\n") == "STLS is not allowed behind UTF8: send it first"

    def test_the_bad_ones_are_counted(self) -> None:
        conn = server_in(State.TRANSACTION)
        for line in (b"XYZZY\r\n", b"USER a\r\n", b"RETR x\r\n"):
            bad(conn, line)
        read(conn, b"NOOP\r\n")
        assert conn.bad_commands == 3

    def test_a_bad_command_is_kept_out_of_sight(self) -> None:
        event = read(server_in(State.AUTHORIZATION), b"PAS hunter2\r\n")
        assert event == BadCommand("unknown command", b"PAS hunter2")
        assert repr(event) == "BadCommand(reason='unknown command')"

    def test_commands_of_ones_own(self) -> None:
        @dataclass(frozen=True, slots=True)
        class Xsender(Command[bytes]):
            verb = "XSENDER"
            states = frozenset({State.AUTHORIZATION})

            number: bytes

            @classmethod
            def parse(cls, arguments: Sequence[bytes]) -> "Xsender":
                return cls(*arguments)

        conn = ServerConnection(commands=(Quit, Xsender))
        conn.greet()
        assert read(conn, b"xsender 1\r\n") == Xsender(b"1")
        conn.reply(True, "alice")
        assert bad(conn, b"CAPA\r\n") == "unknown command"
        assert read(conn, b"QUIT\r\n") == Quit()


class TestWaiting:
    def test_commands_behind_the_one_that_is_owed_a_reply(self) -> None:
        conn = server_in(State.TRANSACTION)
        conn.receive_data(b"RETR 1\r\nTOP 2 0\nretr 3\r\nRETR 4")
        assert list(conn.waiting()) == []
        assert conn.next_event() == Retr(1)
        assert list(conn.waiting()) == [Top(2, 0), Retr(3)]
        _ = conn.reply(False)
        assert list(conn.waiting()) == []
        assert conn.next_event() == Top(2, 0)
        conn.receive_data(b"2\r\n")
        assert list(conn.waiting()) == [Retr(3)]
        _ = conn.reply(False)
        assert conn.next_event() == Retr(3)
        _ = conn.reply(False)
        assert conn.next_event() == Retr(42)

    @pytest.mark.parametrize(
        "line", [b"RETR x", b"", b"XYZZY", b"PASS secret", b"RETR" + b" " * 600 + b"2"]
    )
    def test_none_behind_a_bad_one(self, line: bytes) -> None:
        traced: list[TraceRecord] = []
        conn = server_in(State.TRANSACTION, limits=Limits(command=600), trace=traced.append)
        conn.receive_data(b"RETR 1\r\nNOOP\r\n" + line + b"\r\nRETR 3\r\n")
        assert conn.next_event() == Retr(1)
        before = len(traced)
        assert list(conn.waiting()) == [Noop()]
        assert (len(traced), conn.bad_commands) == (before, 0)
        _ = conn.reply(False)
        assert conn.next_event() == Noop()
        _ = conn.reply(True)
        assert isinstance(conn.next_event(), BadCommand)
        assert list(conn.waiting()) == [Retr(3)]

    @pytest.mark.parametrize(
        ("state", "first"),
        [
            (State.AUTHORIZATION, b"USER alice"),
            (State.AUTHORIZATION, b"STLS"),
            (State.AUTHENTICATING, b"AAAA"),
        ],
    )
    def test_none_whose_meaning_hangs_on_the_reply(self, state: State, first: bytes) -> None:
        conn = server_in(state)
        conn.receive_data(first + b"\r\nCAPA\r\n")
        assert conn.next_event() is not NEED_DATA
        assert list(conn.waiting()) == []


class TestLongLines:
    LONGEST = b"PASS " + b"x" * 505 + b"\r\n"

    def logging_in(self) -> ServerConnection:
        conn = server_in(State.AUTHORIZATION, limits=Limits(command=512))
        serve(conn, b"USER alice")
        return conn

    def test_the_longest(self) -> None:
        assert read(self.logging_in(), self.LONGEST) == Pass("x" * 505)

    @pytest.mark.parametrize("size", [1, 100, 512, 513, 10_000])
    def test_longer_ones_are_skipped_and_refused_once(self, size: int) -> None:
        conn, line = self.logging_in(), b"PASS " + b"x" * 2000 + b"\r\nCAPA\r\n"
        events: list[object] = []
        for start in range(0, len(line), size):
            conn.receive_data(line[start : start + size])
            while (event := conn.next_event()) is not NEED_DATA:
                events.append(event)
                conn.reply(False)
        assert events == [BadCommand("the line is longer than 512 octets"), Capa()]
        assert conn.bad_commands == 1

    def test_the_first_that_is_too_long(self) -> None:
        line = self.LONGEST.replace(b"PASS ", b"PASS x")
        assert bad(self.logging_in(), line) == "the line is longer than 512 octets"

    @pytest.mark.parametrize("verb", [b"AUTH", b"auth"])
    def test_auth_may_be_longer(self, verb: bytes) -> None:
        conn = server_in(State.AUTHORIZATION, limits=Limits(command=20, sasl=411))
        assert read(conn, verb + b" X " + b"A" * 200) is NEED_DATA
        assert read(conn, b"A" * 200 + b"\r\n") == Auth("X", bytes(300))
        conn.reply(False)
        longer = verb + b" X " + b"A" * 404 + b"\r\n"
        assert bad(conn, longer) == "the line is longer than 411 octets"

    def test_tokens_of_64_kib_pass_before_the_login(self) -> None:
        conn, token = server_in(State.AUTHORIZATION), bytes(64 * 1024)
        assert read(conn, b"AUTH X " + encode_base64(token) + b"\r\n") == Auth("X", token)
        conn.challenge()
        assert read(conn, encode_base64(token) + b"\r\n") == AuthResponse(token)

    @pytest.mark.parametrize("line", [b"AUTHX ", b" AUTH ", b"AUTH\t"])
    def test_nothing_else_may_be_longer(self, line: bytes) -> None:
        conn = server_in(State.AUTHORIZATION, limits=Limits(command=20, sasl=400))
        assert bad(conn, line + b"A" * 40 + b"\r\n") == "the line is longer than 20 octets"

    @pytest.mark.parametrize("size", [1, 7, 500])
    def test_a_response_that_is_too_long_ends_the_exchange_once(self, size: int) -> None:
        conn = server_in(State.AUTHENTICATING, limits=Limits(command=20, sasl=100))
        line, events = b"A" * 400 + b"\r\nCAPA\r\n", list[object]()
        for start in range(0, len(line), size):
            conn.receive_data(line[start : start + size])
            while (event := conn.next_event()) is not NEED_DATA:
                events.append(event)
                conn.reply(False)
        assert events == [BadCommand("the line is longer than 100 octets"), Capa()]
        assert conn.state is State.AUTHORIZATION

    def test_a_response_may_be_long(self) -> None:
        conn = server_in(State.AUTHENTICATING, limits=Limits(command=20, sasl=102))
        assert read(conn, b"A" * 100 + b"\r\n") == AuthResponse(bytes(75))

    def test_one_is_not_stored(self) -> None:
        conn, piece = self.logging_in(), b"x" * 100_000
        tracemalloc.start()
        try:
            for _ in range(100):
                assert read(conn, piece) is NEED_DATA
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 10 * len(piece)

    def test_the_end_of_input_within_one(self) -> None:
        conn = self.logging_in()
        assert read(conn, b"x" * 600) is NEED_DATA
        conn.receive_eof()
        assert conn.next_event() == EndOfStream()


class TestReplies:
    def test_code_and_text(self) -> None:
        conn = server_in(State.TRANSACTION)
        read(conn, b"NOOP\r\n")
        assert conn.reply(False, "busy", code=IN_USE) == b"-ERR [IN-USE] busy\r\n"

    def test_a_long_text_is_cut(self) -> None:
        conn = server_in(State.TRANSACTION)
        read(conn, b"NOOP\r\n")
        assert len(conn.reply(True, "x" * 1000)) == 512

    @pytest.mark.parametrize("text", ["a\r", "a\nb", "\0"])
    def test_a_text_that_cannot_be_sent_changes_nothing(self, text: str) -> None:
        conn = server_in(State.AUTHORIZATION)
        read(conn, b"QUIT\r\n")
        with pytest.raises(LocalProtocolError, match="CR, LF or NUL"):
            conn.reply(True, text)
        assert conn.next_event() is PAUSED
        conn.reply(True)
        assert conn.state is State.CLOSED

    @pytest.mark.parametrize("state", set(State) - {State.UPDATE})
    def test_none_is_owed(self, state: State) -> None:
        with pytest.raises(LocalProtocolError, match="no reply is owed"):
            server_in(state).reply(True)

    def test_a_bad_command_is_refused(self) -> None:
        conn = server_in(State.TRANSACTION)
        read(conn, b"XYZZY\r\n")
        with pytest.raises(LocalProtocolError, match="has to be refused"):
            conn.reply(True)
        assert conn.reply(False) == b"-ERR\r\n"

    def test_a_body(self) -> None:
        conn = server_in(State.TRANSACTION)
        read(conn, b"RETR 1\r\nNOOP\r\n")
        assert conn.reply(True, "3 octets") == b"+OK 3 octets\r\n"
        assert conn.in_body
        assert conn.next_event() is PAUSED
        with pytest.raises(LocalProtocolError, match="no reply is owed"):
            conn.reply(True)
        assert conn.send_body(b".a\r") == b"..a\r"
        assert conn.send_body(b"\n") == b"\n"
        assert conn.send_body(b"") == b""
        assert conn.send_body(b".") == b".."
        assert conn.end_body() == b"\r\n.\r\n"
        assert conn.in_body is False
        assert conn.next_event() == Noop()

    @pytest.mark.parametrize(
        "line", [b"CAPA\r\n", b"LIST\r\n", b"UIDL\r\n", b"RETR 1\r\n", b"TOP 1 1\r\n"]
    )
    def test_an_empty_body(self, line: bytes) -> None:
        conn = server_in(State.TRANSACTION)
        read(conn, line)
        assert conn.reply(True) + conn.end_body() == b"+OK\r\n.\r\n"

    @pytest.mark.parametrize(
        ("line", "ok"), [(b"LIST 1\r\n", True), (b"RETR 1\r\n", False), (b"NOOP\r\n", True)]
    )
    def test_no_body(self, line: bytes, ok: bool) -> None:
        conn = server_in(State.TRANSACTION)
        read(conn, line)
        calls: list[Callable[[], bytes]] = [lambda: conn.send_body(b"x"), conn.end_body]
        for call in calls:
            with pytest.raises(LocalProtocolError, match="no body is owed"):
                call()
        conn.reply(ok)
        for call in calls:
            with pytest.raises(LocalProtocolError, match="no body is owed"):
                call()
        assert conn.next_event() is NEED_DATA

    @pytest.mark.parametrize("kind", COMMANDS)
    def test_every_command_can_be_refused(self, kind: type[Command[object]]) -> None:
        login = State.AUTHORIZATION in kind.states
        conn = server_in(State.AUTHORIZATION if login else State.TRANSACTION)
        if kind in (Pass, Rpop):
            serve(conn, b"USER alice")
        several = {"TOP": b" 1 1", "RETR": b" 1", "DELE": b" 1", "RPOP": b" a", "APOP": b" a 0"}
        arguments = several.get(kind.verb, b"")
        event = read(conn, kind.verb.encode() + arguments + b"\r\n")
        assert isinstance(event, kind)
        assert conn.reply(False, "no") == b"-ERR no\r\n"
        assert (conn.state is State.CLOSED) == (kind is Quit)


class TestAuth:
    """RFC 5034, section 4."""

    @staticmethod
    def begun(line: bytes = b"AUTH CRAM-MD5\r\n") -> ServerConnection:
        conn = server_in(State.AUTHORIZATION)
        assert isinstance(read(conn, line), Auth)
        return conn

    def test_challenge_and_response(self) -> None:
        conn = self.begun()
        assert conn.next_event() is PAUSED
        assert conn.challenge(b"<1@host>") == b"+ PDFAaG9zdD4=\r\n"
        assert conn.state is State.AUTHENTICATING
        assert conn.next_event() is NEED_DATA
        assert read(conn, b"YWxpY2UgMA==\r\n") == AuthResponse(b"alice 0")
        assert conn.next_event() is PAUSED
        assert conn.challenge() == b"+ \r\n"
        assert read(conn, b"\r\n") == AuthResponse(b"")
        assert conn.reply(True, "welcome") == b"+OK welcome\r\n"
        assert conn.state is State.TRANSACTION

    def test_an_initial_response_that_is_all(self) -> None:
        conn = self.begun(b"AUTH PLAIN AGEAYg==\r\n")
        conn.reply(True)
        assert conn.state is State.TRANSACTION

    @pytest.mark.parametrize("challenged", [False, True])
    def test_refused(self, challenged: bool) -> None:
        conn = self.begun()
        if challenged:
            conn.challenge()
            read(conn, b"AAAA\r\n")
        assert conn.reply(False, "no") == b"-ERR no\r\n"
        assert conn.state is State.AUTHORIZATION
        assert read(conn, b"CAPA\r\n") == Capa()

    def test_cancelled(self) -> None:
        conn = self.begun()
        conn.challenge()
        assert read(conn, b"*\r\nCAPA\r\n") == AuthCancelled()
        with pytest.raises(LocalProtocolError, match="has to be refused"):
            conn.reply(True)
        with pytest.raises(LocalProtocolError, match="cannot challenge"):
            conn.challenge()
        assert conn.reply(False) == b"-ERR\r\n"
        assert (conn.state, conn.bad_commands) == (State.AUTHORIZATION, 0)
        assert conn.next_event() == Capa()

    @pytest.mark.parametrize(
        "line", [b"=", b"AAA", b"AA=A", b"AAAA ", b"* ", b"QUIT now", b"AA\0A", b"AAA\r", b"AAAA="]
    )
    def test_what_is_no_response(self, line: bytes) -> None:
        conn = self.begun()
        conn.challenge()
        assert bad(conn, line + b"\r\n") == "the response is no base64"
        assert (conn.state, conn.bad_commands) == (State.AUTHORIZATION, 1)

    def test_a_command_is_a_response_like_any_other(self) -> None:
        conn = self.begun()
        conn.challenge()
        assert read(conn, b"QUIT\r\n") == AuthResponse(b"\x41\x42\x13")

    @pytest.mark.parametrize("line", [b"AUTH\r\n", b"CAPA\r\n", b"XYZZY\r\n"])
    def test_nothing_else_is_challenged(self, line: bytes) -> None:
        conn = server_in(State.AUTHORIZATION)
        read(conn, line)
        with pytest.raises(LocalProtocolError, match="cannot challenge: neither AUTH nor a resp"):
            conn.challenge()
        conn.reply(False)

    @pytest.mark.parametrize("state", set(State) - {State.UPDATE})
    def test_where_nothing_is_owed_nothing_is_challenged(self, state: State) -> None:
        with pytest.raises(LocalProtocolError, match="cannot challenge"):
            server_in(state).challenge()

    def test_a_connection_that_was_given_up(self) -> None:
        conn = self.begun()
        conn.abort("the network is gone")
        with pytest.raises(LocalProtocolError, match=r"cannot challenge.*the network is gone"):
            conn.challenge()

    def test_the_mechanisms(self) -> None:
        conn = self.begun(b"AUTH\r\n")
        said = conn.reply(True) + conn.send_body(b"PLAIN\r\n") + conn.end_body()
        assert said == b"+OK\r\nPLAIN\r\n.\r\n"
        assert conn.state is State.AUTHORIZATION

    @pytest.mark.parametrize("part", [b"", b"AAA"])
    def test_end_of_input(self, part: bytes) -> None:
        conn = self.begun()
        conn.challenge()
        if part:
            assert read(conn, part) is NEED_DATA
        conn.receive_eof()
        assert conn.next_event() == EndOfStream()
        assert conn.state is State.CLOSED

    def test_apop(self) -> None:
        conn = server_in(State.AUTHORIZATION)
        serve(conn, b"APOP alice 0123")
        assert conn.state is State.TRANSACTION


class TestTrace:
    @staticmethod
    def traced(*lines: bytes) -> tuple[ServerConnection, list[TraceRecord]]:
        """A server that is traced, with what has passed behind these commands."""
        records: list[TraceRecord] = []
        conn = ServerConnection(limits=Limits(command=100), trace=records.append)
        conn.greet()
        serve(conn, *lines)
        records.clear()
        return conn, records

    def test_what_has_passed(self) -> None:
        conn, records = self.traced(b"USER alice", b"PASS x")
        read(conn, b"retr 1\nNOOP\r\n")
        conn.reply(True)
        conn.send_body(b".a")
        conn.send_body(b"")
        conn.end_body()
        conn.next_event()
        conn.reply(True, "fine")
        conn.receive_eof(cut_off=True)
        conn.next_event()
        assert records == [
            TraceRecord(Traced.RECEIVED, b"retr 1\n"),
            TraceRecord(Traced.SENT, b"+OK\r\n", unread=6),
            TraceRecord(Traced.SENT, b"..a", unread=6, body=True),
            TraceRecord(Traced.SENT, b"\r\n.\r\n", unread=6, body=True, ends=True),
            TraceRecord(Traced.RECEIVED, b"NOOP\r\n"),
            TraceRecord(Traced.SENT, b"+OK fine\r\n", ends=True),
            TraceRecord(Traced.CUT_OFF),
        ]

    def test_a_greeting_with_a_timestamp(self) -> None:
        records: list[TraceRecord] = []
        ServerConnection(trace=records.append).greet(timestamp=b"<1@a>")
        assert records == [TraceRecord(Traced.SENT, b"+OK <1@a>\r\n")]

    @pytest.mark.parametrize(
        ("line", "traced"),
        [
            (b"pass hunter2", b"PASS ***"),
            (b"APOP alice hunter2", b"APOP alice ***"),
            (b"auth plain aHVudGVyMg==", b"AUTH PLAIN Kioq"),
            (b"auth  plain", b"auth  plain"),
            (b"AUTH PLAIN =", b"AUTH PLAIN ="),
            (b"AUTH PLAIN hunter2", b"AUTH ***"),
            (b"APOP hunter2", b"APOP ***"),
            (b"PASS hunter2\r", b"PASS ***"),
            (b"PASSW hunter2", b"***"),
            (b"hunter2", b"***"),
            (b"", b"***"),
            (b"STAT hunter2", b"STAT ***"),
            (b"stls hunter2", b"stls ***"),
            (b"QUIT", b"QUIT"),
            (b"x" * 200, b"***"),
            (b"PASS " + b"x" * 200, b"***"),
        ],
    )
    def test_before_the_login(self, line: bytes, traced: bytes) -> None:
        conn, records = self.traced(b"USER alice")
        read(conn, line + b"\r\n")
        assert records == [TraceRecord(Traced.RECEIVED, traced + b"\r\n")]

    @pytest.mark.parametrize(
        ("line", "traced"),
        [
            (b"XYZZY plugh", b"XYZZY plugh"),
            (b"RETR x", b"RETR x"),
            (b"USER alice", b"USER alice"),
            (b"PASS hunter2", b"PASS ***"),
            (b"APOP a hunter2", b"APOP ***"),
            (b"AUTH PLAIN hunter2", b"AUTH ***"),
            (b"x" * 200, b"***"),
        ],
    )
    def test_behind_the_login(self, line: bytes, traced: bytes) -> None:
        conn, records = self.traced(b"USER alice", b"PASS x")
        read(conn, line + b"\r\n")
        assert records == [TraceRecord(Traced.RECEIVED, traced + b"\r\n")]

    @pytest.mark.parametrize(
        ("line", "traced"),
        [
            (b"aHVudGVyMg==", b"Kioq"),
            (b"", b""),
            (b"*", b"*"),
            (b"hunter2", b"***"),
            (b"PASS hunter2", b"PASS ***"),
        ],
    )
    def test_inside_auth(self, line: bytes, traced: bytes) -> None:
        conn, records = self.traced()
        read(conn, b"AUTH X\r\n")
        conn.challenge(b"hunter2")
        assert records[1:] == [TraceRecord(Traced.SENT, b"+ Kioq\r\n")]
        read(conn, line + b"\r\n")
        assert records[2:] == [TraceRecord(Traced.RECEIVED, traced + b"\r\n")]

    def test_an_empty_challenge(self) -> None:
        conn, records = self.traced()
        read(conn, b"AUTH X\r\n")
        conn.challenge()
        assert records[-1] == TraceRecord(Traced.SENT, b"+ \r\n")

    def test_tls(self) -> None:
        conn, records = self.traced(b"STLS")
        conn.tls_started()
        assert records == [TraceRecord(Traced.TLS)]


class TestStates:
    def test_login(self) -> None:
        conn = server_in(State.AUTHORIZATION)
        serve(conn, b"USER alice")
        read(conn, b"PASS wrong\r\n")
        conn.reply(False)
        assert conn.state is State.AUTHORIZATION
        assert bad(conn, b"PASS secret\r\n") == "PASS is not allowed yet: send USER first"
        serve(conn, b"USER alice", b"PASS secret")
        assert conn.state is State.TRANSACTION

    def test_user_refused(self) -> None:
        conn = server_in(State.AUTHORIZATION)
        read(conn, b"USER alice\r\n")
        conn.reply(False)
        assert bad(conn, b"PASS secret\r\n") == "PASS is not allowed yet: send USER first"

    def test_update_begins_when_quit_is_reported(self) -> None:
        conn = server_in(State.TRANSACTION)
        conn.receive_data(b"QUIT\r\nSTAT\r\n")
        assert conn.state is State.TRANSACTION
        assert conn.next_event() == Quit()
        assert conn.state is State.UPDATE
        conn.reply(False)
        assert conn.state is State.CLOSED
        assert conn.next_event() == EndOfStream()

    def test_quit_before_the_login(self) -> None:
        conn = server_in(State.AUTHORIZATION)
        assert read(conn, b"QUIT\r\n") == Quit()
        assert conn.state is State.AUTHORIZATION
        conn.reply(True)
        assert conn.state is State.CLOSED

    def test_silence(self) -> None:
        assert server_in(State.TRANSACTION).silence() == "the client's next command was due"


class TestTls:
    def test_stls(self) -> None:
        conn = server_in(State.AUTHORIZATION)
        serve(conn, b"USER alice")
        assert read(conn, b"STLS\r\n") == Stls()
        assert conn.reply(True, "begin") == b"+OK begin\r\n"
        assert (conn.state, conn.tls) == (State.TLS_HANDSHAKE, False)
        assert conn.next_event() is PAUSED
        conn.tls_started()
        assert (conn.state, conn.tls) == (State.AUTHORIZATION, True)
        assert bad(conn, b"PASS secret\r\n") == "PASS is not allowed yet: send USER first"
        assert bad(conn, b"STLS\r\n") == "STLS is not allowed: TLS is active already"

    def test_stls_refused(self) -> None:
        conn = server_in(State.AUTHORIZATION)
        serve(conn, b"USER alice")
        read(conn, b"STLS\r\nPASS secret\r\n")
        conn.reply(False)
        assert (conn.state, conn.tls) == (State.AUTHORIZATION, False)
        assert conn.next_event() == Pass("secret")

    @pytest.mark.parametrize("injected", [b"C", b"\n", b"CAPA\r\n"])
    def test_plaintext_in_the_same_read_is_fatal(self, injected: bytes) -> None:
        conn = server_in(State.AUTHORIZATION)
        assert read(conn, b"STLS\r\n" + injected) == Stls()
        with pytest.raises(PlaintextAfterStls):
            conn.reply(True)
        assert conn.state is State.BROKEN
        with pytest.raises(PlaintextAfterStls):
            conn.next_event()
        with pytest.raises(LocalProtocolError, match="no reply is owed"):
            conn.reply(False)

    def test_plaintext_in_a_later_read_is_fatal(self) -> None:
        conn = server_in(State.TLS_HANDSHAKE)
        with pytest.raises(PlaintextAfterStls):
            conn.receive_data(b"C")
        with pytest.raises(LocalProtocolError, match="TLS cannot start in BROKEN"):
            conn.tls_started()

    def test_implicit(self) -> None:
        conn = ServerConnection()
        conn.tls_started()
        conn.greet()
        assert (conn.state, conn.tls) == (State.AUTHORIZATION, True)
        assert bad(conn, b"STLS\r\n") == "STLS is not allowed: TLS is active already"

    def test_plaintext_before_implicit_tls(self) -> None:
        conn = ServerConnection()
        conn.receive_data(b"CAPA\r\n")
        with pytest.raises(PlaintextAfterStls):
            conn.tls_started()

    def test_end_of_input_in_place_of_tls(self) -> None:
        conn = server_in(State.TLS_HANDSHAKE)
        conn.receive_eof()
        assert conn.next_event() == EndOfStream()
        assert conn.state is State.CLOSED


class TestTheEnd:
    @pytest.mark.parametrize("part", [b"", b"QUI", b"DELE 1"])
    def test_a_line_without_an_end_is_no_command(self, part: bytes) -> None:
        conn = server_in(State.TRANSACTION)
        if part:
            assert read(conn, part) is NEED_DATA
        conn.receive_eof()
        assert conn.next_event() == EndOfStream() == conn.next_event()
        assert conn.state is State.CLOSED

    def test_commands_that_had_arrived_are_answered(self) -> None:
        conn = server_in(State.TRANSACTION)
        conn.receive_data(b"NOOP\r\nQUIT\r\n")
        conn.receive_eof()
        assert conn.next_event() == Noop()
        conn.reply(True)
        assert conn.next_event() == Quit()
        assert conn.state is State.UPDATE
        conn.reply(True)
        assert conn.next_event() == EndOfStream()

    def test_abort_within_a_body(self) -> None:
        conn = server_in(State.TRANSACTION)
        read(conn, b"RETR 1\r\n")
        conn.reply(True)
        conn.abort("the disk is broken")
        with pytest.raises(LocalProtocolError, match=r"no body is owed.*the disk is broken"):
            conn.end_body()
        with pytest.raises(ProtocolError, match="the disk is broken"):
            conn.next_event()

    def test_the_body_of_a_command_is_a_property_of_its_object(self) -> None:
        assert (List().body, List(1).body) == (Body.LISTING, Body.NONE)


def test_what_a_command_of_ones_own_says_of_its_arguments_is_not_told() -> None:
    @dataclass(frozen=True, slots=True)
    class Own(Noop):
        verb = "XOWN"

        @classmethod
        def parse(cls, arguments: Sequence[bytes]) -> "Own":
            raise ValueError(f"what is {arguments!r}?")

    conn = ServerConnection(commands=(*COMMANDS, Own))
    conn.greet()
    serve(conn, b"USER alice", b"PASS secret")
    conn.receive_data(b"XOWN hunter2\r\n")
    event = conn.next_event()
    assert isinstance(event, BadCommand)
    assert event.reason == "XOWN takes other arguments"
