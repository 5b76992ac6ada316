"""NOOPs of a blocking client, while its user does something else."""

import threading

from pop3_proto import ClientConnection
from pop3_proto.flows.client import keep_alive

from ._blocking import BlockingDriver

__all__ = ["KeepAlive"]


class KeepAlive:
    """A thread that gives NOOP whenever nothing has been said for so many seconds."""

    def __init__(self, driver: BlockingDriver, conn: ClientConnection, seconds: float) -> None:
        self._driver = driver
        self._conn = conn
        self._seconds = seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pop3-keepalive", daemon=True)

    def begin(self) -> None:
        """From now on; once only."""
        self._thread.start()

    def follow(self, driver: BlockingDriver, conn: ClientConnection) -> None:
        """The client goes on with another connection."""
        self._driver, self._conn = driver, conn

    def end(self) -> None:
        """No more."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                driver = self._driver
                rest = driver.used + self._seconds - driver.deadlines.now()
                if rest > 0:
                    _ = self._ended.wait(rest)
                else:
                    driver.run_between(keep_alive(self._conn))
        except Exception:
            pass  # the next command says so
