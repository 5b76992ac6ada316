"""Flows: conversations as generators, which say what they want done and leave the doing to a
driver.

A driver does each effect in turn, throws what goes wrong back into the flow, and returns what the
flow returns. A flow never receives a value, so that its type is exact: `Flow[T]` returns a `T`.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias, TypeVar, cast

from ..maildrop import MaybeAwaitable

__all__ = ["Flow", "Invoke", "Io", "Send", "Want", "invoke"]

T = TypeVar("T")


class Io(Enum):
    """What can be wanted of a connection, besides sending."""

    RECEIVE = "wait for octets, or the end of them, and give them to the machine"
    POLL = "give the machine what has arrived already, without waiting"
    """A driver that gives the machine all that arrives, whenever it does, has nothing to do here;
    for others, what the server says unasked would be taken for the next reply."""

    START_TLS = "shake hands, then call tls_started() of the machine"
    CLOSE = "close the connection; the machine has given it up"


@dataclass(frozen=True, slots=True)
class Send:
    """Send these octets, all of them; they may hold a password."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Invoke:
    """Call `function`, await the result if it is awaitable, and hand it to `deliver`."""

    function: Callable[[], object]
    deliver: Callable[[object], None]
    may_block: bool = True
    """Whether the call may take its time, so that it needs a thread where there is an event
    loop."""


Want: TypeAlias = Send | Invoke | Io
Flow: TypeAlias = Generator[Want, None, T]


def invoke(function: Callable[[], MaybeAwaitable[T]], *, may_block: bool = True) -> Flow[T]:
    """Ask the application; what it raises comes out here."""
    results: list[object] = []
    yield Invoke(function, results.append, may_block)
    return cast(T, results[0])
