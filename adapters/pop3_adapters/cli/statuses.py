"""How the command ends: its exit statuses, and the errors that lead to them."""

from enum import IntEnum
from typing import Self

__all__ = ["CommandError", "Status"]


class Status(IntEnum):
    """An exit status, and what it means."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        status = int.__new__(cls, value)
        status._value_ = value
        status.meaning = meaning
        return status

    DONE = 0, "all went well"
    FAILED = 1, "some messages were not fetched, or not deleted as asked"
    USAGE = 2, "wrong usage"
    BROKEN = 3, "the session failed or ended early: connection, TLS, server or disk"
    REFUSED = 4, "the server refused the login: the user's name, the password or the like"
    INTERRUPTED = 130, "interrupted"


class CommandError(Exception):
    """Ends the command: a sentence with the remedy, and the exit status."""

    def __init__(self, sentence: str, status: Status = Status.USAGE) -> None:
        super().__init__(sentence)
        self.status = status
