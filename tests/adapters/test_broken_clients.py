"""Clients that cut, pile up, stall, lie or leave, and what our server makes of it.

Whatever they do: nothing is deleted unless QUIT has arrived, and the next client is served.
"""

import contextlib
import ssl
import threading
import time
import tracemalloc
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack

import pytest

from pop3_adapters.maildrops import MemoryMaildrop
from pop3_proto import Limits, Maildrop, MessageEntry, Refused, ResponseCode, TlsPolicy

from .mail import big
from .net import NAME, PASSWORD, Net, Served
from .wire import BOUND, Wire, dial

LOGIN = f"USER {NAME}\r\nPASS {PASSWORD}\r\n".encode()
MEGABYTE = 1024 * 1024
SOON = 0.1
CONTENT_TYPES = range(20, 24)


class Watched(MemoryMaildrop):
    """Says when a session has let go of it."""

    def __init__(self, messages: Iterable[bytes]) -> None:
        super().__init__(messages)
        self.released = threading.Event()

    def open(self) -> Sequence[MessageEntry]:
        entries = super().open()
        self.released.clear()
        return entries

    def close(self) -> None:
        super().close()
        self.released.set()


RESET = pytest.mark.parametrize("reset", [False, True], ids=["close", "reset"])
SECURED = pytest.mark.parametrize(
    "policy", [TlsPolicy.STLS, TlsPolicy.IMPLICIT], ids=["stls", "implicit"]
)


def be_greeted(wire: Wire, net: Net, tls: TlsPolicy) -> None:
    """From the connection to AUTHORIZATION, however it is secured."""
    if tls is TlsPolicy.IMPLICIT:
        wire.start_tls(net.certificates.client())
    assert wire.line().startswith(b"+OK")
    if tls is TlsPolicy.STLS:
        assert wire.ask(b"STLS").startswith(b"+OK")
        wire.start_tls(net.certificates.client())


def log_in(wire: Wire) -> None:
    assert wire.line().startswith(b"+OK")
    assert wire.ask(f"USER {NAME}".encode()).startswith(b"+OK")
    assert wire.ask(f"PASS {PASSWORD}".encode()).startswith(b"+OK")


def still_serves(server: Served) -> None:
    """Another client is served, one message being there."""
    with dial(server.port) as wire:
        log_in(wire)
        assert wire.ask(b"STAT").startswith(b"+OK 1 ")
        assert wire.ask(b"QUIT").startswith(b"+OK")
        assert wire.rest() == b""


# Commands as they come.


def test_commands_in_single_octets(net: Net) -> None:
    server = net.serve(net.memory(b"one\n"))
    with dial(server.port) as wire:
        for octet in LOGIN + b"RETR 1\r\nQUIT\r\n":
            wire.send(bytes([octet]))
        answered = wire.rest().splitlines()
    assert [line[:3] for line in answered] == [b"+OK", b"+OK", b"+OK", b"+OK", b"one", b".", b"+OK"]


def test_commands_in_one_piece(net: Net, tls: TlsPolicy) -> None:
    maildrop = net.memory(b"one\n", b"two\n")
    server = net.serve(maildrop, tls=tls)
    with dial(server.port) as wire:
        be_greeted(wire, net, tls)
        wire.send(LOGIN + b"STAT\r\nNOOP\r\nDELE 2\r\nRETR 1\r\nSTAT\r\nQUIT\r\n")
        answers = wire.rest().split(b"\r\n")
    assert answers[2:4] == [b"+OK 2 10", b"+OK"]
    assert answers[6:9] == [b"one", b".", b"+OK 1 5"]
    assert maildrop.messages == [b"one\r\n"]


def test_bare_lf_and_any_case(net: Net) -> None:
    server = net.serve(net.memory(b"one\n"))
    with dial(server.port) as wire:
        assert wire.line().startswith(b"+OK")
        wire.send(b"user alice\nPaSs correct horse\nstat\nquit\n")
        assert wire.rest().split(b"\r\n")[2] == b"+OK 1 5"


