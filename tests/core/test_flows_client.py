"""The conversations of a client, played by scripts."""

from dataclasses import dataclass, replace
from itertools import count

import pytest

from pop3_proto import (
    Apop,
    Auth,
    AuthenticationFailed,
    Body,
    BodyTooLarge,
    Capa,
    Capabilities,
    ClientConnection,
    Command,
    CommandFailed,
    Deletions,
    Limits,
    LineTooLong,
    List,
    LocalProtocolError,
    LoginDelay,
    MailboxInUse,
    Noop,
    Pass,
    PermanentFailure,
    PlaintextAfterStls,
    ProtocolError,
    Quit,
    RemoteProtocolError,
    ResponseCode,
    Retr,
    Rpop,
    ScanListing,
    Source,
    Stat,
    State,
    StatusLine,
    StlsRefused,
    TemporaryFailure,
    TlsPolicy,
    Uidl,
    UnexpectedEof,
    UnsolicitedReply,
    User,
    Utf8Required,
)
from pop3_proto.flows import client as flows
from pop3_proto.flows.core import Flow, Io, Send
from tests.core.machines import client_in
from tests.core.playing import play

CAPA = """
    C: CAPA
    S: +OK
    S: TOP
    S: UIDL
    S: {}
    S: .
"""

PLAIN_CAPA = CAPA.format("USER")


def logged_in(*capabilities: str, limits: Limits | None = None) -> ClientConnection:
    conn = client_in(State.TRANSACTION, limits=limits)
    conn.capabilities = Capabilities.of(*capabilities)
    return conn


def announced(source: Source, *capabilities: str) -> Capabilities:
    return replace(Capabilities.of(*capabilities), source=source)


def pipelining(limits: Limits | None = None) -> ClientConnection:
    return logged_in("PIPELINING", limits=limits)


def interrupted(conn: ClientConnection, flow: Flow[object], script: str) -> None:
    with pytest.raises(TimeoutError):
        play(conn, flow, script + "\nTIMEOUT")


def under_way(conn: ClientConnection, flow: Flow[object], answer: bytes) -> tuple[int, int]:
    """How many commands are sent, and how many of them at most are not answered yet."""
    sent = answered = most = 0
    for want in flow:
        if isinstance(want, Send):
            sent += want.data.count(b"\r\n")
        elif want is Io.RECEIVE:
            conn.receive_data(answer)
            answered += 1
        most = max(most, sent - answered)
    assert answered == sent
    return sent, most


