"""Where a token of OAuth comes from: a command that prints it."""

from pop3_proto import LocalProtocolError
from pop3_proto.mechanisms.oauth import check_token

from .first_line import first_line
from .statuses import CommandError
from .stop import Stop

__all__ = ["Tokens"]


class Tokens:
    """The token that a command prints now, and another one for when the server refuses that.

    Raises CommandError where the command prints none.
    """

    def __init__(self, command: str) -> None:
        self._command = command
        self._first = self._print(Stop())

    def token(self, refused: str | None, stop: Stop) -> str:
        """A token; another one where the server has refused one. `stop` ends the command."""
        return self._first if refused is None else self._print(stop)

    def _print(self, stop: Stop) -> str:
        printed = first_line(self._command, "token", stop).decode("latin-1").removesuffix("\r")
        try:
            _ = check_token(printed)
        except LocalProtocolError as error:
            raise CommandError(f"the command for the token printed none: {error}") from None
        return printed