def test_a_client_that_ends_its_side_gets_every_answer(net: Net) -> None:
    maildrop = net.memory(b"one\n")
    with dial(net.serve(maildrop).port) as wire:
        wire.send(LOGIN + b"DELE 1\r\nRETR 1\r\nQUIT\r\n")
        wire.half_close()
        answers = wire.rest().splitlines()
    assert [line.split()[0] for line in answers] == [
        b"+OK",
        b"+OK",
        b"+OK",
        b"+OK",
        b"-ERR",
        b"+OK",
    ]
    assert maildrop.messages == []


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b" ",
        b"NOSUCH",
        b"ST\0AT",
        b"STAT\r",
        b"STAT 1",
        b"RETR",
        b"RETR 0",
        b"RETR -1",
        b"RETR +1",
        b"RETR 1_0",
        b"RETR 99999999999999999999",
        b"TOP 1",
        b"LIST x",
        b"USER alice",
        b"\xff\xfe\xfd",
        b"GET / HTTP/1.1",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"x" * 1_000_000,
    ],
    ids=lambda line: repr(line[:20]),
)
def test_a_bad_command_is_refused_and_not_repeated(net: Net, line: bytes) -> None:
    with dial(net.serve(net.memory(b"one\n")).port) as wire:
        log_in(wire)
        answer = wire.ask(line)
        assert answer.startswith(b"-ERR ")
        assert len(answer) < 200
        assert wire.ask(b"STAT") == b"+OK 1 5\r\n"


def test_a_line_without_an_end_takes_no_memory(net: Net) -> None:
    server = net.serve(net.memory(b"one\n"), limits=Limits(command=1000))
    with dial(server.port) as wire:
        log_in(wire)
        much = b"x" * 100_000
        tracemalloc.start()
        try:
            for _ in range(100):
                wire.send(much)
            assert wire.ask(b"").startswith(b"-ERR the line is longer than 1000 octets")
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert most < 4 * MEGABYTE
        assert wire.ask(b"STAT") == b"+OK 1 5\r\n"


def test_a_password_with_blanks_is_taken_verbatim(net: Net) -> None:
    class Verbatim:
        def authenticate(self, name: str, password: str) -> Maildrop | None:
            return net.memory() if (name, password) == ("a b", " pass  word ") else None

    with dial(net.serve(net.memory(), authenticator=Verbatim()).port) as wire:
        assert wire.line().startswith(b"+OK")
        assert wire.ask(b"USER a b").startswith(b"+OK")
        assert wire.ask(b"PASS  pass  word ").startswith(b"+OK")


# TLS.


@pytest.mark.parametrize("behind", [b"CAPA\r\n", b"C", b"\r\n", LOGIN + b"DELE 1\r\nQUIT\r\n"])
def test_plaintext_behind_stls_in_the_same_packet(net: Net, behind: bytes) -> None:
    maildrop = net.memory(b"one\n")
    server = net.serve(maildrop, tls=TlsPolicy.STLS)
    with dial(server.port) as wire:
        assert wire.line().startswith(b"+OK")
        wire.send(b"STLS\r\n" + behind)
        assert wire.rest() == b""
    assert len(maildrop.messages) == 1


def test_plaintext_behind_stls_in_a_later_packet(net: Net) -> None:
    maildrop = net.memory(b"one\n")
    server = net.serve(maildrop, tls=TlsPolicy.STLS)
    with dial(server.port) as wire:
        assert wire.line().startswith(b"+OK")
        assert wire.ask(b"STLS").startswith(b"+OK")
        wire.send(LOGIN + b"DELE 1\r\nQUIT\r\n")
        assert is_tls(wire.rest())
    assert len(maildrop.messages) == 1


@pytest.mark.parametrize("said", [b"", b"USER alice\r\n", b"\x16\x03\x01", bytes(range(256))])
def test_no_handshake_where_the_server_wants_tls(net: Net, said: bytes) -> None:
    server = net.serve(net.memory(b"one\n"), tls=TlsPolicy.IMPLICIT)
    with dial(server.port) as wire:
        wire.send(said)
        wire.half_close()
        assert is_tls(wire.rest())


def client_hello() -> bytes:
    """The first octets of a handshake."""
    tls = ssl.create_default_context()
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        tls.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()


def is_tls(octets: bytes) -> bool:
    """Whether these are records of TLS and nothing else (RFC 8446, section 5.1).

    In their ciphertext there may be `+OK`, as there may be anything.
    """
    while octets and octets[0] in CONTENT_TYPES:
        octets = octets[5 + int.from_bytes(octets[3:5]) :]
    return not octets


