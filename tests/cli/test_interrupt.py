"""Being stopped while a message arrives."""

import json
import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from pop3_adapters.cli.fetch import Order
from pop3_adapters.cli.fetch_threads import Errand, fetch_all
from pop3_adapters.cli.logins import Login
from pop3_adapters.cli.place import Place
from pop3_adapters.cli.progress import ProgressBar, ProgressBars
from pop3_adapters.cli.report import Report
from pop3_adapters.cli.signals import stoppable
from pop3_proto import parse_url

from .hostile import OK, Answer, Server, wire
from .printing import Once
from .running import BOUND, bodies, pop3, start, stored, unfinished
from .waiting import wait_until


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_half_and_nothing_deleted(tmp_path: Path, number: signal.Signals) -> None:
    half_sent, over = threading.Event(), threading.Event()
    one, two = bodies("one", "two")
    with Server(wire(one, two), capabilities=("UIDL",)) as server:

        def stall() -> Answer:
            server.send(OK + b"Subject: tw")
            half_sent.set()
            over.wait(BOUND)
            return None

        server.answers[b"RETR 2"] = stall
        words = ("fetch", server.url, "--allow-insecure-auth", "--maildir", tmp_path)
        process = start(*words, "--delete", "--json")
        assert half_sent.wait(BOUND)
        wait_until(lambda: bool(unfinished(tmp_path)))
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=BOUND)
        over.set()
        assert process.returncode == 130
        assert stderr == "pop3: interrupted\n"
        assert unfinished(tmp_path) == []
        assert stored(tmp_path) == [one]
        assert b"DELE" not in server.verbs
        assert b"QUIT" not in server.verbs
        said = json.loads(stdout)
        assert (said["fetched"], said["error"], said["status"]) == (1, "interrupted", 130)

        server.answers.clear()
        assert "1 fetched before" in pop3(*words).stdout
        assert stored(tmp_path) == [one, two]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_all_of_several_end_at_once(tmp_path: Path, number: signal.Signals) -> None:
    half_sent, over = threading.Barrier(3), threading.Event()
    one, two = bodies("one", "two")
    mbox = tmp_path / "mbox"
    (tmp_path / "mbox.lock").touch()
    with ExitStack() as running:
        half_way = [running.enter_context(Server(wire(one, two))) for _ in range(2)]
        locked_out, waiting = (running.enter_context(Server(wire(one))) for _ in range(2))
        deaf = running.enter_context(full_listener())

        def stalled(server: Server) -> Callable[[], Answer]:
            def stall() -> Answer:
                server.send(OK + b"Subject: tw")
                half_sent.wait(BOUND)
                over.wait(BOUND)
                return None

            return stall

        for server in half_way:
            server.answers[b"RETR 2"] = stalled(server)
        urls = {
            "deaf": f"pop://alice@127.0.0.1:{deaf}?tls=none",
            "locked-out": locked_out.url,
            "first": half_way[0].url,
            "second": half_way[1].url,
            "waiting": waiting.url,
        }
        file = tmp_path / "accounts.toml"
        file.write_text(
            'allow-insecure-auth = true\npassword-command = "echo x"\ndelete = true\n'
            + "".join(
                f'[account.{name}]\nurl = "{url}"\n'
                + (f'mbox = "{mbox}"\n' if name == "locked-out" else f'maildir = "{name}"\n')
                for name, url in urls.items()
            )
        )
        process = start("fetch", "--accounts", file, "--json")
        half_sent.wait(BOUND)
        folders = [tmp_path / "first", tmp_path / "second"]
        wait_until(lambda: all(unfinished(folder) for folder in folders))
        wait_until(lambda: b"PASS" in locked_out.verbs)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=BOUND)
        over.set()
        assert process.returncode == 130
        assert stderr.splitlines() == [f"pop3: {name}: interrupted" for name in urls]
        for folder in folders:
            assert unfinished(folder) == []
            assert stored(folder) == [one]
            assert (folder / "pop3-fetched").read_bytes().count(b"\n") == 1
        for server in (*half_way, locked_out):
            assert not {b"DELE", b"QUIT"} & set(server.verbs)
        assert waiting.said == []
        assert [json.loads(line)["fetched"] for line in stdout.splitlines()] == [0, 0, 1, 1, 0]
    assert not mbox.exists()


@contextmanager
def full_listener() -> Generator[int, None, None]:
    """A port where connecting takes longer than anybody waits."""
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(8):
            sock = sockets.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


class Impatient(ProgressBars):
    """Somebody who stops everything twice, once there is something to see."""

    def add(self, name: str) -> ProgressBar:
        return ProgressBar(self.stop_everything)

    def stop_everything(self, bar: ProgressBar) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(os.getpid(), number)


def test_a_second_signal_changes_nothing(tmp_path: Path) -> None:
    over = threading.Event()
    with Server(wire(*bodies("one"))) as server:

        def stall() -> Answer:
            over.wait(BOUND)
            return None

        server.answers[b"RETR"] = stall
        url, place = parse_url(server.url), Place("maildir", tmp_path)
        login = Login(allow_insecure_auth=True)
        order = Order(url, place, ssl.create_default_context(), login)
        report = Report(url.account, str(tmp_path))
        bars = Impatient(show=False)
        fetch_all([Errand(order, b"x", report)], bars=bars, say=print)
        over.set()
        assert b"QUIT" not in server.verbs
    assert (report.error, report.messages) == ("interrupted", 1)


def test_what_was_deleted_is_unknown_where_the_answer_to_quit_is_missing(tmp_path: Path) -> None:
    asked, over = threading.Event(), threading.Event()
    with Server(wire(*bodies("one"))) as server:

        def stall() -> Answer:
            asked.set()
            over.wait(BOUND)
            return None

        server.answers[b"QUIT"] = stall
        words = ("fetch", server.url, "--allow-insecure-auth", "--maildir", tmp_path)
        process = start(*words, "--delete")
        assert asked.wait(BOUND)
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=BOUND)
        over.set()
    assert (process.returncode, stderr) == (130, "pop3: interrupted\n")
    assert "the server did not confirm that 1 were deleted" in stdout


@pytest.mark.parametrize("command", ["fetch", "info"])
def test_a_command_for_a_token_is_ended_too(command: str, tmp_path: Path) -> None:
    once = Once(tmp_path)
    place: tuple[str | Path, ...] = ("--maildir", tmp_path / "mail") if command == "fetch" else ()
    with Server({}, capabilities=("SASL XOAUTH2",)) as server:
        server.answers[b"AUTH"] = b"-ERR [AUTH] no\r\n"
        words = (server.url, "--allow-insecure-auth", "--token-command", once.command, *place)
        process = start(command, *words)
        wait_until(lambda: once.process is not None)
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=BOUND)
        assert server.verbs.count(b"AUTH") == 1
    assert (process.returncode, stderr) == (130, "pop3: interrupted\n")
    assert once.process
    with pytest.raises(ProcessLookupError):
        os.kill(once.process, 0)


def test_only_the_first_signal_counts() -> None:
    seen: list[str] = []

    def tidy_up() -> None:
        with stoppable():
            try:
                signal.raise_signal(signal.SIGTERM)
                seen.append("not stopped")
            finally:
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGTERM)
                seen.append("tidied up")

    with pytest.raises(KeyboardInterrupt):
        tidy_up()
    assert seen == ["tidied up"]


def test_signals_mean_afterwards_what_they_meant_before() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with stoppable():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
