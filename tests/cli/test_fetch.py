"""`pop3 fetch` from a server of ours."""

import json
from pathlib import Path

import pytest

from pop3_adapters.maildrops import MemoryMaildrop
from pop3_proto import TlsPolicy

from .conftest import Serving
from .running import bodies, pop3, stored, unfinished


@pytest.mark.parametrize("tls", [TlsPolicy.IMPLICIT, TlsPolicy.STLS, TlsPolicy.NONE])
def test_messages_arrive(serving: Serving, ca_file: Path, tmp_path: Path, tls: TlsPolicy) -> None:
    maildrop = MemoryMaildrop(bodies("one", "two", "three"))
    folder = tmp_path / "deeper" / "mail"
    with serving(maildrop, tls) as url:
        plain = ["--allow-insecure-auth"] if tls is TlsPolicy.NONE else []
        result = pop3("fetch", url, "--maildir", folder, "--ca-file", ca_file, *plain)
    assert result.exit_code == 0, result.stderr
    assert stored(folder) == bodies("one", "two", "three")
    assert unfinished(folder) == []
    assert result.stdout.startswith("Fetched 3 messages (")
    assert result.stderr == ""
    assert len(maildrop.messages) == 3


def test_octets_stay_as_they_are(serving: Serving, ca_file: Path, tmp_path: Path) -> None:
    hard = b"A: 8-bit \xff\n\n.\n..\n.x\nNUL \0, bare CR \r, \r\r\n" + b"x" * 100_000
    with serving(MemoryMaildrop([hard, b"", b"\n"])) as url:
        result = pop3("fetch", url, "--maildir", tmp_path, "--ca-file", ca_file)
    assert result.exit_code == 0
    # CRLF on the server's disk is LF on ours, and a last line gets an end.
    assert stored(tmp_path) == [hard.replace(b"\r\n", b"\n") + b"\n", b"", b"\n"]


def test_what_was_fetched_is_skipped(serving: Serving, ca_file: Path, tmp_path: Path) -> None:
    maildrop = MemoryMaildrop(bodies("one", "two"))
    with serving(maildrop) as url:
        words = ("fetch", url, "--maildir", tmp_path, "--ca-file", ca_file)
        assert pop3(*words).exit_code == 0
        maildrop.add(*bodies("three"))
        result = pop3(*words)
    assert result.exit_code == 0
    assert "Fetched 1 message (" in result.stdout
    assert "2 fetched before" in result.stdout
    assert stored(tmp_path) == bodies("one", "two", "three")


def test_all_fetches_again(serving: Serving, ca_file: Path, tmp_path: Path) -> None:
    with serving(MemoryMaildrop(bodies("one", "two"))) as url:
        words = ("fetch", url, "--maildir", tmp_path, "--ca-file", ca_file)
        assert pop3(*words).exit_code == 0
        remembered = (tmp_path / "pop3-fetched").read_bytes()
        result = pop3(*words, "--all")
    assert "Fetched 2 messages" in result.stdout
    assert stored(tmp_path) == bodies("one", "two") * 2
    assert (tmp_path / "pop3-fetched").read_bytes() == remembered


def test_each_target_has_its_own_memory(serving: Serving, ca_file: Path, tmp_path: Path) -> None:
    with serving(MemoryMaildrop(bodies("one"))) as url:
        for name in ("a", "b"):
            result = pop3("fetch", url, "--maildir", tmp_path / name, "--ca-file", ca_file)
            assert "Fetched 1 message" in result.stdout


def test_delete(serving: Serving, ca_file: Path, tmp_path: Path) -> None:
    maildrop = MemoryMaildrop(bodies("one", "two"))
    with serving(maildrop) as url:
        result = pop3("fetch", url, "--maildir", tmp_path, "--ca-file", ca_file, "--delete")
    assert result.exit_code == 0
    assert "; 2 deleted on the server." in result.stdout
    assert maildrop.messages == []
    assert stored(tmp_path) == bodies("one", "two")


def test_delete_takes_what_an_earlier_fetch_stored(
    serving: Serving, ca_file: Path, tmp_path: Path
) -> None:
    maildrop = MemoryMaildrop(bodies("one"))
    with serving(maildrop) as url:
        words = ("fetch", url, "--maildir", tmp_path, "--ca-file", ca_file)
        assert pop3(*words).exit_code == 0
        maildrop.add(*bodies("two"))
        result = pop3(*words, "--delete")
    assert "; 1 fetched before; 2 deleted on the server." in result.stdout
    assert maildrop.messages == []
    assert stored(tmp_path) == bodies("one", "two")


def test_equal_messages_are_all_fetched(serving: Serving, ca_file: Path, tmp_path: Path) -> None:
    with serving(MemoryMaildrop(bodies("one") * 3)) as url:
        assert pop3("fetch", url, "--maildir", tmp_path, "--ca-file", ca_file).exit_code == 0
    assert stored(tmp_path) == bodies("one") * 3


def test_nothing_there(serving: Serving, ca_file: Path, tmp_path: Path) -> None:
    with serving(MemoryMaildrop()) as url:
        result = pop3("fetch", url, "--maildir", tmp_path, "--ca-file", ca_file, "--delete")
    assert result.exit_code == 0
    assert result.stdout.startswith("Fetched 0 messages (0 bytes) in ")
    assert stored(tmp_path) == []


def test_quiet(serving: Serving, ca_file: Path, tmp_path: Path) -> None:
    with serving(MemoryMaildrop(bodies("one"))) as url:
        result = pop3("fetch", url, "--maildir", tmp_path, "--ca-file", ca_file, "--quiet")
    assert (result.exit_code, result.output) == (0, "")


def test_json(serving: Serving, ca_file: Path, tmp_path: Path) -> None:
    with serving(MemoryMaildrop(bodies("one", "two"))) as url:
        words = ("fetch", url, "--maildir", tmp_path, "--ca-file", ca_file, "--json", "--delete")
        result = pop3(*words)
    said = json.loads(result.stdout)
    assert said.pop("seconds") > 0
    assert said.pop("tls").startswith("TLSv1.")
    assert said == {
        "account": "alice@127.0.0.1",
        "target": str(tmp_path),
        "messages": 2,
        "fetched": 2,
        "skipped": 0,
        "failed": [],
        "marked": 2,
        "deleted": 2,
        "deletions": "done",
        "octets": sum(len(body) + body.count(b"\n") for body in bodies("one", "two")),
        "login": "SCRAM-SHA-512",
        "pipelined": True,
        "error": None,
        "status": 0,
    }
