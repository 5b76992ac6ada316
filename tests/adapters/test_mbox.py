"""The mbox as a maildrop, with delivery agents, other programs and crashes around it."""

import mailbox
import os
import re
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_adapters import _mbox
from pop3_adapters._mbox import Span, quote, spans, unquote
from pop3_adapters._mbox_lock import LockedMbox
from pop3_adapters.maildrops import MboxMaildrop
from pop3_proto import MessageEntry, Refused
from pop3_proto.listings import is_unique_id
from pop3_proto.responses import IN_USE

from .mail import MAILS, big, wire_form
from .net import NAME, PASSWORD, Net
from .wire import dial

FROM = b"From alice@example.org Thu Jan  1 00:00:00 1970\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mbox"


def entry(message: bytes) -> bytes:
    """A message as it lies in an mbox."""
    return FROM + re.sub(rb"(?m)^(>*From )", rb">\1", ended(message)) + b"\n"


def ended(message: bytes) -> bytes:
    """In an mbox the last line has an end."""
    return message if not message or message.endswith(b"\n") else message + b"\n"


def served(messages: Iterable[bytes]) -> list[bytes]:
    """These as RETR has to give them."""
    return [wire_form(ended(message)) for message in messages]


def write(path: Path, messages: Iterable[bytes]) -> None:
    path.write_bytes(b"".join(map(entry, messages)))


def small(*names: str) -> list[bytes]:
    return [f"Subject: {name}\n\n{name}\n".encode() for name in names]


def listed(path: Path) -> Sequence[MessageEntry]:
    maildrop = MboxMaildrop(path)
    entries = maildrop.open()
    maildrop.close()
    return entries


def ids(path: Path) -> list[bytes]:
    return [entry.unique_id for entry in listed(path)]


def contents(path: Path) -> list[bytes]:
    """Each message as RETR sends it; that LIST says as much of it is seen to as well."""
    maildrop = MboxMaildrop(path)
    entries = maildrop.open()
    try:
        messages = [b"".join(maildrop.read(index)) for index in range(len(entries))]
    finally:
        maildrop.close()
    assert [entry.octets for entry in entries] == list(map(len, messages))
    return messages


def delete(path: Path, *indexes: int) -> None:
    maildrop = MboxMaildrop(path)
    maildrop.open()
    try:
        maildrop.delete(indexes)
    finally:
        maildrop.close()


def beside(path: Path) -> list[str]:
    """What lies beside an mbox."""
    return sorted(file.name for file in path.parent.iterdir() if file != path)


