"""The examples run as their first lines say, and stay a page each."""

import functools
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_adapters.socket import Client, Server, connect, serve
from pop3_proto import (
    AuthenticationFailed,
    Deletions,
    MailboxInUse,
    Maildrop,
    TlsPolicy,
)

EXAMPLES: Final = Path(__file__).parents[1] / "examples"
PYTHON: Final = (sys.executable, "-bb", "-W", "error")
BOUND: Final = 30.0
"""Seconds that something that happens may take at most."""

MAIL: Final = [
    b"Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n",
    b"",
    # More than a socket takes or gives at once.
    b"Subject: large\r\n\r\n" + b".0123456789\r\n" * 800_000,
]

CLIENTS: Final = ["selectors_client.py", "twisted_client.py", "qt_client.py", "tornado_client.py"]
IMPORTS: Final = {
    "twisted_client.py": "twisted.internet.reactor",
    "gevent_client.py": "gevent.socket",
    "qt_client.py": "PySide6.QtNetwork",
    "tornado_client.py": "tornado.tcpclient",
}
REMEDY: Final = (
    "pip install 'pop3-proto[examples]', and for Qt on Debian "
    "apt-get install libbrotli1 libglib2.0-0 libgssapi-krb5-2"
)


@functools.cache
def why_not(module: str) -> str:
    """What stands in the way of importing a module, if anything does."""
    done = subprocess.run(
        [sys.executable, "-c", f"import {module}"], capture_output=True, text=True
    )
    return done.stderr.strip().rpartition("\n")[2]


def command(example: str, *words: str | Path) -> list[str]:
    """Skips where the example's framework cannot be imported."""
    if example in IMPORTS and (obstacle := why_not(IMPORTS[example])):
        pytest.skip(f"{obstacle}: {REMEDY}")
    return [*PYTHON, str(EXAMPLES / example), *map(str, words)]


def run(
    example: str, *words: str | Path, status: int = 0, given: bytes = b""
) -> "subprocess.CompletedProcess[bytes]":
    """Run an example to its end; one that fails does so in a sentence."""
    arguments = command(example, *words)
    done = subprocess.run(arguments, input=given, capture_output=True, timeout=BOUND)
    assert done.returncode == status, done.stderr.decode()
    assert bool(done.stderr) is bool(status), done.stderr.decode()
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done


@contextmanager
def at_rest(port: int) -> Generator[None]:
    """A connection that is there while the server has nothing else left to do: Ctrl-C in the
    middle of a clean-up may leave half of it."""
    with socket.create_connection(("127.0.0.1", port)) as sock, sock.makefile("rb") as lines:
        assert lines.readline().startswith(b"+OK")
        sock.sendall(b"NONSENSE\r\n")
        assert lines.readline().startswith(b"-ERR")
        yield


