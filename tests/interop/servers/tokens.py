"""Access tokens for OAuth as a server checks them by itself: signed, in JSON (RFC 7519)."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping

ISSUER = "https://issuer.example"
SCOPE = "mail"
# What a server tells a client whose token it refuses (RFC 8414, section 3).
OPENID_CONFIGURATION = f"{ISSUER}/.well-known/openid-configuration"

# In seconds since 1970: the year 2100, and a second that is long over.
FAR, OVER = 4_102_444_800, 1_700_000_000


def signed_token(key: bytes, name: str, *, expires: int = FAR, scope: str = SCOPE) -> str:
    """A token of the user `name`, which expires at a second since 1970."""
    claims = {"sub": name, "iss": ISSUER, "scope": scope, "iat": OVER - 1, "exp": expires}
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    signature = hmac.digest(key, signed.encode(), hashlib.sha256)
    return f"{signed}.{_base64url(signature)}"


def _part(members: Mapping[str, object]) -> str:
    return _base64url(json.dumps(members).encode())


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
