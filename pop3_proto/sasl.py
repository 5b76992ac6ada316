"""What AUTH carries: base64, and the two sides of a mechanism (RFC 5034, RFC 4422)."""

import binascii
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

__all__ = [
    "ClientMechanism",
    "Credentials",
    "Response",
    "ServerMechanism",
    "decode_base64",
    "encode_base64",
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

    def respond(self, challenge: bytes) -> Response:
        """The answer to a challenge, which is empty where the client speaks first.

        What this raises cancels the exchange.
        """
        ...


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name and a password that a client has given, to be checked."""

    name: str
    password: str = field(repr=False)


class ServerMechanism(Protocol):
    """One authentication as a server sees it."""

    @property
    def client_first(self) -> bool:
        """Whether the client speaks first; only then may AUTH itself carry a response."""
        ...

    def step(self, response: bytes) -> bytes | Credentials:
        """The next challenge, or who wants to log in. The first response is empty where the server
        speaks first.

        Raises ValueError for a response that makes no sense.
        """
        ...


def encode_base64(data: bytes) -> bytes:
    """Base64 without line ends."""
    return binascii.b2a_base64(data, newline=False)


def decode_base64(text: bytes) -> bytes | None:
    """What base64 stands for, or None where a single octet of it is not as it has to be."""
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return None
    # Python 3.11 and 3.12 take padding behind what needs none.
    return data if len(text) == (len(data) + 2) // 3 * 4 else None


def encode_initial(data: bytes) -> bytes:
    """An initial response, in which nothing is `=` (RFC 5034, section 4)."""
    return encode_base64(data) or NOTHING


def decode_initial(text: bytes) -> bytes | None:
    """An initial response, or None where it is none."""
    return b"" if text == NOTHING else decode_base64(text)


def is_mechanism_name(octets: bytes) -> bool:
    """Whether these are 1 to 20 octets of A-Z, 0-9, `-` and `_` (RFC 4422, section 3.1)."""
    return 0 < len(octets) <= LONGEST_NAME and not octets.translate(None, NAME)
