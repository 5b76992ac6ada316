"""Commands, counted and timed."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from pop3_adapters.traces import Measured, Meter, Total, Totals
from pop3_proto import (
    NEED_DATA,
    PAUSED,
    Auth,
    Body,
    Capa,
    ClientConnection,
    Command,
    EndOfStream,
    List,
    Noop,
    Pass,
    Quit,
    Retr,
    ServerConnection,
    Stat,
    State,
    Stls,
    TlsPolicy,
    UnexpectedEof,
    User,
)

from .net import NAME, PASSWORD, Net
from .test_logins import Login, LoginServer, PlainServer


class Clock:
    """Goes on by one second whenever somebody looks."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@dataclass(frozen=True, slots=True)
class Xlist(Command[bytes]):
    """A command of one's own, which is answered with a body."""

    verb = "XLIST"
    states = frozenset({State.TRANSACTION})

    @property
    def body(self) -> Body:
        return Body.LISTING


class MeasuredClient:
    """A client in AUTHORIZATION that measures."""

    def __init__(self, *commands: type[Command[object]]) -> None:
        self.measured: list[Measured] = []
        meter = Meter(self.measured.append, clock=Clock(), commands=commands)
        self.conn = ClientConnection(trace=meter)
        self.hear(b"+OK\r\n")

    def hear(self, octets: bytes) -> None:
        self.conn.receive_data(octets)
        while self.conn.next_event() not in (NEED_DATA, PAUSED, EndOfStream()):
            pass

    def log_in(self) -> None:
        self.exchange(User("alice"), b"+OK\r\n")
        self.exchange(Pass("x"), b"+OK\r\n")
        self.measured.clear()

    def exchange(self, command: Command[object], *replies: bytes) -> None:
        self.conn.send(command)
        for reply in replies:
            self.hear(reply)


def test_a_login() -> None:
    client = MeasuredClient()
    client.exchange(User("alice"), b"+OK\r\n")
    client.exchange(Pass("a long password"), b"-ERR [AUTH] no\r\n")
    assert client.measured == [
        Measured("USER", True, len("USER alice\r\n"), len("+OK\r\n"), 1.0),
        Measured("PASS", False, len("PASS ***\r\n"), len("-ERR [AUTH] no\r\n"), 1.0),
    ]


def test_bodies_count_as_they_are_on_the_wire() -> None:
    client = MeasuredClient(Xlist)
    client.log_in()
    client.exchange(Retr(1), b"+OK\r\n..\r\n+OK\r\n.", b"\r", b"\n")
    client.exchange(List(), b"+OK\r\n.\r\n")
    client.exchange(List(1), b"+OK 1 2\r\n")
    client.exchange(Xlist(), b"+OK\r\n1\r\n.\r\n")
    assert [(each.verb, each.octets_received) for each in client.measured] == [
        ("RETR", 17),
        ("LIST", 8),
        ("LIST", 9),
        ("XLIST", 11),
    ]
    assert all(each.ok for each in client.measured)


def test_replies_that_are_asked_for_together_belong_to_their_commands() -> None:
    client = MeasuredClient()
    client.log_in()
    for command in (Retr(1), Retr(2), Stat(), Noop()):
        client.conn.send(command)  # at 5, 6, 7 and 8
    client.hear(b"+OK\r\nabc\r\n.\r\n-ERR\r\n+OK 0 0\r\n")
    client.hear(b"\r\n+OK\r\n")
    assert client.measured == [
        Measured("RETR", True, 8, 13, 4.0),
        Measured("RETR", False, 8, 6, 4.0),
        Measured("STAT", True, 6, 9, 4.0),
        Measured("NOOP", True, 6, 7, 4.0),
    ]


def test_a_command_that_is_sent_within_a_body() -> None:
    client = MeasuredClient()
    client.log_in()
    client.exchange(Retr(1), b"+OK\r\nab")
    client.exchange(Retr(2), b"c\r\n.\r\n+OK\r\n.\r\n")
    assert [each.octets_received for each in client.measured] == [13, 8]


def test_auth_is_one_command_with_all_that_it_says() -> None:
    client = MeasuredClient()
    client.exchange(Auth("X", b"hunter2"), b"+ eA==\r\n")
    client.conn.respond(b"", last=False)
    client.hear(b"+OK\r\n")
    client.conn.respond(b"hunter2", last=True)
    client.hear(b"+ \r\n")
    client.conn.cancel()
    client.hear(b"-ERR\r\n")
    client.exchange(Auth(), b"+OK\r\nX\r\n.\r\n")
    sent = len("AUTH X Kioq\r\n" + "\r\n" + "Kioq\r\n" + "*\r\n")
    received = len("+ Kioq\r\n" + "+OK \r\n" + "+ \r\n" + "-ERR\r\n")
    assert [(each.verb, each.ok) for each in client.measured] == [("AUTH", False), ("AUTH", True)]
    assert (client.measured[0].octets_sent, client.measured[0].octets_received) == (sent, received)
    assert (client.measured[1].octets_sent, client.measured[1].octets_received) == (6, 11)


