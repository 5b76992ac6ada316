"""The messages of a maildrop, as one session sees them."""

from collections.abc import Collection, Iterable, Sequence

import pytest

from pop3_proto import MessageEntry, Snapshot

ENTRIES = [MessageEntry(10, b"a"), MessageEntry(20, b"b"), MessageEntry(30, b"c", needs_utf8=True)]


class Drop:
    """A maildrop whose messages say at which index they lie."""

    def open(self) -> Sequence[MessageEntry]:
        raise AssertionError("a snapshot opens nothing")

    def read(self, index: int) -> Iterable[bytes]:
        return [b"%d" % index]

    def delete(self, indexes: Collection[int]) -> None:
        raise AssertionError("a snapshot deletes nothing")

    def close(self) -> None:
        raise AssertionError("a snapshot closes nothing")


def snapshot() -> Snapshot:
    return Snapshot(Drop(), ENTRIES)


def test_before_the_login_it_is_empty() -> None:
    messages = Snapshot()
    assert messages.stat == (0, 0)
    assert (messages.listing(), messages.marked, messages.last) == ([], [], 0)
    assert messages.entry(1) is None
    assert messages.mark(1) is False
    with pytest.raises(KeyError):
        messages.read(1)


def test_numbers_begin_at_1() -> None:
    messages = snapshot()
    assert messages.stat == (3, 60)
    assert messages.listing() == list(enumerate(ENTRIES, 1))
    assert [messages.entry(number) for number in range(-1, 5)] == [None, None, *ENTRIES, None]


def test_what_is_marked_is_there_no_more_and_leaves_a_gap() -> None:
    messages = snapshot()
    assert messages.mark(2) is True
    assert messages.mark(2) is False
    assert messages.mark(4) is False
    assert messages.entry(2) is None
    assert messages.stat == (2, 40)
    assert [number for number, _ in messages.listing()] == [1, 3]
    assert messages.mark(3) is True
    assert messages.mark(1) is True
    assert messages.marked == [1, 2, 3]
    assert messages.stat == (0, 0)


def test_marks_are_taken_back() -> None:
    messages = snapshot()
    messages.mark(2)
    messages.last = 3
    messages.reset()
    assert (messages.marked, messages.last) == ([], 0)
    assert messages.stat == (3, 60)
    assert messages.entry(2) == ENTRIES[1]


def test_octets() -> None:
    messages = snapshot()
    messages.mark(2)
    assert messages.read(3) == [b"2"]
    for number in (0, 2, 4):
        with pytest.raises(KeyError):
            messages.read(number)


@pytest.mark.parametrize("unique_id", [b"", b"a b", b"x" * 71, b"\xff", b"a\r\n", b"\x7f"])
def test_unique_ids_that_are_none(unique_id: bytes) -> None:
    with pytest.raises(ValueError, match="is no unique-id: 1 to 70 octets of 0x21 to 0x7E"):
        Snapshot(Drop(), [MessageEntry(1, b"good"), MessageEntry(1, unique_id)])


def test_unique_ids_that_are_not_unique() -> None:
    with pytest.raises(ValueError, match="two messages of a maildrop have the same unique-id"):
        Snapshot(Drop(), [MessageEntry(1, b"a"), MessageEntry(2, b"a")])


def test_the_longest_unique_id() -> None:
    assert Snapshot(Drop(), [MessageEntry(1, b"~" * 70)]).stat == (1, 1)
