"""The Maildir as a maildrop, with mail readers that move its files about."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from pop3_adapters.maildrops import MaildirMaildrop
from pop3_proto import MessageEntry, Refused
from pop3_proto.responses import IN_USE

from .mail import MAILS, big, wire_form
from .net import NAME, PASSWORD, Net
from .wire import dial


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    for folder in ("new", "cur", "tmp"):
        (tmp_path / folder).mkdir()
    return tmp_path


def listed(maildir: Path) -> Sequence[MessageEntry]:
    maildrop = MaildirMaildrop(maildir)
    entries = maildrop.open()
    maildrop.close()
    return entries


def ids(maildir: Path) -> list[bytes]:
    return [entry.unique_id for entry in listed(maildir)]


def test_sizes_are_those_of_what_is_read(maildir: Path) -> None:
    mails = [*MAILS, big(300_000).replace(b"\r\n", b"\n")]
    for number, mail in enumerate(mails):
        (maildir / "new" / f"{number:04}.x").write_bytes(mail)
    maildrop = MaildirMaildrop(maildir)
    for index, entry in enumerate(maildrop.open()):
        read = b"".join(maildrop.read(index))
        assert read == wire_form(mails[index])
        assert entry.octets == len(read)
    maildrop.close()


def test_a_file_that_has_changed_is_counted_anew(maildir: Path) -> None:
    file = maildir / "new" / "1.x"
    for content, octets in ((b"a\n", 3), (b"a\nb\n", 6), (b"a\r\n\n", 5)):
        file.write_bytes(content)
        os.utime(file, ns=(octets, octets))  # as if time had gone by
        assert [entry.octets for entry in listed(maildir)] == [octets]


def test_the_oldest_is_the_first_wherever_it_lies(maildir: Path) -> None:
    for path in ("cur/1000.a:2,S", "new/999.b", "cur/20.c:2,", "new/1000.d", "new/no-number"):
        (maildir / path).write_bytes(b"x\n")
    assert ids(maildir) == [b"no-number", b"20.c", b"999.b", b"1000.a", b"1000.d"]


def test_the_order_does_not_depend_on_flags(maildir: Path) -> None:
    for name in ("5.a", "5.a.b", "5.a-b"):
        (maildir / "new" / name).write_bytes(b"x\n")
    before = ids(maildir)
    for name in ("5.a", "5.a-b"):
        _ = (maildir / "new" / name).rename(maildir / "cur" / f"{name}:2,FS")
    assert ids(maildir) == before


def test_a_unique_id_stays_when_a_mail_reader_moves_the_file(maildir: Path) -> None:
    name = "1700000000.M123P456.host,S=2,W=3"
    (maildir / "new" / name).write_bytes(b"x\n")
    assert ids(maildir) == [name.encode()]
    _ = (maildir / "new" / name).rename(maildir / "cur" / f"{name}:2,")
    assert ids(maildir) == [name.encode()]
    _ = (maildir / "cur" / f"{name}:2,").rename(maildir / "cur" / f"{name}:2,RS")
    assert ids(maildir) == [name.encode()]


@pytest.mark.parametrize(
    "name",
    [b"1.with blank", b"1.sm\xc3\xb8rrebr\xc3\xb8d", b"1.\xff", b"1." + b"x" * 69, b"1.\x7f"],
)
def test_a_name_that_is_no_unique_id_is_hashed(maildir: Path, name: bytes) -> None:
    path = Path(os.fsdecode(os.fsencode(maildir / "new") + b"/" + name))
    path.write_bytes(b"x\n")
    expected = hashlib.sha256(name).hexdigest().encode()
    assert ids(maildir) == [expected]
    _ = path.rename(os.fsdecode(os.fsencode(maildir / "cur") + b"/" + name + b":2,S"))
    assert ids(maildir) == [expected]


def test_the_longest_name_that_is_a_unique_id(maildir: Path) -> None:
    name = "1." + "x" * 68
    (maildir / "new" / name).write_bytes(b"x\n")
    assert ids(maildir) == [name.encode()]


def test_what_is_no_message_is_not_listed(maildir: Path) -> None:
    (maildir / "new" / "1.real").write_bytes(b"x\n")
    (maildir / "new" / ".hidden").write_bytes(b"x\n")
    (maildir / "new" / "2.directory").mkdir()
    (maildir / "tmp" / "3.coming").write_bytes(b"x\n")
    (maildir / "4.outside").write_bytes(b"secret\n")
    (maildir / "cur" / "4.link:2,S").symlink_to(maildir / "4.outside")
    (maildir / "cur" / "5.dangling").symlink_to(maildir / "nowhere")
    os.mkfifo(maildir / "cur" / "6.pipe")
    assert ids(maildir) == [b"1.real"]


def test_the_list_is_a_snapshot(maildir: Path) -> None:
    (maildir / "new" / "5.old").write_bytes(b"old\n")
    maildrop = MaildirMaildrop(maildir)
    assert len(maildrop.open()) == 1
    (maildir / "new" / "4.older").write_bytes(b"older\n")
    assert b"".join(maildrop.read(0)) == b"old\r\n"
    maildrop.delete([0])
    maildrop.close()
    assert ids(maildir) == [b"4.older"]


def test_a_file_that_was_moved_is_read_and_deleted_where_it_is(maildir: Path) -> None:
    for name in ("1.a", "2.b", "3.c"):
        (maildir / "new" / name).write_bytes(name.encode())
    maildrop = MaildirMaildrop(maildir)
    assert len(maildrop.open()) == 3
    for name in ("1.a", "2.b", "3.c"):
        _ = (maildir / "new" / name).rename(maildir / "cur" / f"{name}:2,S")
    assert b"".join(maildrop.read(1)) == b"2.b\r\n"
    _ = (maildir / "cur" / "2.b:2,S").rename(maildir / "cur" / "2.b:2,FS")
    maildrop.delete([1])
    maildrop.close()
    assert ids(maildir) == [b"1.a", b"3.c"]


def test_a_file_that_is_moved_while_it_is_listed_is_one_message(maildir: Path) -> None:
    (maildir / "new" / "1.a").write_bytes(b"one\n")
    (maildir / "new" / "2.b").write_bytes(b"two\n")
    # As seen by whoever reads `new`, is overtaken by a mail reader, and then reads `cur`.
    os.link(maildir / "new" / "1.a", maildir / "cur" / "1.a:2,S")
    maildrop = MaildirMaildrop(maildir)
    assert [entry.unique_id for entry in maildrop.open()] == [b"1.a", b"2.b"]
    (maildir / "new" / "1.a").unlink()
    assert b"".join(maildrop.read(0)) == b"one\r\n"
    maildrop.close()


class Overtaken(MaildirMaildrop):
    """A mail reader sets a flag whenever a file has just been found, as often as it is told to."""

    times = 0

    def _file(self, base: str) -> str:
        path = super()._file(base)
        if self.times:
            self.times -= 1
            _ = Path(path).rename(Path(path).with_name(f"{base}:2,{'S' * self.times}"))
        return path


def test_a_file_that_is_moved_when_it_has_just_been_found(maildir: Path) -> None:
    (maildir / "cur" / "1.a:2,F").write_bytes(b"one\n")
    maildrop = Overtaken(maildir)
    maildrop.times = 2
    assert [entry.octets for entry in maildrop.open()] == [5]
    maildrop.times = 2
    assert b"".join(maildrop.read(0)) == b"one\r\n"
    maildrop.times = 2
    maildrop.delete([0])
    maildrop.close()
    assert os.listdir(maildir / "cur") == []


def test_a_message_that_somebody_else_deleted(maildir: Path) -> None:
    for name in ("1.a", "2.b"):
        (maildir / "new" / name).write_bytes(b"x\n")
    maildrop = MaildirMaildrop(maildir)
    _ = maildrop.open()
    (maildir / "new" / "1.a").unlink()
    with pytest.raises(FileNotFoundError):
        _ = b"".join(maildrop.read(0))
    maildrop.delete([0, 1])
    maildrop.close()
    assert ids(maildir) == []


def test_a_deletion_that_fails_keeps_the_rest(net: Net, maildir: Path) -> None:
    for name in ("1.a", "2.b", "3.c"):
        (maildir / "new" / name).write_bytes(b"x\n")
    server = net.serve(lambda name: MaildirMaildrop(maildir))
    with dial(server.port) as wire:
        assert wire.line().startswith(b"+OK")
        for command in (f"USER {NAME}", f"PASS {PASSWORD}", "DELE 3", "DELE 1", "DELE 2"):
            assert wire.ask(command.encode()).startswith(b"+OK")
        # What not even root can unlink.
        (maildir / "new" / "2.b").unlink()
        (maildir / "new" / "2.b").mkdir()
        answer = wire.ask(b"QUIT")
    assert answer == b"-ERR [SYS/TEMP] some deleted messages not removed\r\n"
    assert sorted(os.listdir(maildir / "new")) == ["2.b", "3.c"]
    assert ids(maildir) == [b"3.c"]


def test_no_maildir_is_a_temporary_failure(net: Net, tmp_path: Path) -> None:
    server = net.serve(lambda name: MaildirMaildrop(tmp_path / "nowhere"))
    with dial(server.port) as wire:
        assert wire.line().startswith(b"+OK")
        assert wire.ask(f"USER {NAME}".encode()).startswith(b"+OK")
        answer = wire.ask(f"PASS {PASSWORD}".encode())
    assert answer.startswith(b"-ERR [SYS/TEMP]")
    assert b"nowhere" not in answer


def test_half_a_maildir_is_not_left_locked(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            _ = MaildirMaildrop(tmp_path).open()


def test_one_session_at_a_time(maildir: Path) -> None:
    first, second = MaildirMaildrop(maildir), MaildirMaildrop(maildir)
    _ = first.open()
    for other in (second, first):
        with pytest.raises(Refused) as caught:
            _ = other.open()
        assert caught.value.code == IN_USE
    first.close()
    assert second.open() == []
    second.close()


HOLD = """
import sys
from pop3_adapters.maildrops import MaildirMaildrop
maildrop = MaildirMaildrop(sys.argv[1])
maildrop.open()
print("open", flush=True)
sys.stdin.readline()
"""


def test_one_session_at_a_time_in_two_processes(maildir: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(maildir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(Refused) as caught:
            _ = MaildirMaildrop(maildir).open()
        assert caught.value.code == IN_USE
        # However the other one ends, the lock ends with it.
        other.kill()
    assert listed(maildir) == []


async def test_a_session_on_a_maildir(net: Net, maildir: Path) -> None:
    for number, mail in enumerate(MAILS):
        (maildir / "new" / f"{number:04}.x").write_bytes(mail)
    server = net.serve(lambda name: MaildirMaildrop(maildir))
    async with await net.login(server) as session:
        async for message in session.fetch(range(1, len(MAILS) + 1)):
            assert await message.read() == wire_form(MAILS[message.number - 1])
            await message.delete()
    assert os.listdir(maildir / "new") == []
