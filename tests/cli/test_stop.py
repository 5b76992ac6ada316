"""What a thread sees of it when everything is to end."""

import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pop3_adapters.cli.fetch import Order, fetch
from pop3_adapters.cli.logins import Login
from pop3_adapters.cli.place import Place
from pop3_adapters.cli.progress import ProgressBar
from pop3_adapters.cli.report import Report
from pop3_adapters.cli.statuses import Status
from pop3_adapters.cli.stop import Stop
from pop3_proto import Deletions, parse_url

from .hostile import OK, Answer, Server, wire
from .running import bodies, stored
from .waiting import wait_until


class Stopper:
    """Ends everything from a thread of its own."""

    def __init__(self) -> None:
        self.stop = Stop()
        self.thread = threading.Thread(target=self.stop.call)

    def __call__(self) -> Answer:
        """As the answer of a server: none."""
        self.thread.start()
        wait_until(lambda: self.stop.called)
        return None


@pytest.fixture
def stopper() -> Stopper:
    return Stopper()


def fetched(
    server: Server,
    folder: Path,
    stopper: Stopper,
    show: Callable[[ProgressBar], None] = lambda bar: None,
) -> Report:
    """What becomes of a fetch, in this thread."""
    order = Order(
        parse_url(server.url),
        Place("maildir", folder),
        ssl.create_default_context(),
        Login(allow_insecure_auth=True),
        delete=True,
    )
    report = Report("alice", str(folder))
    fetch(order, b"x", report, bar=ProgressBar(show), say=lambda sentence: None, stop=stopper.stop)
    stopper.thread.join()
    return report


@pytest.mark.parametrize("verb", [b"USER", b"UIDL", b"RETR 1", b"DELE"])
def test_a_connection_that_is_ended_is_no_error(
    verb: bytes, tmp_path: Path, stopper: Stopper
) -> None:
    with Server(wire(*bodies("one"))) as server:
        server.answers[verb] = stopper
        report = fetched(server, tmp_path, stopper)
        assert b"QUIT" not in server.verbs
    assert (report.error, report.status) == ("interrupted", Status.INTERRUPTED)


def test_what_was_sent_before_is_not_known_to_have_happened(
    tmp_path: Path, stopper: Stopper
) -> None:
    with Server(wire(*bodies("one"))) as server:
        server.answers[b"QUIT"] = stopper
        report = fetched(server, tmp_path, stopper)
    assert (report.error, report.status) == ("interrupted", Status.INTERRUPTED)
    assert (report.marked, report.deletions) == (1, Deletions.UNKNOWN)


def test_what_has_arrived_already_is_left_alone(tmp_path: Path, stopper: Stopper) -> None:
    with Server(wire(*bodies("one", "two"))) as server:
        server.answers[b"RETR 1"] = b""
        server.answers[b"RETR 2"] = b"".join(OK + m + b".\r\n" for m in server.messages.values())

        def show(bar: ProgressBar) -> None:
            if bar.done == 1 and not stopper.stop.called:
                stopper()

        report = fetched(server, tmp_path, stopper, show)
        assert b"DELE" not in server.verbs
    assert (report.fetched, report.error) == (1, "interrupted")
    assert stored(tmp_path) == bodies("one")


def test_whoever_comes_later_does_not_begin(tmp_path: Path, stopper: Stopper) -> None:
    stopper()
    with Server(wire(*bodies("one"))) as server:
        report = fetched(server, tmp_path, stopper)
        assert server.said == []
    assert report.error == "interrupted"


def test_nobody_sleeps_on(stopper: Stopper) -> None:
    stopper.stop.pause(0.05)
    stopper()
    with pytest.raises(KeyboardInterrupt):
        stopper.stop.pause(1000.0)


def test_whoever_holds_a_socket_is_waited_for(stopper: Stopper) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with stopper.stop.holding(ours):
            stopper()
            assert ours.recv(1) == b""
            assert stopper.thread.is_alive()
        stopper.thread.join()