def begin_handshake(wire: Wire, policy: TlsPolicy, said: bytes) -> None:
    """From the connection to these octets of a handshake."""
    if policy is TlsPolicy.STLS:
        assert wire.line().startswith(b"+OK")
        assert wire.ask(b"STLS").startswith(b"+OK")
    wire.send(said)


HANDSHAKES = pytest.mark.parametrize(
    "said",
    [b"", client_hello()[:50], client_hello()],
    ids=["nothing", "half a ClientHello", "a ClientHello"],
)


@SECURED
@HANDSHAKES
@pytest.mark.parametrize(
    ("handshake", "login"), [(SOON, 600.0), (600.0, SOON)], ids=["handshake", "login"]
)
def test_no_handshake_in_time(
    net: Net, policy: TlsPolicy, said: bytes, handshake: float, login: float
) -> None:
    server = net.serve(net.memory(), tls=policy, handshake=handshake, login=login)
    with dial(server.port) as wire:
        begin_handshake(wire, policy, said)
        assert is_tls(wire.rest())


@SECURED
@HANDSHAKES
@RESET
def test_a_client_that_breaks_off_half_a_handshake(
    net: Net, policy: TlsPolicy, said: bytes, reset: bool
) -> None:
    server = net.serve(net.memory(b"one\n"), tls=policy, connections=1)
    with dial(server.port) as wire:
        begin_handshake(wire, policy, said)
        if reset:
            wire.reset()
        else:
            wire.half_close()
            assert is_tls(wire.rest())
    for _ in range(1000):  # until the server has seen that its one place is free
        with dial(server.port) as wire, contextlib.suppress(AssertionError, OSError):
            be_greeted(wire, net, policy)
            return
    pytest.fail("the next client does not come in")


@SECURED
@pytest.mark.parametrize("said", [b"QUIT\r\n", bytes(range(256))], ids=["QUIT", "noise"])
def test_plaintext_in_the_middle_of_tls(net: Net, policy: TlsPolicy, said: bytes) -> None:
    maildrop = Watched([b"one\n"])
    server = net.serve(maildrop, tls=policy)
    with dial(server.port) as wire:
        be_greeted(wire, net, policy)
        wire.send(LOGIN + b"DELE 1\r\n")
        assert [wire.line()[:3] for _ in range(3)] == [b"+OK"] * 3
        wire.send_past_tls(said)
        with contextlib.suppress(ssl.SSLError):  # an alert
            assert wire.rest() == b""
        assert maildrop.released.wait(BOUND)
    assert len(maildrop.messages) == 1


def test_a_client_that_does_not_trust_us(net: Net) -> None:
    server = net.serve(net.memory(b"one\n"), tls=TlsPolicy.IMPLICIT)
    with dial(server.port) as wire, pytest.raises(ssl.SSLCertVerificationError):
        wire.start_tls(ssl.create_default_context())


def test_the_end_of_tls_is_the_end_of_the_session(net: Net) -> None:
    maildrop = Watched([b"one\n"])
    server = net.serve(maildrop, tls=TlsPolicy.IMPLICIT)
    with dial(server.port) as wire:
        wire.start_tls(net.certificates.client())
        log_in(wire)
        assert wire.ask(b"DELE 1").startswith(b"+OK")
        wire.end_tls()
        assert maildrop.released.wait(BOUND)
    assert len(maildrop.messages) == 1


def test_a_first_command_in_the_packet_that_ends_the_handshake(net: Net) -> None:
    server = net.serve(net.memory(), tls=TlsPolicy.STLS)
    with dial(server.port) as wire:
        assert wire.line().startswith(b"+OK")
        assert wire.ask(b"STLS").startswith(b"+OK")
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = net.certificates.client().wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        wire.send(outgoing.read())
        while True:
            _ = incoming.write(wire.some())
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                pass
        _ = tls.write(b"QUIT\r\n")
        wire.send(outgoing.read())
        _ = incoming.write(wire.rest())
        assert tls.read(1000).startswith(b"+OK")


# Leaving.

STATES = {
    "before anything": b"",
    "inside a command": b"USER al",
    "behind USER": b"USER alice\r\n",
    "behind the login": LOGIN,
    "behind DELE": LOGIN + b"DELE 1\r\n",
    "inside QUIT": LOGIN + b"DELE 1\r\nQUIT",
    "behind RETR": LOGIN + b"DELE 1\r\nRETR 2\r\n",
    "behind a bad QUIT": LOGIN + b"DELE 1\r\nQUIT now\r\n",
    "behind RSET": LOGIN + b"DELE 1\r\nRSET\r\n",
}


