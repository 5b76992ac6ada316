"""Being stopped while a message arrives."""

import json
import signal
import threading
from pathlib import Path

import pytest

from pop3_adapters.cli.signals import stoppable

from .hostile import OK, Answer, Server, wire
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
