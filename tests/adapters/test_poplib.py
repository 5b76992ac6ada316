"""Our poplib and Python's own: they have the same names, and do the same with the same octets."""

import inspect
import io
import socket
import ssl
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto import Limits

from .poplibs import Answering, Client, client_of, ours, standard

CONSTANTS = ("POP3_PORT", "POP3_SSL_PORT", "CR", "LF", "CRLF", "HAVE_SSL", "_MAXLINE")


@pytest.mark.parametrize("name", ["", "POP3", "POP3_SSL", "error_proto"])
def test_every_name_is_there(name: str) -> None:
    def names(module: Any) -> set[str]:
        return set(dir(getattr(module, name) if name else module))

    assert names(standard) - names(ours) == set()


def test_constants() -> None:
    assert set(standard.__all__) == set(ours.__all__)
    for name in CONSTANTS:
        assert getattr(ours, name) == getattr(standard, name)
    assert ours.POP3.timestamp == standard.POP3.timestamp
    assert ours.POP3.encoding == standard.POP3.encoding


def parameters(call: Callable[..., object]) -> list[tuple[str, object, object]]:
    found = inspect.signature(call).parameters.values()
    return [(each.name, each.kind, each.default) for each in found]


@pytest.mark.parametrize("kind", ["POP3", "POP3_SSL"])
def test_every_call_takes_the_same(kind: str) -> None:
    theirs = getattr(standard, kind)
    for name, call in inspect.getmembers(theirs, inspect.isfunction):
        if (kind, name) != ("POP3_SSL", "stls"):  # it takes anything, and does nothing with it
            assert parameters(getattr(getattr(ours, kind), name)) == parameters(call), name


def test_attributes_of_a_client() -> None:
    def attributes(module: ModuleType) -> dict[str, object]:
        client = client_of(module, Answering.with_answers(b"+OK\r\n"))
        attributes: dict[str, object] = {**vars(client)}
        client.close()
        assert (client.sock, client.file) == (None, None)
        return attributes

    theirs, mine = attributes(standard), attributes(ours)
    assert theirs.keys() <= mine.keys()
    for name in theirs.keys() - {"sock", "file"}:
        assert theirs[name] == mine[name], name


def test_audit_events() -> None:
    heard: list[tuple[object, ...]] = []
    listening = True

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if listening and event.startswith("poplib."):
            heard.append((event, *arguments))

    sys.addaudithook(hook)
    try:
        client = client_of(ours, Answering.with_answers(b"+OK\r\n", b"+OK\r\n"))
        client.quit()
    finally:
        listening = False
    assert heard == [
        ("poplib.connect", client, "pop.example.org", 110),
        ("poplib.putline", client, b"QUIT"),
    ]


