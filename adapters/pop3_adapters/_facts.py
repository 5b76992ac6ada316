"""What a client tells about its session without asking the server."""

import ssl

from pop3_proto import Capabilities, ClientConnection, Deletions, Greeting, Offer, State

from ._link import Link

__all__ = ["Facts"]


class Facts:
    """What is known of a session; each client is one."""

    def __init__(self, conn: ClientConnection, link: Link, greeting: Greeting) -> None:
        self.greeting: Greeting = greeting
        """What the server said first."""

        self._conn: ClientConnection = conn
        self._link: Link = link

    @property
    def state(self) -> State:
        """Where the session stands."""
        return self._conn.state

    @property
    def tls(self) -> bool:
        """Whether the session is inside TLS."""
        return self._conn.tls

    @property
    def tls_object(self) -> ssl.SSLObject | None:
        """Version, cipher and certificates of TLS, or None where the session is not inside it."""
        return self._link.tls.object if self._link.tls else None

    @property
    def capabilities(self) -> Capabilities | None:
        """What the server announced, or None where it has no CAPA."""
        return self._conn.capabilities

    @property
    def marked(self) -> frozenset[int]:
        """The message-numbers that the server has marked as deleted."""
        return self._conn.marked

    @property
    def deletions(self) -> Deletions:
        """What has become of the messages that were marked as deleted."""
        return self._conn.deletions

    def offer(self, capability: str) -> Offer:
        """Whether the server announced a capability, by its tag; it may not be known."""
        return self._conn.offer(capability)
