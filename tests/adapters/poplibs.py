"""Python's own poplib and ours, over a connection whose other end does what it is told."""

import poplib as standard
import socket
from types import ModuleType
from typing import Any, Self

from pop3_adapters import poplib as ours

from .wire import BOUND

__all__ = ["Answering", "Client", "client_of", "ours", "standard"]

Client = Any
"""A `POP3` of one of both modules: what these tests compare has no common type."""


class Answering(socket.socket):
    """A client's end of a connection, where each line that is sent gets the next answer at once.

    The connection ends behind the last answer, unless it `stays`.
    """

    answers: list[bytes]
    sent: list[bytes]
    stays: bool
    _far: socket.socket

    @classmethod
    def with_answers(cls, greeting: bytes, *answers: bytes, stays: bool = False) -> Self:
        near, far = socket.socketpair()
        answering = cls(near.family, near.type, near.proto, fileno=near.detach())
        answering.settimeout(BOUND)
        far.settimeout(BOUND)
        answering.answers, answering.sent = [greeting, *answers], []
        answering._far, answering.stays = far, stays
        answering.answer()
        return answering

    def sendall(self, data: Any, flags: int = 0) -> None:
        super().sendall(data, flags)
        self.sent.append(self._far.recv(len(data)))
        self.answer()

    def answer(self) -> None:
        """Send the next answer, asked or not."""
        self._far.sendall(self.answers.pop(0))
        if not self.answers and not self.stays:
            self._far.close()

    def close(self) -> None:
        self._far.close()
        super().close()


def client_of(module: ModuleType, sock: socket.socket, host: str = "pop.example.org") -> Client:
    """A client that has read the greeting from this connection."""

    class Connected(module.POP3):  # type: ignore[name-defined,misc]  # one of two modules
        def _create_socket(self, timeout: float | None) -> socket.socket:
            return sock

    return Connected(host)