def run(program: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def append_without_locks(path: Path, octets: bytes) -> None:
    # In another process: what is closed in this one gives up this one's locks of fcntl.
    done = subprocess.run(["sh", "-c", 'cat >>"$0"', path], input=octets, check=False)
    assert done.returncode == 0


# The lines


LINES = st.lists(
    st.sampled_from(
        [b"From ", b"From", b"F", b">", b">>>", b"\n", b"\n\n", b"\r\n", b"\r", b"x ", b"\0\xff"]
    ),
    max_size=40,
).map(b"".join)


def cut(octets: bytes, at: Iterable[int]) -> Iterator[bytes]:
    begin = 0
    for end in [*sorted(at), len(octets)]:
        yield octets[begin:end]
        begin = max(begin, end)


@given(octets=LINES, at=st.sets(st.integers(0, 80)))
def test_quoting_is_undone_wherever_the_pieces_are_cut(octets: bytes, at: set[int]) -> None:
    quoted = re.sub(rb"(?m)^(>*From )", rb">\1", octets)
    assert b"".join(quote(cut(octets, at))) == quoted
    assert b"".join(unquote(cut(quoted, at))) == octets


@given(octets=LINES, at=st.sets(st.integers(0, 80)))
def test_what_nobody_quoted(octets: bytes, at: set[int]) -> None:
    expected = re.sub(rb"(?m)^>(>*From )", rb"\1", octets)
    assert b"".join(unquote(cut(octets, at))) == expected


def test_quoting_holds_nothing_back_that_can_be_told() -> None:
    pieces = [b">" * 1000] * 5
    assert max(map(len, quote(pieces))) == 1000
    assert list(map(len, unquote([*pieces, b"From "]))) == [999, 1000, 1000, 1000, 1000, 5, 0]


def spans_by_line(octets: bytes) -> list[Span]:
    """The same as `spans`, a line after the other."""
    found: list[Span] = []
    start = content = at = 0
    empty = b""
    for line in octets.splitlines(keepends=True) if b"\r" not in octets else _lines(octets):
        if line.startswith(b"From ") and (at == 0 or empty):
            if at:
                found.append(Span(start, content, at - len(empty)))
            start, content = at, at + len(line)
        at += len(line)
        empty = line if line in (b"\n", b"\r\n") else b""
    return [*found, Span(start, content, at - len(empty))] if at else []


def _lines(octets: bytes) -> list[bytes]:
    return re.findall(rb"[^\n]*\n|[^\n]+\Z", octets)


@given(octets=LINES, piece=st.integers(1, 12))
def test_where_messages_lie(octets: bytes, piece: int) -> None:
    octets = b"From " + octets
    with tempfile.TemporaryFile() as file, pytest.MonkeyPatch.context() as patch:
        file.write(octets)
        file.flush()
        patch.setattr(_mbox, "PIECE", piece)
        assert list(spans(file.fileno(), len(octets))) == spans_by_line(octets)


# What is served


def test_messages_that_have_hurt_somebody(path: Path) -> None:
    mails = [*MAILS, big(600_000).replace(b"\r\n", b"\n")]
    write(path, mails)
    assert contents(path) == served(mails)
    assert beside(path) == []


def test_lines_that_begin_like_a_message(path: Path) -> None:
    mail = b"From here\n\nFrom x\n>From y\n>>From z\nFromage\n>Fro\n> From\n\nFrom end"
    write(path, [mail, mail])
    assert contents(path) == served([mail] * 2)


def test_a_from_line_begins_a_message_behind_an_empty_line_only(path: Path) -> None:
    path.write_bytes(FROM + b"A: b\n\ntext\nFrom the middle\n \nFrom a blank\n\n" + FROM + b"x\n")
    middle = b"A: b\r\n\r\ntext\r\nFrom the middle\r\n \r\nFrom a blank\r\n"
    assert contents(path) == [middle, b"x\r\n"]


def test_the_empty_line_at_the_end_belongs_to_the_file(path: Path) -> None:
    for end, served in ((b"", b"x\r\n"), (b"\n", b"x\r\n"), (b"\n\n", b"x\r\n\r\n")):
        path.write_bytes(FROM + b"x\n" + end)
        assert contents(path) == [served]


def test_a_file_with_crlf(path: Path) -> None:
    mails = small("one", "two", "three")
    path.write_bytes(b"".join(map(entry, mails)).replace(b"\n", b"\r\n"))
    assert contents(path) == served(mails)
    delete(path, 1)
    assert contents(path) == [wire_form(mails[0]), wire_form(mails[2])]


@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n"])
def test_a_file_that_ends_in_a_from_line(path: Path, end: bytes) -> None:
    path.write_bytes(entry(b"x\n") + b"From cut off" + end)
    assert contents(path) == [b"x\r\n", b""]


def test_no_file_is_an_empty_maildrop(path: Path) -> None:
    assert listed(path) == []
    path.touch()
    assert listed(path) == []
    assert beside(path) == []


def test_what_is_no_mbox_is_refused_in_words(path: Path) -> None:
    for octets in (b"Subject: x\n\nFrom here\n", b"\nFrom x\n", b"From", b"From:\n"):
        path.write_bytes(octets)
        with pytest.raises(OSError, match="is no mbox: it does not begin with 'From '"):
            MboxMaildrop(path).open()
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(OSError, match="is no file of mail"):
        MboxMaildrop(path).open()
    assert beside(path) == []


def test_a_large_mbox_is_not_in_memory(path: Path) -> None:
    with path.open("wb") as file:
        file.write(entry(b"small\n") + FROM)
        for _ in range(64):
            file.write((b"x" * 99 + b"\n") * 5000)
        file.write(b"\n" + entry(b"small\n") + FROM + b"A: b" * 8_000_000)
    maildrop = MboxMaildrop(path)
    tracemalloc.start()
    try:
        entries = maildrop.open()
        assert [entry.octets for entry in entries] == [7, 101 * 5000 * 64, 7, 32_000_002]
        for index in (1, 3):
            assert sum(map(len, maildrop.read(index))) == entries[index].octets
        maildrop.delete([0])
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
        maildrop.close()
    assert len(listed(path)) == 3


def test_a_file_that_became_shorter(path: Path) -> None:
    write(path, small("one", "two"))
    maildrop = MboxMaildrop(path)
    maildrop.open()
    os.truncate(path, 60)
    with pytest.raises(OSError, match="became shorter"):
        list(maildrop.read(1))
    maildrop.close()


# Unique-ids


def test_unique_ids(path: Path) -> None:
    write(path, small("one", "two", "one", "one", "two"))
    first = ids(path)
    assert len(set(first)) == 5
    assert all(map(is_unique_id, first))
    assert first == ids(path)
    assert [name.rpartition(b".")[2] for name in first] == [b"1", b"1", b"2", b"3", b"2"]


def test_unique_ids_stay_when_others_go_and_come(path: Path) -> None:
    write(path, small("one", "two", "three"))
    one, two, three = ids(path)
    delete(path, 0)
    assert ids(path) == [two, three]
    append_without_locks(path, entry(small("four")[0]))
    assert ids(path)[:2] == [two, three]
    assert one not in ids(path)


def test_the_same_message_delivered_at_another_time_is_another(path: Path) -> None:
    path.write_bytes(entry(b"x\n") + entry(b"x\n").replace(b"1970", b"1971"))
    other = ids(path)[1]
    delete(path, 0)
    assert ids(path) == [other]


def test_what_a_mail_reader_writes_into_headers_does_not_count(path: Path) -> None:
    body = b"Status: in the body\nX-UID: too\n"
    write(path, [b"Subject: x\nTo: y\n\n" + body])
    before = ids(path)
    changed = (
        b"Status: RO\nSubject: x\nX-STATUS: A\nX-Keywords: a\n  b\n\tc\nX-UID: 5\nTo: y\n"
        b"X-IMAPbase: 1 2\nContent-Length: 7\nLines: 3\nX-Mozilla-Status: 0001\n\n"
    )
    write(path, [changed + body])
    assert ids(path) == before
    assert contents(path) == [wire_form(changed + body)]
    for other in (b"Subject: x\nTo: z\n\n" + body, b"Subject: x\nTo: y\n\nx" + body):
        write(path, [other])
        assert ids(path) != before


@pytest.mark.parametrize("message", [b"Status: RO\n", b"", b"\n", b"\nStatus: x\n", b"Status: RO"])
def test_unique_ids_of_messages_that_are_hardly_any(path: Path, message: bytes) -> None:
    write(path, [message, b"A: b\n\n"])
    assert len(set(ids(path))) == 2


# Deleting


def test_each_subset(path: Path) -> None:
    mails = [b"", *MAILS[:3], b"From x\n\nFrom y\n"]
    for count in range(len(mails) + 1):
        for gone in combinations(range(len(mails)), count):
            write(path, mails)
            delete(path, *gone)
            left = [mail for n, mail in enumerate(mails) if n not in gone]
            assert path.read_bytes() == b"".join(map(entry, left))
            assert beside(path) == []


@given(sizes=st.lists(st.integers(0, 3000), max_size=12), data=st.data(), piece=st.integers(1, 50))
def test_any_subset_of_any_sizes(sizes: list[int], data: st.DataObject, piece: int) -> None:
    mails = [b"%d\n" % n * size for n, size in enumerate(sizes)]
    gone = data.draw(st.sets(st.sampled_from(range(len(mails))))) if mails else set[int]()
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(_mbox, "PIECE", piece * 20)
        path = Path(folder) / "mbox"
        write(path, mails)
        delete(path, *gone)
        left = [mail for n, mail in enumerate(mails) if n not in gone]
        assert path.read_bytes() == b"".join(map(entry, left))


def test_the_file_stays_the_same_one(path: Path) -> None:
    write(path, small("one", "two"))
    path.chmod(0o640)
    before = path.stat()
    delete(path, 0)
    after = path.stat()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)


