"""Which messages are asked for ahead of time: by their sizes, and never none."""

from collections.abc import Iterable
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from pop3_proto import ScanListing
from pop3_proto.flows.window import TYPICAL, Window


def numbers(window: Window, most: int = 256) -> list[int]:
    return [retr.number for retr in window.take(most)]


def listed(octets: int, messages: Iterable[int] | None = None) -> Iterable[ScanListing]:
    """Scan listings of messages that are all as large; without an end."""
    return (ScanListing(number, octets) for number in messages or count(1))


def test_small_ones_go_by_the_hundred() -> None:
    window = Window(listed(1000), 200_000)
    assert numbers(window) == list(range(1, 201))
    assert numbers(window) == []


def test_large_ones_go_by_twos() -> None:
    window = Window(listed(10**9), 1000)
    assert numbers(window) == [1, 2]
    window.answered()
    assert numbers(window) == [3]
    window.answered()
    assert numbers(window) == [4]


def test_more_are_asked_for_when_half_is_there() -> None:
    window = Window(listed(100), 1000)
    assert len(numbers(window)) == 10
    for _ in range(5):
        window.answered()
        assert numbers(window) == []
    window.answered()  # now five of them are over
    assert numbers(window) == [11, 12, 13, 14, 15]


def test_a_large_one_waits_for_its_turn_and_keeps_its_place() -> None:
    window = Window([ScanListing(1, 10), ScanListing(2, 10), ScanListing(3, 995), 4], 1000)
    assert numbers(window) == [1, 2]
    window.answered()
    assert numbers(window) == [3]
    window.answered()
    assert numbers(window) == [4]


def test_no_more_commands_than_there_may_be() -> None:
    window = Window(listed(0), 1000)
    assert numbers(window, 3) == [1, 2, 3]
    assert numbers(window, 1) == [4]


def test_sizes_that_nobody_has_told() -> None:
    untold = ScanListing(1, None)
    assert numbers(Window([untold, 2, 3, 4], 3 * TYPICAL)) == [1, 2, 3]


@given(st.lists(st.integers(0, 50)), st.integers(0, 100), st.integers(1, 10))
def test_all_come_in_their_order(sizes: list[int], octets: int, most: int) -> None:
    listings = [ScanListing(*entry) for entry in enumerate(sizes, 1)]
    window, asked, answered = Window(listings, octets), 0, 0
    while answered < len(sizes):
        for number in numbers(window, most - (asked - answered)):
            assert number == asked + 1
            asked = number
        under_way = asked - answered
        assert 1 <= under_way <= most
        assert under_way <= 2 or sum(sizes[answered:asked]) <= octets
        window.answered()
        answered += 1
    assert numbers(window) == []
