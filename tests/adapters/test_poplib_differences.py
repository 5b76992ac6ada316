"""Each row of the table of differences in docs/poplib.md, with Python's own poplib and ours."""

import base64
import contextlib
import hashlib
import os
import re
import runpy
import select
import socket
import sys
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, Protocol, TypeVar

import pytest

from pop3_proto import Limits

from .certificates import Certificates
from .poplibs import Answering, Client, client_of, ours, standard
from .wire import BOUND, LOOPBACK, Wire, scripted

PAGE = Path(__file__).parents[2] / "docs" / "poplib.md"

ROWS: set[str] = set()

T = TypeVar("T")
Test = Callable[..., None]


def difference(row: str) -> Callable[[Test], Test]:
    """The test shows what this row says."""
    ROWS.add(row)
    return lambda test: test


class Talk(Protocol):
    """Connects a client of a module, whose commands get these answers behind the greeting."""

    def __call__(
        self, module: ModuleType, *answers: bytes, greeting: bytes = b"+OK hello\r\n"
    ) -> Client: ...


@pytest.fixture
def talk() -> Iterator[Talk]:
    with contextlib.ExitStack() as clients:

        def connect(
            module: ModuleType, *answers: bytes, greeting: bytes = b"+OK hello\r\n"
        ) -> Client:
            client = client_of(module, Answering.with_answers(greeting, *answers))
            clients.callback(client.close)
            return client

        yield connect


def test_every_row_is_shown() -> None:
    table = PAGE.read_text("utf-8").partition("## Differences")[2].partition("\n##")[0]
    first_cells = set(re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)) - {"where"}
    assert first_cells == ROWS


@difference("a long line in a message")
def test_long_lines(talk: Talk) -> None:
    line = b"a" * 100_000
    reply = b"+OK\r\nSubject: long\r\n\r\n" + line + b"\r\n.\r\n"
    assert talk(ours, reply).retr(1)[1] == [b"Subject: long", b"", line]
    with pytest.raises(standard.error_proto, match="line too long"):
        talk(standard, reply).retr(1)


@difference("a response, or challenges, without an end")
def test_the_limit_of_a_response(talk: Talk) -> None:
    body = b"0123456789\r\n" * 100
    client = talk(ours, b"+OK\r\n" + body + b".\r\n", b"+OK\r\n" + 2 * body)
    client.limits = Limits(message=len(body))
    assert client.retr(1)[2] == len(body)
    with pytest.raises(ours.error_proto, match="more than 1200 octets"):
        client.retr(1)


def test_the_limit_of_challenges(talk: Talk) -> None:
    client = talk(ours, *[b"+ \r\n"] * 4)
    client.limits = Limits(challenges=3)
    with pytest.raises(ours.error_proto, match="too many challenges"):
        client.auth("X-ASK", bytes)
    assert len(client.sock.sent) == 4


SMUGGLED = b"+OK\r\nbefore\r\nfake\n.\n+OK smuggled\r\nafter\r\n.\r\n"


@difference("a dot between bare LFs, in a mail on a server that uses CRLF")
def test_a_mail_does_not_end_itself(talk: Talk) -> None:
    client = talk(ours, SMUGGLED, b"+OK 1 2\r\n")
    assert client.retr(1)[1] == [b"before", b"fake", b".", b"+OK smuggled", b"after"]
    assert client.stat() == (1, 2)

    client = talk(standard, SMUGGLED, b"+OK 1 2\r\n")
    assert client.retr(1)[1] == [b"before", b"fake"]
    assert client.noop() == b"+OK smuggled"


@difference("dots behind a bare LF there, or behind a CR at the beginning of a line")
def test_dots_behind_a_bare_lf(talk: Talk) -> None:
    reply = b"+OK\r\none\n..two\r\n..three\r\n.\r\n"
    assert talk(ours, reply).retr(1) == (b"+OK", [b"one", b"..two", b".three"], 19)
    assert talk(standard, reply).retr(1) == (b"+OK", [b"one", b".two", b".three"], 18)

    reply, greeting = b"+OK\n\r..one\n.\n", b"+OK\n"
    assert talk(ours, reply, greeting=greeting).retr(1) == (b"+OK", [b"..one"], 7)
    assert talk(standard, reply, greeting=greeting).retr(1) == (b"+OK", [b".one"], 6)