def test_the_list_is_a_snapshot_and_what_came_later_is_kept(path: Path) -> None:
    write(path, small("one", "two"))
    maildrop = MboxMaildrop(path)
    assert len(maildrop.open()) == 2
    append_without_locks(path, entry(small("three")[0]))
    assert b"".join(maildrop.read(1)) == wire_form(small("two")[0])
    maildrop.delete([0, 1])
    maildrop.close()
    assert contents(path) == served(small("three"))


def test_a_message_that_was_still_being_written_is_not_cut_in_two(path: Path) -> None:
    write(path, small("one"))
    append_without_locks(path, FROM + b"Subject: half")
    maildrop = MboxMaildrop(path)
    assert len(maildrop.open()) == 2
    append_without_locks(path, b" and half\n\nbody\n\n")
    with pytest.raises(OSError, match="was changed in spite of the locks"):
        maildrop.delete([1])
    maildrop.close()
    assert contents(path)[1] == b"Subject: half and half\r\n\r\nbody\r\n"


@pytest.mark.parametrize("old", [b"Subject: one", b"Thu Jan", b"\n\nthree"])
def test_nothing_is_deleted_where_the_file_was_changed(path: Path, old: bytes) -> None:
    write(path, small("one", "two", "three"))
    maildrop = MboxMaildrop(path)
    maildrop.open()
    changed = path.read_bytes().replace(old, old[:-1] + b"!")
    with path.open("r+b") as file:
        file.write(changed)
    with pytest.raises(OSError, match="was changed in spite of the locks, nothing is deleted"):
        maildrop.delete([1])
    maildrop.close()
    assert path.read_bytes() == changed