@pytest.mark.parametrize("state", STATES)
@RESET
def test_a_client_that_leaves_deletes_nothing(
    net: Net, tls: TlsPolicy, state: str, reset: bool
) -> None:
    maildrop = net.memory(b"one\n", big(8 * MEGABYTE))
    server = net.serve(maildrop, tls=tls)
    with dial(server.port) as wire:
        be_greeted(wire, net, tls)
        wire.send(STATES[state])
        if not reset:
            wire.half_close()
            _ = wire.rest()
        else:
            wire.reset()
    server.running.close()
    assert len(maildrop.messages) == 2


def test_quit_without_waiting_for_the_reply_deletes(net: Net) -> None:
    maildrop = Watched([b"one\n", b"two\n"])
    server = net.serve(maildrop)
    with dial(server.port) as wire:
        log_in(wire)
        assert wire.ask(b"DELE 1").startswith(b"+OK")
        wire.send(b"QUIT\r\n")
    assert maildrop.released.wait(BOUND)
    assert maildrop.messages == [b"two\r\n"]


def test_a_client_that_leaves_in_mid_message_leaves_nothing_open(net: Net) -> None:
    closed = threading.Event()

    class Long(Watched):
        def read(self, index: int) -> Iterator[bytes]:
            try:
                while True:
                    yield big(100_000)
            finally:
                closed.set()

    maildrop = Long([b"one\n"])
    server = net.serve(maildrop)
    with dial(server.port) as wire:
        log_in(wire)
        assert wire.ask(b"RETR 1").startswith(b"+OK")
        wire.reset()
    assert maildrop.released.wait(BOUND)
    assert closed.wait(BOUND)
    assert len(maildrop.messages) == 1


def test_a_client_that_never_reads_is_let_go_when_the_server_closes(net: Net) -> None:
    maildrop = Watched([big(64 * MEGABYTE)])
    server = net.serve(maildrop)
    with dial(server.port) as wire:
        log_in(wire)
        wire.send(b"DELE 1\r\n" * 1000 + b"RSET\r\nRETR 1\r\n" * 1000)
        server.running.close()
        assert maildrop.released.is_set()
        assert len(maildrop.messages) == 1


def test_a_client_that_never_reads_is_let_go_after_a_while(net: Net, tls: TlsPolicy) -> None:
    maildrop = Watched([big(64 * MEGABYTE)])
    server = net.serve(maildrop, tls=tls, autologout=2 * SOON)
    with dial(server.port) as wire:
        be_greeted(wire, net, tls)
        wire.send(LOGIN + b"DELE 1\r\nRSET\r\nRETR 1\r\n")
        assert maildrop.released.wait(BOUND)
    assert len(maildrop.messages) == 1


class Plentiful(Watched):
    """Says when all of its one message has been taken."""

    def __init__(self) -> None:
        super().__init__([b"one\n"])
        self.taken = threading.Event()

    def read(self, index: int) -> Iterator[bytes]:
        piece = big(MEGABYTE)
        for _ in range(64):
            yield piece
        self.taken.set()


def test_for_a_client_that_never_reads_nothing_is_piled_up(net: Net, tls: TlsPolicy) -> None:
    maildrop = Plentiful()
    server = net.serve(maildrop, tls=tls)
    with dial(server.port) as wire:
        be_greeted(wire, net, tls)
        wire.send(LOGIN + b"RETR 1\r\n")
        assert not maildrop.taken.wait(5 * SOON)


def test_commands_of_a_client_that_never_reads_stay_with_it(net: Net) -> None:
    server = net.serve(net.memory(big(64 * MEGABYTE)))
    with dial(server.port) as wire:
        log_in(wire)
        wire.send(b"RETR 1\r\n")
        wire.send_until_full(b"NOOP\r\n" * 10_000, 64 * MEGABYTE)


# Time.


