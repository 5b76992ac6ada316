"""What servers do that no RFC provides for, and what we make of each: one test for each quirk.

The numbers are those of a list of quirks that were met with POP3 servers; the names say what is
odd. Five are not seen on the wire, or not by this part of the library:

    38  TOP that cuts long messages, marks them as read, or is missing: nothing here falls back on
        TOP, and a program that uses it gets the octets and the refusals as they come.
    39  TOP and RETR that differ in the header: nothing here compares or joins them.
    43  mail that is deleted, or hidden, because any client has retrieved it: a policy that is set
        at the provider, and seen by nobody here. What is announced of it (EXPIRE 0, LOGIN-DELAY)
        is read in number 40, and `fetch` says it: tests/cli/test_trouble.py.
    44  unique-ids that change when a mailbox moves: `fetch` gets the mail again, rather than not at
        all. Tokens of several thousand octets: test_25 sends one.
    46  names of hosts beyond ASCII: only what opens a connection knows the host.
"""

from base64 import b64encode
from collections.abc import Iterable
from typing import TypeVar

import pytest

from pop3_proto import (
    Auth,
    AuthenticationFailed,
    Capa,
    Capabilities,
    Challenge,
    ClientConnection,
    Command,
    CommandFailed,
    Dele,
    Deletions,
    EndOfStream,
    Greeting,
    Hint,
    List,
    LocalProtocolError,
    LoginInterval,
    MailboxInUse,
    MailboxStat,
    Noop,
    Offer,
    Pass,
    Quit,
    RemoteProtocolError,
    Reply,
    Response,
    ResponseCode,
    Retention,
    Retr,
    ScanListing,
    Stat,
    State,
    StatusLine,
    Stls,
    TlsPolicy,
    Top,
    Uidl,
    UnexpectedEof,
    UniqueId,
    Unsolicited,
    UnsolicitedReply,
    User,
)
from pop3_proto.flows import client as flows
from pop3_proto.flows.client import Fetch
from pop3_proto.flows.core import Flow
from pop3_proto.flows.login import authenticate, login
from tests.core.machines import (
    Client,
    client_events,
    client_in,
    exchange,
    hear,
    joined,
    pieces,
    secured_client,
)
from tests.core.playing import play

T = TypeVar("T")


def script(command: Command[object], *lines: str) -> str:
    return "\n".join([f"C: {command}", *(f"S: {line}" for line in lines)])


def ask(command: Command[T], *lines: str) -> T:
    """What a command gives where the server says these lines."""
    conn = client_in(State.TRANSACTION)
    return play(conn, flows.request(conn, command), script(command, *lines))


def answered(command: Command[object], octets: bytes) -> list[Client]:
    """What a client reports of these octets behind a command."""
    conn = client_in(State.TRANSACTION)
    conn.send(command)
    return hear(conn, octets)


def message(octets: bytes) -> bytes:
    """The message that a client reads of `RETR 1`, which has to end with these octets."""
    conn = client_in(State.TRANSACTION)
    conn.send(Retr(1))
    events = hear(conn, b"+OK\r\n" + octets)
    assert not conn.pending
    return joined(events)


