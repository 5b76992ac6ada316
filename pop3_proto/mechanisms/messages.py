"""A client whose messages do not depend on what the server says."""

from ..errors import RemoteProtocolError
from ..sasl import Response

__all__ = ["FixedMessages"]


class FixedMessages:
    """Says one message after another; what they mean is between the two."""

    __slots__ = ("_left",)

    def __init__(self, *messages: bytes) -> None:
        self._left = list(messages)

    def respond(self, challenge: bytes) -> Response:
        """The next message. Raises RemoteProtocolError where there is none left."""
        if not self._left:
            raise RemoteProtocolError("the server goes on asking after everything has been said")
        return Response(self._left.pop(0), last=not self._left)
