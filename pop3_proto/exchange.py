"""An AUTH that is under way, as the client sees it (RFC 5034, section 4)."""

from typing import Final

from .base64 import decode_base64, encode_base64
from .commands import HIDDEN, Auth
from .errors import LocalProtocolError
from .events import Challenge
from .responses import parse_status

__all__ = ["Exchange"]

CANCEL: Final = b"*"
"""What cancels AUTH, and is no base64."""


class Exchange:
    """Whose turn it is, and what has been said; nothing of it goes beyond the `Auth`."""

    __slots__ = ("cancelled", "challenges", "due", "last")

    def __init__(self, command: Auth[object]) -> None:
        self.last = command.last and command.initial is not None
        """Whether the mechanism has said all that it has to say, so that `+OK` is success."""

        self.due = False
        """Whether a challenge waits for its response."""

        self.cancelled = False
        self.challenges = 0

    def challenge(self, line: bytes) -> Challenge | None:
        """What a line means to the mechanism, or None where it ends the exchange or is wrong."""
        if self.cancelled or not line.startswith(b"+"):
            return None
        status = parse_status(line)
        if status is None:
            return Challenge(decode_base64(line[1:].removeprefix(b" ")))
        if self.last:
            return None
        return Challenge(decode_base64(status.octets) or b"", irregular=True)

    def received(self) -> None:
        """A challenge was delivered."""
        self.due = True
        self.challenges += 1

    def respond(self, data: bytes, last: bool, most: int) -> bytes:
        """The line of a response, which has at most `most` octets."""
        line = encode_base64(data) + b"\r\n"
        if len(line) > most:
            raise LocalProtocolError(
                f"the response would be {len(line)} octets long: Limits.sasl allows {most}"
            )
        self.due, self.last = False, last
        return line

    def cancel(self) -> bytes:
        """The line that cancels."""
        self.due, self.last, self.cancelled = False, False, True
        return CANCEL + b"\r\n"


def hide_challenge(line: bytes) -> bytes:
    """A line of a server inside AUTH as it is traced: that it is a challenge, and no more."""
    indicator = line[:3] if parse_status(line) else line[:1]
    text = line[len(indicator) :].strip()
    legible = decode_base64(text) is not None
    hidden = encode_base64(HIDDEN) if legible else HIDDEN
    return indicator + b" " + (hidden if text else b"")