class TestLineEnds:
    def test_01_bare_lf_line_ends(self) -> None:
        """They are learnt from the greeting, and hold for the terminator and for stuffed dots."""
        conn = ClientConnection()
        assert hear(conn, b"+OK ready\n") == [Greeting(True, b"ready")]
        exchange_lf(conn, User("alice"), Pass("secret"))
        conn.send(Retr(1))
        assert joined(hear(conn, b"+OK\n..dot\nlast\n.\n")) == b".dot\nlast\n"
        assert conn.pending == ()

    def test_01_bare_lf_ends_nothing_where_lines_end_in_crlf(self) -> None:
        smuggled = b"one\n.\n+OK two\r\n"
        assert message(smuggled + b".\r\n") == smuggled
        with pytest.raises(RemoteProtocolError, match="bare LF"):
            ask_octets(Noop(), b"+OK\n")

    def test_02_replies_and_terminators_split_over_packets(self) -> None:
        octets = b"+OK 3 octets\r\n..\r\n.a\r\n.\r\n"
        for cut in range(1, len(octets)):
            conn = client_in(State.TRANSACTION)
            conn.send(Retr(1))
            events = [event for piece in pieces(octets, [cut]) for event in hear(conn, piece)]
            assert joined(events) == b".\r\n.a\r\n"
            assert conn.pending == ()

    def test_03_a_terminator_whose_lf_is_late_or_missing(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.send(Retr(1))
        assert joined(hear(conn, b"+OK\r\nHello\r\n.\r")) + b"\r\n" == b"Hello\r\n"
        assert conn.in_body
        assert conn.silence() == "the rest of the response to RETR 1 was due"
        hear(conn, b"\n")
        assert conn.pending == ()


def exchange_lf(conn: ClientConnection, *commands: Command[object]) -> None:
    for command in commands:
        conn.send(command)
        assert hear(conn, b"+OK\n") == [Reply(True, b"", command=command)]


def ask_octets(command: Command[object], octets: bytes) -> None:
    """Raises what the octets mean to a client that has sent the command."""
    for event in answered(command, octets):
        if isinstance(event, Exception):
            raise event


class TestStatusLines:
    @pytest.mark.parametrize("line", [b"+ok", b"+Ok", b"+oK fine"])
    def test_04_any_case_of_ok(self, line: bytes) -> None:
        assert answered(Noop(), line + b"\r\n") == [Reply(True, line[4:], command=Noop())]

    @pytest.mark.parametrize("line", [b"-err", b"-Err no"])
    def test_04_any_case_of_err(self, line: bytes) -> None:
        assert answered(Noop(), line + b"\r\n") == [Reply(False, line[5:], command=Noop())]

    @pytest.mark.parametrize("line", [b"+ERR no", b"+OKAY", b"+", b"-ERROR", b"OK", b"-"])
    def test_04_indicators_that_are_none(self, line: bytes) -> None:
        """None of them is success, and nothing behind them can be trusted."""
        conn = client_in(State.TRANSACTION)
        conn.send(Noop())
        (error,) = hear(conn, line + b"\r\n")
        assert isinstance(error, RemoteProtocolError)
        assert str(error) == f"the server sent {line.decode()!r} where the reply to NOOP was due"
        assert conn.state is State.BROKEN

    @pytest.mark.parametrize(("line", "ok"), [(b"+OK", True), (b"-ERR", False), (b"-ERR ", False)])
    def test_05_no_text(self, line: bytes, ok: bool) -> None:
        assert answered(Noop(), line + b"\r\n") == [Reply(ok, b"", command=Noop())]

    def test_35_texts_in_any_encoding(self) -> None:
        (reply,) = answered(Noop(), b"-ERR \xb5\xc7\xc2\xbc\x1b[2J\r\n")
        assert isinstance(reply, Reply)
        assert reply.octets == b"\xb5\xc7\xc2\xbc\x1b[2J"
        assert reply.text.isprintable()

    @pytest.mark.parametrize("junk", [b"\x17\x03\x03\0P", b"\x15\x03\x03\0\x02\x01\0", b"\0", b"x"])
    def test_48_junk_before_a_reply(self, junk: bytes) -> None:
        conn = client_in(State.TRANSACTION)
        conn.send(Noop())
        (error,) = hear(conn, junk + b"+OK\r\n")
        assert isinstance(error, RemoteProtocolError)
        assert "where the reply to NOOP was due" in str(error)
        assert str(error).isprintable()
        assert conn.state is State.BROKEN


class TestListings:
    def test_06_several_blanks(self) -> None:
        assert ask(Uidl(1), "+OK  1   whqtswO0") == UniqueId(1, b"whqtswO0")
        assert ask(Uidl(), "+OK", "1   a", "2  b", ".") == [UniqueId(1, b"a"), UniqueId(2, b"b")]
        assert ask(List(), "+OK", "1    120", ".") == [ScanListing(1, 120)]
        assert ask(Stat(), "+OK   2   320") == MailboxStat(2, 320)

    def test_07_leading_blanks_and_more_columns(self) -> None:
        assert ask(Uidl(), "+OK", "  1 a", ".") == [UniqueId(1, b"a")]
        assert ask(List(), "+OK", "  1 120 new", ".") == [ScanListing(1, 120)]
        assert ask(List(1), "+OK 1 120 octets") == ScanListing(1, 120)
        assert ask(Stat(), "+OK 2 320 2 0 octets") == MailboxStat(2, 320)

    @pytest.mark.parametrize(
        ("line", "unique_id"),
        [
            ("1", b""),
            (f"1 {'x' * 500}", b"x" * 500),
            ("1 a b c", b"a b c"),
            ("1 \\xb5\\xc7", b"\xb5\xc7"),
            ("1 ../../etc/passwd", b"../../etc/passwd"),
        ],
    )
    def test_08_unique_ids_outside_their_grammar(self, line: str, unique_id: bytes) -> None:
        assert ask(Uidl(), "+OK", line, ".") == [UniqueId(1, unique_id)]
        assert ask(Uidl(1), f"+OK {line}") == UniqueId(1, unique_id)

    def test_08_unique_ids_that_are_not_unique(self) -> None:
        twice = [UniqueId(1, b"same"), UniqueId(2, b"same")]
        assert ask(Uidl(), "+OK", "1 same", "2 same", ".") == twice

    def test_09_uidl_that_is_refused(self) -> None:
        """Why it was is told apart, and so is whether it was announced; the session goes on."""
        conn = client_in(State.TRANSACTION)
        conn.capabilities = Capabilities.of("TOP")
        with pytest.raises(CommandFailed, match="the server refused UIDL: -ERR unknown command"):
            play(conn, flows.request(conn, Uidl()), script(Uidl(), "-ERR unknown command"))
        assert conn.offer("UIDL") is Offer.NOT_OFFERED
        with pytest.raises(CommandFailed) as caught:
            play(conn, flows.request(conn, Uidl()), script(Uidl(), "-ERR [SYS/TEMP] later"))
        assert caught.value.code == ResponseCode.of("SYS/TEMP")
        assert play(conn, flows.request(conn, Stat()), script(Stat(), "+OK 1 2")).messages == 1

    def test_10_gaps_and_any_order(self) -> None:
        """A number is a number, and no position: a great one costs no more than a small one."""
        most = 10**18
        listing = ask(List(), "+OK", "7 70", f"{most} 1", "3 30", ".")
        assert listing == [ScanListing(7, 70), ScanListing(most, 1), ScanListing(3, 30)]

    def test_11_message_numbers_that_change_behind_dele(self) -> None:
        """No conversation of ours lists anything behind a DELE, or names a number that it did not
        get before it."""
        conn = client_in(State.TRANSACTION)
        play(conn, fetch_and_delete(conn, [1, 3]), FETCHED)
        play(conn, flows.delete(conn, [2]), script(Dele(2), "+OK"))
        assert play(conn, flows.quit(conn), script(Quit(), "+OK")) is Deletions.DONE

    def test_12_deleted_messages_that_are_still_listed(self) -> None:
        assert ask(List(), "+OK", "1 0", "2 20", ".") == [ScanListing(1, 0), ScanListing(2, 20)]

    @pytest.mark.parametrize("text", ["whqtswO0", "2 whqtswO0", "", "-1 x", "0 x"])
    def test_12_a_single_unique_id_without_its_number(self, text: str) -> None:
        """It cannot be known whose it is; the session can go on."""
        conn = client_in(State.TRANSACTION)
        with pytest.raises(RemoteProtocolError):
            play(conn, flows.request(conn, Uidl(1)), script(Uidl(1), f"+OK {text}"))
        play(conn, flows.request(conn, Noop()), script(Noop(), "+OK"))

    def test_13_mail_that_arrives_between_two_listings(self) -> None:
        """Each entry has its number, by which they are joined; tests/cli/test_trouble.py does."""
        conn = client_in(State.TRANSACTION)
        ids = play(conn, flows.request(conn, Uidl()), script(Uidl(), "+OK", "1 a", "."))
        sizes = play(conn, flows.request(conn, List()), script(List(), "+OK", "1 9", "2 8", "."))
        assert dict(sizes)[ids[0].number] == 9

    @pytest.mark.parametrize("size", ["-5", "+5", "", "4GB", "1_000", "99999999999999999999"])
    def test_14_sizes_that_are_none(self, size: str) -> None:
        assert ask(Stat(), f"+OK 20437 {size}") == MailboxStat(20437, None)
        assert ask(List(), "+OK", f"1 {size}", ".") == [ScanListing(1, None)]
        assert ask(List(1), f"+OK 1 {size}") == ScanListing(1, None)

    def test_14_sizes_beyond_32_bits(self) -> None:
        assert ask(Stat(), "+OK 1 4294967297") == MailboxStat(1, 2**32 + 1)

    def test_32_listings_whose_lines_begin_with_a_dot(self) -> None:
        lines = ask(Capa(), "+OK", "TOP", ".X-ODD", "..X-STUFFED", "UIDL", ".").lines
        assert lines == (b"TOP", b".X-ODD", b".X-STUFFED", b"UIDL")


FETCHED = """
    C: RETR 1
    S: +OK
    S: one
    S: .
    C: DELE 1
    S: +OK
    C: RETR 3
    S: +OK
    S: three
    S: .
    C: DELE 3
    S: +OK
"""


def fetch_and_delete(conn: ClientConnection, numbers: Iterable[int]) -> Flow[None]:
    fetch = Fetch(conn, numbers)
    while reply := (yield from fetch.advance()):
        while (yield from flows.next_chunk(conn)):
            pass
        assert isinstance(reply.command, Retr)
        yield from fetch.delete(reply.command.number)


class TestMessages:
    @pytest.mark.parametrize("said", [b"3 octets", b"99999 octets", b"-1 octets", b"0"])
    def test_15_octet_counts_that_are_wrong(self, said: bytes) -> None:
        """A message ends at its terminator and nowhere else."""
        conn = client_in(State.TRANSACTION)
        conn.send(Retr(1))
        events = hear(conn, b"+OK " + said + b"\r\nten octets\r\n.\r\n")
        assert joined(events) == b"ten octets\r\n"
        assert conn.pending == ()

    @pytest.mark.parametrize("text", ["832 octets", "octets follow", "QUFBQQ==", "[base64] x", ""])
    def test_16_any_text_before_a_message(self, text: str) -> None:
        assert ask(Retr(1), f"+OK {text}", "Hello", ".") == b"Hello\r\n"

    def test_17_dots_that_are_not_stuffed(self) -> None:
        """A dot is taken off where another one follows, and nowhere else."""
        assert message(b".dot\r\na\r\n.b\r\n.\r\n") == b".dot\r\na\r\n.b\r\n"
        assert message(b"..dot\r\na\r\n...\r\n.\r\n") == b".dot\r\na\r\n..\r\n"

    def test_18_a_line_that_is_an_unstuffed_dot(self) -> None:
        """The message seems to end early: what is left of it is taken for no reply to anything."""
        conn = client_in(State.TRANSACTION)
        conn.send(Retr(1))
        events = hear(conn, b"+OK\r\nbegin\r\n.\r\n+OK inside\r\n.\r\n")
        assert joined(events) == b"begin\r\n"
        assert Unsolicited(True, b"inside") in events
        assert conn.state is State.BROKEN

    def test_18_the_rest_is_no_reply_line(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.send(Retr(1))
        *_, error = hear(conn, b"+OK\r\nbegin\r\n.\r\nthe rest\r\n.\r\n")
        assert isinstance(error, RemoteProtocolError)
        assert conn.state is State.BROKEN

    def test_19_a_last_line_without_its_end(self) -> None:
        """`abc` and the dot in one line are no terminator; what was sent stays as it was."""
        conn = client_in(State.TRANSACTION)
        conn.send(Retr(1))
        hear(conn, b"+OK\r\nabc.\r\n")
        assert conn.in_body

    @pytest.mark.parametrize("octets", [b"", b"\r\n", b"abc\r\n", b"abc\r\n\r\n", b"\r\n\r\n"])
    def test_19_empty_lines_before_the_terminator(self, octets: bytes) -> None:
        assert message(octets + b".\r\n") == octets

    @pytest.mark.parametrize(
        "octets",
        [b"a\rb", b"\rhello\n", b"\0", b"\xff\xfe\x80", b"Subject: \xe9", b"x" * 100_000, b"\r\r"],
    )
    def test_20_octets_that_are_no_text_and_lines_of_any_length(self, octets: bytes) -> None:
        assert message(octets + b"\r\n.\r\n") == octets + b"\r\n"

    def test_40_messages_that_are_deleted_because_they_were_retrieved(self) -> None:
        """Who announces it is understood; tests/cli/test_trouble.py has what comes of it."""
        announced = Capabilities.of("EXPIRE 0", "LOGIN-DELAY 300")
        assert announced.retention == Retention(0)
        assert announced.login_interval == LoginInterval(300)

    def test_41_a_listed_message_that_cannot_be_retrieved(self) -> None:
        conn = client_in(State.TRANSACTION)
        fetch = Fetch(conn, [1, 2])
        first = play(conn, fetch.advance(), script(Retr(1), "-ERR Message can not load"))
        assert first
        assert not first.ok
        second = play(conn, fetch.advance(), script(Retr(2), "+OK"))
        assert second
        assert second.ok

    def test_23_the_end_of_input_inside_a_message(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.send(Retr(1))
        hear(conn, b"+OK\r\n12345")
        conn.receive_eof()
        with pytest.raises(UnexpectedEof, match="after 5 octets of the response to RETR 1") as it:
            conn.next_event()
        assert it.value.pending == (Retr(1),)


class TestReplies:
    def test_21_a_reply_that_nobody_asked_for_and_the_end(self) -> None:
        """It is found before the next command is sent, and is no reply to that."""
        conn = client_in(State.TRANSACTION)
        text = "Disconnected for inactivity."
        with pytest.raises(UnsolicitedReply, match=f"-ERR {text}"):
            play(conn, flows.request(conn, Noop()), f"POLL: -ERR {text}")
        assert conn.state is State.BROKEN

    def test_21_a_reply_that_came_before_its_command_was_sent(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.receive_data(b"-ERR idle timeout\r\n")
        conn.send(Retr(1))
        assert conn.next_event() == Unsolicited(False, b"idle timeout")

    @pytest.mark.parametrize("end", ["EOF", "RESET", "TIMEOUT", "S: -ERR busy"])
    def test_22_quit_without_a_good_reply(self, end: str) -> None:
        """No error, and no success: what became of the messages is not known."""
        conn = client_in(State.TRANSACTION)
        exchange(conn, Dele(1))
        assert play(conn, flows.quit(conn), f"C: QUIT\n{end}") is Deletions.UNKNOWN
        assert conn.marked == {1}

    def test_42_an_empty_line_before_a_reply(self) -> None:
        assert ask(Dele(5), "", "+OK deleted").text == "deleted"

    def test_42_an_empty_line_in_place_of_a_reply(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.send(Dele(5))
        assert hear(conn, b"\r\n") == []
        due = "the server sent an empty line where the reply to DELE 5 was due"
        assert conn.silence() == due
        assert conn.state is State.BROKEN

    def test_42_two_empty_lines_are_one_too_many(self) -> None:
        (error,) = answered(Dele(5), b"\r\n\r\n+OK\r\n")
        assert isinstance(error, RemoteProtocolError)
        assert "an empty line where the reply to DELE 5 was due" in str(error)

    def test_42_nothing_is_deleted_ahead_where_there_were_empty_lines(self) -> None:
        """A reply that is missing could not be told from the next one."""
        conn = client_in(State.TRANSACTION)
        conn.capabilities = Capabilities.of("PIPELINING")
        play(conn, flows.request(conn, Noop()), script(Noop(), "", "+OK"))
        one_by_one = script(Dele(1), "+OK") + "\n" + script(Dele(2), "+OK")
        play(conn, flows.delete(conn, [1, 2]), one_by_one)


class TestGreetings:
    @pytest.mark.parametrize(
        ("greeting", "timestamp"),
        [
            (b"POP3 ready <1.2@host>", b"<1.2@host>"),
            (b"<1.2@host> ready", b"<1.2@host>"),
            (b"[XCLIENT] ready <1.2@host>", b"<1.2@host>"),
            (b"<first@host> <second@host>", b"<first@host>"),
            (b"<no-at-sign> <1.2@host>", b"<no-at-sign>"),
            (b"ready", None),
            (b"ready <1.2@host", None),
        ],
    )
    def test_33_timestamps(self, greeting: bytes, timestamp: bytes | None) -> None:
        """The first pair of angle brackets is it, whatever it contains."""
        conn = ClientConnection()
        assert hear(conn, b"+OK " + greeting + b"\r\n") == [Greeting(True, greeting)]
        assert conn.timestamp == timestamp

    @pytest.mark.parametrize("timestamp", ["<no-at-sign>", "<>", "<a b@host>", "<@>"])
    def test_33_a_timestamp_that_is_no_message_id_is_not_used(self, timestamp: str) -> None:
        conn = ClientConnection()
        hear(conn, f"+OK {timestamp}\r\n".encode())
        with pytest.raises(RemoteProtocolError, match="timestamp"):
            play(conn, login(conn, "alice", "secret", mechanism="APOP"))
        assert conn.state is State.AUTHORIZATION

    def test_33_brackets_at_the_end_are_no_response_code(self) -> None:
        greeting = b"The POP3 service is ready. [QQBtADYAUABSAA==]"
        assert hear(ClientConnection(), b"+OK " + greeting + b"\r\n") == [Greeting(True, greeting)]

    @pytest.mark.parametrize(
        ("octets", "protocol"),
        [
            (b"* OK ready\r\n", "IMAP"),
            (b"220 smtp ESMTP\r\n", "SMTP or FTP"),
            (b"\x15\x03\x01\0\x02\x02\n", "TLS"),
            (b"\x15\x03\x01", "TLS"),
            (b"HTTP/1.1 400 Bad Request\r\n", "HTTP"),
        ],
    )
    def test_34_another_protocol_on_the_port(self, octets: bytes, protocol: str) -> None:
        (error,) = hear(ClientConnection(), octets)
        assert isinstance(error, RemoteProtocolError)
        assert f"it speaks {protocol}" in str(error)


class TestCapabilities:
    def test_29_capa_that_is_refused(self) -> None:
        """Nothing is known then, which is not the same as nothing being there."""
        conn = secured_client()
        assert play(conn, flows.capabilities(conn), script(Capa(), "-ERR")) is None
        assert conn.offer("UIDL") is Offer.UNKNOWN

    def test_29_capabilities_that_are_announced_after_the_login_only(self) -> None:
        conn = secured_client()
        play(conn, flows.capabilities(conn), script(Capa(), "+OK", "USER", "."))
        assert conn.offer("UIDL") is Offer.NOT_OFFERED
        again = script(Capa(), "+OK", "UIDL", "TOP", ".")
        play(conn, login(conn, "alice", "secret"), LOGIN + again)
        assert conn.offer("UIDL") is Offer.OFFERED

    def test_29_what_is_not_announced_may_be_tried(self) -> None:
        conn = client_in(State.TRANSACTION)
        conn.capabilities = Capabilities.of("USER")
        got = play(conn, flows.request(conn, Top(1, 0)), script(Top(1, 0), "+OK", "A: b", "."))
        assert got == b"A: b\r\n"

    @pytest.mark.parametrize(
        ("line", "mechanisms"),
        [
            (b"SASL", ()),
            (b"SASL ", ()),
            (b"SASL PLAIN XOAUTH2\r", ("PLAIN", "XOAUTH2")),
            (b"SASL\tPLAIN   LOGIN ", ("PLAIN", "LOGIN")),
            (b"sasl plain", ("PLAIN",)),
        ],
    )
    def test_30_sasl_without_mechanisms_and_with_odd_blanks(
        self, line: bytes, mechanisms: tuple[str, ...]
    ) -> None:
        assert Capa().result(StatusLine(True, b""), line + b"\r\n").sasl == mechanisms

    def test_30_auth_works_where_sasl_is_not_announced(self) -> None:
        """Then there is no initial response (RFC 5034, section 3)."""
        conn = secured_client()
        conn.capabilities = Capabilities.of("TOP", "UIDL")
        assert conn.capabilities.sasl is None
        play(conn, authenticate(conn, plain()), TWO_STEPS)
        assert conn.state is State.TRANSACTION

    def test_31_arguments_behind_an_equals_sign(self) -> None:
        capabilities = Capabilities((b"SASL=PLAIN LOGIN", b"LOGIN-DELAY=300 USER"))
        assert capabilities.sasl == ("PLAIN", "LOGIN")
        assert capabilities.login_interval == LoginInterval(300, by_user=True)
        assert capabilities.lines == (b"SASL=PLAIN LOGIN", b"LOGIN-DELAY=300 USER")

    def test_31_an_implementation_of_several_words(self) -> None:
        words = "Example POP3 3.6.1 = (stable)"
        assert Capabilities.of(f"IMPLEMENTATION {words}").implementation == words

    def test_45_what_was_announced_before_tls(self) -> None:
        """It is forgotten, and asked for again."""
        conn = ClientConnection()
        plaintext = "S: +OK\nC: CAPA\nS: +OK\nS: STLS\nS: X-BEFORE\nS: .\n"
        inside = "C: STLS\nS: +OK\nTLS\nC: CAPA\nS: +OK\nS: X-INSIDE\nS: ."
        play(conn, flows.open_session(conn, TlsPolicy.OPPORTUNISTIC), plaintext + inside)
        assert conn.capabilities
        assert conn.capabilities.lines == (b"X-INSIDE",)
        with pytest.raises(LocalProtocolError, match="TLS is active already"):
            conn.send(Stls())


LOGIN = "C: USER alice\nS: +OK\nC: PASS secret\nS: +OK\n"
TWO_STEPS = "C: AUTH PLAIN\nS: +\\x20\nC: AGFsaWNlAHNlY3JldA==\nS: +OK"


class Spoken:
    """A mechanism that says these responses in turn, the last of which ends it."""

    def __init__(self, name: str, *responses: bytes, client_first: bool = True) -> None:
        self.name = name
        self.client_first = client_first
        self.shows_secret = True
        self.challenges: list[bytes] = []
        self._responses = list(responses)

    def respond(self, challenge: bytes) -> Response:
        self.challenges.append(challenge)
        data = self._responses.pop(0)
        return Response(data, last=not self._responses)


def plain() -> Spoken:
    return Spoken("PLAIN", b"\0alice\0secret")


def logging_in(mechanism: str) -> ClientConnection:
    conn = secured_client()
    conn.send(Auth(mechanism))
    return conn


class TestAuthentication:
    def test_24_ok_in_place_of_a_challenge(self) -> None:
        """It is never taken for a login before the mechanism has said all that it has to say."""
        conn = logging_in("LOGIN")
        assert hear(conn, b"+OK VXNlcm5hbWU6\r\n") == [Challenge(b"Username:", irregular=True)]
        assert conn.state is State.AUTHENTICATING
        conn.respond(b"alice", last=False)
        assert hear(conn, b"+OK password please\r\n") == [Challenge(b"", irregular=True)]
        conn.respond(b"secret", last=True)
        assert conn.state is State.AUTHENTICATING
        (reply,) = hear(conn, b"+OK welcome\r\n")
        assert isinstance(reply, Reply)
        assert reply.ok
        assert conn.state is State.TRANSACTION

    @pytest.mark.parametrize("line", ["+ go ahead", "+go ahead", "+", "+\\x20", "+OK go ahead"])
    def test_24_any_text_where_the_client_speaks_first(self, line: str) -> None:
        conn = secured_client()
        text = f"C: AUTH PLAIN\nS: {line}\nC: AGFsaWNlAHNlY3JldA==\nS: +OK"
        play(conn, authenticate(conn, plain()), text)
        assert conn.state is State.TRANSACTION

    @pytest.mark.parametrize("line", [b"+", b"+ ", b"+YWJj", b"+ YWJj"])
    def test_24_challenges_without_a_blank(self, line: bytes) -> None:
        data = b"abc" if b"Y" in line else b""
        assert hear(logging_in("LOGIN"), line + b"\r\n") == [Challenge(data)]

    @pytest.mark.parametrize("text", [b"<1.2@host>", b"YWJ", b"=YWJj", b"YWI=YWJj", b"YW Jj"])
    def test_24_texts_that_are_no_base64(self, text: bytes) -> None:
        assert hear(logging_in("LOGIN"), b"+ " + text + b"\r\n") == [Challenge(None)]

    def test_24_a_challenge_that_is_no_base64_is_cancelled(self) -> None:
        """So wants RFC 5034, section 4; the session can go on."""
        conn = secured_client()
        cancelled = "C: AUTH CRAM-MD5\nS: + <1.2@host>\nC: *\nS: -ERR cancelled"
        mechanism = Spoken("CRAM-MD5", b"alice 0123", client_first=False)
        with pytest.raises(RemoteProtocolError, match="no base64"):
            play(conn, authenticate(conn, mechanism), cancelled)
        assert mechanism.challenges == []
        assert conn.state is State.AUTHORIZATION

    @pytest.mark.parametrize(("token", "initial_response"), [(b"t", False), (b"t" * 5000, True)])
    def test_25_initial_responses_that_are_refused(
        self, token: bytes, initial_response: bool
    ) -> None:
        """They can be left out, and are where the line would be too long."""
        conn = secured_client()
        conn.capabilities = Capabilities.of("SASL XOAUTH2", "TOP", "UIDL")
        flow = authenticate(conn, Spoken("XOAUTH2", token), initial_response=initial_response)
        line = b64encode(token).decode()
        play(conn, flow, f"C: AUTH XOAUTH2\nS: +\\x20\nC: {line}\nS: +OK")
        assert conn.state is State.TRANSACTION

    def test_25_a_refused_initial_response_ends_the_connection(self) -> None:
        """It is a refused login, and no broken connection: another one may be tried."""
        conn = secured_client()
        conn.capabilities = Capabilities.of("SASL XOAUTH2")
        text = "Protocol error. Connection is closed. 10"
        with pytest.raises(AuthenticationFailed, match=text):
            play(
                conn,
                authenticate(conn, Spoken("XOAUTH2", b"token")),
                f"C: AUTH XOAUTH2 dG9rZW4=\nS: -ERR {text}",
            )
        conn.receive_eof()
        assert client_events(conn) == [EndOfStream()]

    def test_26_a_failure_that_is_told_in_a_challenge(self) -> None:
        """It is answered, and the refusal read; the mechanism has the text."""
        conn = secured_client()
        conn.capabilities = Capabilities.of("SASL XOAUTH2")
        mechanism = Spoken("XOAUTH2", b"token", b"")
        failed = """
            C: AUTH XOAUTH2
            S: +\\x20
            C: dG9rZW4=
            S: + eyJzdGF0dXMiOiI0MDEifQ==
            C:
            S: -ERR [AUTH] failed
        """
        with pytest.raises(AuthenticationFailed):
            play(conn, authenticate(conn, mechanism, initial_response=False), failed)
        assert mechanism.challenges == [b"", b'{"status":"401"}']
        assert conn.state is State.AUTHORIZATION

    def test_27_auth_without_a_mechanism_that_ends_the_connection(self) -> None:
        """Nothing of ours sends it but who asks for it."""
        conn = secured_client()
        with pytest.raises(UnexpectedEof, match="while the reply to AUTH was due"):
            play(conn, flows.request(conn, Auth()), "C: AUTH\nEOF")
        conn = ClientConnection()
        opened = "TLS\nS: +OK\nC: CAPA\nS: -ERR"
        play(conn, flows.open_session(conn, TlsPolicy.IMPLICIT), opened)
        play(conn, authenticate(conn, plain()), TWO_STEPS)

    def test_28_the_connection_ends_behind_a_wrong_password(self) -> None:
        conn = secured_client()
        refused = "C: USER alice\nS: +OK\nC: PASS secret\nS: -ERR wrong"
        with pytest.raises(AuthenticationFailed):
            play(conn, login(conn, "alice", "secret"), refused)
        conn.receive_eof()
        assert client_events(conn) == [EndOfStream()]

    def test_28_the_connection_ends_in_place_of_a_reply_to_the_password(self) -> None:
        conn = secured_client()
        ended = "C: USER alice\nS: +OK\nC: PASS secret\nEOF"
        with pytest.raises(UnexpectedEof, match="while the reply to PASS was due"):
            play(conn, login(conn, "alice", "secret"), ended)

    def test_28_the_connection_ends_behind_capa(self) -> None:
        conn = ClientConnection()
        with pytest.raises(UnexpectedEof, match="while the reply to CAPA was due"):
            play(conn, flows.open_session(conn, TlsPolicy.IMPLICIT), "TLS\nS: +OK\nC: CAPA\nEOF")

    @pytest.mark.parametrize("password", ["pass word  two", " leading", "trailing "])
    def test_47_passwords_with_blanks(self, password: str) -> None:
        """They are sent as they are, and a server that takes them for arguments refuses them."""
        assert Pass(password).line() == b"PASS " + password.encode() + b"\r\n"
        conn = secured_client()
        exchange(conn, User("alice"))
        conn.send(Pass(password))
        (reply,) = hear(conn, b"-ERR too many arguments\r\n")
        assert isinstance(reply, Reply)
        assert isinstance(flows.failure(conn, reply.command, reply), AuthenticationFailed)

    def test_47_base64_has_no_blanks(self) -> None:
        conn = secured_client()
        conn.capabilities = Capabilities.of("SASL PLAIN", "TOP", "UIDL")
        one_line = "C: AUTH PLAIN AGVyaW4AcGFzcyB3b3JkICB0d28=\nS: +OK"
        play(conn, authenticate(conn, Spoken("PLAIN", b"\0erin\0pass word  two")), one_line)


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "hint"),
        [
            ("login allowed only every 15 minutes", Hint.TOO_SOON),
            ("Exceeded the login limit for a 15 minute period", Hint.TOO_SOON),
            ("Download exceed. msg=10", Hint.TOO_MUCH),
        ],
    )
    @pytest.mark.parametrize("command", [Stat(), Retr(1)])
    def test_36_limits_that_are_told_in_words(
        self, command: Command[object], text: str, hint: Hint
    ) -> None:
        with pytest.raises(CommandFailed, match=f"-ERR {text}") as caught:
            ask(command, f"-ERR {text}")
        assert caught.value.hint is hint

    @pytest.mark.parametrize(
        "text", ["maildrop lock busy", "Mailbox locked", "please wait a few minutes and try again"]
    )
    def test_37_locks_that_are_told_in_words(self, text: str) -> None:
        conn = secured_client()
        refused = f"C: USER alice\nS: +OK\nC: PASS secret\nS: -ERR {text}"
        with pytest.raises(CommandFailed) as caught:
            play(conn, login(conn, "alice", "secret"), refused)
        assert caught.value.hint is Hint.LOCKED

    def test_37_a_code_needs_no_guess(self) -> None:
        with pytest.raises(MailboxInUse) as caught:
            ask(Stat(), "-ERR [IN-USE] lock busy")
        assert caught.value.hint is None
