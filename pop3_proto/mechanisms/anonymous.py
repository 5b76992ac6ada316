"""ANONYMOUS: a guest, who leaves a trace (RFC 4505)."""

from ..claims import Guest
from ..errors import LocalProtocolError
from ..saslprep import prepare_trace
from .messages import FixedMessages
from .strings import from_octets, to_octets

__all__ = ["Anonymous", "AnonymousServer"]


class Anonymous(FixedMessages):
    """ANONYMOUS for a client."""

    __slots__ = ()

    name = "ANONYMOUS"
    client_first = True
    shows_secret = False

    def __init__(self, trace: str = "") -> None:
        """`trace`: a mail address, or up to 255 characters without `@`.

        Raises LocalProtocolError for control characters and what else no trace can contain.
        """
        octets = to_octets(trace, "trace", empty=True)
        try:
            _ = checked(trace)
        except ValueError as error:
            raise LocalProtocolError(f"this cannot be sent as a trace: {error}") from None
        super().__init__(octets)


class AnonymousServer:
    """ANONYMOUS for a server."""

    __slots__ = ()

    client_first = True
    shows_secret = False

    def step(self, response: bytes) -> Guest:
        """The trace, which may be empty. Raises ValueError for what is none."""
        return Guest(checked(from_octets(response)))


def checked(trace: str) -> str:
    """A trace as it is. Raises ValueError where it is none."""
    if "@" not in trace and len(trace) > 255:
        raise ValueError("what is no mail address may have 255 characters")
    return prepare_trace(trace)