def test_stls() -> None:
    client = MeasuredClient()
    client.exchange(Stls(), b"+OK\r\n")
    client.conn.tls_started()
    client.exchange(Capa(), b"-ERR\r\n")
    assert [(each.verb, each.ok) for each in client.measured] == [("STLS", True), ("CAPA", False)]


def test_what_is_never_answered_is_not_reported() -> None:
    client = MeasuredClient()
    client.log_in()
    client.exchange(Retr(1), b"+OK\r\nabc\r\n")
    client.conn.receive_eof()
    with pytest.raises(UnexpectedEof):
        client.conn.next_event()
    assert client.measured == []


def test_what_nobody_asked_for_is_nobodys() -> None:
    client = MeasuredClient()
    client.conn.receive_data(b"-ERR bye\r\n")
    client.conn.next_event()
    assert client.measured == []


class MeasuredServer:
    """A server that measures, and refuses everything but AUTH and LIST."""

    def __init__(self) -> None:
        self.totals = Totals()
        self.conn = ServerConnection(trace=Meter(self.totals, clock=Clock()))
        self.conn.greet("ready")

    def read(self, octets: bytes, *answers: Callable[[], object]) -> None:
        self.conn.receive_data(octets)
        for answer in answers:
            self.conn.next_event()
            answer()

    def refuse(self) -> bytes:
        return self.conn.reply(False)


@pytest.mark.parametrize(
    "lines",
    [
        [f"X{number}\r\n".encode() for number in range(100)],
        [
            b"\r\n",
            b" \r\n",
            b" NOOP\r\n",
            b"***\r\n",
            b"\xff\r\n",
            b"other\r\n",
            b"x" * 10000 + b"\r\n",
        ],
    ],
)
def test_clients_cannot_make_up_verbs(lines: Sequence[bytes]) -> None:
    server = MeasuredServer()
    for line in lines:
        server.read(line, server.refuse)
    (total,) = server.totals.by_verb().items()
    assert total[0] == "other"
    assert (total[1].commands, total[1].refused) == (len(lines), len(lines))


def test_a_server_counts_commands_that_came_together() -> None:
    server = MeasuredServer()
    server.read(b"User a\r\nlist\r\nAUTH X\r\n", server.refuse, server.refuse)
    server.read(b"eA==\r\n", server.conn.challenge, server.refuse)
    server.read(b"AUTH ! ! !\r\nNOOP\r\n", server.refuse, server.refuse)
    assert {verb: total.commands for verb, total in server.totals.by_verb().items()} == {
        "USER": 1,
        "LIST": 1,
        "AUTH": 2,
        "NOOP": 1,
    }
    assert server.totals.by_verb()["USER"] == Total(1, 1, 6, 8, 1.0)


async def test_both_ends_measure_the_same(net: Net, tls: TlsPolicy) -> None:
    ours, theirs = Totals(), Totals()
    mail = [b"Subject: %d\r\n\r\n.\r\n" % number for number in range(20)]
    server = net.serve(
        net.memory(*mail),
        tls=tls,
        mechanisms={"PLAIN": PlainServer, "LOGIN": LoginServer},
        trace=lambda address: Meter(theirs),
    )
    async with await net.connect(server.port, tls=tls, trace=Meter(ours)) as client:
        await client.authenticate(Login(), allow_insecure_auth=not client.tls)
        await client.scan_listings()
        async for message in client.fetch(range(1, 21)):
            assert await message.read() == mail[message.number - 1]
            await message.delete()
    server.running.close()
    counted = ours.by_verb()
    assert (counted["RETR"].commands, counted["DELE"].commands) == (20, 20)
    assert counted["AUTH"].commands == 1
    assert ("STLS" in counted) is (tls is TlsPolicy.STLS)
    mirrored = {
        verb: (of.commands, of.refused, of.octets_received, of.octets_sent)
        for verb, of in theirs.by_verb().items()
    }
    assert mirrored == {
        verb: (of.commands, of.refused, of.octets_sent, of.octets_received)
        for verb, of in counted.items()
    }
    assert all(total.seconds > 0 for total in counted.values())
    assert PASSWORD not in repr(counted)
    assert NAME not in repr(counted)


def test_totals_of_many_threads() -> None:
    totals = Totals()

    def count() -> None:
        for _ in range(1000):
            totals(Measured("NOOP", True, 6, 5, 0.5))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert totals.by_verb() == {"NOOP": Total(4000, 0, 24000, 20000, 2000.0)}


def test_quit_in_authorization() -> None:
    client = MeasuredClient()
    client.exchange(Quit(), b"+OK\r\n")
    assert [each.verb for each in client.measured] == ["QUIT"]
