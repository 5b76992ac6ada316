"""`pop3 serve`."""

import contextlib
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from pop3_adapters.socket import client_context, connect_stream

from .running import BOUND, COMMAND, PASSWORD, bodies, environment, pop3, start, stored


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    """A Maildir with two messages, the second of which was seen by a mail reader."""
    folder = tmp_path / "served"
    for name in ("tmp", "new", "cur"):
        (folder / name).mkdir(parents=True)
    one, two = bodies("one", "two")
    (folder / "new" / "1.a.host").write_bytes(one)
    (folder / "cur" / "2.b.host:2,S").write_bytes(two)
    return folder


def told(process: "Popen[str]") -> str:
    """The URL to fetch from, as the server says it."""
    assert process.stdout
    assert process.stdout.readline().startswith("Serving ")
    line = process.stdout.readline()
    assert line.startswith("Fetch with: pop3 fetch 'pop")
    return line.split("'")[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("tls", ["implicit", "stls", None])
def test_mail_is_fetched_from_it_until_it_is_stopped(
    maildir: Path,
    certificate: Path,
    ca_file: Path,
    tmp_path: Path,
    tls: str | None,
    number: signal.Signals,
) -> None:
    words = ["--tls", tls, "--certificate", str(certificate)] if tls else ["--allow-insecure-auth"]
    process = start("serve", maildir, "--user", "alice@home", *words)
    url = told(process)
    assert url.startswith("pop3s://alice%40home@127.0.0.1:" if tls == "implicit" else "pop://al")
    plain = [] if tls else ["--allow-insecure-auth"]
    folder = tmp_path / "mail"
    fetched = pop3("fetch", url, "--maildir", folder, "--ca-file", ca_file, *plain, "--delete")
    assert fetched.exit_code == 0, fetched.stderr
    assert stored(folder) == bodies("one", "two")
    assert stored(maildir) == []
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=BOUND)
    assert (process.returncode, stdout, stderr) == (0, "Stopped.\n", "")


def test_an_mbox_is_served(tmp_path: Path) -> None:
    mbox = tmp_path / "mbox"
    one, two = bodies("one", "two")
    separator = b"From a@example.org Mon Nov 23 10:00:00 2026\n"
    mbox.write_bytes(separator + one + b"\n" + separator + two + b"\n")
    process = start("serve", mbox, "--user", "alice", "--allow-insecure-auth")
    folder = tmp_path / "mail"
    words = ("--maildir", folder, "--allow-insecure-auth", "--delete")
    result = pop3("fetch", told(process), *words)
    assert result.exit_code == 0, result.stderr
    assert stored(folder) == [one, two]
    assert mbox.read_bytes() == b""
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=BOUND) == ("Stopped.\n", "")


def test_a_file_that_is_no_mbox(tmp_path: Path) -> None:
    (tmp_path / "letter").write_bytes(b"Dear Alice\n")
    result = pop3("serve", tmp_path / "letter", "--user", "alice", "--allow-insecure-auth")
    assert result.exit_code == 2
    assert "is no mbox" in result.stderr


def test_a_session_that_quits_in_time_deletes(maildir: Path) -> None:
    process = start("serve", maildir, "--user", "alice", "--allow-insecure-auth")
    port = int(told(process).rpartition(":")[2].partition("?")[0])
    with socket.create_connection(("127.0.0.1", port), BOUND) as client:
        client.sendall(f"USER alice\r\nPASS {PASSWORD}\r\nDELE 1\r\n".encode())
        with client.makefile("rb") as answers:
            assert [answers.readline()[:3] for _ in range(4)] == [b"+OK"] * 4
            process.send_signal(signal.SIGTERM)
            refused(port)
            client.sendall(b"QUIT\r\n")
            assert answers.readline().startswith(b"+OK")
        assert process.communicate(timeout=BOUND) == ("Stopped.\n", "")
    assert stored(maildir) == []