@difference("a status line that ends in a bare LF there")
def test_a_status_line_with_a_bare_lf(talk: Talk) -> None:
    with pytest.raises(ours.error_proto, match="bare LF"):
        talk(ours, b"+OK\n").noop()
    assert talk(standard, b"+OK\n").noop() == b"+OK"


@difference("a body whose last line ends otherwise than the status line, or in LF CR")
@pytest.mark.parametrize("reply", [b"+OK\nmail\r\n.\r\n", b"+OK\n\rmail\n\r.\n\r"])
def test_a_body_with_other_line_ends(talk: Talk, reply: bytes) -> None:
    assert talk(standard, reply, greeting=b"+OK hello\n").retr(1)[1] == [b"mail"]
    with pytest.raises(ours.error_proto, match="EOF"):
        talk(ours, reply, greeting=b"+OK hello\n").retr(1)


@difference("a STAT response without two numbers")
@pytest.mark.parametrize("reply", [b"+OK\r\n", b"+OK 1\r\n", b"+OK one two\r\n"])
def test_what_is_no_stat(talk: Talk, reply: bytes) -> None:
    with pytest.raises(ours.error_proto, match="Invalid STAT response"):
        talk(ours, reply).stat()
    with pytest.raises((standard.error_proto, ValueError, IndexError)):
        talk(standard, reply).stat()


@difference("CR, LF or NUL in an argument")
@pytest.mark.parametrize("evil", ["alice\nDELE 1", "alice\r", "al\0ice"])
def test_control_characters(talk: Talk, evil: str) -> None:
    client = talk(ours, b"+OK\r\n", b"+OK\r\n")
    with pytest.raises(ValueError, match="CR, LF or NUL"):
        client.user(evil)
    assert client.sock.sent == []
    assert client.user("al\tice") == b"+OK"


EARLY = b"+OK one\r\n+OK two\r\n"


@difference("something said before it was asked for")
def test_replies_that_come_too_early(talk: Talk) -> None:
    client = talk(ours, EARLY, b"+OK three\r\n")
    assert client.noop() == b"+OK one"
    for _ in range(2):
        with pytest.raises(ours.error_proto, match=re.escape("b'+OK two")):
            client.dele(1)
    assert client.sock.sent == [b"NOOP\r\n"]

    client = talk(standard, EARLY, b"+OK three\r\n")
    assert client.noop() == b"+OK one"
    assert client.dele(1) == b"+OK two"


MAIL = b"+OK\r\nmail\r\n.\r\n"


class Watched(Answering):
    """Knows how often somebody has set how long it waits."""

    set = 0

    def settimeout(self, value: float | None) -> None:
        self.set += 1
        super().settimeout(value)


@pytest.mark.parametrize("polls", [True, False])
def test_what_comes_behind_a_reply_that_was_read(
    monkeypatch: pytest.MonkeyPatch, polls: bool
) -> None:
    if not polls:  # as on Windows
        monkeypatch.delattr(select, "poll", raising=False)
    polls = hasattr(select, "poll")
    sock = Watched.with_answers(b"+OK\r\n", MAIL, b"+OK\r\n", MAIL, stays=True)
    client = client_of(ours, sock)
    client.retr(1)
    before = sock.set
    client.noop()
    client.retr(2)
    assert (sock.set == before) is polls
    sock.answers = [b"+OK 3 4\r\n"]
    sock.answer()
    with pytest.raises(ours.error_proto, match=re.escape("b'+OK 3 4")):
        client.stat()
    assert sock.sent == [b"RETR 1\r\n", b"NOOP\r\n", b"RETR 2\r\n"]
    client.close()


def test_what_comes_behind_a_mail(talk: Talk) -> None:
    client = talk(ours, MAIL + b"+OK 3 4\r\n", b"")
    assert client.retr(1)[1] == [b"mail"]
    with pytest.raises(ours.error_proto, match=re.escape("b'+OK 3 4")):
        client.stat()