def test_autologout_says_nothing_and_deletes_nothing(net: Net, tls: TlsPolicy) -> None:
    maildrop = Watched([b"one\n"])
    server = net.serve(maildrop, tls=tls, autologout=2 * SOON)
    with dial(server.port) as wire:
        be_greeted(wire, net, tls)
        wire.send(LOGIN + b"DELE 1\r\n")
        assert [wire.line()[:3] for _ in range(3)] == [b"+OK"] * 3
        assert wire.rest() == b""
        assert maildrop.released.wait(BOUND)
    assert len(maildrop.messages) == 1


def test_autologout_in_front_of_the_login_and_inside_a_command(net: Net) -> None:
    server = net.serve(net.memory(b"one\n"), autologout=SOON)
    with dial(server.port) as wire:
        assert wire.line().startswith(b"+OK")
        assert wire.rest() == b""
    with dial(server.port) as wire:
        assert wire.line().startswith(b"+OK")
        wire.send(b"USER al")
        assert wire.rest() == b""


def test_each_command_puts_autologout_off(net: Net) -> None:
    with dial(net.serve(net.memory(), autologout=10 * SOON).port) as wire:
        log_in(wire)
        over = time.monotonic() + 12 * SOON
        while time.monotonic() < over:
            assert wire.ask(b"NOOP").startswith(b"+OK")


class Halting(Watched):
    """Does not give its message before it is told to."""

    def __init__(self) -> None:
        super().__init__([b"one\n"])
        self.go_on = threading.Event()

    def read(self, index: int) -> Iterator[bytes]:
        assert self.go_on.wait(BOUND)
        return super().read(index)


def test_autologout_does_not_count_the_time_that_the_server_takes(net: Net) -> None:
    maildrop = Halting()
    server = net.serve(maildrop, autologout=SOON)
    with dial(server.port) as wire:
        wire.send(LOGIN + b"RETR 1\r\n")
        assert not maildrop.released.wait(3 * SOON)
        maildrop.go_on.set()
        assert wire.rest().endswith(b"+OK\r\none\r\n.\r\n")


@pytest.mark.parametrize(
    ("login", "autologout", "said"),
    [(600.0, 2 * SOON, b"x"), (2 * SOON, 600.0, b"CAPA\r\n")],
    ids=["octets do not put autologout off", "commands do not put the end of the login off"],
)
def test_whatever_is_said_the_time_runs(
    net: Net, login: float, autologout: float, said: bytes
) -> None:
    server = net.serve(net.memory(b"one\n"), login=login, autologout=autologout)
    with dial(server.port) as wire:
        assert wire.line().startswith(b"+OK")
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            send_for_ever(wire, said)


def test_the_time_for_the_login_ends_with_it(net: Net) -> None:
    maildrop = Watched([b"one\n"])
    server = net.serve(maildrop, login=20 * SOON)
    with dial(server.port) as wire:
        log_in(wire)
        assert not maildrop.released.wait(22 * SOON)
        assert wire.ask(b"NOOP").startswith(b"+OK")


def send_for_ever(wire: Wire, data: bytes) -> None:
    while True:
        wire.send(data)


# Several sessions.


def test_the_second_session_finds_the_maildrop_in_use(net: Net) -> None:
    maildrop = Watched([b"one\n"])
    server = net.serve(maildrop)
    with dial(server.port) as first, dial(server.port) as second:
        log_in(first)
        assert second.line().startswith(b"+OK")
        assert second.ask(b"USER alice").startswith(b"+OK")
        assert second.ask(b"PASS correct horse").startswith(b"-ERR [IN-USE] ")
        assert first.ask(b"STAT") == b"+OK 1 5\r\n"
        assert first.ask(b"QUIT").startswith(b"+OK")
        assert second.ask(b"USER alice").startswith(b"+OK")
        assert second.ask(b"PASS correct horse").startswith(b"+OK")


def test_arrivals_are_seen_by_the_next_session(net: Net) -> None:
    maildrop = net.memory(b"one\n")
    server = net.serve(maildrop)
    with dial(server.port) as wire:
        log_in(wire)
        maildrop.add(b"two\n")
        assert wire.ask(b"STAT") == b"+OK 1 5\r\n"
        assert wire.ask(b"RETR 2").startswith(b"-ERR")
        assert wire.ask(b"DELE 1").startswith(b"+OK")
        assert wire.ask(b"QUIT").startswith(b"+OK")
    assert maildrop.messages == [b"two\r\n"]
    still_serves(server)