class TestOpenSession:
    def test_implicit_tls(self) -> None:
        conn = ClientConnection()
        script = "TLS\nS: +OK ready <1@host>" + PLAIN_CAPA
        greeting = play(conn, flows.open_session(conn, TlsPolicy.IMPLICIT), script)
        assert (greeting.ok, greeting.octets) == (True, b"ready <1@host>")
        assert (conn.state, conn.tls) == (State.AUTHORIZATION, True)
        assert conn.capabilities == announced(Source.TLS, "TOP", "UIDL", "USER")

    def test_stls(self) -> None:
        conn = ClientConnection()
        script = "S: +OK\nC: STLS\nS: +OK\nTLS" + PLAIN_CAPA
        play(conn, flows.open_session(conn, TlsPolicy.STLS), script)
        assert conn.tls
        assert conn.capabilities is not None

    def test_stls_refused(self) -> None:
        conn = ClientConnection()
        with pytest.raises(StlsRefused, match=r"refused STLS: -ERR no; .*port 995") as caught:
            play(
                conn,
                flows.open_session(conn, TlsPolicy.STLS),
                "S: +OK\nC: STLS\nS: -ERR no",
            )
        assert caught.value.__cause__ is None
        assert not conn.tls

    def test_plaintext_behind_stls(self) -> None:
        conn = ClientConnection()
        with pytest.raises(PlaintextAfterStls):
            play(
                conn,
                flows.open_session(conn, TlsPolicy.STLS),
                "S: +OK\nC: STLS\nS: +OK\\r\\n+OK\\r\\nUSER\\r\\n.",
            )
        assert (conn.state, conn.tls) == (State.BROKEN, False)

    def test_what_was_injected_before_stls_is_found_before_it_is_sent(self) -> None:
        conn = ClientConnection()
        with pytest.raises(UnsolicitedReply):
            play(
                conn,
                flows.open_session(conn, TlsPolicy.STLS),
                "S: +OK\nPOLL: +OK begin TLS",
            )
        assert conn.state is State.BROKEN

    def test_opportunistic_tls_asks_again_what_was_said_in_plaintext(self) -> None:
        conn = ClientConnection()
        offered, inside = CAPA.format("STLS"), CAPA.format("SASL PLAIN")
        script = "S: +OK" + offered + "C: STLS\nS: +OK\nTLS" + inside
        play(conn, flows.open_session(conn, TlsPolicy.OPPORTUNISTIC), script)
        assert conn.capabilities == announced(Source.TLS, "TOP", "UIDL", "SASL PLAIN")
        assert conn.tls

    def test_opportunistic_tls_that_is_not_offered(self) -> None:
        conn = ClientConnection()
        play(conn, flows.open_session(conn, TlsPolicy.OPPORTUNISTIC), "S: +OK" + PLAIN_CAPA)
        assert (conn.state, conn.tls) == (State.AUTHORIZATION, False)

    def test_opportunistic_tls_that_is_offered_and_refused(self) -> None:
        conn = ClientConnection()
        script = "S: +OK" + CAPA.format("STLS") + "C: STLS\nS: -ERR"
        play(conn, flows.open_session(conn, TlsPolicy.OPPORTUNISTIC), script)
        assert (conn.state, conn.tls) == (State.AUTHORIZATION, False)
        assert conn.capabilities == announced(Source.PLAINTEXT, "TOP", "UIDL", "STLS")

    def test_opportunistic_tls_where_nothing_is_known(self) -> None:
        conn = ClientConnection()
        play(
            conn,
            flows.open_session(conn, TlsPolicy.OPPORTUNISTIC),
            "S: +OK\nC: CAPA\nS: -ERR\nC: STLS\nS: +OK\nTLS" + PLAIN_CAPA,
        )
        assert conn.tls

    def test_no_tls(self) -> None:
        conn = ClientConnection()
        script = "S: +OK" + CAPA.format("STLS")
        play(conn, flows.open_session(conn, TlsPolicy.NONE), script)
        assert (conn.state, conn.tls) == (State.AUTHORIZATION, False)

    def test_capabilities_that_are_refused_are_unknown(self) -> None:
        conn = ClientConnection()
        play(conn, flows.open_session(conn, TlsPolicy.NONE), "S: +OK\nC: CAPA\nS: -ERR")
        assert conn.capabilities is None
        assert conn.state is State.AUTHORIZATION

    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            ("", CommandFailed),
            ("[WHAT]", CommandFailed),
            ("[IN-USE]", MailboxInUse),
            ("[SYS/TEMP]", TemporaryFailure),
            ("[sys/perm/x]", PermanentFailure),
        ],
    )
    def test_refused_from_the_start(self, code: str, kind: type[CommandFailed]) -> None:
        conn = ClientConnection()
        with pytest.raises(CommandFailed, match="refused the session") as caught:
            play(conn, flows.open_session(conn, TlsPolicy.STLS), f"S: -ERR {code} full")
        assert type(caught.value) is kind
        assert conn.state is State.CLOSED

    def test_no_greeting(self) -> None:
        conn = ClientConnection()
        with pytest.raises(UnexpectedEof, match="before the greeting"):
            play(conn, flows.open_session(conn, TlsPolicy.NONE), "EOF")

    def test_a_server_of_another_kind(self) -> None:
        conn = ClientConnection()
        with pytest.raises(RemoteProtocolError, match="IMAP"):
            play(conn, flows.open_session(conn, TlsPolicy.NONE), "S: * OK IMAP4rev1")

    def test_a_driver_that_does_not_start_tls(self) -> None:
        conn = client_in(State.TLS_HANDSHAKE)
        with pytest.raises(LocalProtocolError, match="TLS"):
            play(conn, flows.next_event(conn))


