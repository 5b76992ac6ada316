"""However the input is cut, and whenever it is looked at, the same is reported and traced."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto import (
    NEED_DATA,
    PAUSED,
    Apop,
    Auth,
    AuthCancelled,
    AuthResponse,
    BadCommand,
    Body,
    BodyChunk,
    Capa,
    ClientConnection,
    Command,
    Dele,
    EndOfStream,
    Lang,
    Last,
    Limits,
    List,
    Noop,
    Pass,
    PlaintextAfterStls,
    ProtocolError,
    Quit,
    Reply,
    Response,
    Retr,
    ServerConnection,
    Stat,
    Stls,
    Top,
    Trace,
    Traced,
    TraceRecord,
    Uidl,
    User,
    Utf8,
)
from tests.core.machines import Client, client_events


@dataclass(frozen=True)
class Exchange:
    """What a client sends at once, and what comes before it sends more; in AUTH that is a response,
    or nothing, which cancels."""

    received: bytes
    sent: Sequence[Command[object] | Response | None] = ()
    tls: bool = False
    eof: bool = False


LOGIN = (
    Exchange(b"+OK ready <1.2@host>\r\n"),
    Exchange(b"+OK\r\n", [User("alice")]),
    Exchange(b"+OK 2 messages\r\n", [Pass("secret")]),
)
LF_LOGIN = tuple(Exchange(e.received.replace(b"\r\n", b"\n"), e.sent) for e in LOGIN)
MAIL = b"Subject: x\r\n\r\n..\r\n..one\r\n.two\r\n\n.\n\r.\r\0\x80\xff\r\n...\r\n" + b"x" * 300
PIPELINE = (Stat(), Retr(1), Dele(1), Retr(9), List(), Top(1, 0), List(2), Uidl())

CONVERSATIONS: dict[str, tuple[Exchange, ...]] = {
    "everything": (
        *LOGIN[:1],
        Exchange(b"+OK\r\nTOP\r\nSTLS\r\n.\r\n", [Capa()]),
        Exchange(b"+OK begin\r\n", [Stls()], tls=True),
        Exchange(b"+OK\r\nPIPELINING\r\nRESP-CODES\r\n.\r\n", [Capa()]),
        *LOGIN[1:],
        Exchange(
            b"+OK 2 320\r\n"
            b"+OK message\r\n" + MAIL + b"\r\n.\r\n"
            b"\r\n+OK deleted\r\n"
            b"-ERR [SYS/TEMP] no\r\n"
            b"+OK\r\n1 120\r\n2 200\r\n.\r\n"
            b"+OK\r\n.\r\n"
            b"+OK 2 200\r\n"
            b"-ERR\r\n",
            PIPELINE,
        ),
        Exchange(b"+OK bye\r\n", [Quit()]),
    ),
    "refused": (Exchange(b"-ERR [SYS/TEMP] full\r\nmore"),),
    "wrong password": (
        *LOGIN[:2],
        Exchange(b"-ERR [AUTH] no\r\n", [Pass("wrong")], eof=True),
    ),
    "lf": (
        *LF_LOGIN,
        Exchange(
            b"+OK\n..a\r\n.\r\nb\n.\n+OK 1\n+OK\n.\n",
            [Retr(1), Stat(), List()],
        ),
        Exchange(b"+OK\r\n", [Noop()]),
        Exchange(b"+OK\n", [Noop()]),
    ),
    "lf after crlf": (*LOGIN, Exchange(b"+OK a\nb\r\n", [Noop()])),
    "lf learnt inside tls": (
        *LOGIN[:1],
        Exchange(b"+OK\r\n", [Stls()], tls=True),
        Exchange(b"+OK\nTOP\n.\n", [Capa()]),
    ),
    "no reply": (*LOGIN, Exchange(b"+OK\r\nhello \xff\r\n+OK\r\n", [Noop(), Noop()])),
    "blank lines": (*LOGIN, Exchange(b"\r\n+OK\r\n\r\n\r\n+OK\r\n", [Noop(), Noop()])),
    "unsolicited": (*LOGIN, Exchange(b"+OK\r\n-ERR [IN-USE] and more\r\n+OK\r\n", [Noop()])),
    "unsolicited in halves": (
        *LOGIN,
        Exchange(b"+OK\r\n+OK ea", [Noop()]),
        Exchange(b"rly\r\n", [Stat()]),
    ),
    "plaintext behind stls": (*LOGIN[:1], Exchange(b"+OK\r\n+OK injected\r\n", [Stls()])),
    "refusal of stls, and more": (*LOGIN[:1], Exchange(b"-ERR\r\n+OK\r\n", [Stls()])),
    "long line": (*LOGIN, Exchange(b"+OK\r\n+OK " + b"x" * 200 + b"\r\n", [Noop(), Noop()])),
    "long body": (*LOGIN, Exchange(b"+OK\r\n" + b"x" * 600 + b"\r\n.\r\n", [Retr(1)])),
    "end in a body": (*LOGIN, Exchange(b"+OK\r\nabc\r\n.\r", [Retr(1), Noop()], eof=True)),
    "end in a line": (*LOGIN, Exchange(b"+OK\r\n+O", [Noop(), Noop()], eof=True)),
    "end before the greeting": (Exchange(b"+OK", eof=True),),
    "end behind quit": (*LOGIN, Exchange(b"+OK b", [Quit()], eof=True)),
    "imap": (Exchange(b"* OK IMAP4rev1\r\n"),),
    "auth": (
        *LOGIN[:1],
        Exchange(b"+OK\r\nPLAIN\r\nLOGIN\r\n.\r\n", [Auth()]),
        Exchange(b"-ERR\r\n+OK\r\nen English\r\nde\r\n.\r\n+OK de ja\r\n",
                 [Lang(), Lang(), Lang("de")]),
        Exchange(b"+OK\r\n", [Utf8()]),
        Exchange(b"+ \r\n", [Auth("PLAIN")]),
        Exchange(b"-ERR [AUTH] no\r\n", [Response(b"\0alice\0wrong", True)]),
        Exchange(b"-ERR\r\n", [Apop("alice", b"0" * 32)]),
        Exchange(b"\r\n+eA==\r\n", [Auth("SCRAM-SHA-1", b"n,,n=alice,r=x")]),
        Exchange(b"+ " + b"AAAA" * 90 + b"\r\n", [Response(b"y" * 200, False)]),
        Exchange(b"+OK welcome " + b"x" * 200 + b"\r\n", [Response(b"", True)]),
        Exchange(b"+OK 2\r\n+OK\r\n.\r\n", [Last(), Lang()]),
        Exchange(b"+OK bye\r\n", [Quit()]),
    ),
    "auth in lf": (
        *LF_LOGIN[:1],
        Exchange(b"+ eA==\n", [Auth("CRAM-MD5")]),
        Exchange(b"+OK\n", [Response(b"alice 0123", True)]),
        Exchange(b"+OK\n..\n.\n", [Retr(1)]),
    ),
    "cancelled auth": (
        *LOGIN[:1],
        Exchange(b"+ no base64!\r\n", [Auth("CRAM-MD5")]),
        Exchange(b"-ERR\r\n", [None]),
        *LOGIN[1:],
    ),
    "login although it was cancelled": (
        *LOGIN[:1],
        Exchange(b"+ \r\n", [Auth("PLAIN")]),
        Exchange(b"+OK\r\n", [None]),
    ),
    "challenge behind a cancel": (
        *LOGIN[:1],
        Exchange(b"+ \r\n", [Auth("PLAIN")]),
        Exchange(b"+ eA==\r\n", [None]),
    ),
    "irregular challenges": (
        *LOGIN[:1],
        Exchange(b"+OK\r\n", [Auth("PLAIN")]),
        Exchange(b"+OK eA==\r\n", [Response(b"x", False)]),
        Exchange(b"+OK no base64\r\n", [Response(b"", True)]),
        Exchange(b"+OK\r\n", [Noop()]),
    ),
    "challenge, and more": (
        *LOGIN[:1],
        Exchange(b"+ eA==\r\n+OK early\r\n", [Auth("PLAIN")]),
        Exchange(b"+OK\r\n", [Response(b"x", True)]),
    ),
    "challenge, and half of one": (
        *LOGIN[:1],
        Exchange(b"+ eA==\r\n+ e", [Auth("PLAIN")]),
        Exchange(b"A==\r\n", [Response(b"x", True)]),
    ),
    "too many challenges": (
        *LOGIN[:1],
        Exchange(b"+ \r\n", [Auth("PLAIN")]),
        *[Exchange(b"+ eA==\r\n", [Response(b"x", False)])] * 4,
    ),
    "long challenge": (*LOGIN[:1], Exchange(b"+ " + b"A" * 600 + b"\r\n", [Auth("PLAIN")])),
    "long reply behind auth": (
        *LOGIN[:1],
        Exchange(b"-ERR no\r\n", [Auth("PLAIN")]),
        Exchange(b"-ERR " + b"x" * 200 + b"\r\n", [User("alice")]),
    ),
    "challenge without auth": (*LOGIN, Exchange(b"+ eA==\r\n", [Noop()])),
    "end in auth": (*LOGIN[:1], Exchange(b"+ eA==\r\n", [Auth("PLAIN")], eof=True)),
    "end in a challenge": (*LOGIN[:1], Exchange(b"+ eA=", [Auth("PLAIN")], eof=True)),
    "blank lines in auth": (*LOGIN[:1], Exchange(b"\r\n\r\n", [Auth("PLAIN")])),
}  # fmt: skip

# A part of the input, and whether events are taken behind it.
Part = tuple[bytes, bool]
Cut = Callable[[bytes], list[Part]]

LIMITS = Limits(line=150, message=500, sasl=500, challenges=4)


def act(conn: ClientConnection, what: Command[object] | Response | None) -> None:
    if isinstance(what, Command):
        conn.send(what)
    elif what:
        conn.respond(what.data, last=what.last)
    else:
        conn.cancel()


def hold(conversation: Sequence[Exchange], cut: Cut, trace: Trace | None = None) -> list[object]:
    """What a client reports when everything that it receives is cut."""
    conn = ClientConnection(limits=LIMITS, trace=trace)
    events: list[Client] = []
    for exchange in conversation:
        for what in exchange.sent:
            if not conn.failure:
                act(conn, what)
        try:
            for part, looked_at in cut(exchange.received):
                conn.receive_data(part)
                if looked_at:
                    events += client_events(conn)
        except PlaintextAfterStls as error:
            events.append(error)
        if exchange.eof:
            conn.receive_eof()
        events += client_events(conn)
        if exchange.tls:
            conn.tls_started()
    return normal(events)


def passed(records: Sequence[TraceRecord]) -> list[TraceRecord]:
    """What was traced, without where the pieces of a body end, and how much had been read."""
    merged: list[TraceRecord] = []
    for record in records:
        last = merged[-1] if merged else None
        if last and last.what is record.what is Traced.RECEIVED:
            octets = last.octets + record.octets
            ends = last.ends or record.ends
            merged[-1] = TraceRecord(Traced.RECEIVED, octets, ends=ends)
        else:
            merged.append(replace(record, unread=0, body=False))
    return merged


def trace_of(conversation: Sequence[Exchange], cut: Cut) -> list[TraceRecord]:
    records: list[TraceRecord] = []
    hold(conversation, cut, records.append)
    return passed(records)


def assert_same_trace(found: list[TraceRecord], expected: list[TraceRecord]) -> None:
    """Of what cannot go on, as much is traced as there was when it turned out that it cannot."""
    if found == expected:
        return
    *found, last = found
    *expected, other = expected
    assert found == expected
    assert last.what is other.what is Traced.RECEIVED
    shorter, longer = sorted((last.octets, other.octets), key=len)
    assert longer.startswith(shorter) or (shorter, longer) == (b"+ ***", b"+ Kioq\r\n")


def whole(octets: bytes) -> list[Part]:
    return [(octets, True)]


def single(octets: bytes) -> list[Part]:
    return [(octets[at : at + 1], True) for at in range(len(octets))]


def drawn(data: st.DataObject) -> Cut:
    def cut(octets: bytes) -> list[Part]:
        inside = st.integers(1, len(octets) - 1)
        cuts = data.draw(st.dictionaries(inside, st.booleans(), max_size=6))
        edges = [0, *sorted(cuts), len(octets)]
        return [(octets[start:end], cuts.get(end, True)) for start, end in pairwise(edges)]

    return cut


def normal(events: Sequence[object]) -> list[object]:
    """Events without what the cuts may change: where chunks end, and what an error has cost."""
    normalised: list[object] = []
    for event in events:
        last = normalised[-1] if normalised else None
        if isinstance(event, BodyChunk) and isinstance(last, BodyChunk):
            normalised[-1] = BodyChunk(last.data + event.data)
        elif isinstance(event, ProtocolError):
            if isinstance(event, PlaintextAfterStls) and isinstance(last, Reply):
                normalised.pop()
            failure = f"{type(event).__name__}: {event}"
            if failure not in normalised:
                normalised.append(failure)
        elif event != last or not isinstance(event, EndOfStream):
            normalised.append(event)
    return normalised


def without_the_broken_body(events: list[object]) -> list[object]:
    """A chunk that exceeds the limit is not delivered, so that the size of chunks matters."""
    too_large = any(isinstance(e, str) and e.startswith("BodyTooLarge") for e in events)
    return [e for e in events if not (too_large and isinstance(e, BodyChunk))]


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_client_with_octets_that_come_one_by_one(name: str) -> None:
    conversation = CONVERSATIONS[name]
    expected = without_the_broken_body(hold(conversation, whole))
    assert without_the_broken_body(hold(conversation, single)) == expected
    assert_same_trace(trace_of(conversation, single), trace_of(conversation, whole))


@pytest.mark.parametrize("name", CONVERSATIONS)
@given(data=st.data())
def test_client(name: str, data: st.DataObject) -> None:
    conversation = CONVERSATIONS[name]
    expected = without_the_broken_body(hold(conversation, whole))
    records: list[TraceRecord] = []
    events = hold(conversation, drawn(data), records.append)
    assert without_the_broken_body(events) == expected
    assert_same_trace(passed(records), trace_of(conversation, whole))


def test_the_conversations_end_as_they_are_named() -> None:
    ends = {name: str(hold(talk, whole)[-1]) for name, talk in CONVERSATIONS.items()}
    for name, end in {
        "everything": "EndOfStream",
        "refused": "EndOfStream",
        "wrong password": "EndOfStream",
        "lf": "bare LF",
        "lf after crlf": "bare LF",
        "lf learnt inside tls": "BodyEnd",
        "no reply": "hello",
        "blank lines": "empty line",
        "unsolicited": "nobody asked for: -ERR [IN-USE] and more",
        "unsolicited in halves": "nobody asked for: +OK early",
        "plaintext behind stls": "PlaintextAfterStls",
        "refusal of stls, and more": "nobody asked for",
        "long line": "LineTooLong",
        "long body": "BodyTooLarge",
        "end in a body": "after 3 octets",
        "end in a line": "reply to NOOP was due",
        "end before the greeting": "before the greeting",
        "end behind quit": "EndOfStream",
        "imap": "IMAP",
        "auth": "EndOfStream",
        "auth in lf": "BodyEnd",
        "cancelled auth": "2 messages",
        "login although it was cancelled": "although AUTH was cancelled",
        "challenge behind a cancel": "the reply to AUTH PLAIN was due",
        "irregular challenges": "command=Noop()",
        "challenge, and more": "nobody asked for: +OK early",
        "challenge, and half of one": "the reply to AUTH PLAIN was due",
        "too many challenges": "more than 4 challenges",
        "long challenge": "LineTooLong",
        "long reply behind auth": "LineTooLong",
        "challenge without auth": "the reply to NOOP was due",
        "end in auth": "the reply to AUTH PLAIN was due",
        "end in a challenge": "the reply to AUTH PLAIN was due",
        "blank lines in auth": "an empty line where the reply to AUTH",
    }.items():
        assert end in ends.pop(name)
    assert not ends


COMMANDS = {
    "everything": b"CAPA\r\nuser alice\r\nPASS pass word \r\nSTAT\nLIST 1\r\nRETR  1\r\n"
    b"TOP 1 5\r\nDELE 1\r\nNOOP\r\nRSET\r\nUIDL\r\nQUIT\r\nNOOP\r\n",
    "bad ones": b"\r\n\nXYZZY\r\n PASS\r\nRETR 1\r\nUSER a\rb\r\nUSER\0\r\nQUIT 1\r\n\xff\r\n"
    b"PASS x\r\nUSER alice\r\nPASS wrong\r\nPASS again\r\nQUIT\r\n",
    "long ones": b"x" * 300 + b"\r\nCAPA\r\nUSER " + b"y" * 300 + b"\n\r\n" + b"z" * 500,
    "plaintext behind stls": b"CAPA\r\nSTLS\r\nUSER alice\r\nPASS secret\r\n",
    "a line without an end": b"NOOP\r\nQUI",
    "auth": b"AUTH\r\nauth plain\r\n*\r\nAUTH PLAIN AGFsaWNlAHdyb25n\r\nLANG\r\nLANG de\nUTF8\r\n"
    b"AUTH X\r\nbW9yZQ==\nbW9yZQ==\r\n\r\nLAST\r\nLANG *\r\nAUTH PLAIN\r\nLAST\r\n",
    "bad ones in auth": b"AUTH PLAIN not base64\r\nAUTH X a\r\nAUTH pl\xe4in\r\n"
    + b"".join(b"AUTH PLAIN\r\n" + bad + b"\r\n" for bad in (b"a", b"*\r", b" ", b"\0", b"QUIT 1"))
    + b"APOP alice\r\nAPOP alice 0123\r\nSTAT\r\nAUTH PLAIN =\r\n",
    "long ones in auth": b"AUTH PLAIN " + b"A" * 300 + b"\r\nAUTH PLAIN\r\n" + b"A" * 304 + b"\r\n"
    b"AUTH " + b"A" * 200 + b"\r\nAUTH\t" + b"A" * 200 + b"\r\n"
    b"AUTH PLAIN\r\n" + b"A" * 280 + b"\r\n",
    "a long initial response": b"AUTH PLAIN " + b"A" * 240 + b"\r\nSTAT\r\n",
    "an exchange without an end": b"AUTH PLAIN\r\nAAAA",
}


REFUSED = (Pass("wrong"), Auth("PLAIN", b"\0alice\0wrong"), Apop("alice", b"0123"))
MORE = (AuthResponse(b"more"), Auth("X"), Auth("PLAIN"))


class Answering:
    """A server that answers as soon as it may, and what it has reported and written."""

    def __init__(self) -> None:
        self.records: list[TraceRecord] = []
        limits = Limits(command=200, sasl=300)
        self.conn = ServerConnection(limits=limits, trace=self.records.append)
        self.written = self.conn.greet()
        self.events: list[object] = []

    def answer(self) -> None:
        while not isinstance(event := self.conn.next_event(), EndOfStream):
            if event is NEED_DATA or event is PAUSED:
                return
            self.events.append(event)
            if event in MORE:
                self.written += self.conn.challenge(b"go on")
                continue
            ok = isinstance(event, Command | AuthResponse) and event not in REFUSED
            self.written += self.conn.reply(ok, "begin TLS" if isinstance(event, Stls) else "")
            if isinstance(event, Command) and ok and event.body is not Body.NONE:
                self.written += self.conn.send_body(b".\r\n") + self.conn.end_body()


def answers(text: bytes, cut: Cut) -> tuple[list[object], bytes, list[TraceRecord]]:
    """What a server reports, writes and traces when everything that it receives is cut."""
    server = Answering()
    try:
        for part, looked_at in cut(text):
            server.conn.receive_data(part)
            if looked_at:
                server.answer()
        server.conn.receive_eof()
        server.answer()
    except PlaintextAfterStls as error:
        # What comes behind the reply to STLS cannot take it back.
        begin = b"+OK begin TLS\r\n"
        records = [record for record in server.records if record.octets != begin]
        return [*server.events, str(error)], server.written.removesuffix(begin), passed(records)
    return [*server.events, server.conn.next_event()], server.written, passed(server.records)


@pytest.mark.parametrize("name", COMMANDS)
@given(data=st.data())
def test_server(name: str, data: st.DataObject) -> None:
    text = COMMANDS[name]
    expected = answers(text, whole)
    assert answers(text, drawn(data)) == expected
    assert answers(text, single) == expected


def test_the_commands_are_answered() -> None:
    events, written, _ = answers(COMMANDS["everything"], whole)
    assert (len(events), events[-2:]) == (13, [Quit(), EndOfStream()])
    assert written.count(b"+OK") == 13
    events, written, _ = answers(COMMANDS["bad ones"], whole)
    assert written.count(b"-ERR") == 12
    again = BadCommand("PASS is not allowed yet: send USER first", b"PASS again")
    assert events[-3:] == [again, Quit(), EndOfStream()]
    events, _, _ = answers(COMMANDS["plaintext behind stls"], whole)
    assert events[1:] == [Stls(), str(PlaintextAfterStls())]


def too_long(most: int) -> str:
    return f"the line is longer than {most} octets"


def test_exchanges_are_answered() -> None:
    events, written, records = answers(COMMANDS["auth"], whole)
    response = AuthResponse(b"more")
    assert events[:4] == [Auth(), Auth("PLAIN"), AuthCancelled(), REFUSED[1]]
    assert events[4:11] == [
        Lang(),
        Lang("de"),
        Utf8(),
        Auth("X"),
        response,
        response,
        AuthResponse(b""),
    ]
    again = BadCommand(
        "AUTH is not allowed in TRANSACTION: it belongs before the login", b"AUTH PLAIN"
    )
    assert events[11:] == [Last(), Lang("*"), again, Last(), EndOfStream()]
    assert written.count(b"+ Z28gb24=\r\n") == 4
    assert b"bW9yZQ==" not in b"".join(record.octets for record in records)
    events, written, _ = answers(COMMANDS["bad ones in auth"], whole)
    assert [type(event) for event in events] == (
        [BadCommand] * 3
        + [Auth, BadCommand] * 5
        + [BadCommand, Apop, BadCommand, Auth, EndOfStream]
    )
    events, _, _ = answers(COMMANDS["long ones in auth"], whole)
    reasons = [event.reason for event in events if isinstance(event, BadCommand)]
    name = "AUTH takes the name of a mechanism and an initial response"
    assert reasons == [too_long(300), too_long(300), name, too_long(200)]
    assert events[5:] == [Auth("PLAIN"), AuthResponse(bytes(210)), EndOfStream()]
    events, _, _ = answers(COMMANDS["a long initial response"], whole)
    assert events == [Auth("PLAIN", bytes(180)), Stat(), EndOfStream()]
