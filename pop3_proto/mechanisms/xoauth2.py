"""XOAUTH2: a token of OAuth as some providers take it, and documented by Google."""

from typing import Final

from ..claims import AccessToken
from .oauth import BEARER, END, TokenMechanism, check_token, parse_pairs, parse_token, subject
from .strings import authorization_from

__all__ = ["XOAuth2", "XOAuth2Server"]

REFUSAL: Final = b'{"status":"401","schemes":"bearer"}'


class XOAuth2(TokenMechanism):
    """XOAUTH2 for a client."""

    __slots__ = ()

    name = "XOAUTH2"
    acknowledgement = b""

    def __init__(self, name: str | bytes, token: str) -> None:
        """Raises LocalProtocolError for a name that is empty or contains NUL or U+0001, and for
        what is no token."""
        message = (b"user=" + subject(name), BEARER + check_token(token))
        super().__init__(END.join(message) + END + END)


class XOAuth2Server:
    """XOAUTH2 for a server."""

    __slots__ = ()

    client_first = True
    shows_secret = True

    def step(self, response: bytes) -> AccessToken:
        """Token and name. Raises ValueError for what is no message of XOAUTH2."""
        pairs = parse_pairs(response)
        if pairs.keys() != {b"user", b"auth"}:
            raise ValueError("a message of XOAUTH2 has the keys `user` and `auth`")
        return AccessToken(parse_token(pairs[b"auth"]), authorization_from(pairs[b"user"]), REFUSAL)
