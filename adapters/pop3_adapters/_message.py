"""A message while it arrives, as every adapter has it."""

import io
from typing import Generic, TypeVar

from pop3_proto import ClientConnection, CommandFailed, Retr, Top

from ._turns import Turns

__all__ = ["Arriving"]

D = TypeVar("D")


class Arriving(Generic[D]):
    """Whose turn it is to be read, and what of it has been; `D` is the run loop."""

    def __init__(
        self,
        driver: D,
        conn: ClientConnection,
        turns: Turns,
        command: Retr | Top,
        deadline: float | None,
        refusal: CommandFailed | None = None,
    ) -> None:
        self.number = command.number
        """The message-number."""

        self.refusal = refusal
        """Why the server did not give the message, in a fetch; reading it raises this."""

        self.complete = False
        """Whether all of it has been read."""

        self._whole = isinstance(command, Retr)
        self._driver = driver
        self._conn = conn
        self._turns = turns
        self._turn = turns.current
        self._deadline = deadline
        self._unread = io.BytesIO()  # what a read that was interrupted had come to

    def _check(self) -> None:
        if self.refusal:
            raise self.refusal
        self._turns.check(self._turn, self.number)

    def _take_unread(self) -> bytes:
        if not self._unread.tell():
            return b""
        unread, self._unread = self._unread, io.BytesIO()
        return unread.getvalue()