def test_what_comes_behind_a_reply_in_the_same_record_of_tls(certificates: Certificates) -> None:
    def script(wire: Wire) -> None:
        wire.start_tls(certificates.server(), server_side=True)
        wire.send(b"+OK\r\n")
        wire.expect(b"NOOP\r\n")
        wire.send(b"+OK\r\n+OK 3 4\r\n")
        assert wire.rest() == b""

    with scripted(script) as port:
        context = certificates.client()
        client: Client = ours.POP3_SSL(LOOPBACK, port, timeout=BOUND, context=context)
        client.file.close()
        client.file = client.sock.makefile("rb", len(b"+OK\r\n"))  # the rest stays in there
        assert client.noop() == b"+OK"
        with pytest.raises(ours.error_proto, match=re.escape("b'+OK 3")):
            client.stat()
        client.close()


@pytest.mark.parametrize("module", [standard, ours], ids=["standard", "ours"])
def test_a_socket_that_was_closed_by_somebody_else(module: ModuleType) -> None:
    with Answering.with_answers(b"+OK\r\n", MAIL, b"+OK\r\n") as sock:
        client = client_of(module, sock)
        client.retr(1)
        os.close(sock.detach())
        with pytest.raises(OSError, match="descriptor"):
            client.noop()
        client.file.close()


def test_what_is_asked_for_together_may_be_answered_together(talk: Talk) -> None:
    client = talk(ours, b"+OK\r\none\r\n.\r\n", b"+OK\r\ntwo\r\n.\r\n", b"+OK\r\n")
    client._putcmd("RETR 1")
    client._putcmd("RETR 2")
    assert [client._getlongresp()[1] for _ in range(2)] == [[b"one"], [b"two"]]
    assert client.noop() == b"+OK"


TOO_LONG = b"+OK " + b"a" * 2045 + b"+OK 1 2\r\n"


@difference("a response that was not read to its end: too long, or interrupted")
def test_a_response_that_was_not_read_to_its_end(talk: Talk) -> None:
    client = talk(ours, TOO_LONG, b"+OK 3 4\r\n")
    with pytest.raises(ours.error_proto, match="line too long"):
        client.noop()
    for _ in range(2):
        with pytest.raises(ours.error_proto, match="not read to its end"):
            client.stat()
    assert client.sock.sent == [b"NOOP\r\n"]

    client = talk(standard, TOO_LONG, b"+OK 3 4\r\n")
    with pytest.raises(standard.error_proto, match="line too long"):
        client.noop()
    assert client.stat() == (1, 2)


class Slow(Answering):
    """Is interrupted when it has sent something."""

    def sendall(self, data: Any, flags: int = 0) -> None:
        super().sendall(data, flags)
        raise KeyboardInterrupt


def test_what_is_interrupted_while_it_is_sent() -> None:
    sock = Slow.with_answers(b"+OK\r\n", b"+OK 7 8\r\n", b"+OK\r\n")
    client = client_of(ours, sock)
    with pytest.raises(KeyboardInterrupt):
        client.retr(1)
    with pytest.raises(ours.error_proto, match="not read to its end"):
        client.stat()
    assert sock.sent == [b"RETR 1\r\n"]
    client.close()


def test_what_is_interrupted_while_it_is_read(talk: Talk) -> None:
    client = talk(ours, b"+OK\r\nthe first lin", b"")
    client.sock.settimeout(0.05)
    with pytest.raises(TimeoutError):
        client.retr(1)
    with pytest.raises(ours.error_proto, match="not read to its end"):
        client.stat()
    assert client.sock.sent == [b"RETR 1\r\n"]


def test_what_was_said_is_quoted_in_part_and_without_secrets(talk: Talk) -> None:
    client = talk(ours, b"+OK\r\n+OK not hunter2 " + b"a" * 5000, b"")
    assert client.pass_("hunter2") == b"+OK"
    with pytest.raises(ours.error_proto, match=r"b'\+OK not \*\*\* a+'") as caught:
        client.noop()
    assert len(str(caught.value)) < 300


@difference("something said in plaintext behind STLS")
def test_plaintext_behind_stls(talk: Talk, certificates: Certificates) -> None:
    capabilities = b"+OK\r\nSTLS\r\n.\r\n"
    client = talk(ours, capabilities, b"+OK\r\n+OK injected\r\n")
    with pytest.raises(ours.error_proto, match="injected"):
        client.stls(certificates.client())


@difference("a connection that ends within a line")
def test_a_connection_that_ends_within_a_line(talk: Talk) -> None:
    with pytest.raises(ours.error_proto, match="EOF"):
        talk(ours, b"+OK 12 345").stat()
    assert talk(standard, b"+OK 12 345").stat() == (12, 34)


