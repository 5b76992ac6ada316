"""Delivery into single files."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_adapters.cli.eml_target import EmlTarget
from pop3_adapters.cli.targets import StorageError

from .running import files


@pytest.mark.parametrize("path", ["mail", "mail/", ".", "deep/er/mail"])
def test_it_is_made_where_it_is_missing(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        target = EmlTarget(Path(path))
        target.store([b"a\r\nb", b"\r", b"\n"])
        target.sync()
    assert files(Path(path)) == [b"a\r\nb\r\n"] * 2


@given(message=st.lists(st.binary(), max_size=5))
def test_octets_are_what_came(
    message: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("mail")
    EmlTarget(folder).store(message)
    assert files(folder) == [b"".join(message)]


def test_mail_is_for_its_owner(tmp_path: Path) -> None:
    EmlTarget(tmp_path / "mail").store([b"secret\r\n"])
    (message,) = (tmp_path / "mail").iterdir()
    for path in (message, tmp_path / "mail"):
        assert not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)


def test_names_are_plain_and_in_the_order_of_delivery(tmp_path: Path) -> None:
    target = EmlTarget(tmp_path)
    messages = [b"%d\r\n" % n for n in range(200)]
    for message in messages:
        target.store([message])
    assert files(tmp_path) == messages
    for path in tmp_path.iterdir():
        assert path.suffix == ".eml"
        assert set(path.stem) <= set("0123456789abcdef-")


def test_a_message_appears_as_a_whole(tmp_path: Path) -> None:
    target = EmlTarget(tmp_path)

    def pieces() -> Iterator[bytes]:
        yield b"first\r\n"
        assert files(tmp_path) == []
        assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"first\r\n"]
        yield b"second\r\n"

    target.store(pieces())
    assert files(tmp_path) == [b"first\r\nsecond\r\n"]
    assert len(os.listdir(tmp_path)) == 1


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, StorageError])
def test_nothing_is_left_of_a_message_that_breaks_off(
    error: type[BaseException], tmp_path: Path
) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"first\r\n"
        raise error

    with pytest.raises(error):
        EmlTarget(tmp_path).store(pieces())
    assert os.listdir(tmp_path) == []


def test_nothing_is_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pop3_adapters.cli.eml_target.COUNT", iter([1] * 9))
    monkeypatch.setattr("time.time_ns", lambda: 0)
    monkeypatch.setattr("secrets.token_hex", str)
    target = EmlTarget(tmp_path)
    target.store([b"first\r\n"])
    with pytest.raises(StorageError, match="File exists"):
        target.store([b"second\r\n"])
    assert files(tmp_path) == [b"first\r\n"]
    (name,) = os.listdir(tmp_path)
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="File exists"):
        target.store([b"second\r\n"])
    assert os.listdir(tmp_path) == [name]


def test_two_processes_at_once(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib\n"
        "from pop3_adapters.cli.eml_target import EmlTarget\n"
        "target = EmlTarget(pathlib.Path(sys.argv[1]))\n"
        "for n in range(100): target.store([b'%d %s\\r\\n' % (n, sys.argv[2].encode())])\n"
    )
    path = tmp_path / "mail"
    processes = [subprocess.Popen([sys.executable, "-c", program, path, name]) for name in "abc"]
    assert [process.wait() for process in processes] == [0, 0, 0]
    expected = [f"{n} {name}\r\n".encode() for n in range(100) for name in "abc"]
    assert sorted(files(path)) == sorted(expected)


def test_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "mail"):
        with pytest.raises(StorageError, match="cannot write to"):
            EmlTarget(path)


def test_a_folder_that_goes_away(tmp_path: Path) -> None:
    target = EmlTarget(tmp_path / "mail")
    (tmp_path / "mail").rename(tmp_path / "elsewhere")
    with pytest.raises(StorageError):
        target.store([b"b\r\n"])
    with pytest.raises(StorageError):
        target.sync()


def test_what_was_fetched_is_remembered_in_it(tmp_path: Path) -> None:
    assert EmlTarget(tmp_path).fetched_file == tmp_path / "pop3-fetched"
