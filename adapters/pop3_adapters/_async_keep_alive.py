"""NOOPs of an asynchronous client, while its user does something else."""

from contextlib import AbstractAsyncContextManager

from pop3_proto import ClientConnection
from pop3_proto.flows.client import keep_alive

from ._async import AsyncDriver
from ._event_loop import EventLoop, Group

__all__ = ["KeepAlive"]


class KeepAlive:
    """A task that gives NOOP whenever nothing has been said for so many seconds."""

    def __init__(
        self, driver: AsyncDriver, conn: ClientConnection, seconds: float, loop: EventLoop
    ) -> None:
        self._driver = driver
        self._conn = conn
        self._seconds = seconds
        self._loop = loop
        self._ended = loop.new_event()
        self._group: AbstractAsyncContextManager[Group] = loop.group()

    async def begin(self) -> None:
        """From now on; once only."""
        tasks = await self._group.__aenter__()
        _ = tasks.start_soon(self._run)

    def follow(self, driver: AsyncDriver, conn: ClientConnection) -> None:
        """The client goes on with another connection."""
        self._driver, self._conn = driver, conn

    async def end(self, error: BaseException | None) -> None:
        """No more; `error` is what ends the client's statement."""
        _ = self._ended.set()
        _ = await self._group.__aexit__(type(error) if error else None, error, None)

    async def _run(self) -> None:
        loop = self._loop
        try:
            while not self._ended.is_set():
                driver = self._driver
                rest = driver.used + self._seconds - loop.time()
                if rest > 0:
                    await loop.wait(self._ended, rest)
                else:
                    await driver.run_between(keep_alive(self._conn), loop.new_event())
        except Exception:
            pass  # the next command says so