def test_nothing_is_deleted_where_the_file_was_replaced(path: Path) -> None:
    write(path, small("one", "two"))
    maildrop = MboxMaildrop(path)
    maildrop.open()
    other = path.with_name("other")
    write(other, small("one", "two", "three"))
    other.rename(path)
    with pytest.raises(OSError, match="has replaced"):
        maildrop.delete([0])
    maildrop.close()
    assert len(contents(path)) == 3


# Locks


AGENT = """
import fcntl, os, sys
path, what = sys.argv[1:]
octets = sys.stdin.readline()[:-1].replace("|", "\\n").encode()
mbox = open(path, "ab", buffering=0)
print("ready", flush=True)
if what == "fcntl":
    fcntl.lockf(mbox, fcntl.LOCK_EX)
else:
    while True:
        try:
            os.close(os.open(path + ".lock", os.O_CREAT | os.O_EXCL))
            break
        except FileExistsError:
            print("locked", flush=True)
            sys.stdin.readline()
mbox.write(octets)
if what == "dot-lock":
    os.unlink(path + ".lock")
"""


@pytest.mark.parametrize("what", ["fcntl", "dot-lock"])
def test_delivery_with_one_of_the_locks_waits_and_is_kept(path: Path, what: str) -> None:
    write(path, small("one", "two", "three"))
    maildrop = MboxMaildrop(path)
    maildrop.open()
    command = [sys.executable, "-c", AGENT, str(path), what]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as agent:
        assert agent.stdin is not None
        assert agent.stdout is not None
        agent.stdin.write(entry(b"new\n").decode().replace("\n", "|") + "\n")
        agent.stdin.flush()
        assert agent.stdout.readline() == "ready\n"
        if what == "dot-lock":
            assert agent.stdout.readline() == "locked\n"
        # It has the file open, and would write into nowhere if another one took its name now.
        maildrop.delete([0, 1])
        maildrop.close()
        agent.stdin.close()
    assert agent.returncode == 0
    assert contents(path) == served([*small("three"), b"new\n"])