@difference("a greeting that refuses")
def test_a_greeting_that_refuses() -> None:
    def left_open(module: ModuleType) -> bool:
        with Answering.with_answers(b"-ERR go away\r\n") as sock:
            with pytest.raises(module.error_proto):
                client_of(module, sock)
            return sock.fileno() > 0

    assert left_open(standard)
    assert not left_open(ours)


@difference("TLS without a context of yours")
@pytest.mark.parametrize("implicit", [True, False], ids=["POP3_SSL", "stls"])
def test_certificates_are_not_verified(certificates: Certificates, implicit: bool) -> None:
    def script(wire: Wire) -> None:
        if not implicit:
            wire.send(b"+OK hello\r\n")
            wire.expect(b"CAPA\r\n")
            wire.send(b"+OK\r\nSTLS\r\n.\r\n")
            wire.expect(b"STLS\r\n")
            wire.send(b"+OK\r\n")
        wire.start_tls(certificates.server(), server_side=True)
        if implicit:
            wire.send(b"+OK hello\r\n")
        wire.expect(b"QUIT\r\n")
        wire.send(b"+OK\r\n" if implicit else b"+OK\n")  # it is another server in there

    def warned(module: ModuleType) -> list[str]:
        with scripted(script, script) as port, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for _ in range(2):
                if implicit:
                    client = module.POP3_SSL(LOOPBACK, port, timeout=BOUND)
                else:
                    client = module.POP3(LOOPBACK, port, timeout=BOUND)
                    client.stls()
                client.quit()
        return [f"{warning.filename}: {warning.message}" for warning in caught]

    ours._warn_of_unverified_tls.cache_clear()  # pyright: ignore[reportPrivateUsage] # anew
    assert warned(standard) == []
    (warning,) = warned(ours)
    assert warning.startswith(__file__)
    assert "is not verified" in warning


@difference("secrets in the debug output")
def test_secrets_are_not_printed(talk: Talk, capsys: pytest.CaptureFixture[str]) -> None:
    def said(module: ModuleType) -> str:
        greeting = b"+OK <1@pop.example.org>\r\n"
        refusal = b"-ERR no 's3cret pass' is a password\r\n"
        answers = refusal, b"+ \r\n", b"-ERR\r\n", b"+ \r\n", b"-ERR not dG9rZW4=\r\n", b"-ERR\r\n"
        client = talk(module, *answers, b"+OK\r\n", greeting=greeting)
        client.set_debuglevel(2)
        with pytest.raises(module.error_proto):
            client.pass_("s3cret pass")
        for line in ("AUTH PLAIN aW5pdGlhbA==", "*", "auth XOAUTH2"):
            with contextlib.suppress(module.error_proto):
                client._shortcmd(line)
        with pytest.raises(module.error_proto):
            client._shortcmd("dG9rZW4=")
        with pytest.raises(module.error_proto):
            client.apop("alice", "s3cret pass")
        client.user("alice")
        return capsys.readouterr().out

    digest = hashlib.md5(b"<1@pop.example.org>s3cret pass").hexdigest()
    secrets = ["s3cret pass", "aW5pdGlhbA==", "dG9rZW4=", digest]
    shown = said(standard)
    assert all(secret in shown for secret in secrets)
    hidden = said(ours)
    assert not any(secret in hidden for secret in secrets)
    for line in ("PASS ***", "AUTH PLAIN ***", "auth XOAUTH2", "APOP alice ***", "USER alice"):
        assert f"*cmd* '{line}'" in hidden
        assert f"*put* b'{line}'" in hidden
    assert "*resp* b\"-ERR no '***' is a password\"" in hidden


