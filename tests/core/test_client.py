"""ClientConnection: commands out, events in, one at a time."""

import pytest

from pop3_proto import (
    NEED_DATA,
    PAUSED,
    Apop,
    Auth,
    BodyChunk,
    BodyEnd,
    BodyTooLarge,
    Capa,
    Capabilities,
    Challenge,
    ClientConnection,
    Command,
    Dele,
    Deletions,
    EndOfStream,
    Greeting,
    Limits,
    LineTooLong,
    List,
    LocalProtocolError,
    Noop,
    Offer,
    Pass,
    PlaintextAfterStls,
    ProtocolError,
    Quit,
    RemoteProtocolError,
    Reply,
    ResponseCode,
    Retr,
    Rpop,
    Rset,
    Source,
    Stat,
    State,
    Stls,
    Top,
    Traced,
    TraceRecord,
    UnexpectedEof,
    Unsolicited,
    UnsolicitedReply,
    User,
    Utf8,
)
from pop3_proto.base64 import encode_base64
from tests.core.machines import client_events, client_in, exchange, hear, joined, secured_client

AUTH = ResponseCode(("AUTH",))


def fails_with(conn: ClientConnection, kind: type[ProtocolError], text: str) -> None:
    """The next event is this error, the machine is BROKEN, and it stays with it."""
    with pytest.raises(kind, match=text) as caught:
        conn.next_event()
    assert conn.state is State.BROKEN
    assert conn.failure is caught.value
    with pytest.raises(kind, match=text):
        conn.next_event()
    with pytest.raises(LocalProtocolError, match="open a new connection"):
        conn.send(Noop())


