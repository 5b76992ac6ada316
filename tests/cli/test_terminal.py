"""What a person sees."""

from pathlib import Path

from pop3_adapters.maildrops import MemoryMaildrop

from .conftest import Serving
from .running import PASSWORD, bodies, start
from .terminal import Terminal


def test_a_progress_bar_on_a_terminal(serving: Serving, ca_file: Path, tmp_path: Path) -> None:
    with serving(MemoryMaildrop(bodies("one", "two"))) as url:
        words = ("fetch", url, "--maildir", tmp_path, "--ca-file", ca_file)
        terminal = Terminal(*words, password=PASSWORD)
        assert terminal.end() == 0, terminal.shown
    assert b"2/2 messages" in terminal.shown
    assert b"Fetched 2 messages (" in terminal.shown
    # The cursor is hidden while the bar moves.
    assert terminal.shown.rindex(b"\x1b[?25h") > terminal.shown.rindex(b"\x1b[?25l")


def test_no_progress_bar_where_nothing_is_wanted(
    serving: Serving, ca_file: Path, tmp_path: Path
) -> None:
    with serving(MemoryMaildrop(bodies("one", "two"))) as url:
        words = ("fetch", url, "--maildir", tmp_path, "--ca-file", ca_file, "--quiet")
        terminal = Terminal(*words, password=PASSWORD)
        assert terminal.end() == 0, terminal.shown
    assert terminal.shown == b""


def test_no_progress_bar_without_a_terminal(
    serving: Serving, ca_file: Path, tmp_path: Path
) -> None:
    with serving(MemoryMaildrop(bodies("one", "two"))) as url:
        process = start("fetch", url, "--maildir", tmp_path, "--ca-file", ca_file)
        stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert stdout.count("\n") == 1
    assert stderr == ""
