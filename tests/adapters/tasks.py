"""Tasks side by side, and what cancels them, in the words of each library."""

import asyncio
import contextlib
import math
import threading
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import anyio
import anyio.to_thread
import pytest
import trio

from .wire import BOUND

__all__ = ["WAYS", "Way", "Work", "in_each_library", "in_each_way"]

Work: TypeAlias = Coroutine[Any, Any, object]


@dataclass(frozen=True)
class Way:
    """One way to cancel, in one library."""

    cancelled: Callable[[threading.Event, Work], Awaitable[None]]
    """Cancels the work when an event happens; an error where nothing was left to cancel."""

    cancelled_at: Callable[[int, Work], Awaitable[bool]]
    """Cancels the work when it gives way to others for the nth time; whether it came that far."""

    beside: Callable[[Work, Work], Awaitable[None]]
    """Runs two tasks at a time, to their ends."""

    waited: Callable[[threading.Event], Awaitable[object]]
    """Waits for an event, while other tasks run."""


class Steps:
    """Work that calls a function when it gives way for the nth time."""

    def __init__(self, work: Work, nth: int) -> None:
        self._work = work
        self._left = nth

    @property
    def taken(self) -> bool:
        return self._left <= 0

    async def run(self, call: Callable[[], object]) -> None:
        await Stepping(self._work, lambda: self._step(call))

    def _step(self, call: Callable[[], object]) -> None:
        self._left -= 1
        if self._left == 0:
            call()


@dataclass(frozen=True)
class Stepping:
    work: Work
    step: Callable[[], None]

    def __await__(self) -> Generator[Any, Any, None]:
        go_on: Callable[[], Any] = partial(self.work.send, None)
        while True:
            try:
                wanted = go_on()
            except StopIteration:
                return
            self.step()
            try:
                result = yield wanted
            except BaseException as error:
                go_on = partial(self.work.throw, error)
            else:
                go_on = partial(self.work.send, result)


async def in_asyncio(event: threading.Event) -> object:
    return await asyncio.to_thread(event.wait, BOUND)


async def in_trio(event: threading.Event) -> object:
    return await trio.to_thread.run_sync(event.wait, BOUND)


async def in_anyio(event: threading.Event) -> object:
    return await anyio.to_thread.run_sync(event.wait, BOUND)


async def task_cancel(reached: threading.Event, work: Work) -> None:
    task = asyncio.create_task(work)
    await in_asyncio(reached)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def asyncio_timeout(reached: threading.Event, work: Work) -> None:
    async def expire(limit: asyncio.Timeout) -> None:
        await in_asyncio(reached)
        limit.reschedule(asyncio.get_running_loop().time())

    async def limited() -> None:
        async with asyncio.timeout(None) as limit:
            tasks.create_task(expire(limit))
            await work

    async with asyncio.TaskGroup() as tasks:
        with pytest.raises(TimeoutError):
            await limited()


async def trio_move_on_after(reached: threading.Event, work: Work) -> None:
    async with trio.open_nursery() as nursery:
        with trio.move_on_after(math.inf) as scope:
            nursery.start_soon(expire_trio, reached, scope)
            await work
        assert scope.cancelled_caught


async def trio_fail_after(reached: threading.Event, work: Work) -> None:
    async def limited() -> None:
        with trio.fail_after(math.inf) as scope:
            nursery.start_soon(expire_trio, reached, scope)
            await work

    async with trio.open_nursery() as nursery:
        with pytest.raises(trio.TooSlowError):
            await limited()


async def expire_trio(reached: threading.Event, scope: trio.CancelScope) -> None:
    await in_trio(reached)
    scope.deadline = trio.current_time()


async def anyio_move_on_after(reached: threading.Event, work: Work) -> None:
    async with anyio.create_task_group() as tasks:
        with anyio.move_on_after(math.inf) as scope:
            tasks.start_soon(expire_anyio, reached, scope)
            await work
        assert scope.cancelled_caught


async def anyio_fail_after(reached: threading.Event, work: Work) -> None:
    async def limited() -> None:
        with anyio.fail_after(math.inf) as scope:
            tasks.start_soon(expire_anyio, reached, scope)
            await work

    async with anyio.create_task_group() as tasks:
        with pytest.raises(TimeoutError):
            await limited()


async def expire_anyio(reached: threading.Event, scope: anyio.CancelScope) -> None:
    await in_anyio(reached)
    scope.deadline = anyio.current_time()


async def asyncio_at(nth: int, work: Work) -> bool:
    async def run() -> None:
        task = asyncio.current_task()
        assert task
        await steps.run(task.cancel)

    steps = Steps(work, nth)
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.create_task(run())
    return steps.taken


async def trio_at(nth: int, work: Work) -> bool:
    steps = Steps(work, nth)
    with trio.CancelScope() as scope:
        await steps.run(scope.cancel)
    return steps.taken


async def anyio_at(nth: int, work: Work) -> bool:
    steps = Steps(work, nth)
    with anyio.CancelScope() as scope:
        await steps.run(scope.cancel)
    return steps.taken


async def beside_in_asyncio(one: Work, other: Work) -> None:
    await asyncio.gather(one, other)


async def beside_in_trio(one: Work, other: Work) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run, one)
        nursery.start_soon(run, other)


async def beside_in_anyio(one: Work, other: Work) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run, one)
        tasks.start_soon(run, other)


async def run(work: Work) -> None:
    await work


ASYNCIO = Way(task_cancel, asyncio_at, beside_in_asyncio, in_asyncio)
TRIO = Way(trio_move_on_after, trio_at, beside_in_trio, in_trio)
ANYIO = Way(anyio_move_on_after, anyio_at, beside_in_anyio, in_anyio)

WAYS: dict[str, dict[str, Way]] = {
    **{
        name: {"task.cancel": ASYNCIO, "timeout": replace(ASYNCIO, cancelled=asyncio_timeout)}
        for name in ("asyncio", "uvloop")
    },
    "trio": {
        "move_on_after": TRIO,
        "fail_after": replace(TRIO, cancelled=trio_fail_after),
    },
    **{
        name: {"move_on_after": ANYIO, "fail_after": replace(ANYIO, cancelled=anyio_fail_after)}
        for name in ("anyio-asyncio", "anyio-trio")
    },
}
"""By the name of the backend; the first of each is enough where it makes no difference."""

in_each_way = pytest.mark.parametrize(
    ("backend", "way"),
    [
        pytest.param(name, way, id=f"{name}-{words}")
        for name, ways in WAYS.items()
        for words, way in ways.items()
    ],
    indirect=["backend"],
)
in_each_library = pytest.mark.parametrize(
    ("backend", "way"),
    [pytest.param(name, next(iter(ways.values())), id=name) for name, ways in WAYS.items()],
    indirect=["backend"],
)
