"""Delivery into a Maildir."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pop3_adapters.cli.maildir_target import MaildirTarget
from pop3_adapters.cli.targets import StorageError
from pop3_adapters.maildrops import MaildirMaildrop

from .running import stored, unfinished


@pytest.mark.parametrize("path", ["mail", "mail/", ".", "deep/er/mail"])
def test_it_is_made_where_it_is_missing(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        target = MaildirTarget(Path(path))
        target.store([b"a\r\nb", b"\r", b"\n"])
        target.sync()
    assert stored(Path(path)) == [b"a\nb\n"] * 2


def test_mail_is_for_its_owner(tmp_path: Path) -> None:
    target = MaildirTarget(tmp_path / "mail")
    target.store([b"secret\r\n"])
    (message,) = (tmp_path / "mail" / "new").iterdir()
    for path in (message, message.parent, tmp_path / "mail"):
        assert not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)


def test_a_message_appears_as_a_whole(tmp_path: Path) -> None:
    target = MaildirTarget(tmp_path)

    def pieces() -> Iterator[bytes]:
        yield b"first\r\n"
        assert stored(tmp_path) == []
        assert [path.read_bytes() for path in unfinished(tmp_path)] == [b"first\n"]
        yield b"second\r\n"

    target.store(pieces())
    assert stored(tmp_path) == [b"first\nsecond\n"]
    assert unfinished(tmp_path) == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, StorageError])
def test_nothing_is_left_of_a_message_that_breaks_off(
    error: type[BaseException], tmp_path: Path
) -> None:
    target = MaildirTarget(tmp_path)

    def pieces() -> Iterator[bytes]:
        yield b"first\r\n"
        raise error

    with pytest.raises(error):
        target.store(pieces())
    assert stored(tmp_path) == []
    assert unfinished(tmp_path) == []


def test_names_are_in_the_order_of_delivery(tmp_path: Path) -> None:
    target = MaildirTarget(tmp_path)
    messages = [b"%d\r\n" % n for n in range(200)]
    for message in messages:
        target.store([message])
    maildrop = MaildirMaildrop(tmp_path)
    entries = maildrop.open()
    try:
        assert [b"".join(maildrop.read(n)) for n in range(len(entries))] == messages
    finally:
        maildrop.close()


def test_two_processes_at_once(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib\n"
        "from pop3_adapters.cli.maildir_target import MaildirTarget\n"
        "target = MaildirTarget(pathlib.Path(sys.argv[1]))\n"
        "for n in range(200): target.store([b'%d %s\\r\\n' % (n, sys.argv[2].encode())])\n"
        "target.sync()\n"
    )
    path = tmp_path / "mail"
    names = ["a", "b", "c"]
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(path), name]) for name in names
    ]
    assert [process.wait() for process in processes] == [0, 0, 0]
    expected = [f"{n} {name}\n".encode() for n in range(200) for name in names]
    assert sorted(stored(path)) == sorted(expected)


def test_no_link_leads_a_message_astray(tmp_path: Path) -> None:
    """The name of a message is not to be guessed, and a link in its place would be refused."""
    target = MaildirTarget(tmp_path / "mail")
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "mail" / "new").rmdir()
    (tmp_path / "mail" / "new").symlink_to(tmp_path / "nowhere")
    with pytest.raises(StorageError, match="cannot write to"):
        target.store([b"a\r\n"])
    assert unfinished(tmp_path / "mail") == []
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("blocked", ["tmp", "new"])
def test_folders_that_are_none(blocked: str, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    if blocked == "new":
        (tmp_path / "new").rmdir()
    (tmp_path / blocked).touch()
    with pytest.raises(StorageError):
        MaildirTarget(tmp_path)


def test_folders_that_go_away(tmp_path: Path) -> None:
    target = MaildirTarget(tmp_path / "mail")
    target.store([b"a\r\n"])
    (tmp_path / "mail").rename(tmp_path / "elsewhere")
    with pytest.raises(StorageError):
        target.store([b"b\r\n"])
    with pytest.raises(StorageError):
        target.sync()


def test_a_host_name_with_odd_characters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "a/b:c")
    MaildirTarget(tmp_path).store([b"a\r\n"])
    (name,) = os.listdir(tmp_path / "new")
    assert name.endswith(r".a\057b\072c")
