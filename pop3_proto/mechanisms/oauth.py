"""What the mechanisms for tokens of OAuth share, and what a server says of a token it refuses."""

import json
import re
from dataclasses import dataclass, field
from typing import Final, cast

from ..commands import redact, secrets_in
from ..errors import LocalProtocolError, RemoteProtocolError
from ..responses import printable
from ..sasl import Response
from .strings import to_octets

__all__ = [
    "BEARER",
    "TokenMechanism",
    "TokenRefusal",
    "check_token",
    "parse_pairs",
    "parse_token",
    "subject",
]

END: Final = b"\1"
BEARER: Final = b"auth=Bearer "
LONGEST_TOKEN: Final = 65_536

PAIRS: Final = re.compile(rb"(?:[A-Za-z]+=[^\x00\x01]*\x01)+\x01")


@dataclass(frozen=True, slots=True)
class TokenRefusal:
    """Why a server refuses a token, in its own words, without control characters (RFC 7628,
    section 3.2.2).

    What it does not say is None, and everything is where `raw` is no JSON.
    """

    raw: bytes = field(repr=False)
    """All that it says."""

    status: str | None = None
    """`invalid_token`, or the number of a status of HTTP."""

    schemes: str | None = None
    """The kinds of token that it takes: `bearer`."""

    scope: str | None = None
    """What a token has to be good for."""

    openid_configuration: str | None = None
    """The URL of a document that tells where tokens come from."""

    def __str__(self) -> str:
        said = {
            "status": self.status,
            "scope": self.scope,
            "configuration": self.openid_configuration,
        }
        words = [f"{name} {value}" for name, value in said.items() if value is not None]
        return ", ".join(words) or "nothing that can be read"

    @classmethod
    def parse(cls, raw: bytes) -> "TokenRefusal":
        """Read it; nothing in it is an error."""
        said = _members(raw)
        keys = ("status", "schemes", "scope", "openid-configuration")
        return cls(raw, *(_words(said.get(key)) for key in keys))


def _members(raw: bytes) -> dict[str, object]:
    try:
        said: object = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, object]", said) if isinstance(said, dict) else {}


def _words(value: object) -> str | None:
    if not isinstance(value, (str, int, float)):
        return None
    return printable(str(value).encode("utf-8", "backslashreplace"))


class TokenMechanism:
    """A client that shows a token, and hears why it is refused."""

    __slots__ = ("_message", "_secrets", "refusal")

    name: str
    acknowledgement: bytes
    """The answer to the refusal, before the server says `-ERR`."""

    client_first = True
    shows_secret = True

    refusal: TokenRefusal | None
    """Why the server refuses the token, once it has said so."""

    def __init__(self, message: bytes) -> None:
        self._message: bytes | None = message
        self._secrets = secrets_in(message)
        self.refusal = None

    def respond(self, challenge: bytes) -> Response:
        """The token; then the answer to its refusal.

        Raises RemoteProtocolError for a challenge after that.
        """
        if self._message is not None:
            message, self._message = self._message, None
            return Response(message, last=True)
        if self.refusal is not None:
            raise RemoteProtocolError("the server goes on asking after it has refused the token")
        # A server may say which token it means.
        self.refusal = TokenRefusal.parse(redact(challenge, self._secrets))
        return Response(self.acknowledgement, last=False)


def subject(name: str | bytes, *, empty: bool = False) -> bytes:
    """A name as octets, in which a mechanism's own separator cannot stand."""
    octets = to_octets(name, "name", empty=empty)
    if END in octets:
        raise LocalProtocolError("the name contains U+0001, which no server takes: leave it out")
    return octets


def check_token(token: str) -> bytes:
    """A token as octets. Raises LocalProtocolError, which does not repeat it, where it is none."""
    if not token or len(token) > LONGEST_TOKEN or not all("!" <= c <= "~" for c in token):
        raise LocalProtocolError(
            f"a token consists of 1 to {LONGEST_TOKEN} printable characters of ASCII without "
            "blanks: give it as it came, without a line end or quotation marks"
        )
    return token.encode("ascii")


def parse_pairs(octets: bytes) -> dict[bytes, bytes]:
    """Read keys and values: each pair is ended by U+0001, and all of them by one more.

    Raises ValueError, which does not repeat them, where it is not so.
    """
    if not PAIRS.fullmatch(octets):
        raise ValueError("the response does not consist of keys and values")
    pairs = (pair.partition(b"=") for pair in octets.rstrip(END).split(END))
    return {key: value for key, _, value in pairs}


def parse_token(value: bytes) -> str:
    """Read `Bearer` and a token. Raises ValueError, which does not repeat it."""
    scheme, _, token = value.partition(b" ")
    if scheme.lower() != b"bearer" or not token or not all(0x20 < octet < 0x7F for octet in token):
        raise ValueError("the response contains no token of the kind Bearer")
    return token.decode("ascii")
