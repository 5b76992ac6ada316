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
async def unwrapped(group: AbstractAsyncContextManager[G]) -> AsyncGenerator[G]:
    """A group whose statement raises what was raised in it, and no ExceptionGroup of that."""
    failure: BaseException | None = None
    async with group as tasks:
        try:
            yield tasks
        except BaseException as error:
            failure = error
    if failure:
        raise failure