class TestInput:
    @pytest.mark.parametrize("data", [b"+OK\r\n", bytearray(b"+OK\r\n"), memoryview(b"+OK\r\n")])
    def test_any_buffer_is_taken(self, data: bytes | bytearray | memoryview) -> None:
        conn = ClientConnection()
        conn.receive_data(data)
        assert conn.next_event() == Greeting(True, b"")

    def test_a_buffer_may_be_used_again(self) -> None:
        conn, buffer = client_in(State.TRANSACTION), bytearray(b"+OK\r\n")
        conn.send(Noop())
        conn.receive_data(buffer)
        buffer[:] = b"-ERR "
        assert conn.next_event() == Reply(True, b"", command=Noop())

    @pytest.mark.parametrize("state", State)
    @pytest.mark.parametrize("data", [b"", bytearray(), memoryview(b"")])
    def test_no_data_is_not_the_end_of_input(
        self, state: State, data: bytes | bytearray | memoryview
    ) -> None:
        with pytest.raises(ValueError, match="receive_eof"):
            client_in(state).receive_data(data)

    def test_nothing_comes_behind_the_end(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        conn.receive_eof()
        conn.receive_eof()
        with pytest.raises(LocalProtocolError, match="receive_eof"):
            conn.receive_data(b"x")

    @pytest.mark.parametrize("state", [State.CLOSED, State.BROKEN])
    def test_what_comes_when_all_is_over_is_ignored(self, state: State) -> None:
        conn = client_in(state)
        conn.receive_data(b"+OK\r\n")
        conn.receive_eof()
        assert conn.state is state

    def test_events_change_the_state_and_data_does_not(self) -> None:
        conn = ClientConnection()
        conn.receive_data(b"+OK\r\n")
        assert conn.state is State.GREETING
        conn.next_event()
        assert conn.state is State.AUTHORIZATION


class TestGreeting:
    def test_positive(self) -> None:
        conn = ClientConnection()
        assert conn.next_event() is NEED_DATA
        assert hear(conn, b"+OK POP3 ready <1.2@host>\r\n") == [
            Greeting(True, b"POP3 ready <1.2@host>")
        ]
        assert (conn.state, conn.tls) == (State.AUTHORIZATION, False)

    def test_without_a_blank(self) -> None:
        assert hear(ClientConnection(), b"+ok<1.2@host>\r\n") == [Greeting(True, b"<1.2@host>")]

    def test_negative(self) -> None:
        conn = ClientConnection()
        conn.receive_data(b"-ERR [SYS/TEMP] full\r\nand more\r\n")
        code = ResponseCode.of("SYS/TEMP")
        assert conn.next_event() == Greeting(False, b"[SYS/TEMP] full", code)
        assert conn.state is State.CLOSED
        assert conn.next_event() == EndOfStream() == conn.next_event()

    @pytest.mark.parametrize(
        ("line", "text"),
        [
            (b"* OK IMAP4rev1\r\n", "no POP3 server, it speaks IMAP: check host and port"),
            (b"220 smtp\r\n", "it speaks SMTP or FTP"),
            (b"HTTP/1.1 400 Bad Request\r\n", "it speaks HTTP"),
            (b"SSH-2.0-x\r\n", "it speaks SSH"),
            (b"\x16\x03\x01 \n", "it speaks TLS"),
            (b"+ERR no\r\n", r"sent '\+ERR no' where the greeting was due"),
            (b"\r\n", "sent an empty line where the greeting was due"),
        ],
    )
    def test_no_greeting(self, line: bytes, text: str) -> None:
        conn = ClientConnection()
        conn.receive_data(line)
        fails_with(conn, RemoteProtocolError, text)

    def test_other_protocols_are_known_before_their_line_ends(self) -> None:
        conn = ClientConnection()
        assert hear(conn, b"\x15") == []
        conn.receive_data(b"\x03\x03\0\x02\x02\x28")
        fails_with(conn, RemoteProtocolError, "it speaks TLS")

    def test_end_of_input_before_it(self) -> None:
        conn = ClientConnection()
        conn.receive_data(b"+OK he")
        conn.receive_eof()
        fails_with(conn, UnexpectedEof, "ended the connection before the greeting")

    def test_nothing_is_sent_before_it(self) -> None:
        with pytest.raises(LocalProtocolError, match="GREETING: wait for the greeting"):
            ClientConnection().send(Capa())


class TestReplies:
    def test_the_reply_has_the_object_that_was_sent(self) -> None:
        conn = client_in(State.TRANSACTION)
        command = Stat()
        assert conn.send(command) == b"STAT\r\n"
        assert conn.pending == (command,)
        (reply,) = hear(conn, b"+OK 2 320\r\n")
        assert reply == Reply(True, b"2 320", command=command)
        assert isinstance(reply, Reply)
        assert reply.command is command
        assert conn.pending == ()
        assert conn.next_event() is NEED_DATA

    def test_codes_that_are_known_or_announced(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.send(Noop())
        assert hear(conn, b"-ERR [X] a\r\n") == [Reply(False, b"[X] a", command=Noop())]
        conn.send(Noop())
        assert hear(conn, b"-ERR [auth]\r\n") == [Reply(False, b"[auth]", AUTH, command=Noop())]
        conn.capabilities = Capabilities.of("RESP-CODES")
        conn.send(Noop())
        code = ResponseCode(("X",))
        assert hear(conn, b"-ERR [X] a\r\n") == [Reply(False, b"[X] a", code, command=Noop())]

    def test_pipelined_commands_are_answered_in_order(self) -> None:
        conn = client_in(State.TRANSACTION)
        commands = [Stat(), Retr(1), Dele(1), Retr(2), Noop()]
        assert (
            b"".join(map(conn.send, commands)) == b"STAT\r\nRETR 1\r\nDELE 1\r\nRETR 2\r\nNOOP\r\n"
        )
        assert conn.pending == tuple(commands)
        assert conn.owed == len(commands)
        events = hear(conn, b"+OK 1 3\r\n+OK\r\na\r\n.\r\n+OK gone\r\n-ERR no\r\n+OK\r\n")
        assert events == [
            Reply(True, b"1 3", command=Stat()),
            Reply(True, b"", command=Retr(1)),
            BodyChunk(b"a\r\n"),
            BodyEnd(),
            Reply(True, b"gone", command=Dele(1)),
            Reply(False, b"no", command=Retr(2)),
            Reply(True, b"", command=Noop()),
        ]
        assert (conn.pending, conn.marked) == ((), {1})

    @pytest.mark.parametrize(
        "line",
        [
            b"OK\r\n",
            b"+OKAY\r\n",
            b"+ challenge\r\n",
            b"+\r\n",
            b"-ERROR\r\n",
            b".\r\n",
            b"* OK\r\n",
        ],
    )
    def test_what_is_no_reply(self, line: bytes) -> None:
        conn = client_in(State.TRANSACTION)
        conn.send(Retr(5))
        conn.receive_data(line)
        fails_with(conn, RemoteProtocolError, "sent .+ where the reply to RETR 5 was due")

    def test_of_what_is_no_reply_only_the_beginning_is_quoted(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.receive_data(b"x" * 80 + b"y" * 5000 + b"\r\n")
        fails_with(conn, RemoteProtocolError, f"sent '{'x' * 80}' where")

    def test_what_is_no_reply_to_a_password_may_repeat_it(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        exchange(conn, User("alice"))
        conn.send(Pass("hunter2"))
        conn.receive_data(b"PASS hunter2\r\n-ERR no\r\n")
        fails_with(conn, RemoteProtocolError, "sent something that may repeat the password, .*PASS")
        assert "hunter2" not in str(conn.failure)

    @pytest.mark.parametrize("end", [b"\r\n", b"\n"])
    def test_what_comes_behind_a_refused_password_may_repeat_it(self, end: bytes) -> None:
        conn = client_in(State.AUTHORIZATION)
        exchange(conn, User("alice"))
        conn.send(Pass("hunter2"))
        hear(conn, b"-ERR hunter2 is wrong\r\n")
        conn.receive_data(b"hunter2 hunter2" + end)
        fails_with(conn, RemoteProtocolError, r"'\*\*\* \*\*\*")

    def test_a_reply_that_repeats_the_password(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        exchange(conn, User("alice"))
        conn.send(Pass("OK"))
        assert hear(conn, b"-ERR OK is not OK\r\n") == [
            Reply(False, b"*** is not ***", command=Pass("OK"))
        ]
        conn.send(User("OK"))
        assert hear(conn, b"+OK so\r\n") == [Reply(True, b"so", command=User("OK"))]

    def test_a_secret_of_a_command_of_ones_own(self) -> None:
        class Xkey(Command[object]):
            verb = "XKEY"
            states = frozenset({State.AUTHORIZATION})

            def arguments(self) -> tuple[bytes, ...]:
                return (b"hunter2",)

            secrets = arguments

        conn, command = client_in(State.AUTHORIZATION), Xkey()
        conn.send(command)
        conn.send(Capa())
        assert hear(conn, b"+OK hunter2\r\n-ERR hunter2\r\n") == [
            Reply(True, b"***", command=command),
            Reply(False, b"hunter2", command=Capa()),
        ]

    def test_what_is_no_reply_to_nothing(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.receive_data(b"hello\x1b[2J\r\n")
        fails_with(conn, RemoteProtocolError, r"sent 'hello\S+\[2J' where a reply was due")

    def test_login_and_quit(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        exchange(conn, User("alice"))
        conn.send(Pass("wrong"))
        assert hear(conn, b"-ERR [AUTH] no\r\n") == [
            Reply(False, b"[AUTH] no", AUTH, command=Pass("wrong"))
        ]
        assert conn.state is State.AUTHORIZATION
        exchange(conn, User("alice"), Pass("secret"))
        assert conn.state is State.TRANSACTION
        exchange(conn, Quit())
        assert conn.state is State.CLOSED
        assert conn.next_event() == EndOfStream()


class TestLegality:
    @pytest.mark.parametrize(
        "barrier",
        [Pass("x"), Rpop("x"), Apop("x", b"0"), Auth(), Auth("PLAIN"), Stls(), Quit()],
    )
    def test_nothing_follows_what_servers_lose_commands_behind(
        self, barrier: Command[object]
    ) -> None:
        conn = client_in(State.AUTHORIZATION)
        exchange(conn, User("alice"))
        conn.send(barrier)
        for command in (Capa(), User("x"), Pass("x"), Stls(), Quit()):
            with pytest.raises(LocalProtocolError, match=f"the reply to {barrier.verb} is due"):
                conn.send(command)
        assert conn.pending == (barrier,)

    def test_quit_is_the_last(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.send(Retr(1))
        conn.send(Quit())
        with pytest.raises(LocalProtocolError, match="the reply to QUIT is due"):
            conn.send(Noop())

    def test_user_and_pass_go_together(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        conn.send(User("alice"))
        conn.send(Pass("secret"))
        hear(conn, b"+OK\r\n+OK\r\n")
        assert conn.state is State.TRANSACTION

    def test_pass_goes_nowhere_without_user(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        with pytest.raises(LocalProtocolError, match="PASS is not allowed yet: send USER first"):
            conn.send(Pass("secret"))
        conn.send(Capa())
        with pytest.raises(LocalProtocolError, match="send USER first"):
            conn.send(Pass("secret"))

    @pytest.mark.parametrize("reply", [b"+OK\r\n", b"-ERR\r\n"])
    def test_a_refused_login_needs_user_again(self, reply: bytes) -> None:
        conn = client_in(State.AUTHORIZATION)
        conn.send(User("alice"))
        hear(conn, reply)
        if reply == b"+OK\r\n":
            conn.send(Pass("wrong"))
            hear(conn, b"-ERR\r\n")
        with pytest.raises(LocalProtocolError, match="send USER first"):
            conn.send(Pass("secret"))

    def test_a_command_that_is_refused_here_changes_nothing(self) -> None:
        conn = client_in(State.TRANSACTION)
        for command in (Retr(0), User("a"), Top(1, -1), Stls()):
            with pytest.raises(LocalProtocolError):
                conn.send(command)
        assert (conn.state, conn.pending, conn.failure) == (State.TRANSACTION, (), None)
        conn.send(Noop())
        assert hear(conn, b"+OK\r\n") == [Reply(True, b"", command=Noop())]

    def test_a_command_out_of_place_says_what_to_do(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        with pytest.raises(LocalProtocolError) as caught:
            conn.send(Retr(1))
        assert str(caught.value) == (
            "cannot send RETR: "
            "RETR is not allowed in AUTHORIZATION: log in with USER and PASS, APOP or AUTH first"
        )

    def test_long_commands_where_the_limit_was_raised(self) -> None:
        command = User("x" * 300)
        with pytest.raises(LocalProtocolError, match=r"Limits\.command_out"):
            client_in(State.AUTHORIZATION).send(command)
        conn = client_in(State.AUTHORIZATION, limits=Limits(command_out=400))
        assert len(conn.send(command)) == 307


class TestBodies:
    def test_a_body_is_streamed(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.send(Retr(1))
        assert hear(conn, b"+OK 5 octets\r\n") == [Reply(True, b"5 octets", command=Retr(1))]
        assert conn.in_body
        assert hear(conn, b"..a\r\nb") == [BodyChunk(b".a\r\nb")]
        assert conn.pending == (Retr(1),)
        assert hear(conn, b"\r\n.") == []
        assert not conn.body_read
        conn.receive_data(b"\r\n")
        assert conn.next_event() == BodyChunk(b"\r\n")
        assert conn.body_read
        assert conn.next_event() == BodyEnd()
        assert (conn.pending, conn.in_body, conn.body_read) == ((), False, False)

    def test_an_empty_body(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.send(List())
        assert hear(conn, b"+OK\r\n.\r\n") == [Reply(True, b"", command=List()), BodyEnd()]

    @pytest.mark.parametrize(
        ("command", "reply"),
        [(List(1), b"+OK 1 120\r\n"), (Retr(1), b"-ERR\r\n"), (Noop(), b"+OK\r\n")],
    )
    def test_no_body(self, command: Command[object], reply: bytes) -> None:
        conn = client_in(State.TRANSACTION)
        conn.send(command)
        assert len(hear(conn, reply)) == 1
        assert conn.pending == ()

    def test_octets_pass_as_they_are(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.send(Retr(1))
        body = b"\0\x80\xff\r\rx\n\n.\n+OK\n\r\n" + b"x" * 70_000 + b"\r\n"
        assert joined(hear(conn, b"+OK\r\n" + body + b".\r\n")) == body

    @pytest.mark.parametrize("cut_off", [False, True])
    def test_an_end_of_input_that_may_be_somebody_elses_doing(self, cut_off: bool) -> None:
        conn = client_in(State.TRANSACTION)
        _ = conn.send(Retr(1))
        conn.receive_data(b"+OK\r\nhalf of it\r\n")
        conn.receive_eof(cut_off=cut_off)
        conn.receive_eof(cut_off=not cut_off)
        while isinstance(conn.next_event(), Reply):
            pass
        with pytest.raises(UnexpectedEof, match="incomplete") as caught:
            _ = conn.next_event()
        assert caught.value.cut_off is cut_off
        assert ("without ending TLS" in str(caught.value)) is cut_off

    def test_end_of_input_within_a_body(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.send(Retr(1))
        conn.send(Noop())
        assert joined(hear(conn, b"+OK\r\nabc\r\n.")) == b"abc"
        conn.receive_eof()
        fails_with(conn, UnexpectedEof, "after 3 octets of the response to RETR 1")
        assert isinstance(conn.failure, UnexpectedEof)
        assert conn.failure.pending == (Retr(1), Noop())

    @pytest.mark.parametrize(
        ("command", "limits"),
        [
            (Retr(1), Limits(message=9)),
            (Top(1, 1), Limits(message=9)),
            (List(), Limits(listing=9)),
            (Capa(), Limits(capabilities=9)),
        ],
    )
    @pytest.mark.parametrize("size", [1, 4, 100])
    def test_too_large(self, command: Command[object], limits: Limits, size: int) -> None:
        conn = client_in(State.TRANSACTION, limits=limits)
        conn.send(command)
        for _ in range(2):
            assert hear(conn, b"+OK\r\n1234567\r\n.\r\n")[-1] == BodyEnd()
            conn.send(command)
        hear(conn, b"+OK\r\n")
        body = b"1234567890"
        error = [hear(conn, body[at : at + size]) for at in range(0, len(body), size)][-1][-1]
        assert isinstance(error, BodyTooLarge)
        assert (error.command, error.limit) == (str(command), 9)
        fails_with(conn, BodyTooLarge, "more than 9 octets")


class TestLines:
    def test_the_longest_line(self) -> None:
        conn = client_in(State.TRANSACTION, limits=Limits(line=20))
        conn.send(Noop())
        line = b"+OK 12345678901234\r\n"
        assert hear(conn, line) == [Reply(True, line[4:-2], command=Noop())]

    @pytest.mark.parametrize("parts", [[b"+OK 123456789012345\r\n"], [b"+OK ", b"x" * 17]])
    def test_too_long(self, parts: list[bytes]) -> None:
        conn = client_in(State.TRANSACTION, limits=Limits(line=20))
        conn.send(Noop())
        for part in parts[:-1]:
            assert hear(conn, part) == []
        conn.receive_data(parts[-1])
        fails_with(conn, LineTooLong, "more than 20 octets")

    def test_a_line_within_a_message_has_no_limit(self) -> None:
        conn = client_in(State.TRANSACTION, limits=Limits(line=20))
        conn.send(Retr(1))
        assert len(joined(hear(conn, b"+OK\r\n" + b"x" * 10_000 + b"\r\n.\r\n"))) == 10_002

    @pytest.mark.parametrize("line", [b"+OK\n", b"+OK a\nb\r\n"])
    def test_bare_lf_from_a_server_that_sends_crlf(self, line: bytes) -> None:
        conn = client_in(State.TRANSACTION)
        conn.send(Noop())
        conn.receive_data(line)
        fails_with(conn, RemoteProtocolError, "bare LF")

    def test_a_server_that_sends_lf(self) -> None:
        conn = ClientConnection()
        assert hear(conn, b"+OK hello\n") == [Greeting(True, b"hello")]
        for command in (User("a"), Pass("b")):
            conn.send(command)
            assert hear(conn, b"+OK\n") == [Reply(True, b"", command=command)]
        conn.send(Retr(1))
        assert joined(hear(conn, b"+OK\na\r\n.\r\n\n..b\n.\n")) == b"a\r\n.\r\n\n.b\n"
        assert conn.pending == ()

    def test_lf_is_left_for_good_at_the_first_crlf(self) -> None:
        conn = ClientConnection()
        hear(conn, b"+OK hello\n")
        exchange(conn, User("a"))
        conn.send(Capa())
        hear(conn, b"+OK\r\nTOP\n.\n\r\n.\r\n")
        conn.send(User("b"))
        conn.receive_data(b"+OK\n")
        fails_with(conn, RemoteProtocolError, "bare LF")

    def test_end_of_line_is_learnt_again_inside_tls(self) -> None:
        conn = client_in(State.TLS_HANDSHAKE)
        conn.tls_started()
        conn.send(Capa())
        assert hear(conn, b"+OK\nTOP\n.\n") == [
            Reply(True, b"", command=Capa()),
            BodyChunk(b"TOP\n"),
            BodyEnd(),
        ]

    def test_mail_cannot_end_itself_and_answer_for_the_server(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.send(Retr(1))
        conn.send(Dele(1))
        body = b"hello\n.\n+OK deleted\n.\r\nx\r\n"
        events = hear(conn, b"+OK\r\n" + body + b".\r\n-ERR no\r\n")
        assert joined(events) == body
        assert events[-1] == Reply(False, b"no", command=Dele(1))


class TestBlankLines:
    def test_one_is_skipped_before_each_reply(self) -> None:
        conn = client_in(State.TRANSACTION)
        for _ in range(3):
            conn.send(Noop())
            assert hear(conn, b"\r\n+OK\r\n") == [Reply(True, b"", command=Noop())]
        assert conn.blank_lines == 3

    def test_two_are_too_many(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.send(Dele(5))
        assert hear(conn, b"\r\n") == []
        conn.receive_data(b"\r\n")
        fails_with(
            conn, RemoteProtocolError, "sent an empty line where the reply to DELE 5 was due"
        )

    def test_so_many_in_a_session(self) -> None:
        conn = client_in(State.TRANSACTION, limits=Limits(blank_lines=2))
        for _ in range(2):
            conn.send(Noop())
            hear(conn, b"\r\n+OK\r\n")
        conn.send(Noop())
        conn.receive_data(b"\r\n+OK\r\n")
        fails_with(conn, RemoteProtocolError, "sent an empty line where the reply to NOOP was due")

    def test_silence_behind_one_breaks_the_connection(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.send(Dele(5))
        hear(conn, b"\r\n")
        text = "the server sent an empty line where the reply to DELE 5 was due"
        assert conn.silence() == text
        fails_with(conn, ProtocolError, text)
        assert conn.marked == set()

    def test_silence_breaks_nothing_by_itself(self) -> None:
        conn = ClientConnection()
        assert conn.silence() == "the greeting was due"
        conn = client_in(State.TRANSACTION)
        assert conn.silence() == "a reply was due"
        conn.send(Retr(1))
        assert conn.silence() == "the reply to RETR 1 was due"
        hear(conn, b"+OK\r\nabc")
        assert conn.silence() == "the rest of the response to RETR 1 was due"
        assert conn.state is State.TRANSACTION


class TestUnsolicited:
    def test_where_nothing_is_pending(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.receive_data(b"-ERR [SYS/TEMP] going down\r\n+OK\r\n")
        code = ResponseCode.of("SYS/TEMP")
        assert conn.next_event() == Unsolicited(False, b"[SYS/TEMP] going down", code)
        assert conn.state is State.BROKEN
        fails_with(conn, UnsolicitedReply, "nobody asked for: -ERR .SYS/TEMP. going down")

    @pytest.mark.parametrize("early", [b"+", b"+OK", b"+OK\r", b"+OK\r\n"])
    def test_what_had_begun_before_the_command_is_not_its_reply(self, early: bytes) -> None:
        conn = client_in(State.TRANSACTION)
        conn.receive_data(early)
        conn.send(Dele(1))
        assert hear(conn, b"+OK\r\n-ERR\r\n"[len(early) :])[0] == Unsolicited(True, b"")
        assert conn.state is State.BROKEN
        assert conn.marked == set()

    def test_one_reply_too_many_to_a_pipeline(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.send(Noop())
        conn.send(Stat())
        events = hear(conn, b"+OK\r\n+OK 1 1\r\n+OK early\r\n")
        assert events[:3] == [
            Reply(True, b"", command=Noop()),
            Reply(True, b"1 1", command=Stat()),
            Unsolicited(True, b"early"),
        ]
        assert isinstance(events[3], UnsolicitedReply)

    def test_a_reply_to_the_second_of_two_that_came_before_it_was_sent(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.send(Noop())
        conn.receive_data(b"+OK\r\n+OK 9 9\r\n")
        conn.send(Stat())
        assert client_events(conn)[:2] == [
            Reply(True, b"", command=Noop()),
            Unsolicited(True, b"9 9"),
        ]

    def test_an_empty_line_while_nothing_is_due_takes_nobodys_allowance(self) -> None:
        conn = client_in(State.TRANSACTION)
        assert hear(conn, b"\r\n\r\n") == []
        line = conn.send(Noop())
        assert "empty line" not in conn.silence()
        assert line
        assert hear(conn, b"\r\n+OK\r\n") == [Reply(True, b"", command=Noop())]
        assert hear(conn, b"\r\n" * 13) == []
        conn.receive_data(b"\r\n")
        fails_with(conn, RemoteProtocolError, "an empty line where a reply was due")


class TestAuth:
    """RFC 5034, section 4."""

    @staticmethod
    def challenged(line: bytes = b"+ \r\n", *, limits: Limits | None = None) -> ClientConnection:
        conn = client_in(State.AUTHORIZATION, limits=limits)
        conn.send(Auth("CRAM-MD5"))
        (challenge,) = hear(conn, line)
        assert isinstance(challenge, Challenge)
        return conn

    def test_a_server_that_speaks_first(self) -> None:
        conn, command = client_in(State.AUTHORIZATION), Auth("CRAM-MD5")
        assert conn.send(command) == b"AUTH CRAM-MD5\r\n"
        assert (conn.state, conn.challenged) == (State.AUTHORIZATION, False)
        assert hear(conn, b"+ PDFAaG9zdD4=\r\n") == [Challenge(b"<1@host>")]
        assert (conn.state, conn.challenged) == (State.AUTHENTICATING, True)
        assert conn.next_event() is PAUSED
        assert conn.pending == (command,)
        assert conn.respond(b"alice 0", last=True) == b"YWxpY2UgMA==\r\n"
        assert conn.challenged is False
        assert conn.next_event() is NEED_DATA
        assert hear(conn, b"+OK\r\n") == [Reply(True, b"", command=command)]
        assert (conn.state, conn.pending) == (State.TRANSACTION, ())

    def test_an_initial_response_that_is_all(self) -> None:
        conn, command = client_in(State.AUTHORIZATION), Auth("PLAIN", b"\0a\0b", last=True)
        assert conn.send(command) == b"AUTH PLAIN AGEAYg==\r\n"
        assert hear(conn, b"+OK\r\n") == [Reply(True, b"", command=command)]
        assert conn.state is State.TRANSACTION

    def test_an_initial_response_that_is_empty(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        assert conn.send(Auth("EXTERNAL", b"", last=True)) == b"AUTH EXTERNAL =\r\n"

    def test_a_later_response_that_is_empty(self) -> None:
        conn = self.challenged()
        assert conn.respond(b"", last=True) == b"\r\n"
        assert len(hear(conn, b"+OK\r\n")) == 1

    def test_success_is_none_before_the_mechanism_has_said_all(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        conn.send(Auth("SCRAM-SHA-1", b"n,,n=a,r=b"))
        assert hear(conn, b"+OK\r\n") == [Challenge(b"", irregular=True)]
        assert (conn.state, conn.challenged) == (State.AUTHENTICATING, True)
        conn.respond(b"", last=False)
        assert hear(conn, b"+OK dj0x\r\n") == [Challenge(b"v=1", irregular=True)]
        conn.respond(b"", last=True)
        assert len(hear(conn, b"+OK\r\n")) == 1
        assert conn.state is State.TRANSACTION

    def test_a_challenge_behind_what_was_the_last(self) -> None:
        conn = self.challenged()
        conn.respond(b"", last=True)
        assert hear(conn, b"+ AAAA\r\n") == [Challenge(b"\0\0\0")]
        assert conn.challenged

    def test_a_challenge_that_is_no_base64_is_cancelled_by_the_caller(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        command = Auth("CRAM-MD5")
        conn.send(command)
        assert hear(conn, b"+ AAA\r\n") == [Challenge(None)]
        assert conn.cancel() == b"*\r\n"
        assert (conn.challenged, conn.state) == (False, State.AUTHENTICATING)
        assert hear(conn, b"-ERR cancelled\r\n") == [Reply(False, b"cancelled", command=command)]
        assert conn.state is State.AUTHORIZATION
        exchange(conn, User("alice"), Pass("secret"))

    def test_a_login_that_was_cancelled(self) -> None:
        conn = self.challenged()
        conn.cancel()
        conn.receive_data(b"+OK\r\n")
        fails_with(conn, RemoteProtocolError, "logged in although AUTH was cancelled")

    def test_a_challenge_behind_a_cancellation(self) -> None:
        conn = self.challenged()
        conn.cancel()
        conn.receive_data(b"+ AAAA\r\n")
        fails_with(conn, RemoteProtocolError, "where the reply to AUTH CRAM-MD5 was due")

    @pytest.mark.parametrize("at_once", [False, True])
    def test_refused(self, at_once: bool) -> None:
        conn = client_in(State.AUTHORIZATION)
        conn.send(Auth("PLAIN"))
        if not at_once:
            hear(conn, b"+ \r\n")
            conn.respond(b"x", last=True)
        assert hear(conn, b"-ERR [AUTH] no\r\n") == [
            Reply(False, b"[AUTH] no", AUTH, command=Auth("PLAIN"))
        ]
        assert conn.state is State.AUTHORIZATION
        conn.send(Auth("PLAIN"))

    @pytest.mark.parametrize("state", State)
    def test_nothing_is_answered_where_no_challenge_waits(self, state: State) -> None:
        conn = client_in(state)
        if state is State.AUTHENTICATING:
            conn.respond(b"", last=True)
        with pytest.raises(LocalProtocolError, match="cannot respond: no challenge of AUTH waits"):
            conn.respond(b"", last=True)
        with pytest.raises(LocalProtocolError, match="cannot cancel: no challenge of AUTH waits"):
            conn.cancel()
        assert conn.state is state

    def test_nothing_is_answered_on_a_connection_that_was_given_up(self) -> None:
        conn = self.challenged()
        conn.abort("the network is gone")
        with pytest.raises(LocalProtocolError, match=r"cannot respond: .*\(the network is gone\)"):
            conn.respond(b"", last=True)

    @pytest.mark.parametrize("command", [Quit(), Capa(), Noop(), Auth("PLAIN"), User("a")])
    def test_no_command_inside_it(self, command: Command[object]) -> None:
        conn = self.challenged()
        with pytest.raises(LocalProtocolError, match="inside AUTH: respond or cancel first"):
            conn.send(command)
        conn.respond(b"", last=False)
        with pytest.raises(LocalProtocolError, match="the reply to AUTH is due"):
            conn.send(command)
        assert (conn.state, conn.pending) == (State.AUTHENTICATING, (Auth("CRAM-MD5"),))

    @pytest.mark.parametrize("command", [Auth(), Noop(), User("x")])
    def test_a_challenge_without_an_exchange(self, command: Command[object]) -> None:
        conn = client_in(next(iter(command.states)))
        conn.send(command)
        conn.receive_data(b"+ AAAA\r\n")
        fails_with(conn, RemoteProtocolError, f"where the reply to {command} was due")

    def test_a_challenge_that_nobody_asked_for(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        conn.receive_data(b"+ AAAA\r\n")
        conn.send(Auth("PLAIN"))
        fails_with(conn, RemoteProtocolError, r"where the reply to AUTH PLAIN was due")

    def test_what_came_before_the_response_is_no_reply_to_it(self) -> None:
        conn = self.challenged(b"+ \r\n+OK\r\n"[:4])
        conn.receive_data(b"+OK early\r\n")
        conn.respond(b"x", last=True)
        assert client_events(conn)[0] == Unsolicited(True, b"early")

    def test_the_mechanisms(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        conn.send(Auth())
        assert hear(conn, b"+OK\r\nPLAIN\r\n.\r\n") == [
            Reply(True, b"", command=Auth()),
            BodyChunk(b"PLAIN\r\n"),
            BodyEnd(),
        ]
        assert conn.state is State.AUTHORIZATION
        conn.send(Auth())
        assert hear(conn, b"-ERR\r\n") == [Reply(False, b"", command=Auth())]
        assert conn.state is State.AUTHORIZATION

    def test_behind_another_command(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        conn.send(User("alice"))
        conn.send(Auth("X", b"", last=False))
        assert hear(conn, b"+OK fine\r\n+ AAAA\r\n") == [
            Reply(True, b"fine", command=User("alice")),
            Challenge(b"\0\0\0"),
        ]
        conn.respond(b"", last=True)
        assert hear(conn, b"-ERR\r\n") == [Reply(False, b"", command=Auth("X", b""))]
        assert conn.state is State.AUTHORIZATION

    def test_a_challenge_in_place_of_the_reply_to_another_command(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        conn.send(User("alice"))
        conn.send(Auth("X"))
        conn.receive_data(b"+ AAAA\r\n")
        fails_with(conn, RemoteProtocolError, "where the reply to USER alice was due")

    def test_too_many_challenges(self) -> None:
        conn = client_in(State.AUTHORIZATION, limits=Limits(challenges=2))
        conn.send(Auth("X"))
        for _ in range(2):
            hear(conn, b"+ \r\n")
            conn.respond(b"", last=False)
        conn.receive_data(b"+ \r\n")
        fails_with(conn, RemoteProtocolError, "more than 2 challenges in one AUTH")

    def test_its_lines_may_be_long(self) -> None:
        limits = Limits(line=20, sasl=400)
        longest = b"+ " + b"A" * 396 + b"\r\n"
        conn = self.challenged(longest, limits=limits)
        conn.respond(b"", last=False)
        conn.receive_data(longest.replace(b"\r\n", b"AAAA\r\n"))
        fails_with(conn, LineTooLong, "more than 400 octets")

    def test_tokens_of_64_kib_pass_by_default(self) -> None:
        token = bytes(64 * 1024)
        conn = self.challenged(b"+ " + encode_base64(token) + b"\r\n")
        assert conn.respond(token, last=True) == encode_base64(token) + b"\r\n"

    def test_only_its_lines_may_be_long(self) -> None:
        conn = self.challenged(limits=Limits(line=20, sasl=400))
        conn.respond(b"", last=True)
        hear(conn, b"-ERR " + b"x" * 100 + b"\r\n")
        conn.send(User("alice"))
        conn.receive_data(b"-ERR " + b"x" * 100 + b"\r\n")
        fails_with(conn, LineTooLong, "more than 20 octets")

    def test_a_response_that_is_too_long(self) -> None:
        conn = self.challenged(limits=Limits(sasl=10))
        with pytest.raises(LocalProtocolError, match=r"Limits\.sasl"):
            conn.respond(b"x" * 7, last=True)
        assert conn.challenged
        assert conn.respond(b"x" * 6, last=True) == b"eHh4eHh4\r\n"

    @pytest.mark.parametrize("answered", [False, True])
    def test_end_of_input(self, answered: bool) -> None:
        conn = self.challenged()
        if answered:
            conn.respond(b"", last=True)
        conn.receive_eof()
        fails_with(conn, UnexpectedEof, "AUTH CRAM-MD5 was due, as some servers do where a passw")

    def test_a_blank_line_in_place_of_a_challenge(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        conn.send(Auth("PLAIN"))
        assert hear(conn, b"\r\n") == []
        assert hear(conn, b"+ \r\n") == [Challenge(b"")]
        conn.respond(b"", last=True)
        assert "empty line" not in conn.silence()
        assert hear(conn, b"\r\n-ERR\r\n") == [Reply(False, b"", command=Auth("PLAIN"))]

    def test_replies_do_not_repeat_what_was_said(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        conn.send(Auth("PLAIN", b"\0a\0hunter2"))
        hear(conn, b"+ \r\n")
        conn.respond(b"hunter3", last=True)
        repeated = b"-ERR AGEAaHVudGVyMg== aHVudGVyMw== hunter3 are wrong\r\n"
        (reply,) = hear(conn, repeated)
        assert isinstance(reply, Reply)
        assert reply.octets == b"*** *** *** are wrong"

    def test_nor_parts_of_it_in_any_case(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        conn.send(Auth("PLAIN", b"\0al\0Hunter2", last=True))
        (reply,) = hear(conn, b"-ERR al AGFSAEH1BNRLCJI= HUNTER2 hunter2 x\r\n")
        assert isinstance(reply, Reply)
        assert reply.octets == b"al *** *** *** x"

    def test_apop(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        exchange(conn, Apop("alice", b"0123"))
        assert conn.state is State.TRANSACTION


class TestWhatIsKnown:
    def test_offers(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        assert conn.offer("TOP") is Offer.UNKNOWN
        conn.capabilities = Capabilities.of("TOP")
        assert conn.offer("top") is Offer.OFFERED
        assert conn.offer("UIDL") is Offer.NOT_OFFERED

    def test_where_it_comes_from(self) -> None:
        assert client_in(State.AUTHORIZATION).source is Source.PLAINTEXT
        assert client_in(State.TRANSACTION).source is Source.LOGIN
        conn = secured_client()
        assert conn.source is Source.TLS
        exchange(conn, User("alice"), Pass("secret"))
        assert conn.source is Source.LOGIN

    def test_no_timestamp(self) -> None:
        assert ClientConnection().timestamp is None
        assert client_in(State.AUTHORIZATION).timestamp is None

    def test_a_timestamp_that_was_said_in_plaintext_stays_untrusted(self) -> None:
        conn = ClientConnection()
        hear(conn, b"+OK ready <1.2@host> <3@x>\r\n")
        assert (conn.timestamp, conn.timestamp_trusted) == (b"<1.2@host>", False)
        exchange(conn, Stls())
        conn.tls_started()
        assert (conn.timestamp, conn.timestamp_trusted) == (b"<1.2@host>", False)

    def test_a_timestamp_inside_tls(self) -> None:
        conn = ClientConnection()
        conn.tls_started()
        hear(conn, b"+OK<1.2@host>\r\n")
        assert (conn.timestamp, conn.timestamp_trusted) == (b"<1.2@host>", True)

    def test_a_timestamp_is_kept_octet_for_octet(self) -> None:
        conn = ClientConnection()
        hear(conn, b"-ERR no <a b\xff>\r\n")
        assert conn.timestamp == b"<a b\xff>"


class TestUtf8:
    def test_it_is_said_before_the_login(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        assert conn.utf8 is False
        exchange(conn, Utf8())
        assert conn.utf8
        with pytest.raises(LocalProtocolError, match="belongs before the login"):
            client_in(State.TRANSACTION).send(Utf8())

    def test_it_is_said_behind_stls(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        conn.send(Utf8())
        with pytest.raises(LocalProtocolError, match="STLS is not allowed behind UTF8"):
            conn.send(Stls())
        hear(conn, b"-ERR\r\n")
        exchange(conn, Stls())
        conn.tls_started()
        exchange(conn, Utf8())
        assert conn.utf8


class TestTrace:
    @staticmethod
    def traced(limits: Limits | None = None) -> tuple[ClientConnection, list[TraceRecord]]:
        records: list[TraceRecord] = []
        conn = ClientConnection(limits=limits, trace=records.append)
        hear(conn, b"+OK hello\r\n")
        assert records == [TraceRecord(Traced.RECEIVED, b"+OK hello\r\n")]
        records.clear()
        return conn, records

    def test_a_login(self) -> None:
        conn, records = self.traced()
        exchange(conn, User("alice"))
        conn.send(Pass("hunter2"))
        hear(conn, b"+OK hunter2 is right\r\n")
        assert records == [
            TraceRecord(Traced.SENT, b"USER alice\r\n"),
            TraceRecord(Traced.RECEIVED, b"+OK\r\n", ends=True),
            TraceRecord(Traced.SENT, b"PASS ***\r\n"),
            TraceRecord(Traced.RECEIVED, b"+OK *** is right\r\n", ends=True),
        ]

    @pytest.mark.parametrize("line", [b"hunter2\r\n", b"hunter2 x\n", b"+ hunter2\r\n"])
    def test_what_is_no_reply_to_a_password(self, line: bytes) -> None:
        conn, records = self.traced()
        exchange(conn, User("alice"))
        conn.send(Pass("hunter2"))
        hear(conn, line)
        assert records[-1] == TraceRecord(Traced.RECEIVED, line.replace(b"hunter2", b"***"))

    def test_the_reply_to_user_may_repeat_the_password_that_is_under_way(self) -> None:
        conn, records = self.traced()
        conn.send(User("alice"))
        conn.send(Pass("hunter2"))
        events = hear(conn, b"+OK hunter2\r\n-ERR hunter2\r\n")
        assert [event.octets for event in events if isinstance(event, Reply)] == [b"***", b"***"]
        assert [record.octets for record in records[2:]] == [b"+OK ***\r\n", b"-ERR ***\r\n"]

    def test_what_is_an_indicator_is_no_secret(self) -> None:
        conn, records = self.traced()
        exchange(conn, User("alice"))
        conn.send(Pass("OK"))
        hear(conn, b"+OK\r\n")
        assert records[-1] == TraceRecord(Traced.RECEIVED, b"+OK\r\n", ends=True)

    def test_auth(self) -> None:
        conn, records = self.traced()
        conn.send(Auth("X", b"hunter2"))
        for line in (b"+ aHVudGVyMg==\r\n", b"+\r\n", b"+ hunter2\r\n", b"+OK hunter2\r\n"):
            hear(conn, line)
            conn.respond(b"", last=False)
        hear(conn, b"+\r\n")
        conn.respond(b"hunter2", last=True)
        hear(conn, b"+ \r\n")
        conn.cancel()
        hear(conn, b"-ERR hunter2\r\n")
        assert records == [
            TraceRecord(Traced.SENT, b"AUTH X Kioq\r\n"),
            TraceRecord(Traced.RECEIVED, b"+ Kioq\r\n"),
            TraceRecord(Traced.SENT, b"\r\n"),
            TraceRecord(Traced.RECEIVED, b"+ \r\n"),
            TraceRecord(Traced.SENT, b"\r\n"),
            TraceRecord(Traced.RECEIVED, b"+ ***\r\n"),
            TraceRecord(Traced.SENT, b"\r\n"),
            TraceRecord(Traced.RECEIVED, b"+OK ***\r\n"),
            TraceRecord(Traced.SENT, b"\r\n"),
            TraceRecord(Traced.RECEIVED, b"+ \r\n"),
            TraceRecord(Traced.SENT, b"Kioq\r\n", last=True),
            TraceRecord(Traced.RECEIVED, b"+ \r\n"),
            TraceRecord(Traced.SENT, b"*\r\n"),
            TraceRecord(Traced.RECEIVED, b"-ERR ***\r\n", ends=True),
        ]

    def test_whether_an_initial_response_is_the_last(self) -> None:
        conn, records = self.traced()
        conn.send(Auth("X", b"", last=True))
        assert records == [TraceRecord(Traced.SENT, b"AUTH X =\r\n", last=True)]

    def test_bodies_in_the_pieces_that_are_used(self) -> None:
        conn, records = self.traced()
        exchange(conn, User("alice"), Pass("x"))
        records.clear()
        conn.send(Retr(1))
        hear(conn, b"+OK\r\nab")
        hear(conn, b"c\r\n.\r\n")
        assert records == [
            TraceRecord(Traced.SENT, b"RETR 1\r\n"),
            TraceRecord(Traced.RECEIVED, b"+OK\r\n"),
            TraceRecord(Traced.RECEIVED, b"ab", body=True),
            TraceRecord(Traced.RECEIVED, b"c\r\n.\r\n", body=True, ends=True),
        ]

    def test_where_responses_end_that_were_asked_for_together(self) -> None:
        conn, records = self.traced()
        exchange(conn, User("alice"), Pass("x"))
        records.clear()
        for command in (Retr(1), Retr(2), Stat(), Noop()):
            conn.send(command)
        hear(conn, b"+OK\r\n.\r\n-ERR\r\n\r\n+OK 0 0\r\n+ok\r\n")
        assert [(record.octets, record.ends) for record in records[4:]] == [
            (b"+OK\r\n", False),
            (b".\r\n", True),
            (b"-ERR\r\n", True),
            (b"\r\n", False),
            (b"+OK 0 0\r\n", True),
            (b"+ok\r\n", True),
        ]

    @pytest.mark.parametrize("line", [b"+OK\n", b"+OK\r\r\n", b"+OK " + b"x" * 20 + b"\r\n"])
    def test_no_response_ends_with_what_breaks_the_connection(self, line: bytes) -> None:
        conn, records = self.traced(Limits(line=20))
        conn.send(User("alice"))
        hear(conn, line)
        assert conn.failure
        assert records[-1] == TraceRecord(Traced.RECEIVED, line)

    def test_no_response_ends_with_what_nobody_asked_for(self) -> None:
        conn, records = self.traced()
        conn.receive_data(b"+OK\r\n")
        conn.send(User("alice"))
        assert isinstance(conn.next_event(), Unsolicited)
        assert records[-1] == TraceRecord(Traced.RECEIVED, b"+OK\r\n")

    @pytest.mark.parametrize("end", [b"", b"\r\n"])
    def test_a_line_that_is_too_long(self, end: bytes) -> None:
        conn, records = self.traced(Limits(line=20))
        line = b"+OK " + b"x" * 20 + end
        conn.send(Capa())
        hear(conn, line)
        assert records[1:] == [TraceRecord(Traced.RECEIVED, line)]

    def test_the_end_of_input_within_a_line(self) -> None:
        conn, records = self.traced()
        hear(conn, b"-ERR go")
        conn.receive_eof()
        client_events(conn)
        assert records == [TraceRecord(Traced.RECEIVED, b"-ERR go"), TraceRecord(Traced.EOF)]


class TestTls:
    def test_stls(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        conn.capabilities = Capabilities.of("STLS")
        exchange(conn, User("alice"))
        assert conn.send(Stls()) == b"STLS\r\n"
        assert hear(conn, b"+OK begin\r\n") == [Reply(True, b"begin", command=Stls())]
        assert (conn.state, conn.tls) == (State.TLS_HANDSHAKE, False)
        assert conn.next_event() is PAUSED
        with pytest.raises(LocalProtocolError, match=r"tls_started\(\) first"):
            conn.send(Capa())
        conn.tls_started()
        assert (conn.state, conn.tls) == (State.AUTHORIZATION, True)
        assert conn.capabilities is None
        with pytest.raises(LocalProtocolError, match="send USER first"):
            conn.send(Pass("secret"))
        with pytest.raises(LocalProtocolError, match="TLS is active already"):
            conn.send(Stls())

    def test_stls_refused(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        conn.capabilities = Capabilities.of("STLS")
        exchange(conn, User("alice"))
        conn.send(Stls())
        assert hear(conn, b"-ERR\r\n") == [Reply(False, b"", command=Stls())]
        assert (conn.state, conn.tls) == (State.AUTHORIZATION, False)
        assert conn.capabilities is not None
        exchange(conn, Pass("secret"))
        assert conn.state is State.TRANSACTION

    @pytest.mark.parametrize("injected", [b"+", b"\r", b"+OK\r\n", b"\n"])
    def test_plaintext_in_the_same_read_is_fatal(self, injected: bytes) -> None:
        conn = client_in(State.AUTHORIZATION)
        conn.send(Stls())
        conn.receive_data(b"+OK\r\n" + injected)
        fails_with(conn, PlaintextAfterStls, "plaintext arrived behind STLS")
        assert conn.tls is False

    def test_plaintext_in_a_later_read_is_fatal(self) -> None:
        conn = client_in(State.TLS_HANDSHAKE)
        with pytest.raises(PlaintextAfterStls):
            conn.receive_data(b"+")
        assert conn.state is State.BROKEN
        with pytest.raises(LocalProtocolError, match="TLS cannot start in BROKEN"):
            conn.tls_started()
        fails_with(conn, PlaintextAfterStls, "plaintext")

    def test_what_is_behind_a_refusal_is_no_plaintext_in_place_of_tls(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        conn.send(Stls())
        events = hear(conn, b"-ERR\r\n+OK\r\n")
        assert events[:2] == [Reply(False, b"", command=Stls()), Unsolicited(True, b"")]

    def test_implicit(self) -> None:
        conn = secured_client()
        assert (conn.state, conn.tls) == (State.AUTHORIZATION, True)
        with pytest.raises(LocalProtocolError, match="TLS is active already"):
            conn.send(Stls())

    def test_plaintext_before_implicit_tls(self) -> None:
        conn = ClientConnection()
        conn.receive_data(b"+OK\r\n")
        with pytest.raises(PlaintextAfterStls):
            conn.tls_started()
        assert conn.state is State.BROKEN

    @pytest.mark.parametrize("state", set(State) - {State.GREETING, State.TLS_HANDSHAKE})
    def test_it_starts_nowhere_else(self, state: State) -> None:
        with pytest.raises(LocalProtocolError, match=f"TLS cannot start in {state.value}"):
            client_in(state).tls_started()

    def test_it_starts_once(self) -> None:
        conn = ClientConnection()
        conn.tls_started()
        with pytest.raises(LocalProtocolError, match="TLS cannot start"):
            conn.tls_started()

    def test_end_of_input_in_place_of_tls(self) -> None:
        conn = client_in(State.TLS_HANDSHAKE)
        conn.receive_eof()
        fails_with(conn, UnexpectedEof, "where TLS had to begin")


class TestTheEnd:
    @pytest.mark.parametrize("state", [State.AUTHORIZATION, State.TRANSACTION])
    def test_with_nothing_pending(self, state: State) -> None:
        conn = client_in(state)
        conn.receive_eof()
        assert conn.next_event() == EndOfStream() == conn.next_event()
        assert conn.state is State.CLOSED

    @pytest.mark.parametrize("state", [State.AUTHORIZATION, State.TRANSACTION])
    @pytest.mark.parametrize("part", [b"", b"+O"])
    def test_with_quit_pending(self, state: State, part: bytes) -> None:
        conn = client_in(state)
        conn.send(Quit())
        if part:
            hear(conn, part)
        conn.receive_eof()
        assert conn.next_event() == EndOfStream()
        assert (conn.state, conn.pending) == (State.CLOSED, ())
        late = state is State.TRANSACTION
        assert conn.deletions is (Deletions.UNKNOWN if late else Deletions.KEPT)

    def test_with_another_command_pending(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.send(Dele(1))
        conn.receive_eof()
        fails_with(conn, UnexpectedEof, "while the reply to DELE 1 was due")
        assert isinstance(conn.failure, UnexpectedEof)
        assert conn.failure.pending == (Dele(1),)

    def test_with_others_and_quit_pending(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.send(Noop())
        conn.send(Quit())
        conn.receive_eof()
        fails_with(conn, UnexpectedEof, "while the reply to NOOP and 1 more was due")
        assert conn.deletions is Deletions.UNKNOWN

    def test_behind_a_refused_login(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        exchange(conn, User("alice"))
        conn.send(Pass("wrong"))
        conn.receive_data(b"-ERR\r\n")
        conn.receive_eof()
        assert client_events(conn) == [Reply(False, b"", command=Pass("wrong")), EndOfStream()]

    def test_what_had_arrived_comes_first(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.send(Retr(1))
        conn.receive_data(b"+OK\r\na\r\n.\r\n")
        conn.receive_eof()
        assert client_events(conn) == [
            Reply(True, b"", command=Retr(1)),
            BodyChunk(b"a\r\n"),
            BodyEnd(),
            EndOfStream(),
        ]

    def test_abort(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.send(Noop())
        conn.abort("the network is gone")
        assert conn.state is State.BROKEN
        with pytest.raises(ProtocolError, match="the network is gone") as caught:
            conn.next_event()
        assert caught.value is conn.failure
        with pytest.raises(LocalProtocolError, match=r"open a new .*\(the network is gone\)"):
            conn.send(Noop())

    def test_the_first_reason_stays(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.abort("first")
        conn.abort("second")
        assert str(conn.failure) == "first"

    def test_a_session_that_is_over_cannot_be_aborted(self) -> None:
        conn = client_in(State.CLOSED)
        conn.abort("too late")
        assert (conn.state, conn.failure) == (State.CLOSED, None)


class TestDeletions:
    def test_marks(self) -> None:
        conn = client_in(State.TRANSACTION)
        assert (conn.marked, conn.deletions) == (set(), Deletions.KEPT)
        conn.send(Dele(1))
        assert conn.marked == set()
        hear(conn, b"+OK\r\n")
        exchange(conn, Dele(3))
        conn.send(Dele(2))
        hear(conn, b"-ERR\r\n")
        assert conn.marked == {1, 3}
        conn.send(Rset())
        hear(conn, b"-ERR\r\n")
        assert conn.marked == {1, 3}
        exchange(conn, Rset())
        assert conn.marked == set()

    @pytest.mark.parametrize(
        ("reply", "deletions"), [(b"+OK\r\n", Deletions.DONE), (b"-ERR\r\n", Deletions.UNKNOWN)]
    )
    def test_quit(self, reply: bytes, deletions: Deletions) -> None:
        conn = client_in(State.TRANSACTION)
        exchange(conn, Dele(1))
        conn.send(Quit())
        assert (conn.state, conn.deletions) == (State.UPDATE, Deletions.UNKNOWN)
        hear(conn, reply)
        assert (conn.state, conn.deletions) == (State.CLOSED, deletions)
        assert conn.marked == {1}

    def test_what_was_pending_when_quit_was_sent(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.send(Dele(1))
        conn.send(Retr(2))
        conn.send(Quit())
        assert conn.state is State.UPDATE
        events = hear(conn, b"+OK\r\n+OK\r\nmail\r\n.\r\n+OK\r\n")
        assert joined(events) == b"mail\r\n"
        assert events[-1] == EndOfStream()
        assert (conn.marked, conn.deletions) == ({1}, Deletions.DONE)

    @pytest.mark.parametrize("reply", [b"+OK\r\n", b"-ERR\r\n"])
    def test_quit_before_the_login_deletes_nothing(self, reply: bytes) -> None:
        conn = client_in(State.AUTHORIZATION)
        conn.send(Quit())
        assert conn.state is State.AUTHORIZATION
        hear(conn, reply)
        assert (conn.state, conn.deletions) == (State.CLOSED, Deletions.KEPT)


def test_a_response_code_is_seen_although_it_is_the_password() -> None:
    conn = client_in(State.AUTHORIZATION)
    exchange(conn, User("alice"))
    conn.send(Pass("IN-USE"))
    (reply,) = hear(conn, b"-ERR [IN-USE] IN-USE it is\r\n")
    assert isinstance(reply, Reply)
    assert (str(reply.code), reply.text) == ("IN-USE", "*** it is")
