"""Who says what in a trace, which itself only tells what was sent from what was received."""

from pop3_proto import Traced

__all__ = ["Speakers"]


class Speakers:
    """Tells the server from the client: the first octets are always the server's greeting."""

    def __init__(self) -> None:
        self._server: Traced | None = None

    def is_server(self, what: Traced) -> bool:
        """Whether octets that were sent, or received, are the server's."""
        self._server = self._server or what
        return what is self._server