DELIVER = """
import mailbox, sys
mbox = mailbox.mbox(sys.argv[1])
try:
    mbox.lock()
except mailbox.ExternalClashError:
    sys.exit("locked")
mbox.add(b"Subject: new\\n\\nnew\\n")
mbox.close()
"""


def test_delivery_with_both_locks(path: Path) -> None:
    write(path, small("one"))
    maildrop = MboxMaildrop(path)
    maildrop.open()
    assert run(DELIVER, path).stderr == "locked\n"
    maildrop.close()
    assert run(DELIVER, path).returncode == 0
    assert len(listed(path)) == 2


@pytest.mark.parametrize("what", ["fcntl", "dot-lock"])
def test_a_lock_of_somebody_else_is_respected_at_once(path: Path, what: str) -> None:
    write(path, small("one"))
    hold = {
        "fcntl": "import fcntl; file = open(sys.argv[1], 'ab'); fcntl.lockf(file, fcntl.LOCK_EX)",
        "dot-lock": "open(sys.argv[1] + '.lock', 'x').close()",
    }
    program = f"import sys\n{hold[what]}\nprint('held', flush=True)\nsys.stdin.readline()"
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(Refused) as caught:
            MboxMaildrop(path).open()
        assert caught.value.code == IN_USE
        assert beside(path) == (["mbox.lock"] if what == "dot-lock" else [])
        other.kill()


def test_one_session_at_a_time(path: Path, tmp_path: Path) -> None:
    write(path, small("one"))
    (tmp_path / "link").symlink_to(path)
    first, second = MboxMaildrop(path), MboxMaildrop(tmp_path / "link")
    first.open()
    for other in (second, first):
        with pytest.raises(Refused) as caught:
            other.open()
        assert caught.value.code == IN_USE
    assert run(DELIVER, path).stderr == "locked\n"
    assert b"".join(first.read(0)) == wire_form(small("one")[0])
    first.close()
    assert len(second.open()) == 1
    second.close()


def dead_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


OLD = 1_000_000_000.0


def test_the_lock_of_a_dead_process_is_removed_when_it_is_old(path: Path) -> None:
    lock = Path(f"{path}.lock")
    lock.write_text(f"{dead_process()}\n")
    with pytest.raises(Refused):
        MboxMaildrop(path).open()
    os.utime(lock, (OLD, OLD))
    assert listed(path) == []
    assert beside(path) == []


@pytest.mark.parametrize("text", [f"{os.getppid()}\n", "0", "", "x", "99999999999999999999", "1:h"])
def test_other_locks_are_left_alone_however_old(path: Path, text: str) -> None:
    lock = Path(f"{path}.lock")
    lock.write_text(text)
    os.utime(lock, (OLD, OLD))
    with pytest.raises(Refused):
        MboxMaildrop(path).open()
    assert lock.read_text() == text


def test_the_lock_names_this_process_and_stays_young(path: Path) -> None:
    write(path, small("one"))
    maildrop = MboxMaildrop(path)
    maildrop.open()
    lock = Path(f"{path}.lock")
    assert int(lock.read_text()) == os.getpid()
    os.utime(lock, (OLD, OLD))
    list(maildrop.read(0))
    assert lock.stat().st_mtime > OLD
    maildrop.close()


