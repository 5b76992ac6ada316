"""Bodies as a server reads them: several in one call where they are small."""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator
from io import BytesIO
from typing import cast

import pytest

from pop3_proto.flows.core import Flow, Invoke
from pop3_proto.flows.server_bodies import TOGETHER, Bodies, Read

LARGE = b"x" * (TOGETHER - 1) + b"\n"


class Given:
    """Pieces that tell what becomes of them."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pieces(self, name: str, *pieces: bytes, fault: Exception | None = None) -> Read:
        def read() -> Generator[bytes]:
            self.told.append(f"begin {name}")
            try:
                yield from pieces
                if fault:
                    raise fault
            finally:
                self.told.append(f"end {name}")

        return read


def bodies_of(*reads: Read, clock: Callable[[], float] = lambda: 0.0) -> Bodies:
    bodies = Bodies(clock)
    bodies.ask(reads)
    return bodies


def done(flow: Flow[object]) -> tuple[object, int]:
    """What a flow returns, and how many calls it has taken."""
    calls = 0
    while True:
        try:
            want = next(flow)
        except StopIteration as stop:
            return stop.value, calls
        assert isinstance(want, Invoke)
        calls += 1
        want.deliver(want.function())


def first_of(bodies: Bodies, together: int = TOGETHER) -> tuple[object, int]:
    return done(bodies.next(together))


def left(bodies: Bodies) -> int:
    return done(bodies.leave())[1]


def test_small_ones_are_read_in_one_call() -> None:
    given = Given()
    bodies = bodies_of(*(given.pieces(name, b"1", b"2") for name in "abc"))
    assert given.told == []
    assert not bodies.empty
    assert first_of(bodies) == (b"12", 1)
    assert given.told == ["begin a", "end a", "begin b", "end b", "begin c", "end c"]
    assert (bodies.ended, bodies.next_at_hand) == (True, True)
    assert left(bodies) == 0
    assert first_of(bodies) == (b"12", 0)
    assert left(bodies) == 0
    assert first_of(bodies) == (b"12", 0)
    assert not bodies.next_at_hand
    assert left(bodies) == 0
    assert bodies.empty


def test_empty_ones() -> None:
    bodies = bodies_of(list, lambda: [b""], list)
    assert first_of(bodies) == (b"", 1)
    for _ in range(2):
        assert bodies.ended
        assert left(bodies) == 0
        assert first_of(bodies) == (b"", 0)


def test_nothing_is_begun_behind_as_many_octets_as_are_wanted() -> None:
    given = Given()
    bodies = bodies_of(given.pieces("a", LARGE, b"y"), given.pieces("b", b"z"))
    assert first_of(bodies) == (LARGE, 1)
    assert (bodies.ended, bodies.next_at_hand) == (False, False)
    assert given.told == ["begin a"]
    assert first_of(bodies) == (b"y", 1)
    assert (bodies.ended, bodies.next_at_hand) == (True, True)


def test_one_that_is_larger_than_the_room_is_read_as_far_as_that() -> None:
    given = Given()
    large = given.pieces("b", *[LARGE[:1000]] * 1000)
    bodies = bodies_of(given.pieces("a", LARGE[1500:]), large, given.pieces("c", b"z"))
    assert first_of(bodies) == (LARGE[1500:], 1)
    assert given.told == ["begin a", "end a", "begin b"]
    assert left(bodies) == 0
    assert first_of(bodies) == (LARGE[:1000] * 2, 0)
    assert not bodies.ended
    octets, calls = first_of(bodies)
    assert (octets, calls) == (LARGE[:1000] * 66, 1)
    assert not bodies.next_at_hand
    assert left(bodies) == 1
    assert given.told[-1] == "end b"


def test_nothing_is_begun_where_it_takes_long() -> None:
    given = Given()
    times = iter([0.0, 0.0, 1.0, 1.0, 1.0])
    bodies = bodies_of(*(given.pieces(name, b"1") for name in "abc"), clock=lambda: next(times))
    assert first_of(bodies) == (b"1", 1)
    assert given.told == ["begin a", "end a", "begin b", "end b"]
    left(bodies)
    assert not bodies.next_at_hand
    assert first_of(bodies) == (b"1", 0)
    left(bodies)
    assert first_of(bodies) == (b"1", 1)


def test_an_error_is_raised_in_its_turn() -> None:
    given = Given()
    fault = OSError("disk")
    bodies = bodies_of(
        given.pieces("a", b"1"), given.pieces("b", b"2", fault=fault), given.pieces("c", b"3")
    )
    assert first_of(bodies) == (b"1", 1)
    left(bodies)
    with pytest.raises(OSError, match="disk") as raised:
        first_of(bodies)
    assert raised.value is fault
    assert not bodies.ended
    left(bodies)
    assert first_of(bodies) == (b"3", 0)


def test_what_is_no_octets_is_an_error_in_its_turn() -> None:
    bodies = bodies_of(lambda: [b"1"], cast("Read", lambda: "2"), lambda: [b"3"])
    assert first_of(bodies) == (b"1", 1)
    left(bodies)
    with pytest.raises(TypeError):
        first_of(bodies)
    left(bodies)
    assert first_of(bodies) == (b"3", 0)


def test_what_begins_when_it_is_asked_for_is_alone() -> None:
    file = BytesIO(b"onetwo")

    def read_from(position: int) -> Iterator[bytes]:
        file.seek(position)
        return iter(lambda: file.read(1), b"")

    bodies = bodies_of(lambda: read_from(3), lambda: read_from(0))
    assert first_of(bodies) == (b"two", 1)
    assert left(bodies) == 0
    assert bodies.empty


def test_one_that_cannot_be_opened_is_asked_once() -> None:
    asked: list[int] = []

    def fails() -> Iterable[bytes]:
        asked.append(1)
        raise KeyError("gone")

    bodies = bodies_of(lambda: [b"1"], fails, lambda: [b"3"])
    assert first_of(bodies) == (b"1", 1)
    left(bodies)
    assert bodies.next_at_hand
    with pytest.raises(KeyError):
        first_of(bodies)
    assert left(bodies) == 0
    assert first_of(bodies) == (b"3", 0)
    assert asked == [1]


def test_what_has_not_ended_is_let_go_of() -> None:
    given = Given()
    bodies = bodies_of(given.pieces("a", LARGE, b"y"), given.pieces("b", b"z"))
    first_of(bodies)
    assert left(bodies) == 1
    assert given.told == ["begin a", "end a"]
    assert left(bodies) == 1
    assert bodies.empty


def test_a_file_is_closed_wherever_it_was_left() -> None:
    read, unread = BytesIO(b"one\n"), BytesIO(b"two\n")
    bodies = bodies_of(lambda: read)
    assert first_of(bodies) == (b"one\n", 1)
    bodies.ask([lambda: unread])
    assert [left(bodies), left(bodies)] == [1, 1]
    assert read.closed
    assert unread.closed


def test_as_few_as_are_wanted() -> None:
    given = Given()
    bodies = bodies_of(given.pieces("a", b"", b"1", b"2"))
    assert first_of(bodies, together=1) == (b"1", 1)
    assert first_of(bodies, together=1) == (b"2", 1)
    assert first_of(bodies, together=1) == (b"", 1)
    assert bodies.ended


async def asynchronous() -> AsyncIterator[bytes]:
    yield b"1"
    yield b"2"


def test_asynchronous_ones_come_piece_by_piece_and_nothing_is_opened_behind() -> None:
    given = Given()
    opened: list[str] = []

    def note(name: str, read: Read) -> Read:
        def noted() -> Iterable[bytes]:
            opened.append(name)
            return read()  # type: ignore[return-value]  # of either kind

        return noted

    bodies = bodies_of(note("a", given.pieces("a", b"0")), note("b", asynchronous), note("c", list))
    assert opened == ["a", "b"]
    assert first_of(bodies) == (b"0", 1)
    assert not bodies.next_at_hand
    left(bodies)

    async def next_of(bodies: Bodies) -> bytes:
        flow = bodies.next(TOGETHER)
        want = next(flow)
        assert isinstance(want, Invoke)
        want.deliver(await want.function())  # type: ignore[misc]  # an awaitable
        with pytest.raises(StopIteration) as stop:
            next(flow)
        found: bytes = stop.value.value
        return found

    async def all_of(bodies: Bodies) -> Iterator[bytes]:
        return iter([await next_of(bodies) for _ in range(3)])

    assert list(asyncio.run(all_of(bodies))) == [b"1", b"2", b""]
    assert bodies.ended
    assert left(bodies) == 0
