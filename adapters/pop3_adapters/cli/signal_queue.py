"""What other threads and signals have to say to the main thread."""

import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from .signals import signals_call

__all__ = ["SignalQueue"]

T = TypeVar("T")


class SignalQueue(Generic[T]):
    """A queue that signals wake up whoever waits for, too.

    A signal may come to any thread and between any two steps: nothing else than an octet in a
    socket is sure to be noticed.
    """

    def __init__(self) -> None:
        self._queue = SimpleQueue[T]()
        self._ear, self._mouth = socket.socketpair()
        self._mouth.setblocking(False)

    @contextmanager
    def signals_put(self, item: T) -> Generator[None, None, None]:
        """SIGINT and SIGTERM put this in, until all is over here."""
        with self._ear, self._mouth, signals_call(lambda: self.put(item)):
            before = signal.set_wakeup_fd(self._mouth.fileno(), warn_on_full_buffer=False)
            try:
                yield
            finally:
                _ = signal.set_wakeup_fd(before)

    def put(self, item: T) -> None:
        """Any thread may do it at any time."""
        self._queue.put(item)
        with suppress(OSError):  # so many wait to be heard that one more says nothing new
            _ = self._mouth.send(b"\0")

    def get(self) -> T:
        """What was put in first, as soon as there is something."""
        while True:
            try:
                return self._queue.get_nowait()
            except Empty:
                _ = self._ear.recv(4096)