def test_a_lock_that_was_taken_away(path: Path) -> None:
    write(path, small("one", "two"))
    maildrop = MboxMaildrop(path)
    maildrop.open()
    lock = Path(f"{path}.lock")
    lock.unlink()
    lock.write_text("somebody else's")
    with pytest.raises(OSError, match="has removed"):
        maildrop.delete([0])
    maildrop.close()
    assert lock.read_text() == "somebody else's"
    lock.unlink()
    assert len(listed(path)) == 2


def test_no_lock_can_be_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        MboxMaildrop(tmp_path / "nowhere" / "mbox").open()


def test_a_folder_that_one_may_not_write_into(path: Path) -> None:
    path.parent.chmod(0o500)
    program = (
        "import os, sys\n"
        "from pop3_adapters._mbox_lock import LockedMbox\n"
        "if not os.geteuid(): os.seteuid(65534)\n"
        "LockedMbox(sys.argv[1])"
    )
    assert "it takes the right to write into the folder" in run(program, path).stderr
    path.parent.chmod(0o700)


def test_the_dot_lock_is_given_up_where_there_is_no_file_of_mail(path: Path) -> None:
    path.mkdir()
    for _ in range(2):
        with pytest.raises(IsADirectoryError):
            LockedMbox(path)
    assert beside(path) == []


def test_waiting_has_an_end(path: Path) -> None:
    first = LockedMbox(path, create=True)
    with pytest.raises(BlockingIOError):
        LockedMbox(path, patience=0.1)
    first.close()


# Commits that fail


MAILBOX = [b"Subject: kept\n\n" + b"x" * 20_000 + b"\n", *small("a", "b", "c", "d" * 500, "e")]
GONE = (1, 4)
AFTER = [mail for n, mail in enumerate(MAILBOX) if n not in GONE]

COMMIT = """
import os, resource, signal, sys
from pop3_adapters.maildrops import MboxMaildrop
maildrop = MboxMaildrop(sys.argv[1])
maildrop.open()
{}
try:
    maildrop.delete([1, 4])
except OSError as error:
    print(error.errno)
maildrop.close()
"""
LIMIT = "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)"

# From where nothing can be saved to where only the last octet cannot be moved.
START = len(entry(MAILBOX[0]))
END = START + sum(map(len, map(entry, AFTER[1:])))
LIMITS = [0, 300, START, START + 1, START + 60, END - 1]


@pytest.mark.parametrize("limit", LIMITS)
def test_a_disk_that_refuses_costs_nothing(path: Path, limit: int) -> None:
    write(path, MAILBOX)
    before = path.read_bytes()
    done = run(COMMIT.format(LIMIT), path, str(limit))
    assert done.stdout == "27\n", done.stderr  # EFBIG
    assert path.read_bytes() == before
    assert contents(path) == served(MAILBOX)
    assert beside(path) == []


def test_a_disk_that_refuses_does_not_matter_where_only_the_end_goes(path: Path) -> None:
    write(path, MAILBOX)
    done = run(COMMIT.replace("[1, 4]", "[1, 2, 3, 4, 5]").format(LIMIT), path, "0")
    assert (done.stdout, done.stderr) == ("", "")
    assert contents(path) == [wire_form(MAILBOX[0])]


def survive(path: Path) -> list[bytes]:
    """The next session, some time after a crash, and after another program's delivery."""
    append_without_locks(path, entry(b"new\n"))
    for file in path.parent.glob("*.lock"):
        os.utime(file, (OLD, OLD))
    found = contents(path)
    assert beside(path) == []
    assert found.pop() == b"new\r\n"
    return found


@pytest.mark.parametrize("limit", LIMITS)
def test_killed_in_the_middle_of_a_write(path: Path, limit: int) -> None:
    write(path, MAILBOX)
    kill = "signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n" + LIMIT
    done = run(
        "import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0))" + COMMIT.format(kill),
        path,
        str(limit),
    )
    assert done.returncode == -25, done.stderr
    assert survive(path) == served(MAILBOX)


