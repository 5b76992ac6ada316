"""`pop3 fetch` into an mbox and into single files."""

import json
from pathlib import Path

import pytest

from pop3_adapters.cli.statuses import Status
from pop3_adapters.maildrops import MboxMaildrop, MemoryMaildrop

from .conftest import Serving
from .running import bodies, delivered, files, pop3

HARD = (
    b"A: 8-bit \xff\n\n.\n..\nFrom x\n\nFrom y\n>From z\nNUL \0, bare CR \r, \r\r\n"
    + b"x" * 100_000
)


def test_an_mbox(serving: Serving, ca_file: Path, tmp_path: Path) -> None:
    maildrop = MemoryMaildrop([*bodies("one", "two"), HARD])
    path = tmp_path / "deeper" / "mbox"
    with serving(maildrop) as url:
        words = ("fetch", url, "--mbox", path, "--ca-file", ca_file, "--json")
        result = pop3(*words)
        assert result.exit_code == 0, result.stderr
        assert json.loads(result.stdout)["target"] == str(path)
        maildrop.add(b"last")
        assert json.loads(pop3(*words, "--delete").stdout)["skipped"] == 3
    assert maildrop.messages == []
    hard = HARD.replace(b"\r\n", b"\n").replace(b"From ", b">From ") + b"\n"
    assert delivered(path) == [*bodies("one", "two"), hard, b"last\n"]
    assert sorted(file.name for file in path.parent.iterdir()) == ["mbox", "mbox.pop3-fetched"]


def test_from_mbox_to_mbox(serving: Serving, ca_file: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    messages = [HARD.replace(b"From ", b">From ") + b"\n", *bodies("one")]
    source.write_bytes(b"".join(b"From x\n" + message + b"\n" for message in messages))
    with serving(MboxMaildrop(source)) as url:
        result = pop3("fetch", url, "--mbox", target, "--ca-file", ca_file, "--delete")
    assert result.exit_code == 0, result.stderr
    assert delivered(target) == [message.replace(b"\r\n", b"\n") for message in messages]
    assert source.read_bytes() == b""


def test_single_files(serving: Serving, ca_file: Path, tmp_path: Path) -> None:
    maildrop = MemoryMaildrop([*bodies("one", "two"), HARD])
    path = tmp_path / "deeper" / "mail"
    with serving(maildrop) as url:
        words = ("fetch", url, "--eml", path, "--ca-file", ca_file, "--json")
        result = pop3(*words)
        assert result.exit_code == 0, result.stderr
        assert json.loads(result.stdout)["target"] == str(path)
        assert files(path) == maildrop.messages
        assert json.loads(pop3(*words).stdout)["skipped"] == 3
    assert len(files(path)) == 3
    assert (path / "pop3-fetched").exists()


@pytest.mark.parametrize(
    "targets", [[], ["mbox", "eml"], ["maildir", "mbox"], ["maildir", "eml", "mbox"]]
)
def test_mail_goes_to_one_place(targets: list[str], tmp_path: Path) -> None:
    options = [word for name in targets for word in (f"--{name}", str(tmp_path / name))]
    result = pop3("fetch", "pop3s://alice@127.0.0.1", *options)
    assert result.exit_code == Status.USAGE
    assert result.stderr == (
        "pop3: the mail goes to one place: give either --maildir DIR, --mbox FILE or --eml DIR\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_help_names_the_three() -> None:
    text = pop3("fetch", "--help").stdout
    for option in ("--maildir DIR", "--mbox FILE", "--eml DIR"):
        assert option in text


def test_what_is_no_mbox_ends_the_session(serving: Serving, ca_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"no mail")
    with serving(MemoryMaildrop(bodies("one"))) as url:
        result = pop3("fetch", url, "--mbox", path, "--ca-file", ca_file, "--delete")
    assert result.exit_code == Status.BROKEN
    assert "is no mbox, it does not begin with 'From '" in result.stderr
    assert path.read_bytes() == b"no mail"
