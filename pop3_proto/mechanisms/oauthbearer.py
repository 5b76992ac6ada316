"""OAUTHBEARER: a token of OAuth (RFC 7628)."""

import re
from typing import Final

from ..claims import AccessToken
from ..errors import LocalProtocolError
from .oauth import BEARER, END, TokenMechanism, check_token, parse_pairs, parse_token, subject
from .strings import authorization_from

__all__ = ["OAuthBearer", "OAuthBearerServer"]

REFUSAL: Final = b'{"status":"invalid_token"}'
HEADER: Final = re.compile(rb"[ny],(?:a=((?:[^,=]|=2C|=3D)+))?,\x01", re.DOTALL)


class OAuthBearer(TokenMechanism):
    """OAUTHBEARER for a client."""

    __slots__ = ()

    name = "OAUTHBEARER"
    acknowledgement = END

    def __init__(self, name: str | bytes, token: str, host: str = "", port: int = 0) -> None:
        """`host` and `port`: to which the connection goes, where the server is to know that.

        The name may be empty, where the token says enough. Raises LocalProtocolError for NUL and
        U+0001 in it, for what is no token, and for a host that is not in ASCII.
        """
        if not all("!" <= c <= "~" for c in host):
            raise LocalProtocolError("the host has characters beyond ASCII: give it in IDNA's form")
        whose = subject(name, empty=True).replace(b"=", b"=3D").replace(b",", b"=2C")
        message = [b"n,a=%b," % whose if whose else b"n,,"]
        if host:
            message.append(b"host=" + host.encode("ascii"))
        if port:
            message.append(b"port=%d" % port)
        message.append(BEARER + check_token(token))
        super().__init__(END.join(message) + END + END)


class OAuthBearerServer:
    """OAUTHBEARER for a server, which does not mind for which host and port a token is meant."""

    __slots__ = ()

    client_first = True
    shows_secret = True

    def step(self, response: bytes) -> AccessToken:
        """Token and name; the token is empty where the client only wants to hear what it needs.

        Raises ValueError for what is no message of OAUTHBEARER, and for channel binding.
        """
        header = HEADER.match(response)
        if header is None:
            raise ValueError("a message of OAUTHBEARER begins with `n,a=NAME,` (RFC 7628)")
        pairs = parse_pairs(response[header.end() :])
        if b"auth" not in pairs:
            raise ValueError("a message of OAUTHBEARER has the key `auth` (RFC 7628)")
        token = parse_token(pairs[b"auth"]) if pairs[b"auth"] else ""
        whose = (header[1] or b"").replace(b"=2C", b",").replace(b"=3D", b"=")
        return AccessToken(token, authorization_from(whose), REFUSAL)
