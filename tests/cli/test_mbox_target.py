"""Delivery into an mbox."""

import calendar
import os
import re
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_adapters._mbox import is_mbox
from pop3_adapters.cli import mbox_target
from pop3_adapters.cli.mbox_target import MboxTarget
from pop3_adapters.cli.targets import StorageError
from pop3_adapters.maildrops import MboxMaildrop

from .running import delivered

OLD = b"From x Thu Jan  1 00:00:00 1970\nSubject: old\n\nold\n\n"


def store(path: Path, *messages: Iterable[bytes]) -> None:
    target = MboxTarget(path)
    for message in messages:
        target.store(message)
    target.sync()


def served(path: Path) -> list[bytes]:
    """What our own maildrop makes of an mbox."""
    maildrop = MboxMaildrop(path)
    entries = maildrop.open()
    try:
        return [b"".join(maildrop.read(index)) for index in range(len(entries))]
    finally:
        maildrop.close()


def test_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "mbox"
    before = int(time.time())
    store(
        path, [b"Subject: x\r\n\r\nFrom me\r\n>From ", b"you\r\n>>Fro", b"m us\r\nFromage\r", b"\n"]
    )
    first, _, rest = path.read_bytes().partition(b"\n")
    sender, date = first.decode("ascii").split(" ", 2)[1:]
    assert sender == "MAILER-DAEMON"
    written = calendar.timegm(time.strptime(date, "%a %b %d %H:%M:%S %Y"))
    assert before <= written <= time.time()
    assert rest == b"Subject: x\n\n>From me\n>>From you\n>>>From us\nFromage\n\n"


@pytest.mark.parametrize("path", ["mbox", "deep/er/mbox"])
def test_it_is_made_where_it_is_missing(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        store(Path(path), [b"a\r\nb", b"\r", b"\n"])
    assert delivered(Path(path)) == [b"a\nb\n"] * 2
    assert not Path(path).stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    assert os.listdir(Path(path).parent) == ["mbox"]


@pytest.mark.parametrize(
    ("header", "sender"),
    [
        (b"Return-Path: <alice@example.org>", b"alice@example.org"),
        (b"return-path:<b=c+d@x>", b"b=c+d@x"),
        (b"Return-Path: <>", b"MAILER-DAEMON"),
        (b"Return-Path: <a b@x>", b"MAILER-DAEMON"),
        (b"Return-Path: <a\rFrom b@x>", b"MAILER-DAEMON"),
        (b"Return-Path: <" + b"x" * 300 + b">", b"MAILER-DAEMON"),
        (b"Received: x\r\nReturn-Path: <alice@example.org>", b"MAILER-DAEMON"),
    ],
)
def test_the_sender(header: bytes, sender: bytes, tmp_path: Path) -> None:
    store(tmp_path / "mbox", [header + b"\r\n\r\nx\r\n"])
    assert (tmp_path / "mbox").read_bytes().startswith(b"From " + sender + b" ")


MESSAGES = st.lists(
    st.lists(
        st.sampled_from(
            [b"From ", b"From", b"Fro", b">", b"\n", b"\n\n", b"\r\n", b"\r", b"A: b", b"\0\xff"]
        ),
        max_size=12,
    ).map(b"".join),
    max_size=6,
)


def on_the_wire(message: bytes) -> bytes:
    """As a POP3 server sends it: a last line has an end, and nothing has none."""
    return message if not message or message.endswith(b"\r\n") else message + b"\r\n"


def as_stored(message: bytes) -> bytes:
    return message.replace(b"\r\n", b"\n")


def pieces(message: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(message), size):
        yield message[at : at + size]


@given(messages=MESSAGES, size=st.integers(1, 8))
def test_the_maildrop_reads_what_was_written(messages: list[bytes], size: int) -> None:
    messages = list(map(on_the_wire, messages))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mbox"
        path.touch()
        store(path, *(pieces(message, size) for message in messages))
        expected = [re.sub(rb"(?<!\r)\n", b"\r\n", as_stored(message)) for message in messages]
        assert served(path) == expected


@given(messages=MESSAGES)
def test_the_standard_library_reads_what_was_written(messages: list[bytes]) -> None:
    """It leaves the `>` where they are."""
    messages = list(map(on_the_wire, messages))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mbox"
        path.touch()
        store(path, *([message] for message in messages))
        found = delivered(path)
    unquoted = [re.sub(rb"(?m)^>(>*From )", rb"\1", message) for message in found]
    assert unquoted == [as_stored(message) for message in messages]


@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n", b"\r\n\r\n", b"\r\n", b"\r"])
def test_messages_that_are_there_stay_apart_from_new_ones(end: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mbox"
    path.write_bytes(b"From x\nold" + end)
    store(path, [b"new\r\n"])
    assert path.read_bytes().startswith(b"From x\nold" + end)
    assert [message.split(b"\r\n")[0].rstrip() for message in served(path)] == [b"old", b"new"]


@pytest.mark.parametrize("octets", [b"Subject: x\n", b"\n", b"Fro", b"\0" * 100])
def test_what_is_no_mbox_is_left_alone(octets: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mbox"
    path.write_bytes(octets)
    with pytest.raises(StorageError, match="is no mbox, it does not begin with 'From '"):
        MboxTarget(path)
    path.unlink()
    target = MboxTarget(path)
    path.write_bytes(octets)
    with pytest.raises(StorageError, match="is no mbox"):
        target.store([b"x\r\n"])
    assert path.read_bytes() == octets


def test_no_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "mbox", Path(os.devnull)):
        with pytest.raises(StorageError, match="cannot write to"):
            MboxTarget(path)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, StorageError])