def test_many_sessions_at_once(net: Net) -> None:
    server = net.serve(lambda name: net.memory(b"one\n"))
    with ExitStack() as opened:
        wires = [opened.enter_context(dial(server.port)) for _ in range(30)]
        for wire in wires:
            log_in(wire)
        for wire in reversed(wires):
            assert wire.ask(b"STAT") == b"+OK 1 5\r\n"
    still_serves(server)


# Maildrops that fail.

# Enough to be sent before the next one is read.
PIECE = b"one\r\n" * 20_000


class Failing(MemoryMaildrop):
    """Raises where it is told to."""

    def __init__(self, where: str, error: Exception | None = None) -> None:
        super().__init__([b"one\n"])
        self._where = where
        self._error = error or OSError("the disk is on fire")
        self.closed = 0

    def _fail(self, where: str) -> None:
        if where == self._where:
            raise self._error

    def open(self) -> Sequence[MessageEntry]:
        self._fail("open")
        return super().open()

    def read(self, index: int) -> Iterator[bytes]:
        self._fail("read")
        return self._pieces()

    def _pieces(self) -> Iterator[bytes]:
        self._fail("first piece")
        yield PIECE
        self._fail("second piece")

    def delete(self, indexes: Collection[int]) -> None:
        self._fail("delete")
        super().delete(indexes)

    def close(self) -> None:
        self.closed += 1
        super().close()
        self._fail("close")


def test_a_maildrop_that_cannot_be_opened(net: Net, caplog: pytest.LogCaptureFixture) -> None:
    maildrop = Failing("open")
    server = net.serve(maildrop)
    with dial(server.port) as wire:
        assert wire.line().startswith(b"+OK")
        assert wire.ask(b"USER alice").startswith(b"+OK")
        answer = wire.ask(b"PASS correct horse")
        assert answer.startswith(b"-ERR [SYS/TEMP] ")
        assert b"fire" not in answer
        assert wire.ask(b"STAT").startswith(b"-ERR")
        assert wire.ask(b"QUIT").startswith(b"+OK")
        assert wire.rest() == b""
    server.running.close()
    assert maildrop.closed == 0
    assert "the disk is on fire" in caplog.text


def test_a_maildrop_that_refuses_in_its_own_words(net: Net) -> None:
    refusal = Refused("come back at noon", ResponseCode.of("LOGIN-DELAY"))
    with dial(net.serve(Failing("open", refusal)).port) as wire:
        assert wire.line().startswith(b"+OK")
        assert wire.ask(b"USER alice").startswith(b"+OK")
        answer = wire.ask(b"PASS correct horse")
    assert answer == b"-ERR [LOGIN-DELAY] come back at noon\r\n"


@pytest.mark.parametrize("where", ["read", "first piece"])
def test_a_message_that_cannot_be_read(net: Net, where: str) -> None:
    server = net.serve(Failing(where))
    with dial(server.port) as wire:
        log_in(wire)
        assert wire.ask(b"RETR 1").startswith(b"-ERR [SYS/TEMP] ")
        assert wire.ask(b"TOP 1 0").startswith(b"-ERR [SYS/TEMP] ")
        assert wire.ask(b"STAT") == b"+OK 1 5\r\n"
        assert wire.ask(b"QUIT").startswith(b"+OK")
    still_serves(server)


def test_a_message_that_cannot_be_read_to_its_end(net: Net) -> None:
    maildrop = Failing("second piece")
    server = net.serve(maildrop)
    with dial(server.port) as wire:
        log_in(wire)
        wire.send(b"DELE 1\r\nRSET\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n")
        # No terminator: it would make half a message a whole one.
        assert wire.rest() == b"+OK marked\r\n+OK\r\n+OK\r\n" + PIECE
    server.running.close()
    assert len(maildrop.messages) == 1
    assert maildrop.closed == 1


@pytest.mark.parametrize("where", ["delete", "close"])
def test_a_maildrop_that_fails_in_update(net: Net, where: str) -> None:
    maildrop = Failing(where)
    server = net.serve(maildrop)
    with dial(server.port) as wire:
        log_in(wire)
        assert wire.ask(b"DELE 1").startswith(b"+OK")
        assert wire.ask(b"QUIT") == b"-ERR [SYS/TEMP] some deleted messages not removed\r\n"
        assert wire.rest() == b""
    server.running.close()
    assert maildrop.closed == 1