@contextmanager
def running(example: str, *words: str | Path) -> Generator[int]:
    """A server, while it runs; its port. Ctrl-C ends it without a word."""
    process = subprocess.Popen(
        command(example, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stdout
            port = int(process.stdout.readline().removeprefix("port "))
            yield port
            with at_rest(port):
                process.send_signal(signal.SIGINT)
                _, complaints = process.communicate(timeout=BOUND)
            assert (process.returncode, complaints) == (0, "")
        finally:
            process.kill()


def shown(mail: list[bytes]) -> list[str]:
    """What the clients print of messages."""
    return [f"{len(message)} octets, {message[:30]!r}" for message in mail]


def said(done: "subprocess.CompletedProcess[bytes]") -> list[str]:
    """The lines that an example has printed, without the numbers before the first colon."""
    return [line.partition(": ")[2] for line in done.stdout.decode().splitlines()]


def served(maildrops: Callable[[str], Maildrop]) -> Server:
    users = Passwords({"alice": "secret", "bob": "secret"}, maildrops)
    return serve(users, allow_insecure_auth=True)


@pytest.fixture
def server() -> Iterator[Server]:
    maildrop = MemoryMaildrop(MAIL)
    with served(lambda name: maildrop) as running_server:
        yield running_server


@contextmanager
def saying(octets: bytes) -> Generator[int]:
    """A server that says something, hears something, and closes the connection; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            sock, _ = listener.accept()
            with sock, suppress(ConnectionError):
                sock.sendall(octets)
                sock.recv(65536)

        thread = threading.Thread(target=talk)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(BOUND)


def log_in(port: int) -> Client:
    client = connect("127.0.0.1", port, tls=TlsPolicy.NONE)
    try:
        client.login("alice", "secret", allow_insecure_auth=True)
    except BaseException:
        client.close()
        raise
    return client


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Messages in files."""
    paths = [tmp_path / f"{number}.eml" for number in range(len(MAIL))]
    for path, message in zip(paths, MAIL, strict=True):
        path.write_bytes(message)
    return paths


@pytest.mark.parametrize("example", CLIENTS)
def test_a_client_prints_every_message(example: str, server: Server) -> None:
    done = run(example, "127.0.0.1", str(server.port), "alice", "secret")
    assert said(done) == shown(MAIL)


@pytest.mark.parametrize("example", CLIENTS)
def test_a_client_says_that_the_password_is_wrong(example: str, server: Server) -> None:
    done = run(example, "127.0.0.1", str(server.port), "alice", "opensesame", status=1)
    assert b"refused AUTH" in done.stderr or b"refused PASS" in done.stderr
    assert b"opensesame" not in done.stderr


@pytest.mark.parametrize("example", CLIENTS)
def test_a_client_says_that_the_connection_was_cut_off(example: str) -> None:
    with saying(b"+OK\r\n") as port:
        done = run(example, "127.0.0.1", str(port), "alice", "secret", status=1)
    assert b"the peer ended the connection while the reply to" in done.stderr


@pytest.mark.parametrize("example", CLIENTS)
def test_a_client_says_that_the_server_broke_the_protocol(example: str) -> None:
    with saying(b"+OK\r\n+OK\r\n") as port:
        done = run(example, "127.0.0.1", str(port), "alice", "secret", status=1)
    assert b"the server sent a reply that nobody asked for" in done.stderr


@pytest.mark.parametrize("example", CLIENTS)
def test_a_client_says_that_nobody_listens(example: str) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        done = run(example, "127.0.0.1", str(port), "alice", "secret", status=1)
    assert b"refused" in done.stderr


def test_greenlets_of_gevent_wait_for_each_other() -> None:
    both = threading.Barrier(2, timeout=BOUND)

    class Meeting(MemoryMaildrop):
        def read(self, index: int) -> Iterator[bytes]:
            both.wait()  # nothing goes on before the other one has come as far
            yield from super().read(index)

    with served(lambda name: Meeting(MAIL)) as server:
        done = run("gevent_client.py", "127.0.0.1", str(server.port), "secret", "alice", "bob")
    for name in ("alice", "bob"):
        lines = [line for line in done.stdout.decode().splitlines() if line.startswith(name)]
        assert [line.partition(": ")[2] for line in lines] == shown(MAIL)


def test_a_greenlet_of_gevent_fails_alone(server: Server) -> None:
    words = ("gevent_client.py", "127.0.0.1", str(server.port), "secret", "nobody", "alice")
    done = run(*words, status=1)
    assert done.stderr.startswith(b"nobody: AuthenticationFailed: the server refused AUTH")
    assert said(done) == shown(MAIL)


def test_the_server_on_selectors(files: list[Path]) -> None:
    with running("selectors_server.py", "0", "alice", "secret", *files) as port:
        with log_in(port) as client:
            assert [message.read() for message in client.fetch([1, 2, 3])] == MAIL
            with pytest.raises(MailboxInUse):
                log_in(port)
            client.delete(1)
            assert client.quit() is Deletions.DONE
        with log_in(port) as client:
            assert client.stat().messages == 2


def test_the_server_on_selectors_waits_for_nobody(tmp_path: Path) -> None:
    (tmp_path / "huge.eml").write_bytes(b"x" * 20_000_000 + b"\r\n")
    with running("selectors_server.py", "0", "alice", "secret", tmp_path / "huge.eml") as port:
        with socket.create_connection(("127.0.0.1", port)), log_in(port) as slow:
            slow.retrieve(1)  # and does not read it
            with pytest.raises(MailboxInUse):
                log_in(port)
            slow.close()
        log_in(port).close()  # what was cut off keeps nobody out


def test_the_server_on_selectors_ends_while_clients_are_there(files: list[Path]) -> None:
    with running("selectors_server.py", "0", "alice", "secret", *files) as port:
        client = log_in(port)
    client.close()


def test_the_maildrop_over_sqlite(tmp_path: Path, files: list[Path]) -> None:
    words = ("sqlite_maildrop.py", tmp_path / "mail.sqlite", "0", "alice", "secret")
    with running(*words, *files) as port, log_in(port) as client:
        assert [message.read() for message in client.fetch([1, 2, 3])] == MAIL
        with pytest.raises(MailboxInUse):
            log_in(port)
        client.delete(2, 3)
        assert client.quit() is Deletions.DONE
    with running(*words, files[1]) as port, log_in(port) as client:
        assert [entry.unique_id for entry in client.unique_ids()] == [b"1", b"4"]
        assert client.retrieve(1).read() == MAIL[0]


def test_the_pipes_of_a_subprocess() -> None:
    assert len(said(run("subprocess_pipes.py", "alice", "secret"))) == 1
    done = run("subprocess_pipes.py", "alice", "secret", "false", status=1)
    assert b"the peer ended the connection before the greeting" in done.stderr


def test_the_pair_in_memory() -> None:
    done = run("memory_pair.py")
    assert b"2: b'Subject: two\\r\\n\\r\\n.a line with a dot\\r\\n'\n" in done.stdout
    assert b"the server refused RETR 3: -ERR no such message\n" in done.stdout
    assert done.stdout.endswith(b"State.CLOSED State.CLOSED\n")


def test_the_recording() -> None:
    done = run("replay_recording.py")
    assert b"greeting: POP3 server ready\n" in done.stdout
    assert b"\\r\\n.and one with a dot.\\r\\n" in done.stdout
    assert b"RETR 3 -ERR no such message\n" in done.stdout
    assert done.stdout.endswith(b"QUIT +OK bye\nEndOfStream\n")


def test_a_recording_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "none.jsonl").write_text("{}\n")
    assert b"ValueError" in run("replay_recording.py", tmp_path / "none.jsonl", status=1).stderr


def test_the_fuzz_target(tmp_path: Path) -> None:
    conversations = {
        "server": b"+OK\r\n+OK\r\nTOP\r\n.\r\n+OK\r\n+OK\r\n+OK\r\n1 2\r\n.\r\n+OK\r\n.\r\n+OK\r\n",
        "client": b"CAPA\r\nUSER a\r\nPASS b\r\nRETR 1\r\nNONSENSE\r\nQUIT\r\n",
        "nonsense": bytes(range(256)) * 40,
        "nothing": b"",
    }
    for name, octets in conversations.items():
        (tmp_path / name).write_bytes(octets)
    done = run("fuzz_target.py", *(tmp_path / name for name in conversations))
    assert done.stdout.count(b": ok\n") == len(conversations)
    assert run("fuzz_target.py", given=b"* OK IMAP\r\n").stdout == b"/dev/stdin: ok\n"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_is_a_page_that_says_how_to_run_it_and_is_run_here(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.count("\n") < 80
    assert re.search(rf"^    python examples/{path.name}\b", text, re.MULTILINE)
    assert f'"{path.name}"' in Path(__file__).read_text("utf-8")


class TokenUsers(Passwords):
    """Knows the tokens of its users, and no password."""

    def token_holder(self, token: str) -> str | None:
        return "alice" if token == "ya29.token" else None


def test_the_proxy_that_does_oauth(tmp_path: Path) -> None:
    maildrop = MemoryMaildrop(MAIL)
    users = TokenUsers({"alice": ""}, lambda name: maildrop)
    token = tmp_path / "token"
    token.write_text("ya29.token\n")
    with serve(users, allow_insecure_auth=True, logins=["XOAUTH2"], failure_delay=0) as real:
        url = f"pop://alice@127.0.0.1:{real.port}?tls=none"
        with running("oauth_proxy.py", url, "0", token, "secret") as port:
            with log_in(port) as client:
                assert [message.read() for message in client.fetch([1, 2, 3])] == MAIL
                assert client.top(3).read() == b"Subject: large\r\n\r\n"
                client.delete(2, 3)
                assert client.quit() is Deletions.DONE
            assert maildrop.messages == MAIL[:1]
            token.write_text("expired\n")
            with pytest.raises(AuthenticationFailed, match="token is refused"):
                log_in(port)
