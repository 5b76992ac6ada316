"""The maildrop in memory, and who may have it."""

import pytest

from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_proto import Refused
from pop3_proto.responses import IN_USE

from .mail import MAILS, wire_form


def ids(maildrop: MemoryMaildrop) -> list[bytes]:
    entries = maildrop.open()
    maildrop.close()
    return [entry.unique_id for entry in entries]


def test_sizes_are_those_of_what_is_read() -> None:
    maildrop = MemoryMaildrop(MAILS)
    for index, entry in enumerate(maildrop.open()):
        read = b"".join(maildrop.read(index))
        assert read == wire_form(MAILS[index])
        assert entry.octets == len(read)
    assert maildrop.messages == [wire_form(mail) for mail in MAILS]


def test_unique_ids_are_unique_and_the_same_next_time() -> None:
    found = ids(MemoryMaildrop([*MAILS, *MAILS]))
    assert len(set(found)) == len(found) == 2 * len(MAILS)
    assert all(1 <= len(name) <= 70 for name in found)
    assert all(0x21 <= octet <= 0x7E for name in found for octet in name)
    assert ids(MemoryMaildrop([*MAILS, *MAILS])) == found


def test_a_unique_id_is_never_used_again() -> None:
    maildrop = MemoryMaildrop([b"one\n", b"one\n"])
    before = ids(maildrop)
    _ = maildrop.open()
    maildrop.delete([0, 1])
    maildrop.close()
    maildrop.add(b"one\n")
    assert not set(ids(maildrop)) & set(before)


def test_a_message_keeps_its_unique_id_when_its_copy_is_deleted() -> None:
    maildrop = MemoryMaildrop([b"one\n", b"two\n", b"one\n"])
    before = ids(maildrop)
    _ = maildrop.open()
    maildrop.delete([0])
    maildrop.close()
    assert ids(maildrop) == before[1:]


def test_the_list_is_a_snapshot() -> None:
    maildrop = MemoryMaildrop([b"one\n", b"two\n"])
    assert len(maildrop.open()) == 2
    maildrop.add(b"three\n")
    maildrop.delete([0])
    assert b"".join(maildrop.read(1)) == b"two\r\n"
    assert b"".join(maildrop.read(0)) == b"one\r\n"
    maildrop.close()
    assert maildrop.messages == [b"two\r\n", b"three\r\n"]
    assert len(maildrop.open()) == 2
    maildrop.close()


def test_one_session_at_a_time() -> None:
    maildrop = MemoryMaildrop([b"one\n"])
    _ = maildrop.open()
    with pytest.raises(Refused) as caught:
        _ = maildrop.open()
    assert caught.value.code == IN_USE
    maildrop.close()
    assert len(maildrop.open()) == 1


def test_passwords() -> None:
    maildrops = {"alice": MemoryMaildrop(), "bob": MemoryMaildrop()}
    passwords = Passwords({"alice": "secret", "bob": "grün"}, maildrops.__getitem__)
    assert passwords.authenticate("alice", "secret") is maildrops["alice"]
    assert passwords.authenticate("bob", "grün") is maildrops["bob"]
    for name, password in [
        ("alice", "Secret"),
        ("alice", "secret "),
        ("alice", ""),
        ("bob", "secret"),
        ("nobody", "secret"),
        ("nobody", ""),
        ("", ""),
    ]:
        assert passwords.authenticate(name, password) is None
