"""Two descriptors as a stream: pipes, or what inetd and SSH leave a program."""

import os
import select
import time
from contextlib import suppress
from typing import Final

__all__ = ["PipeStream"]

READ: Final = 256 * 1024


class PipeStream:
    """One descriptor to receive from, and one to send to; they belong to the stream."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._closed = False

    def send(self, data: bytes, within: float | None) -> None:
        """Send all octets."""
        end = None if within is None else time.monotonic() + within
        view = memoryview(data)
        while view:
            _wait(self._outgoing, select.POLLOUT, end)
            # So much a pipe takes at once when it takes anything; more might block.
            view = view[os.write(self._outgoing, view[: select.PIPE_BUF]) :]

    def receive(self, within: float | None) -> bytes:
        """Some octets, or none at their end."""
        _wait(self._incoming, select.POLLIN, None if within is None else time.monotonic() + within)
        return os.read(self._incoming, READ)

    def close(self) -> None:
        """Close both descriptors."""
        if not self._closed:
            self._closed = True
            for descriptor in (self._incoming, self._outgoing):
                with suppress(OSError):
                    os.close(descriptor)


def _wait(descriptor: int, event: int, end: float | None) -> None:
    poll = select.poll()
    poll.register(descriptor, event)
    left = None if end is None else max(0.0, end - time.monotonic()) * 1000
    if not poll.poll(left):
        raise TimeoutError("nothing is there")
