"""What trio and anyio have in common: scopes, groups, and their words for a lost connection."""

from collections.abc import AsyncGenerator, Generator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from typing import Protocol, TypeVar

from ._event_loop import Group

__all__ = ["expiring", "os_errors", "unwrapped"]

G = TypeVar("G", bound=Group)


class Expiry(Protocol):
    """A scope that may be cancelled when time is up."""

    @property
    def cancelled_caught(self) -> bool: ...


@contextmanager
def expiring(scope: AbstractContextManager[Expiry]) -> Generator[None]:
    """TimeoutError where what is done in here is not done in time."""
    with scope as entered:
        yield
    if entered.cancelled_caught:
        raise TimeoutError("time is up")


@contextmanager
def os_errors(*lost: type[Exception]) -> Generator[None]:
    """What the library says of a connection that is lost, as everybody else says it."""
    try:
        yield
    except lost as error:
        cause = error.__cause__
        reset = ConnectionResetError("the connection is lost")
        raise (cause if isinstance(cause, OSError) else reset) from None


@asynccontextmanager
async def unwrapped(
    group: AbstractAsyncContextManager[G], cancelled: type[BaseException]
) -> AsyncGenerator[G]:
    """A group whose statement raises what was raised in it, and no ExceptionGroup of that."""
    failure: BaseException | None = None
    try:
        async with group as tasks:
            try:
                yield tasks
            except BaseException as error:
                failure = error
    except BaseException as raised:
        # Where the group was cancelled from outside, its tasks have nothing to add.
        if failure is None or _others(raised, cancelled):
            raise _alone(raised) from None
    if failure:
        raise failure


def _others(error: BaseException, cancelled: type[BaseException]) -> bool:
    """Whether there is anything in it but cancellations."""
    inner: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    if inner:
        return any(_others(each, cancelled) for each in inner)
    return not isinstance(error, cancelled)


def _alone(error: BaseException) -> BaseException:
    """What is in a group by itself, as Ctrl-C is where it has hit a task."""
    inner: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    return _alone(inner[0]) if len(inner) == 1 else error