DIE = """
left = int(sys.argv[2])
def dying(name):
    function = getattr(os, name)
    def call(*arguments, **names):
        global left
        left -= 1
        if left < 0:
            if name == "pwrite":
                function(arguments[0], bytes(arguments[1])[:30], arguments[2])
            os._exit(77)
        return function(*arguments, **names)
    setattr(os, name, call)
for name in ("open", "pwrite", "fsync", "rename", "ftruncate", "unlink", "close"):
    dying(name)
"""


def test_dead_before_any_step_of_a_commit(path: Path) -> None:
    """Every call that changes something is the last one once."""
    seen: set[str] = set()
    for step in range(100):
        write(path, MAILBOX)
        done = run(COMMIT.format(DIE), path, str(step))
        assert done.returncode in (0, 77), done.stderr
        found = survive(path)
        assert found in (served(MAILBOX), served(AFTER))
        seen.add("before" if len(found) == len(MAILBOX) else "after")
        if done.returncode == 0:
            assert step > 12
            break
    else:
        pytest.fail("there is no end of steps")
    assert seen == {"before", "after"}


def crash(path: Path, call: str) -> None:
    """Die where this is called first."""
    write(path, MAILBOX)
    done = run(COMMIT.format(f"os.{call} = lambda *_: os._exit(77)"), path)
    assert done.returncode == 77, done.stderr
    Path(f"{path}.lock").unlink()


@pytest.mark.parametrize("more", [b"", b"x" * 50_000])
def test_a_file_that_was_changed_after_a_crash_is_not_written_to(path: Path, more: bytes) -> None:
    crash(path, "ftruncate")
    write(path, [*MAILBOX[1:], more])
    before = path.read_bytes()
    undo = Path(f"{path}.pop3-undo")
    with pytest.raises(OSError, match="holds what may be missing"):
        MboxMaildrop(path).open()
    assert path.read_bytes() == before
    assert beside(path) == [undo.name]
    undo.unlink()
    assert len(listed(path)) == len(MAILBOX)


@pytest.mark.parametrize("octets", [1, 50_000])
def test_what_came_when_all_was_moved_before_a_crash(path: Path, octets: int) -> None:
    crash(path, "unlink")
    append_without_locks(path, entry(b"x" * octets))
    assert contents(path) == served([*AFTER, b"x" * octets])
    assert beside(path) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: sudo make test")
def test_an_undo_file_of_somebody_else_is_not_followed(path: Path) -> None:
    crash(path, "ftruncate")
    os.chown(f"{path}.pop3-undo", 65534, -1)
    with pytest.raises(OSError, match="is somebody else's"):
        MboxMaildrop(path).open()


# With a server, and with the standard library


async def test_a_session_on_an_mbox(net: Net, path: Path) -> None:
    write(path, MAILS)
    server = net.serve(lambda name: MboxMaildrop(path))
    async with await net.login(server) as session:
        async for message in session.fetch(range(1, len(MAILS) + 1)):
            assert await message.read() == served(MAILS)[message.number - 1]
            if message.number != 3:
                await message.delete()
    assert contents(path) == served([MAILS[2]])


def test_a_deletion_that_fails_is_reported(net: Net, path: Path) -> None:
    write(path, small("one", "two"))
    server = net.serve(lambda name: MboxMaildrop(path))
    with dial(server.port) as wire:
        assert wire.line().startswith(b"+OK")
        for command in (f"USER {NAME}", f"PASS {PASSWORD}", "DELE 1"):
            assert wire.ask(command.encode()).startswith(b"+OK")
        Path(f"{path}.lock").unlink()
        assert wire.ask(b"QUIT") == b"-ERR [SYS/TEMP] some deleted messages not removed\r\n"
    assert len(listed(path)) == 2


def test_the_standard_library_reads_what_is_left(path: Path) -> None:
    write(path, small("one", "two", "three"))
    delete(path, 1)
    box = mailbox.mbox(path, create=False)
    assert [message["Subject"] for message in box] == ["one", "three"]
    box.close()
