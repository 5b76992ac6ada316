"""What a server keeps of a password for SCRAM: nobody can log in with it (RFC 5802, section 3)."""

import re
from dataclasses import dataclass, field
from typing import Final

from .base64 import decode_base64, encode_base64

__all__ = ["FEWEST", "ScramVerifier", "check_usable"]

FORM: Final = re.compile(
    r"(SCRAM-[A-Z0-9-]{1,14})\$([1-9][0-9]{3,9}):([A-Za-z0-9+/=]+)\$"
    r"([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)"
)


FEWEST: Final = 4096
"""Iterations that there are at least (RFC 7677, section 4)."""

MOST: Final = 10_000_000
"""Iterations, which take seconds."""

SHORTEST_SALT: Final = 12
"""Octets."""


@dataclass(frozen=True, slots=True)
class ScramVerifier:
    """The verifier of one password for one mechanism, `SCRAM-SHA-256` or the like.

    As text it is `SCRAM-SHA-256$4096:salt$stored key:server key`, with base64 in it, as others
    write it too (RFC 5803).
    """

    mechanism: str
    iterations: int
    salt: bytes
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "ScramVerifier":
        """Read the text.

        Raises ValueError, which does not repeat it, where it is none, and as `check_usable`.
        """
        form = FORM.fullmatch(text)
        octets = [decode_base64(part.encode("ascii")) for part in form.groups()[2:]] if form else []
        if form is None or None in octets:
            raise ValueError(
                "a verifier of SCRAM has the form SCRAM-SHA-256$4096:salt$stored:server, with "
                "base64 behind the number"
            )
        salt, stored_key, server_key = filter(None, octets)
        iterations = int(form[2])
        check_usable(iterations, salt)
        return cls(form[1], iterations, salt, stored_key, server_key)

    def __str__(self) -> str:
        salt, stored, server = (
            encode_base64(octets).decode("ascii")
            for octets in (self.salt, self.stored_key, self.server_key)
        )
        return f"{self.mechanism}${self.iterations}:{salt}${stored}:{server}"


def check_usable(iterations: int, salt: bytes) -> None:
    """Whether a verifier of this can be used for a login.

    Raises ValueError for fewer than 4,096 or more than 10,000,000 iterations, and for a salt of
    less than 12 octets.
    """
    if not FEWEST <= iterations <= MOST or len(salt) < SHORTEST_SALT:
        raise ValueError(
            f"a verifier of SCRAM has {FEWEST} to {MOST} iterations, and a salt of at least "
            f"{SHORTEST_SALT} octets: make another one of the password"
        )