def test_nothing_is_left_of_a_message_that_breaks_off(
    error: type[BaseException], tmp_path: Path
) -> None:
    path = tmp_path / "mbox"
    path.write_bytes(OLD)
    target = MboxTarget(path)

    def broken() -> Iterator[bytes]:
        yield b"first\r\n" * 300_000
        assert path.read_bytes() == OLD
        raise error

    with pytest.raises(error):
        target.store(broken())
    assert path.read_bytes() == OLD
    assert os.listdir(tmp_path) == ["mbox"]


def test_nothing_is_left_of_a_message_that_the_disk_refuses(tmp_path: Path) -> None:
    path = tmp_path / "mbox"
    path.write_bytes(OLD)
    program = (
        "import pathlib, resource, sys\n"
        "from pop3_adapters.cli.mbox_target import MboxTarget\n"
        "target = MboxTarget(pathlib.Path(sys.argv[1]))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)\n"
        "target.store([b'x' * 1000 + b'\\r\\n'])\n"
    )
    for limit in (len(OLD), len(OLD) + 1, len(OLD) + 1000):
        command = [sys.executable, "-c", program, str(path), str(limit)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "StorageError: cannot write to" in done.stderr
        assert path.read_bytes() == OLD
        assert os.listdir(tmp_path) == ["mbox"]


def test_a_message_that_does_not_fit_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "mbox"
    store(path, [b"x" * 999_998 + b"\r\n"] * 3)
    assert delivered(path) == [(b"x" * 999_998 + b"\n") * 3]


def test_many_processes_at_once(tmp_path: Path) -> None:
    """Ours, and the standard library's, which does not wait: it asks until it may."""
    ours = (
        "import sys, pathlib\n"
        "from pop3_adapters.cli.mbox_target import MboxTarget\n"
        "target = MboxTarget(pathlib.Path(sys.argv[1]))\n"
        "for n in range(30): target.store([b'ours %d\\r\\n' % n])\n"
    )
    others = (
        "import mailbox, sys\n"
        "for n in range(30):\n"
        "    while True:\n"
        "        box = mailbox.mbox(sys.argv[1])\n"
        "        try:\n"
        "            box.lock()\n"
        "            break\n"
        "        except mailbox.ExternalClashError:\n"
        "            box.close()\n"
        "    box.add(b'others %d\\n' % n)\n"
        "    box.close()\n"
    )
    path = tmp_path / "mbox"
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(path)])
        for program in (ours, others, ours, others)
    ]
    assert [process.wait() for process in processes] == [0] * 4
    expected = [b"%b %d\r\n" % (name, n) for name in (b"ours", b"others") for n in range(30)] * 2
    assert sorted(served(path)) == sorted(expected)


