"""Conversations of octets: a generator gives what is to be sent, and takes what is received."""

from collections.abc import Callable, Generator
from typing import TypeAlias, TypeVar, cast

from .streams import AsyncStream, Stream

__all__ = ["Steps", "take_steps", "take_steps_async"]

T = TypeVar("T")

Steps: TypeAlias = Generator[bytes, bytes, T]
"""Gives octets to send, or none, takes those that come, none at their end, and returns a `T`."""

Left: TypeAlias = Callable[[], float | None]
"""How many seconds are left for the next step; raises TimeoutError where there are none."""


def take_steps(stream: Stream, steps: Steps[T], left: Left) -> T:
    """Run a conversation to its end."""
    try:
        data = next(steps)
        while True:
            if data:
                stream.send(data, left())
            data = steps.send(stream.receive(left()))
    except StopIteration as done:
        return cast(T, done.value)


async def take_steps_async(stream: AsyncStream, steps: Steps[T], left: Left) -> T:
    """Run a conversation to its end."""
    try:
        data = next(steps)
        while True:
            if data:
                await stream.send(data, left())
            data = steps.send(await stream.receive(left()))
    except StopIteration as done:
        return cast(T, done.value)
