"""However the input is cut, and whenever it is looked at, the same is reported."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto import (
    BadCommand,
    Body,
    BodyChunk,
    Capa,
    ClientConnection,
    Command,
    Dele,
    EndOfStream,
    Limits,
    List,
    Noop,
    Pass,
    PlaintextAfterStls,
    ProtocolError,
    Quit,
    Reply,
    Retr,
    ServerConnection,
    Stat,
    Stls,
    Top,
    Uidl,
    User,
)
from tests.core.machines import Client, client_events


@dataclass(frozen=True)
class Exchange:
    """What a client sends at once, and what comes before it sends more."""

    received: bytes
    sent: Sequence[Command[object]] = ()
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
}  # fmt: skip

# A part of the input, and whether events are taken behind it.
Part = tuple[bytes, bool]
Cut = Callable[[bytes], list[Part]]

LIMITS = Limits(line=150, message=500)


def hold(conversation: Sequence[Exchange], cut: Cut) -> list[object]:
    """What a client reports when everything that it receives is cut."""
    conn = ClientConnection(limits=LIMITS)
    events: list[Client] = []
    for exchange in conversation:
        for command in exchange.sent:
            if not conn.failure:
                conn.send(command)
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


@pytest.mark.parametrize("name", CONVERSATIONS)
@given(data=st.data())
def test_client(name: str, data: st.DataObject) -> None:
    conversation = CONVERSATIONS[name]
    expected = without_the_broken_body(hold(conversation, whole))
    assert without_the_broken_body(hold(conversation, drawn(data))) == expected


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
}


class Answering:
    """A server that answers as soon as it may, and what it has reported and written."""

    def __init__(self) -> None:
        self.conn = ServerConnection(limits=Limits(command=200))
        self.written = self.conn.greet()
        self.events: list[object] = []

    def answer(self) -> None:
        while isinstance(event := self.conn.next_event(), Command | BadCommand):
            self.events.append(event)
            ok = isinstance(event, Command) and event != Pass("wrong")
            self.written += self.conn.reply(ok, "begin TLS" if isinstance(event, Stls) else "")
            if isinstance(event, Command) and ok and event.body is not Body.NONE:
                self.written += self.conn.send_body(b".\r\n") + self.conn.end_body()


def answers(text: bytes, cut: Cut) -> tuple[list[object], bytes]:
    """What a server reports and writes when everything that it receives is cut."""
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
        return [*server.events, str(error)], server.written.removesuffix(b"+OK begin TLS\r\n")
    return [*server.events, server.conn.next_event()], server.written


@pytest.mark.parametrize("name", COMMANDS)
@given(data=st.data())
def test_server(name: str, data: st.DataObject) -> None:
    text = COMMANDS[name]
    expected = answers(text, whole)
    assert answers(text, drawn(data)) == expected
    assert answers(text, single) == expected


def test_the_commands_are_answered() -> None:
    events, written = answers(COMMANDS["everything"], whole)
    assert (len(events), events[-2:]) == (13, [Quit(), EndOfStream()])
    assert written.count(b"+OK") == 13
    events, written = answers(COMMANDS["bad ones"], whole)
    assert written.count(b"-ERR") == 12
    again = BadCommand("PASS is not allowed yet: send USER first", b"PASS again")
    assert events[-3:] == [again, Quit(), EndOfStream()]
    events, _ = answers(COMMANDS["plaintext behind stls"], whole)
    assert events[1:] == [Stls(), str(PlaintextAfterStls())]