class TestRequest:
    def test_single_line(self) -> None:
        conn = logged_in()
        result = play(conn, flows.request(conn, Stat()), "C: STAT\nS: +OK 2 320")
        assert result == (2, 320)

    def test_listing(self) -> None:
        conn = logged_in()
        script = "C: LIST\nS: +OK\nS: 1 120\nS: 2 200\nS: ."
        assert play(conn, flows.request(conn, List()), script) == [(1, 120), (2, 200)]
        assert play(conn, flows.request(conn, Uidl()), "C: UIDL\nS: +OK\nS: .") == []

    def test_message(self) -> None:
        conn = logged_in()
        script = "C: RETR 1\nS: +OK\nS: A: b\\r\\n\nS: ..\nS: ."
        assert play(conn, flows.request(conn, Retr(1)), script) == b"A: b\r\n\r\n.\r\n"

    def test_capabilities(self) -> None:
        conn = logged_in()
        assert play(conn, flows.capabilities(conn), PLAIN_CAPA) == conn.capabilities
        assert conn.capabilities == announced(Source.LOGIN, "TOP", "UIDL", "USER")
        known = conn.capabilities
        assert play(conn, flows.capabilities(conn), "C: CAPA\nS: -ERR") is known

    @pytest.mark.parametrize(
        ("reply", "kind"),
        [
            ("-ERR", CommandFailed),
            ("-ERR [AUTH]", AuthenticationFailed),
            ("-ERR [SYS/TEMP]", TemporaryFailure),
            ("-ERR [SYS/PERM]", PermanentFailure),
            ("-ERR [IN-USE]", MailboxInUse),
            ("-ERR [LOGIN-DELAY]", LoginDelay),
            ("-ERR [UTF8]", Utf8Required),
            ("-ERR [SYS]", CommandFailed),
        ],
    )
    def test_refused(self, reply: str, kind: type[CommandFailed]) -> None:
        conn = logged_in()
        with pytest.raises(CommandFailed, match="refused RETR 7: -ERR") as caught:
            play(conn, flows.request(conn, Retr(7)), f"C: RETR 7\nS: {reply}")
        assert type(caught.value) is kind
        assert play(conn, flows.request(conn, Noop()), "C: NOOP\nS: +OK").ok

    @pytest.mark.parametrize(
        ("command", "kind"),
        [
            (Pass("x"), AuthenticationFailed),
            (Rpop("x"), AuthenticationFailed),
            (Apop("x", b"0"), AuthenticationFailed),
            (Auth("X"), AuthenticationFailed),
            (User("x"), CommandFailed),
            (Capa(), CommandFailed),
        ],
    )
    def test_credentials_are_blamed_where_the_server_says_nothing_else(
        self, command: Command[object], kind: type[CommandFailed]
    ) -> None:
        conn, refusal = client_in(State.AUTHORIZATION), StatusLine(False, b"no")
        assert type(flows.failure(conn, command, refusal)) is kind
        unknown = StatusLine(False, b"[X] no", ResponseCode.of("X"))
        assert type(flows.failure(conn, command, unknown)) is CommandFailed
        conn.capabilities = Capabilities.of("AUTH-RESP-CODE")
        assert type(flows.failure(conn, command, refusal)) is CommandFailed

    def test_a_listing_of_mechanisms_that_is_refused_blames_no_credentials(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        with pytest.raises(CommandFailed) as caught:
            play(conn, flows.request(conn, Auth()), "C: AUTH\nS: -ERR no")
        assert type(caught.value) is CommandFailed

    def test_a_message_that_needs_utf8(self) -> None:
        conn = logged_in()
        with pytest.raises(Utf8Required, match="open a new session and send UTF8 before"):
            play(conn, flows.request(conn, Retr(7)), "C: RETR 7\nS: -ERR [UTF8] it needs it")

    def test_a_reply_that_cannot_be_read_costs_only_itself(self) -> None:
        conn = logged_in()
        with pytest.raises(RemoteProtocolError, match="no number"):
            play(conn, flows.request(conn, Stat()), "C: STAT\nS: +OK two")
        assert play(conn, flows.request(conn, Stat()), "C: STAT\nS: +OK 2") == (2, None)

    def test_end_of_input(self) -> None:
        conn = logged_in()
        with pytest.raises(UnexpectedEof, match="reply to STAT was due"):
            play(conn, flows.request(conn, Stat()), "C: STAT\nEOF")

    def test_end_of_input_before_it_is_sent(self) -> None:
        conn = logged_in()
        with pytest.raises(UnexpectedEof, match="while nothing was asked of it"):
            play(conn, flows.request(conn, Stat()), "EOF")
        with pytest.raises(LocalProtocolError, match="open a new connection"):
            play(conn, flows.request(conn, Stat()))

    def test_end_of_input_in_place_of_the_reply_to_quit(self) -> None:
        conn = logged_in()
        with pytest.raises(UnexpectedEof, match="without a reply to QUIT"):
            play(conn, flows.request(conn, Quit()), "C: QUIT\nEOF")
        assert conn.deletions is Deletions.UNKNOWN

    def test_what_cannot_be_sent_changes_nothing(self) -> None:
        conn = logged_in()
        for command in (Retr(0), User("x")):
            with pytest.raises(LocalProtocolError):
                play(conn, flows.request(conn, command))
        assert conn.pending == ()

    @pytest.mark.parametrize("poll", ["POLL: -ERR [SYS/TEMP] going down", "POLL- +O"])
    def test_a_reply_that_nobody_asked_for_is_found_before_anything_is_sent(
        self, poll: str
    ) -> None:
        conn = logged_in()
        if poll.startswith("POLL-"):
            with pytest.raises(UnsolicitedReply):
                play(conn, flows.request(conn, Stat()), f"{poll}\nC: STAT\nS: K\\r\\n+OK 1 1")
        else:
            with pytest.raises(UnsolicitedReply, match="going down"):
                play(conn, flows.request(conn, Stat()), poll)
        assert conn.state is State.BROKEN

    def test_one_reply_too_many(self) -> None:
        conn = logged_in()
        play(conn, flows.request(conn, Stat()), "C: STAT\nS: +OK 1 1\\r\\n+OK 2 2")
        with pytest.raises(UnsolicitedReply, match=r"\+OK 2 2"):
            play(conn, flows.request(conn, Stat()))


class TestLimits:
    def test_lines_of_a_listing(self) -> None:
        conn = logged_in(limits=Limits(listing_lines=2))
        play(conn, flows.request(conn, List()), "C: LIST\nS: +OK\nS: 1 1\nS: 2 1\nS: .")
        with pytest.raises(BodyTooLarge, match="more than 2 lines"):
            play(conn, flows.request(conn, List()), "C: LIST\nS: +OK\nS: 1 1\nS: 2 1\nS: 3 1\nS: .")
        assert conn.state is State.TRANSACTION

    def test_a_listing_is_longer_than_its_lines(self) -> None:
        conn = logged_in(limits=Limits(line=20))
        script = "C: LIST\nS: +OK\n" + "S: 1 100\n" * 10 + "S: ."
        assert play(conn, flows.request(conn, List()), script) == [(1, 100)] * 10

    @pytest.mark.parametrize(("size", "long"), [(58, False), (59, True)])
    def test_a_line_of_a_listing(self, size: int, long: bool) -> None:
        conn = logged_in(limits=Limits(line=62))
        unique_id = "x" * size
        script = f"C: UIDL\nS: +OK\nS: 1 {unique_id}\nS: ."
        if long:
            with pytest.raises(LineTooLong, match="more than 62"):
                play(conn, flows.request(conn, Uidl()), script)
        else:
            assert play(conn, flows.request(conn, Uidl()), script) == [(1, unique_id.encode())]

    def test_octets(self) -> None:
        conn = logged_in(limits=Limits(capabilities=10))
        with pytest.raises(BodyTooLarge, match="response to CAPA has more than 10 octets"):
            play(conn, flows.request(conn, Capa()), "C: CAPA\nS: +OK\nS: IMPLEMENTATION")

    def test_a_message_is_no_listing(self) -> None:
        conn = logged_in(limits=Limits(line=20, listing_lines=1, listing=5))
        script = "C: RETR 1\nS: +OK\nS: a line that is rather long\nS: b\nS: ."
        assert len(play(conn, flows.request(conn, Retr(1)), script)) == 31


class TestKeepAlive:
    @pytest.mark.parametrize("answer", ["+OK", "-ERR not now"])
    def test_whatever_it_is_answered(self, answer: str) -> None:
        conn = logged_in()
        play(conn, flows.keep_alive(conn), f"C: NOOP\nS: {answer}")
        assert conn.state is State.TRANSACTION

    def test_not_while_something_is_under_way(self) -> None:
        conn = logged_in()
        interrupted(conn, flows.request(conn, Retr(1)), "C: RETR 1\nS: +OK\nS: abc")
        play(conn, flows.keep_alive(conn))

    def test_not_before_the_login(self) -> None:
        conn = ClientConnection()
        play(conn, flows.keep_alive(conn))

    def test_one_that_is_answered_late_spoils_no_deletion_in_a_fetch(self) -> None:
        conn = logged_in()
        fetch = flows.Fetch(conn, [1])
        assert play(conn, fetch.advance(), "C: RETR 1\nS: +OK")
        assert play(conn, flows.next_chunk(conn), "S: .") == b""
        interrupted(conn, flows.keep_alive(conn), "C: NOOP")
        play(conn, fetch.delete(1), "S: +OK\nC: DELE 1")
        assert play(conn, fetch.advance(), "S: +OK") is None
        assert conn.marked == {1}

    def test_the_end_of_the_session_comes_out(self) -> None:
        conn = logged_in()
        with pytest.raises(UnexpectedEof):
            play(conn, flows.keep_alive(conn), "C: NOOP\nEOF")


class TestSettle:
    def test_a_late_reply_is_matched(self) -> None:
        conn = logged_in()
        interrupted(conn, flows.request(conn, Stat()), "C: STAT")
        script = "S: +OK 2 320\nC: LIST 1\nS: +OK 1 120"
        assert play(conn, flows.request(conn, List(1)), script) == (1, 120)

    def test_the_rest_of_a_message_is_thrown_away(self) -> None:
        conn = logged_in()
        interrupted(conn, flows.request(conn, Retr(1)), "C: RETR 1\nS: +OK\nS: abc")
        script = "S: +OK 9 9\nS: .\nC: STAT\nS: +OK 2 320"
        assert play(conn, flows.request(conn, Stat()), script) == (2, 320)

    def test_up_to_a_limit(self) -> None:
        conn = logged_in(limits=Limits(drain=10))
        interrupted(conn, flows.request(conn, Retr(1)), "C: RETR 1\nS: +OK\nS: abc")
        with pytest.raises(LocalProtocolError, match=r"open a new connection.*more than 10 octets"):
            play(conn, flows.request(conn, Stat()), "S: 012345\nS: x\nCLOSE")
        assert conn.state is State.BROKEN

    def test_within_the_limit(self) -> None:
        conn = logged_in(limits=Limits(drain=10))
        interrupted(conn, flows.request(conn, Retr(1)), "C: RETR 1\nS: +OK\nS: abc")
        play(conn, flows.request(conn, Stat()), "S: 012345\nS: .\nC: STAT\nS: +OK 1 1")

    def test_a_reply_too_many_behind_what_was_interrupted(self) -> None:
        conn = logged_in()
        interrupted(conn, flows.request(conn, Stat()), "C: STAT")
        with pytest.raises(UnsolicitedReply, match="boo"):
            play(conn, flows.request(conn, Noop()), "S: +OK 1 1\nPOLL: +OK boo")

    def test_a_body_that_is_left_is_skipped_before_the_next_command(self) -> None:
        conn = logged_in()
        reply = play(conn, flows.open_body(conn, Retr(1)), "C: RETR 1\nS: +OK 7 octets\\r\\nabc")
        assert (reply.ok, reply.octets) == (True, b"7 octets")
        assert play(conn, flows.next_chunk(conn)) == b"abc"
        play(conn, flows.request(conn, Noop()), "S: def\nS: .\nC: NOOP\nS: +OK")

    def test_an_exchange_that_was_left_is_cancelled(self) -> None:
        conn = client_in(State.AUTHENTICATING)
        script = "C: *\nS: -ERR cancelled\nC: CAPA\nS: +OK\nS: ."
        assert play(conn, flows.request(conn, Capa()), script) == Capabilities()

    def test_an_exchange_that_was_left_behind_a_response(self) -> None:
        conn = client_in(State.AUTHENTICATING)
        conn.respond(b"", last=False)
        script = "S: +\nC: *\nS: -ERR cancelled\nC: QUIT\nS: +OK"
        assert play(conn, flows.quit(conn), script) is Deletions.KEPT

    def test_chunks(self) -> None:
        conn = logged_in()
        play(conn, flows.open_body(conn, Retr(1)), "C: RETR 1\nS: +OK")
        assert play(conn, flows.next_chunk(conn), "S: abc") == b"abc"
        assert play(conn, flows.next_chunk(conn), "S: def") == b"\r\ndef"
        assert conn.in_body
        assert play(conn, flows.next_chunk(conn), "S: .") == b"\r\n"
        assert not conn.in_body
        assert play(conn, flows.next_chunk(conn)) == b""

    @pytest.mark.parametrize("state", [State.GREETING, State.CLOSED, State.BROKEN])
    def test_where_nothing_can_be_asked_nothing_is_looked_for(self, state: State) -> None:
        conn = client_in(state)
        assert list(flows.settle(conn)) == []


class TestDelete:
    def test_one_by_one(self) -> None:
        conn = logged_in()
        script = "C: DELE 1\nS: +OK\nC: DELE 3\nS: +OK"
        play(conn, flows.delete(conn, [1, 3]), script)
        assert conn.marked == {1, 3}

    def test_pipelined(self) -> None:
        conn = pipelining()
        script = "C: DELE 1\nC: DELE 2\nS: +OK\nC: DELE 3\nS: +OK\nS: +OK"
        play(conn, flows.delete(conn, iter([1, 2, 3]), window=2), script)
        assert conn.marked == {1, 2, 3}

    def test_a_refusal_is_raised_when_all_have_been_answered(self) -> None:
        conn = pipelining()
        with pytest.raises(CommandFailed, match="refused DELE 2: -ERR gone"):
            play(
                conn,
                flows.delete(conn, [1, 2, 3, 4]),
                "C: DELE 1\nC: DELE 2\nC: DELE 3\nC: DELE 4\n"
                "S: +OK\nS: -ERR gone\nS: +OK\nS: -ERR [SYS/TEMP] too",
            )
        assert (conn.marked, conn.pending) == ({1, 3}, ())

    def test_none(self) -> None:
        conn = pipelining()
        play(conn, flows.delete(conn, []))

    def test_a_bounded_number_is_under_way(self) -> None:
        conn = pipelining()
        assert under_way(conn, flows.delete(conn, range(1, 1001)), b"+OK\r\n") == (1000, 64)

    @pytest.mark.parametrize("window", [1, 0, -1])
    def test_a_window_of_one(self, window: int) -> None:
        conn = pipelining()
        script = "C: DELE 1\nS: +OK\nC: DELE 2\nS: +OK"
        play(conn, flows.delete(conn, [1, 2], window), script)

    def test_never_pipelined_behind_a_blank_line(self) -> None:
        conn = pipelining()
        play(conn, flows.request(conn, Noop()), "C: NOOP\nS:\nS: +OK")
        script = "C: DELE 1\nS: +OK\nC: DELE 2\nS: +OK"
        play(conn, flows.delete(conn, [1, 2]), script)

    def test_a_blank_line_in_the_middle_ends_the_pipelining(self) -> None:
        conn = pipelining()
        play(
            conn,
            flows.delete(conn, [1, 2, 3, 4], window=2),
            "C: DELE 1\nC: DELE 2\nS: \\r\\n+OK\nS: +OK\nC: DELE 3\nS: +OK\nC: DELE 4\nS: +OK",
        )
        assert conn.marked == {1, 2, 3, 4}

    @pytest.mark.parametrize("numbers", [[1, 2, 0], [0], [1, 10**19]])
    def test_nothing_is_sent_where_not_all_of_it_can_be(self, numbers: list[int]) -> None:
        conn = pipelining()
        with pytest.raises(LocalProtocolError, match="no message-number"):
            play(conn, flows.delete(conn, numbers))
        assert conn.pending == ()
        play(conn, flows.request(conn, Noop()), "C: NOOP\nS: +OK")

    def test_interrupted(self) -> None:
        conn = pipelining()
        interrupted(conn, flows.request(conn, Noop()), "C: NOOP")
        script = "S: -ERR\nC: DELE 1\nC: DELE 2\nS: +OK"
        interrupted(conn, flows.delete(conn, [1, 2]), script)
        play(conn, flows.request(conn, Noop()), "S: -ERR\nC: NOOP\nS: +OK")
        assert conn.marked == {1}


def fetched(conn: ClientConnection, fetch: flows.Fetch) -> Flow[list[bytes | None]]:
    """All messages, None for each that was refused."""
    messages: list[bytes | None] = []
    while (reply := (yield from fetch.advance())) is not None:
        messages.append(b"" if reply.ok else None)
        while reply.ok and (chunk := (yield from flows.next_chunk(conn))):
            messages[-1] = (messages[-1] or b"") + chunk
    return messages


class TestFetch:
    def test_one_by_one(self) -> None:
        conn = logged_in()
        script = "C: RETR 2\nS: +OK\nS: b\nS: .\nC: RETR 1\nS: +OK\nS: a\nS: ."
        flow = fetched(conn, flows.Fetch(conn, [2, 1]))
        assert play(conn, flow, script) == [b"b\r\n", b"a\r\n"]

    def test_asked_for_ahead_of_time(self) -> None:
        conn = pipelining()
        flow = fetched(conn, flows.Fetch(conn, [1, 2, 3]))
        script = """
            C: RETR 1
            C: RETR 2
            C: RETR 3
            S: +OK\\r\\na\\r\\n.\\r\\n-ERR gone\\r\\n+OK\\r\\n
            S: .
        """
        assert play(conn, flow, script) == [b"a\r\n", None, b"\r\n"]

    def test_the_window_is_filled_when_it_is_half_empty(self) -> None:
        conn = pipelining()
        flow = fetched(conn, flows.Fetch(conn, range(1, 8), window=4))
        message = "S: +OK\\r\\nx\\r\\n.\n"
        script = (
            "C: RETR 1\nC: RETR 2\nC: RETR 3\nC: RETR 4\n"
            + message * 2
            + "C: RETR 5\nC: RETR 6\n"
            + message * 2
            + "C: RETR 7\n"
            + message * 3
        )
        assert play(conn, flow, script) == [b"x\r\n"] * 7

    def test_a_bounded_number_is_under_way(self) -> None:
        conn = pipelining()
        flow = fetched(conn, flows.Fetch(conn, range(1, 1001)))
        assert under_way(conn, flow, b"+OK\r\n.\r\n") == (1000, 64)

    def test_none(self) -> None:
        conn = pipelining()
        assert play(conn, flows.Fetch(conn, []).advance()) is None

    @pytest.mark.parametrize("window", [1, 0, -1])
    def test_a_window_of_one(self, window: int) -> None:
        conn = pipelining()
        script = "C: RETR 1\nS: +OK\\r\\n.\nC: RETR 2\nS: +OK\\r\\n."
        assert play(conn, fetched(conn, flows.Fetch(conn, [1, 2], window)), script) == [b"", b""]

    def test_a_window_of_two(self) -> None:
        conn = pipelining()
        fetch = flows.Fetch(conn, [1, 2], window=2)
        play(conn, fetch.advance(), "C: RETR 1\nC: RETR 2\nS: +OK\\r\\n.")
        assert play(conn, flows.next_chunk(conn)) == b""
        play(conn, fetch.delete(1), "C: DELE 1")

    def test_a_body_that_is_not_read_is_skipped(self) -> None:
        conn = pipelining()
        fetch = flows.Fetch(conn, [1, 2])
        play(conn, fetch.advance(), "C: RETR 1\nC: RETR 2\nS: +OK\\r\\na")
        play(conn, fetch.advance(), "S: b\nS: .\nS: -ERR")
        assert play(conn, fetch.advance()) is None
        assert conn.pending == ()

    def test_each_is_deleted_behind_its_body(self) -> None:
        conn = pipelining()
        fetch = flows.Fetch(conn, [1, 2])
        reply = play(conn, fetch.advance(), "C: RETR 1\nC: RETR 2\nS: +OK\\r\\n.")
        assert reply is not None
        assert reply.command == Retr(1)
        assert play(conn, flows.next_chunk(conn)) == b""
        play(conn, fetch.delete(1), "C: DELE 1")
        assert conn.marked == set()
        play(conn, fetch.advance(), "S: +OK\\r\\n.")
        assert play(conn, flows.next_chunk(conn)) == b""
        play(conn, fetch.delete(2), "C: DELE 2")
        assert play(conn, fetch.advance(), "S: +OK\nS: +OK") is None
        assert conn.marked == {1, 2}

    def test_a_deletion_that_is_refused_is_raised_at_the_end(self) -> None:
        conn = logged_in()
        fetch = flows.Fetch(conn, [1, 2])
        for number in (1, 2):
            replies = "" if number == 1 else "S: -ERR no\n"
            play(conn, fetch.advance(), f"{replies}C: RETR {number}\nS: +OK\\r\\n.")
            assert play(conn, flows.next_chunk(conn)) == b""
            play(conn, fetch.delete(number), f"C: DELE {number}")
        with pytest.raises(CommandFailed, match="refused DELE 1: -ERR no"):
            play(conn, fetch.advance(), "S: -ERR too")
        assert conn.marked == set()

    def test_a_deletion_that_cannot_be_sent_changes_nothing(self) -> None:
        conn = pipelining()
        fetch = flows.Fetch(conn, [1])
        play(conn, fetch.advance(), "C: RETR 1\nS: +OK\\r\\n.")
        with pytest.raises(LocalProtocolError, match="read the message to its end"):
            play(conn, fetch.delete(1))
        assert play(conn, flows.next_chunk(conn)) == b""
        with pytest.raises(LocalProtocolError, match="no message-number"):
            play(conn, fetch.delete(0))
        assert play(conn, fetch.advance()) is None

    def test_nothing_is_sent_where_not_all_of_it_can_be(self) -> None:
        conn = pipelining()
        fetch = flows.Fetch(conn, [1, 2, 0])
        with pytest.raises(LocalProtocolError, match="no message-number"):
            play(conn, fetch.advance())
        with pytest.raises(LocalProtocolError, match="no message-number"):
            play(conn, fetch.advance())
        assert conn.pending == ()

    def test_what_is_said_unasked_between_two_messages_is_no_reply(self) -> None:
        conn = logged_in()
        fetch = flows.Fetch(conn, [1, 2])
        play(conn, fetch.advance(), "C: RETR 1\nS: +OK\\r\\n.")
        assert play(conn, flows.next_chunk(conn)) == b""
        with pytest.raises(UnsolicitedReply, match="going down"):
            play(conn, fetch.advance(), "POLL: +OK going down")

    def test_deletions_wait_for_one_another_without_pipelining(self) -> None:
        conn = logged_in()
        fetch = flows.Fetch(conn, [1, 2])
        for number in (1, 2):
            play(conn, fetch.advance(), f"C: RETR {number}\nS: +OK\\r\\n.")
            assert play(conn, flows.next_chunk(conn)) == b""
        play(conn, fetch.delete(1), "C: DELE 1")
        play(conn, fetch.delete(2), "S: +OK\nC: DELE 2")
        assert play(conn, fetch.advance(), "S: +OK") is None
        assert conn.marked == {1, 2}

    def test_endless_numbers_cost_nothing(self) -> None:
        conn = pipelining()
        fetch = flows.Fetch(conn, count(1), window=2)
        play(conn, fetch.advance(), "C: RETR 1\nC: RETR 2\nS: +OK\\r\\n.")
        play(conn, fetch.advance(), "C: RETR 3\nS: +OK\\r\\n.")

    def test_the_window_is_never_wider_than_a_peer_takes_while_it_sends(self) -> None:
        conn = pipelining()
        asked = "".join(f"C: RETR {number}\n" for number in range(1, 257))
        messages = (ScanListing(number, 0) for number in count(1))
        play(conn, flows.Fetch(conn, messages, window=10**6).advance(), asked + "S: -ERR")

    def test_another_command_in_between(self) -> None:
        conn = pipelining()
        fetch = flows.Fetch(conn, [1, 2])
        play(conn, fetch.advance(), "C: RETR 1\nC: RETR 2\nS: +OK\\r\\n.")
        play(conn, flows.request(conn, Noop()), "S: +OK\\r\\n.\nC: NOOP\nS: +OK")
        with pytest.raises(LocalProtocolError, match=r"another command.*fetch them again"):
            play(conn, fetch.advance())

    def test_another_command_that_throws_the_reply_to_a_deletion_away(self) -> None:
        conn = logged_in()
        fetch = flows.Fetch(conn, [1, 2])
        play(conn, fetch.advance(), "C: RETR 1\nS: +OK\\r\\n.")
        assert play(conn, flows.next_chunk(conn)) == b""
        play(conn, fetch.delete(1), "C: DELE 1")
        play(conn, flows.request(conn, Noop()), "S: -ERR\nC: NOOP\nS: +OK")
        with pytest.raises(LocalProtocolError, match=r"another command.*Fetch\.delete"):
            play(conn, fetch.advance())

    def test_another_command_that_throws_nothing_away(self) -> None:
        conn = logged_in()
        fetch = flows.Fetch(conn, [1, 2])
        play(conn, fetch.advance(), "C: RETR 1\nS: +OK\\r\\n.")
        play(conn, flows.request(conn, Noop()), "C: NOOP\nS: +OK")
        play(conn, fetch.advance(), "C: RETR 2\nS: +OK\\r\\n.")
        assert play(conn, fetch.advance()) is None

    def test_interrupted_while_it_waits(self) -> None:
        conn = pipelining()
        fetch = flows.Fetch(conn, [1, 2])
        interrupted(conn, fetch.advance(), "C: RETR 1\nC: RETR 2")
        assert play(conn, fetched(conn, fetch), "S: +OK\\r\\n.\nS: +OK\\r\\n.") == [b"", b""]

    def test_interrupted_in_a_body(self) -> None:
        conn = pipelining()
        fetch = flows.Fetch(conn, [1, 2])
        play(conn, fetch.advance(), "C: RETR 1\nC: RETR 2\nS: +OK")
        interrupted(conn, flows.next_chunk(conn), "")
        assert play(conn, flows.next_chunk(conn), "S: abc") == b"abc"
        assert play(conn, fetched(conn, fetch), "S: .\nS: +OK\\r\\n.") == [b""]

    def test_what_was_under_way_is_read_first(self) -> None:
        conn = pipelining()
        interrupted(conn, flows.request(conn, Stat()), "C: STAT")
        flow = fetched(conn, flows.Fetch(conn, [1]))
        assert play(conn, flow, "S: +OK 1 1\nC: RETR 1\nS: +OK\\r\\n.") == [b""]

    def test_end_of_input(self) -> None:
        conn = pipelining()
        with pytest.raises(UnexpectedEof, match="reply to RETR 2 was due"):
            play(
                conn,
                fetched(conn, flows.Fetch(conn, [1, 2])),
                "C: RETR 1\nC: RETR 2\nS: +OK\\r\\n.\nEOF",
            )

    def test_no_deletion_is_pipelined_behind_a_blank_line(self) -> None:
        conn = pipelining()
        fetch = flows.Fetch(conn, [1, 2])
        play(conn, fetch.advance(), "C: RETR 1\nC: RETR 2\nS: \\r\\n+OK\\r\\n.")
        assert play(conn, flows.next_chunk(conn)) == b""
        with pytest.raises(LocalProtocolError, match="delete behind the fetch"):
            play(conn, fetch.delete(1))
        play(conn, fetch.advance(), "S: +OK\\r\\n.")
        assert play(conn, flows.next_chunk(conn)) == b""
        play(conn, fetch.delete(2), "C: DELE 2")
        with pytest.raises(CommandFailed, match="refused DELE 2"):
            play(conn, fetch.advance(), "S: -ERR")


class TestQuit:
    @pytest.mark.parametrize(
        ("end", "deletions"),
        [
            ("S: +OK", Deletions.DONE),
            ("S: -ERR [SYS/TEMP] some are left", Deletions.UNKNOWN),
            ("EOF", Deletions.UNKNOWN),
            ("S- +O\nEOF", Deletions.UNKNOWN),
            ("RESET", Deletions.UNKNOWN),
            ("TIMEOUT", Deletions.UNKNOWN),
            ("S: what?", Deletions.UNKNOWN),
        ],
    )
    def test_what_became_of_the_marked_messages(self, end: str, deletions: Deletions) -> None:
        conn = logged_in()
        play(conn, flows.delete(conn, [1]), "C: DELE 1\nS: +OK")
        assert play(conn, flows.quit(conn), f"C: QUIT\n{end}") is deletions
        assert conn.marked == {1}

    @pytest.mark.parametrize(
        "before", ["EOF", "POLL: +OK what?", "POLL: ?", "POLL: -ERR going down\\r\\n+OK"]
    )
    def test_quit_that_is_not_sent_deletes_nothing(self, before: str) -> None:
        conn = logged_in()
        play(conn, flows.delete(conn, [1]), "C: DELE 1\nS: +OK")
        assert play(conn, flows.quit(conn), before) is Deletions.KEPT

    def test_quit_before_the_login(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        assert play(conn, flows.quit(conn), "C: QUIT\nS: +OK") is Deletions.KEPT
        assert conn.state is State.CLOSED

    def test_what_is_under_way_comes_first(self) -> None:
        conn = pipelining()
        interrupted(conn, flows.delete(conn, [1, 2]), "C: DELE 1\nC: DELE 2")
        script = "S: +OK\nS: -ERR\nC: QUIT\nS: +OK"
        assert play(conn, flows.quit(conn), script) is Deletions.DONE
        assert conn.marked == {1}

    def test_too_much_is_under_way(self) -> None:
        conn = logged_in(limits=Limits(drain=3))
        interrupted(conn, flows.request(conn, Retr(1)), "C: RETR 1\nS: +OK")
        assert play(conn, flows.quit(conn), "S: abcdef\nCLOSE") is Deletions.KEPT
        assert play(conn, flows.quit(conn)) is Deletions.KEPT

    def test_a_late_reply_is_still_matched(self) -> None:
        conn = logged_in()
        assert play(conn, flows.quit(conn), "C: QUIT\nTIMEOUT") is Deletions.UNKNOWN
        assert play(conn, flows.quit(conn), "S: +OK") is Deletions.DONE
        assert play(conn, flows.quit(conn)) is Deletions.DONE

    @pytest.mark.parametrize("state", [State.GREETING, State.CLOSED, State.BROKEN])
    def test_where_it_cannot_be_sent(self, state: State) -> None:
        conn = client_in(state)
        play(conn, flows.quit(conn))

    def test_a_connection_that_was_given_up_with_something_pending(self) -> None:
        conn = logged_in()
        interrupted(conn, flows.request(conn, Noop()), "C: NOOP")
        conn.abort("the network is gone")
        assert play(conn, flows.quit(conn)) is Deletions.KEPT


@dataclass(frozen=True, slots=True)
class Xlist(Command[list[bytes]]):
    """A command of one's own."""

    verb = "XLIST"
    states = frozenset({State.TRANSACTION})

    @property
    def body(self) -> Body:
        return Body.LISTING

    def result(self, reply: StatusLine, body: bytes) -> list[bytes]:
        return body.split()


def test_a_command_of_ones_own() -> None:
    conn = logged_in()
    assert play(conn, flows.request(conn, Xlist()), "C: XLIST\nS: +OK\nS: a b\nS: .") == [
        b"a",
        b"b",
    ]


def test_a_broken_connection_says_why() -> None:
    conn = logged_in()
    conn.abort("the network is gone")
    everything: list[Flow[object]] = [
        flows.request(conn, Stat()),
        flows.delete(conn, [1]),
        flows.Fetch(conn, [1]).advance(),
        flows.capabilities(conn),
        flows.open_session(conn, TlsPolicy.STLS),
    ]
    for flow in everything:
        with pytest.raises(ProtocolError, match="the network is gone"):
            play(conn, flow)