def refused(port: int) -> None:
    """Wait until nobody listens there any more."""
    with contextlib.suppress(ConnectionRefusedError, ConnectionResetError, BrokenPipeError):
        while True:
            with socket.create_connection(("127.0.0.1", port), BOUND) as client:
                client.sendall(b"NOOP\r\n")  # Linux resets what it has forgotten, when that speaks
                _ = client.recv(100)


def test_a_session_that_is_open_does_not_hold_it_up(maildir: Path) -> None:
    process = start("serve", maildir, "--user", "alice", "--allow-insecure-auth")
    port = int(told(process).rpartition(":")[2].partition("?")[0])
    with socket.create_connection(("127.0.0.1", port)) as client:
        assert client.recv(100).startswith(b"+OK")
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=BOUND)
        assert (process.returncode, stdout, stderr) == (0, "Stopped.\n", "")


def test_a_maildir_that_goes_away_costs_a_sentence(maildir: Path, tmp_path: Path) -> None:
    process = start("serve", maildir, "--user", "alice", "--allow-insecure-auth")
    url = told(process)
    maildir.rename(tmp_path / "elsewhere")
    result = pop3("fetch", url, "--maildir", tmp_path / "mail", "--allow-insecure-auth")
    assert result.exit_code == 3
    assert "[SYS/TEMP]" in result.stderr
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=BOUND)
    assert stderr.startswith("pop3: the maildrop failed: [Errno 2] No such file or directory: ")
    assert stderr.count("\n") == 1


def loopback_hosts() -> Iterator[str]:
    """Those that this machine has: some have no IPv6."""
    for host, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
        with contextlib.suppress(OSError), socket.create_server((host, 0), family=family):
            yield host


@pytest.mark.parametrize("host", [*loopback_hosts()])
def test_on_any_address(host: str, maildir: Path, tmp_path: Path) -> None:
    words = ("--user", "alice", "--allow-insecure-auth", "--host", host)
    process = start("serve", maildir, *words)
    url = told(process)
    result = pop3("fetch", url, "--maildir", tmp_path / "mail", "--allow-insecure-auth")
    assert result.exit_code == 0, result.stderr
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=BOUND) == ("Stopped.\n", "")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "give one, or add --allow-insecure-auth"),
        (["--tls", "stls", "--allow-insecure-auth"], "--tls and --key need --certificate"),
        (["--certificate", __file__], "--certificate and --key cannot be used"),
        (["--host", "192.0.2.1", "--allow-insecure-auth"], "--host and --port choose another"),
    ],
)
def test_usage(words: list[str], sentence: str, maildir: Path) -> None:
    result = pop3("serve", maildir, "--user", "alice", *words)
    assert result.exit_code in (2, 3)
    assert sentence in result.stderr


