"""What a server keeps of a password for SCRAM: nobody can log in with it (RFC 5802, section 3)."""

import re
from dataclasses import dataclass, field
from typing import Final

from .base64 import decode_base64, encode_base64

__all__ = ["ScramVerifier"]

FORM: Final = re.compile(
    r"(SCRAM-[A-Z0-9-]{1,14})\$([1-9][0-9]{3,9}):([A-Za-z0-9+/=]+)\$"
    r"([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)"
)


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
        """Read the text; ValueError where it is none, which does not repeat it."""
        form = FORM.fullmatch(text)
        octets = [decode_base64(part.encode("ascii")) for part in form.groups()[2:]] if form else []
        if form is None or None in octets:
            raise ValueError(
                "a verifier of SCRAM has the form SCRAM-SHA-256$4096:salt$stored:server, with "
                "base64 behind the number"
            )
        salt, stored_key, server_key = filter(None, octets)
        return cls(form[1], int(form[2]), salt, stored_key, server_key)

    def __str__(self) -> str:
        salt, stored, server = (
            encode_base64(octets).decode("ascii")
            for octets in (self.salt, self.stored_key, self.server_key)
        )
        return f"{self.mechanism}${self.iterations}:{salt}${stored}:{server}"