@pytest.mark.parametrize("what", ["dot-lock", "fcntl"])
def test_others_are_waited_for_but_not_for_ever(what: str, tmp_path: Path) -> None:
    path = tmp_path / "mbox"
    path.write_bytes(OLD)
    target = MboxTarget(path, patience=0.1)
    hold = {
        "fcntl": "file = open(sys.argv[1], 'ab'); fcntl.lockf(file, fcntl.LOCK_EX)",
        "dot-lock": "open(sys.argv[1] + '.lock', 'x').close()",
    }
    program = f"import fcntl, sys; {hold[what]}; print('held', flush=True); sys.stdin.readline()"
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(StorageError, match=r"another program has .* try again when"):
            target.store([b"x\r\n"])
        other.kill()
    assert path.read_bytes() == OLD
    Path(f"{path}.lock").unlink(missing_ok=True)
    target.store([b"x\r\n"])
    assert len(served(path)) == 2


def test_nobody_waits_for_the_network(tmp_path: Path) -> None:
    """While a message comes, the mbox is not locked."""
    path = tmp_path / "mbox"
    target = MboxTarget(path)

    def coming() -> Iterator[bytes]:
        yield b"first\r\n"
        store(path, [b"other\r\n"])
        yield b"second\r\n"

    target.store(coming())
    assert delivered(path) == [b"other\n", b"first\nsecond\n"]


def test_a_wait_may_end_early(tmp_path: Path) -> None:
    """What `pause` raises ends it, and leaves nothing behind that others would wait for."""

    def pause(seconds: float) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "mbox"
    target = MboxTarget(path, pause=pause)
    Path(f"{path}.lock").touch()
    with pytest.raises(KeyboardInterrupt):
        target.store([b"x\r\n"])
    Path(f"{path}.lock").unlink()
    store(path, [b"y\r\n"])
    assert delivered(path) == [b"y\n"]


def test_the_threads_of_a_process_leave_each_other_the_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One syncs while another one writes: closing the file would give up the lock of fcntl."""
    path = tmp_path / "mbox"
    (tmp_path / "link").symlink_to(path)
    store(path, [b"old\r\n"])
    writing, syncing = MboxTarget(path), MboxTarget(tmp_path / "link")
    thread = threading.Thread(target=syncing.sync)
    program = (
        "import fcntl, sys\n"
        "try: fcntl.lockf(open(sys.argv[1], 'ab'), fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "except BlockingIOError: print('locked')"
    )
    said: list[bytes] = []

    def while_it_is_locked(file: int) -> bool:
        thread.start()
        thread.join(0.1)  # it waits, or it would be done
        said.append(subprocess.check_output([sys.executable, "-c", program, str(path)]))
        return is_mbox(file)

    monkeypatch.setattr(mbox_target, "is_mbox", while_it_is_locked)
    writing.store([b"new\r\n"])
    thread.join()
    assert said == [b"locked\n"]


def test_a_file_that_goes_away(tmp_path: Path) -> None:
    path = tmp_path / "mbox"
    target = MboxTarget(path)
    target.store([b"x\r\n"])
    path.unlink()
    with pytest.raises(StorageError):
        target.sync()


def test_what_was_fetched_is_remembered_beside_it(tmp_path: Path) -> None:
    assert MboxTarget(tmp_path / "mbox").fetched_file == tmp_path / "mbox.pop3-fetched"