def test_a_port_that_is_taken(maildir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        words = ("--user", "alice", "--allow-insecure-auth", "--port", port)
        result = pop3("serve", maildir, *words)
    assert result.exit_code == 3
    assert f"cannot listen on 127.0.0.1, port {port}" in result.stderr


def test_a_folder_that_is_no_maildir(tmp_path: Path) -> None:
    result = pop3("serve", tmp_path, "--user", "alice", "--allow-insecure-auth")
    assert result.exit_code == 2
    assert "is no Maildir" in result.stderr


def test_a_password_has_to_come_from_somewhere(maildir: Path) -> None:
    words = ("--user", "alice", "--allow-insecure-auth")
    result = pop3("serve", maildir, *words, password=None)
    assert result.exit_code == 2
    assert "POP3_PASSWORD" in result.stderr


# At the other end of standard input and output.


def spoken(maildir: Path, stdio: int, *words: str) -> "Popen[bytes]":
    return Popen(
        [*COMMAND, "serve", str(maildir), "--user", "alice", "--stdio", *words],
        env=environment(PASSWORD),
        stdin=stdio,
        stdout=stdio,
        stderr=PIPE,
    )


def test_through_pipes(maildir: Path) -> None:
    with spoken(maildir, PIPE) as process:
        said = f"USER alice\r\nPASS {PASSWORD}\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n"
        stdout, stderr = process.communicate(said.encode(), BOUND)
    lines = stdout.splitlines()
    assert [line[:3] for line in lines if line[:1] in (b"+", b"-")] == [b"+OK"] * 6
    assert lines[4:8] == [b"Subject: one", b"", b"one", b"."]
    assert (process.returncode, stderr) == (0, b"")
    assert stored(maildir) == []


def test_who_only_goes_away_deletes_nothing(maildir: Path) -> None:
    with spoken(maildir, PIPE) as process:
        said = f"USER alice\r\nPASS {PASSWORD}\r\nDELE 1\r\n"
        _, stderr = process.communicate(said.encode(), BOUND)
    assert (process.returncode, stderr) == (0, b"")
    assert stored(maildir) == bodies("one")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_deletes_nothing(maildir: Path, number: signal.Signals) -> None:
    with spoken(maildir, PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline().startswith(b"+OK")
        process.stdin.write(f"USER alice\r\nPASS {PASSWORD}\r\nDELE 1\r\n".encode())
        process.stdin.flush()
        for _ in range(3):
            assert process.stdout.readline().startswith(b"+OK")
        process.send_signal(number)
        assert process.communicate(timeout=BOUND) == (b"", b"")
    assert process.returncode == 0
    assert stored(maildir) == bodies("one")


def test_nobody_else_gets_what_the_client_says(maildir: Path) -> None:
    with spoken(maildir, PIPE, "--password-command", "cat") as process:
        stdout, stderr = process.communicate(b"USER alice\r\n", BOUND)
    assert (process.returncode, stdout) == (2, b"")
    assert b"the password for alice is empty" in stderr


def test_a_socket_on_a_network_needs_a_certificate(maildir: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
    ):
        server, _ = listener.accept()
        with server, spoken(maildir, server.fileno()) as process:
            server.close()
            _, stderr = process.communicate(timeout=BOUND)
        assert client.recv(100) == b""
    assert process.returncode == 2
    assert b"without --certificate" in stderr


def test_tls_through_a_socket(maildir: Path, certificate: Path, ca_file: Path) -> None:
    client, server = socket.socketpair()
    with (
        client,
        server,
        spoken(maildir, server.fileno(), "--certificate", str(certificate)) as process,
    ):
        server.close()
        context = client_context(str(ca_file))
        with connect_stream(client, host="127.0.0.1", context=context) as session:
            session.login("alice", PASSWORD)
            assert session.retrieve(1).read() == b"Subject: one\r\n\r\none\r\n"
        assert process.communicate(timeout=BOUND)[1] == b""
    assert process.returncode == 0


def test_it_listens_nowhere(maildir: Path) -> None:
    with spoken(maildir, PIPE, "--port", "1110") as process:
        _, stderr = process.communicate(timeout=BOUND)
    assert process.returncode == 2
    assert b"leave out --host and --port" in stderr


def test_nothing_but_pop3_goes_to_the_client(maildir: Path) -> None:
    client, server = socket.socketpair()
    command = [*COMMAND, "serve", str(maildir), "--user", "alice", "--stdio"]
    end = server.fileno()
    environ = environment(PASSWORD)
    with client, server, Popen(command, env=environ, stdin=end, stdout=end, stderr=end) as process:
        server.close()
        with client.makefile("rb") as said:
            assert said.readline().startswith(b"+OK")
            maildir.rename(maildir.with_name("elsewhere"))
            client.sendall(f"USER alice\r\nPASS {PASSWORD}\r\nQUIT\r\n".encode())
            assert [line.split()[0] for line in said] == [b"+OK", b"-ERR", b"+OK"]
    assert process.returncode == 0


def test_standard_input_that_is_closed() -> None:
    script = "import os, sys; os.close(0); os.execv(sys.argv[1], sys.argv[1:])"
    words = [*COMMAND, "serve", ".", "--user", "alice", "--stdio"]
    with Popen([sys.executable, "-c", script, *words], stdout=PIPE, stderr=PIPE) as process:
        stdout, stderr = process.communicate(timeout=BOUND)
    assert (process.returncode, stdout) == (2, b"")
    assert b"one of them is closed" in stderr