def test_secrets_in_base64_are_not_printed(talk: Talk, capsys: pytest.CaptureFixture[str]) -> None:
    answers = b"-ERR no hunter2secret\r\n", b"+OK VXNlcm5hbWU6\r\n", b"-ERR\r\n", b"-ERR\r\n"
    client = talk(ours, *answers, b"+OK\r\nhunter2secret\r\n.\r\n", b"+OK hunter2secret 2\r\n")
    client.set_debuglevel(2)
    with pytest.raises(ours.error_proto):
        client.auth("PLAIN", initial_response=b"\0alice\0hunter2secret")
    client._shortcmd("AUTH\tLOGIN")
    for line in ("aHVudGVyMnNlY3JldA==", " pass  hunter2secret"):
        with pytest.raises(ours.error_proto):
            client._shortcmd(line)
    client.retr(1)
    with pytest.raises(ours.error_proto):
        client.stat()
    printed = capsys.readouterr().out
    assert "hunter2secret" not in printed
    assert "aHVudGVyMnNlY3JldA" not in printed
    assert "*stat* [b'+OK', b'***', b'2']" in printed
    assert "*cmd* 'RETR 1'" in printed


@difference("`auth()`")
def test_auth(talk: Talk) -> None:
    challenged: list[bytes] = []

    def respond(challenge: bytes) -> bytes:
        challenged.append(challenge)
        return b"answer"

    client = talk(ours, b"+ cXVlc3Rpb24=\r\n", b"+OK welcome\r\n")
    assert client.auth("X-ASK", respond) == b"+OK welcome"
    assert challenged == [b"question"]
    assert client.sock.sent == [b"AUTH X-ASK\r\n", b"YW5zd2Vy\r\n"]


@difference("`python -m poplib HOST USER PASSWORD`")
def test_the_program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    listing = b"+OK\r\n1 9\r\n.\r\n"
    mail = b"+OK\r\nSubject: hi\r\n\r\nhello\r\n.\r\n"
    monkeypatch.setattr(sys, "argv", ["poplib", "pop.example.org", "alice", "secret"])

    def printed(module: str, *answers: bytes) -> str:
        sock = Answering.with_answers(b"+OK\r\n", b"+OK\r\n", b"+OK\r\n", *answers)

        def connect(address: object, timeout: object) -> socket.socket:
            return sock

        monkeypatch.setattr(socket, "create_connection", connect)
        try:
            runpy.run_module(module, run_name="__main__")
        finally:
            sock.close()
            with contextlib.suppress(OSError):  # a file that is open keeps it open
                os.close(sock.detach())
        return capsys.readouterr().out

    with warnings.catch_warnings(action="ignore", category=BytesWarning), pytest.raises(TypeError):
        printed("poplib", listing, b"+OK 1 9\r\n", mail)
    assert capsys.readouterr().out.endswith("Message 1:\n")
    monkeypatch.delitem(sys.modules, ours.__name__)  # it is run, and not only imported
    out = printed(ours.__name__, b"+OK 1 9\r\n", mail, b"+OK\r\n")
    assert out.endswith("Message 1:\n   Subject: hi\n   \n   hello\n-----------------------\n")


def retrieved(module: ModuleType, body: bytes, watch: Callable[[Callable[[], object]], T]) -> T:
    """What is seen of a client while it retrieves a message, whose result goes with it."""

    reply = b"+OK\r\n" + body + b".\r\n"

    def script(wire: Wire) -> None:
        wire.send(b"+OK hello\r\n")
        wire.expect(b"RETR 1\r\n")
        wire.send(reply)
        wire.expect(b"QUIT\r\n")
        wire.send(b"+OK\r\n")

    with scripted(script) as port:
        client = module.POP3(LOOPBACK, port, timeout=BOUND)
        seen = watch(lambda: client.retr(1))
        client.quit()
    return seen


@difference("a long message")
def test_a_long_message_is_not_read_line_by_line() -> None:
    def calls(work: Callable[[], object]) -> int:
        count = 0

        def called(frame: FrameType, event: str, argument: object) -> None:
            nonlocal count
            count += event == "call"

        sys.setprofile(called)
        try:
            work()
        finally:
            sys.setprofile(None)
        return count

    body = b"a line of usual length\r\n" * 50_000
    assert retrieved(standard, body, calls) > 50_000
    # A piece may be as small as what one segment holds.
    assert retrieved(ours, body, calls) < 25_000


@difference("memory for a message with lines of usual length")
@pytest.mark.parametrize("module", [standard, ours], ids=["standard", "ours"])
def test_memory(module: ModuleType) -> None:
    def peak(work: Callable[[], object]) -> int:
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        try:
            work()
            return tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()

    body = base64.encodebytes(bytes(4_000_000)).replace(b"\n", b"\r\n")
    assert retrieved(module, body, peak) < 2 * len(body)
