"""Ending what other threads do."""

import contextlib
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

__all__ = ["Stop"]


class Stop:
    """Lets one thread end the sessions of others.

    A signal reaches the main thread only; what it would do there, KeyboardInterrupt, is done to
    the others from here.
    """

    def __init__(self) -> None:
        self._called = threading.Event()
        self._endings = set[Callable[[], None]]()
        self._left = threading.Condition()

    @property
    def called(self) -> bool:
        """Whether everything is to end."""
        return self._called.is_set()

    def check(self) -> None:
        """Raise KeyboardInterrupt where everything is to end."""
        if self.called:
            raise KeyboardInterrupt

    def pause(self, seconds: float) -> None:
        """Sleep, or raise KeyboardInterrupt as soon as everything is to end."""
        _ = self._called.wait(seconds)
        self.check()

    def holding(self, sock: socket.socket) -> AbstractContextManager[None]:
        """Whoever waits for this socket in here wakes up when everything is to end.

        Raises KeyboardInterrupt where it is already.
        """
        return self.calling(partial(sock.shutdown, socket.SHUT_RDWR))

    @contextmanager
    def calling(self, end: Callable[[], None]) -> Generator[None, None, None]:
        """The same, where `end` is what wakes it up."""
        with self._left:
            self._endings.add(end)
        try:
            self.check()
            yield
        finally:
            with self._left:
                self._endings.remove(end)
                self._left.notify_all()

    def call(self) -> None:
        """End all connections and the like, and wait until everybody has left `calling`.

        Whoever has not come so far has nothing to tidy up. Nobody can end its look-up of a name,
        either, so it is not waited for.
        """
        self._called.set()
        with self._left:
            for end in self._endings:
                with contextlib.suppress(OSError):  # it may be closed already
                    end()
            _ = self._left.wait_for(lambda: not self._endings)
