"""The two sides of a mechanism of AUTH, and what its lines begin with (RFC 5034, RFC 4422)."""

from typing import Final, NamedTuple, Protocol

from .base64 import decode_base64, encode_base64
from .claims import Claim

__all__ = [
    "ClientMechanism",
    "Response",
    "ServerMechanism",
    "is_mechanism_name",
]

LONGEST_NAME: Final = 20
NAME: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

NOTHING: Final = b"="
"""An initial response that is there, and empty (RFC 5034, section 4)."""


class Response(NamedTuple):
    """What a client's mechanism says.

    `last`: it needs nothing more from the server, so that `+OK` means success from now on.
    """

    data: bytes
    last: bool

    def __repr__(self) -> str:
        return f"Response(last={self.last})"


class ClientMechanism(Protocol):
    """One authentication by a client."""

    @property
    def name(self) -> str:
        """The name as it is registered: `PLAIN`."""
        ...

    @property
    def client_first(self) -> bool:
        """Whether the client speaks first; it may do so within AUTH itself."""
        ...

    @property
    def shows_secret(self) -> bool:
        """Whether who listens learns what he can log in with, so that this needs TLS."""
        ...

    def respond(self, challenge: bytes) -> Response:
        """The answer to a challenge, which is empty where the client speaks first.

        What this raises cancels the exchange. On an event loop it is called in a thread.
        """
        ...


class ServerMechanism(Protocol):
    """One authentication as a server sees it."""

    @property
    def client_first(self) -> bool:
        """Whether the client speaks first; only then may AUTH itself carry a response."""
        ...

    @property
    def shows_secret(self) -> bool:
        """Whether who listens learns what he can log in with, so that this needs TLS."""
        ...

    def step(self, response: bytes) -> bytes | Claim:
        """The next challenge, or who wants to log in. The first response is empty where the server
        speaks first.

        Raises ValueError for a response that makes no sense.
        """
        ...


def encode_initial(data: bytes) -> bytes:
    """An initial response, in which nothing is `=` (RFC 5034, section 4)."""
    return encode_base64(data) or NOTHING


def decode_initial(text: bytes) -> bytes | None:
    """An initial response, or None where it is none."""
    return b"" if text == NOTHING else decode_base64(text)


def is_mechanism_name(octets: bytes) -> bool:
    """Whether these are 1 to 20 octets of A-Z, 0-9, `-` and `_` (RFC 4422, section 3.1)."""
    return 0 < len(octets) <= LONGEST_NAME and not octets.translate(None, NAME)
