"""What the asynchronous adapters ask of an event loop, besides its streams."""

import socket
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Protocol

__all__ = ["Event", "EventLoop", "Group"]


class Event(Protocol):
    """Happens once; asyncio, trio and anyio each have one."""

    def set(self) -> object: ...
    def is_set(self) -> bool: ...
    def wait(self) -> Awaitable[object]: ...


class Scope(Protocol):
    """What a cancellation reaches."""

    def cancel(self) -> object: ...


class Group(Protocol):
    """Tasks that end before their `async with` statement does."""

    @property
    def cancel_scope(self) -> Scope: ...
    def start_soon(self, function: Callable[[], Coroutine[object, object, None]], /) -> object: ...


class EventLoop(Protocol):
    """What differs between the libraries."""

    @staticmethod
    def time() -> float:
        """The clock, in seconds; static, because every connection keeps it."""
        ...

    def off_loop(self, function: Callable[[], object]) -> Awaitable[object]:
        """Call a function that may block in a thread.

        A cancellation waits until it is done: nobody could tell what has become of it.
        """
        ...

    def shield(self) -> AbstractContextManager[object]:
        """In here a cancellation that has come already does nothing."""
        ...

    def new_event(self) -> Event:
        """An event that has not happened."""
        ...

    def wait(self, event: Event, within: float) -> Awaitable[None]:
        """Wait until an event has happened, for so many seconds at most."""
        ...

    def readable(self, sock: socket.socket) -> Awaitable[None]:
        """Wait until there is something to receive or to accept; nothing is lost by a
        cancellation."""
        ...

    def group(self) -> AbstractAsyncContextManager[Group]:
        """A group of tasks; what its statement raises comes out as it is."""
        ...