def test_the_hook_that_makes_contexts(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def make(**options: object) -> ssl.SSLContext:
        asked.append(options)
        raise OverflowError

    monkeypatch.setattr(ssl, "_create_stdlib_context", make)
    with pytest.raises(OverflowError):
        ours.POP3_SSL("localhost")
    assert len(asked) == 1


def test_a_subclass_that_connects_by_itself() -> None:
    class Odd(ours.POP3):
        def __init__(self, sock: socket.socket) -> None:
            self.sock = sock
            self.file = sock.makefile("rb")
            self._debugging = 0
            self.welcome = self._getresp()

    client = Odd(Answering.with_answers(b"+OK\r\n", b"+OK\r\n" + b"mail\r\n" * 9999 + b".\r\n"))
    assert client.retr(1)[1:] == ([b"mail"] * 9999, 59994)
    client.close()


MAIL_WITH_DOTS = b"+OK\r\nat example.org\r\n..b\r\n.\r\n"


@pytest.mark.parametrize("module", [standard, ours], ids=["standard", "ours"])
def test_a_subclass_that_looks_at_each_line(module: Any) -> None:
    class Looking(module.POP3):  # type: ignore[misc]  # one of two modules
        seen = 0

        def _create_socket(self, timeout: float | None) -> socket.socket:
            return sock

        def _getline(self) -> Any:
            self.seen += 1
            return module.POP3._getline(self)

    with Answering.with_answers(b"+OK\r\n", MAIL_WITH_DOTS, b"+OK 1 2\r\n") as sock:
        client: Client = Looking("pop.example.org")
        assert client.retr(1) == (b"+OK", [b"at example.org", b".b"], 20)
        assert client.stat() == (1, 2)
        assert client.seen == 6
        client.close()


@pytest.mark.parametrize("module", [standard, ours], ids=["standard", "ours"])
def test_a_subclass_that_looks_at_each_response(module: Any) -> None:
    class Looking(module.POP3):  # type: ignore[misc]  # one of two modules
        def _create_socket(self, timeout: float | None) -> socket.socket:
            return sock

        def _getresp(self) -> object:
            response, _ = self._getline()
            return response

    with Answering.with_answers(b"+OK\r\n", MAIL_WITH_DOTS, b"-ERR\r\n") as sock:
        client: Client = Looking("pop.example.org")
        assert client.retr(1) == (b"+OK", [b"at example.org", b".b"], 20)
        assert client.noop() == b"-ERR"
        client.close()


def test_a_subclass_that_looks_at_each_line_is_protected() -> None:
    class Looking(ours.POP3):
        limits = Limits(message=20)

        def _create_socket(self, timeout: float | None) -> socket.socket:
            return sock

        def _getline(self) -> tuple[bytes, int]:
            return super()._getline()

    mail = b"+OK\r\nfake\n.\n+OK\r\n.\r\n", b"+OK\r\n" + b"line\r\n" * 9
    with Answering.with_answers(b"+OK\r\n", *mail, stays=True) as sock:
        client = Looking("pop.example.org")
        assert client.retr(1)[1] == [b"fake", b".", b"+OK"]
        with pytest.raises(ours.error_proto, match="more than 20 octets"):
            client.retr(1)
        with pytest.raises(ours.error_proto, match="not read to its end"):
            client.noop()
        client.close()


def test_a_subclass_that_gives_up_between_two_lines() -> None:
    class Hasty(ours.POP3):
        lines = 0

        def _create_socket(self, timeout: float | None) -> socket.socket:
            return sock

        def _getline(self) -> tuple[bytes, int]:
            self.lines += 1
            line = super()._getline()
            if self.lines == 3:
                raise TimeoutError
            return line

    reply = b"+OK\r\n+OK 1 2\r\n"
    with Answering.with_answers(b"+OK\r\n", reply, b"+OK\r\n", stays=True) as sock:
        client = Hasty("pop.example.org")
        with pytest.raises(TimeoutError):
            client.retr(1)
        with pytest.raises(ours.error_proto, match="not read to its end"):
            client.stat()
        client.close()


def test_replies_that_are_read_line_by_line() -> None:
    sock = Answering.with_answers(b"+OK\r\n", b"+OK one\r\n", b"+OK\r\n+OK two\r\n", stays=True)
    client = client_of(ours, sock)
    client._putcmd("XTND")
    assert client._getline() == (b"+OK one", 9)
    client.noop()
    with pytest.raises(ours.error_proto, match="out of step"):
        client.dele(1)
    client.close()


def test_a_file_that_is_put_in_its_place() -> None:
    client = client_of(ours, Answering.with_answers(b"+OK\r\n", stays=True))
    client.file.close()
    client.file = io.BytesIO(b"+OK\r\none\r\n.\r\n+OK\r\n")
    client.sock.answers = [b"", b""]
    assert client.retr(1)[1] == [b"one"]
    assert client.noop() == b"+OK"
    client.close()


def test_the_longest_status_line_is_looked_up_when_it_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = client_of(ours, Answering.with_answers(b"+OK\r\n", b"+OK\r\n", b"+OK\r\n"))
    monkeypatch.setattr(ours, "_MAXLINE", 5)
    assert client.noop() == b"+OK"
    monkeypatch.setattr(ours, "_MAXLINE", 4)
    with pytest.raises(ours.error_proto, match="line too long"):
        client.noop()
    client.close()


class Exchange(NamedTuple):
    """How `auth` is called, what is answered, and what has to be sent behind `AUTH X`."""

    authobject: Callable[[bytes], bytes | str | None] | None
    initial_response: bytes | str | None
    answers: list[bytes]
    sent: list[bytes]


def nothing(challenge: bytes) -> None:
    """An empty response."""


def repeated(challenge: bytes) -> bytes:
    return challenge


def accented(challenge: bytes) -> str:
    return "é"


def failing(challenge: bytes) -> str:
    return str(len(challenge) // 0)


def given_up(challenge: bytes) -> str:
    return "*"


EXCHANGES = [
    Exchange(None, b"\0a\0b", [b"+OK\r\n"], [b"AUTH X AGEAYg==\r\n"]),
    Exchange(None, "\0a\0b", [b"+OK\r\n"], [b"AUTH X AGEAYg==\r\n"]),
    Exchange(None, b"", [b"+ \r\n"], [b"AUTH X\r\n"]),
    Exchange(None, None, [b"+ \r\n"], [b"AUTH X\r\n"]),
    Exchange(accented, None, [b"+\r\n", b"+OK\r\n"], [b"AUTH X\r\n", b"w6k=\r\n"]),
    Exchange(nothing, None, [b"+ \r\n", b"+OK\r\n"], [b"AUTH X\r\n", b"\r\n"]),
    Exchange(repeated, None, [b"+ YWI\r\n", b"+OK\r\n"], [b"AUTH X\r\n", b"YWI=\r\n"]),
]


class TestAuth:
    @pytest.mark.parametrize("exchange", EXCHANGES)
    def test_what_is_sent(self, exchange: Exchange) -> None:
        sock = Answering.with_answers(b"+OK\r\n", *exchange.answers)
        client = client_of(ours, sock)
        response = client.auth("X", exchange.authobject, exchange.initial_response)
        client.close()
        assert response + b"\r\n" == exchange.answers[-1]
        assert sock.sent == exchange.sent

    def test_giving_up(self) -> None:
        sock = Answering.with_answers(b"+OK\r\n", b"+ \r\n", b"-ERR cancelled\r\n")
        client = client_of(ours, sock)
        with pytest.raises(ours.error_proto) as caught:
            client.auth("X", given_up)
        client.close()
        assert caught.value.args == (b"-ERR cancelled",)
        assert sock.sent == [b"AUTH X\r\n", b"*\r\n"]

    def test_what_fails_is_cancelled(self) -> None:
        sock = Answering.with_answers(b"+OK\r\n", b"+ \r\n", b"-ERR cancelled\r\n", b"+OK\r\n")
        client = client_of(ours, sock)
        with pytest.raises(ZeroDivisionError):
            client.auth("X", failing)
        client.quit()
        assert sock.sent == [b"AUTH X\r\n", b"*\r\n", b"QUIT\r\n"]

    def test_not_both(self) -> None:
        client = client_of(ours, Answering.with_answers(b"+OK\r\n"))
        with pytest.raises(ValueError, match="mutually exclusive"):
            client.auth("X", repeated, b"")
        client.close()


SHORT: dict[str, tuple[object, ...]] = {
    "user": ("alice",),
    "pass_": ("a b",),
    "apop": ("alice", "secret"),
    "rpop": ("alice",),
    "stat": (),
    "list": (1,),
    "dele": ("one",),
    "noop": (),
    "rset": (),
    "uidl": ("1 2",),
    "utf8": (),
    "_shortcmd": ("XTND",),
    "quit": (),
}
LONG: dict[str, tuple[object, ...]] = {
    "list": (),
    "retr": (-1,),
    "top": (1, "0"),
    "uidl": (),
    "capa": (),
    "_longcmd": ("XLIST",),
}

words = st.sampled_from(
    [b"+", b"+OK", b"-ERR", b"ok", b"1", b"-2", b"x", b" ", b"<a@b>", b">", b"\t", b"\xff", b"\r"]
)
statuses = st.one_of(st.just(b"+OK 1 2"), st.just(b"+"), st.lists(words, max_size=6).map(b" ".join))
lines = st.one_of(
    st.sampled_from([b"", b"..", b"...", b".a", b"..a", b"\r", b"\ra", b"\r\ra", b"a\r", b"A B"]),
    st.binary(max_size=8).map(lambda octets: octets.replace(b"\n", b"")),
)


class Call(NamedTuple):
    method: str
    arguments: tuple[object, ...]
    answer: bytes


@st.composite
def calls(draw: st.DrawFn, eol: bytes) -> Call:
    """A call and its answer, as far as the table of differences says nothing of it."""
    method, arguments = call = draw(st.sampled_from([*SHORT.items(), *LONG.items()]))
    status = draw(statuses)
    if method == "stat" and status.startswith(b"+"):
        status = b"+OK 1 -2 more"
    if eol == b"\n":
        status = status.rstrip(b"\r")
    if call in SHORT.items() or not status.startswith(b"+"):
        return Call(method, arguments, status + eol)
    body = [_harmless(line) for line in draw(st.lists(lines, max_size=6))]
    if eol == b"\r\n" and body and draw(st.booleans()):
        body[-1] += b"\nbehind a bare LF"
    return Call(method, arguments, eol.join([status, *body, b"."]) + eol)


def _harmless(line: bytes) -> bytes:
    """A line that is no dot, and has none to lose, when a CR is taken from its ends."""
    return b"x" if line.strip(b"\r") == b"." or line.startswith(b"\r..") else line


@st.composite
def sessions(draw: st.DrawFn) -> tuple[bytes, list[Call]]:
    """A greeting, calls and their answers, of a server that ends all its lines in one way, and
    may end the session behind any of them."""
    eol = draw(st.sampled_from([b"\r\n", b"\n"]))
    greeting = draw(st.sampled_from([b"+OK <1@example.org>", b"+OK", b"+ hi <x> <y>", b"-ERR"]))
    made = draw(st.lists(calls(eol), min_size=1, max_size=4))
    if draw(st.booleans()):
        whole, lf, _ = made[-1].answer.removesuffix(b"\n").rpartition(b"\n")
        made[-1] = made[-1]._replace(answer=whole + lf)
    return greeting + eol, made


def outcome(work: Callable[..., object], *arguments: object) -> object:
    try:
        return work(*arguments)
    except AttributeError:  # of a closed client, by whatever it needs first
        return AttributeError
    except Exception as error:
        return type(error).__name__, error.args


def said_by(client: Client, call: Call) -> object:
    return getattr(client, call.method)(*call.arguments)


@given(sessions())
def test_the_same_octets_come_to_the_same(session: tuple[bytes, list[Call]]) -> None:
    greeting, made = session

    def outcomes(module: ModuleType) -> list[object]:
        with Answering.with_answers(greeting, stays=True) as sock:
            try:
                client = client_of(module, sock)
            except module.error_proto as refusal:
                return [refusal.args]
            found: list[object] = []
            for call in made:
                sock.answers, sock.stays = [call.answer], call is not made[-1]
                found.append(outcome(said_by, client, call))
            client.close()
        return [*found, sock.sent]

    assert outcomes(ours) == outcomes(standard)
