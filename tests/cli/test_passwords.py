"""Where the password comes from."""

import os
import shlex
import sys
from pathlib import Path

import pytest

from pop3_adapters.cli.passwords import password_for
from pop3_adapters.cli.statuses import CommandError

from .hostile import Server
from .printing import printing
from .running import pop3
from .terminal import Terminal


@pytest.mark.parametrize(
    ("printed", "password"),
    [
        (b"secret", b"secret"),
        (b"secret\n", b"secret"),
        (b"secret\r\n", b"secret"),
        (b" two words \nuser: alice\n", b" two words "),
        (b"gr\xc3\xbcn\n", b"gr\xc3\xbcn"),
        (b"\xff\n", b"\xff"),
    ],
)
def test_a_command_prints_it(
    printed: bytes, password: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POP3_PASSWORD", "another")
    assert password_for("alice", printing(printed)) == password


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("", "is empty"),
        ("'", "cannot be read: No closing quotation"),
        ("no-such-program-anywhere", "could not be run"),
        (shlex.join([sys.executable, "-c", "raise SystemExit(3)"]), "failed with status 3"),
        (printing(b""), "the password for alice is empty"),
        (printing(b"\nsecret\n"), "the password for alice is empty"),
    ],
)
def test_a_command_fails(command: str, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        password_for("alice", command)


def test_a_command_is_run_without_a_shell(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    assert password_for("alice", f"echo a; touch {witness}") == f"a; touch {witness}".encode()
    assert not witness.exists()


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_environment_has_it(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POP3_PASSWORD", f"grün{end}")
    assert password_for("alice", None) == "grün".encode()


def test_the_environment_may_hold_any_octets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environb, b"POP3_PASSWORD", b"\xff")
    assert password_for("alice", None) == b"\xff"


def test_the_environment_is_for_one_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POP3_PASSWORD", "secret")
    with pytest.raises(CommandError, match="there is no terminal"):
        password_for("alice", None, alone=False)


def test_without_a_terminal_nobody_is_asked(tmp_path: Path) -> None:
    with Server({}) as server:
        words = ("fetch", server.url, "--allow-insecure-auth", "--maildir", tmp_path)
        result = pop3(*words, password=None)
        assert server.said == []
    assert result.exit_code == 2
    assert "set POP3_PASSWORD" in result.stderr
    assert "--password-command" in result.stderr


@pytest.mark.parametrize(
    ("typed", "status", "sent"),
    [(b"typed in\n", 0, [b"PASS typed in"]), (b"\x04", 2, []), (b"\x03", 130, [])],
    ids=["typed", "Ctrl-D", "Ctrl-C"],
)
def test_on_a_terminal_it_is_asked_for_and_not_shown(
    typed: bytes, status: int, sent: list[bytes], tmp_path: Path
) -> None:
    with Server({}) as server:
        words = ("fetch", server.url, "--allow-insecure-auth", "--maildir", tmp_path)
        terminal = Terminal(*words, password=None)
        terminal.wait_for(b"Password for alice@127.0.0.1: ")
        terminal.type(typed)
        assert terminal.end() == status, terminal.shown
        assert [line for line in server.said if line.startswith(b"PASS")] == sent
    assert b"typed in" not in terminal.shown
    assert b"Traceback" not in terminal.shown
