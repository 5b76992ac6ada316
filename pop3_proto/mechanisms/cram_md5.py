"""CRAM-MD5: the password proven by a digest, if not a very good one (RFC 2195)."""

import hashlib
import hmac
import re
from functools import partial
from typing import Final

from ..claims import Digest
from ..errors import RemoteProtocolError
from ..sasl import Response
from .strings import from_octets, to_octets

__all__ = ["CramMd5", "CramMd5Server"]

FORM: Final = re.compile(rb"(.+) ([0-9A-Fa-f]{32})", re.DOTALL)


def digest_of(challenge: bytes, password: bytes) -> bytes:
    """What proves that one knows the password, in hexadecimal, in lower case."""
    md5 = partial(hashlib.md5, usedforsecurity=False)
    return hmac.new(password, challenge, md5).hexdigest().encode("ascii")


class CramMd5:
    """CRAM-MD5 for a client: text is taken as UTF-8, octets as they are."""

    __slots__ = ("_answered", "_name", "_password")

    name = "CRAM-MD5"
    client_first = False
    shows_secret = False

    def __init__(self, name: str | bytes, password: str | bytes) -> None:
        """Raises LocalProtocolError for NUL, and where name or password is empty."""
        self._name = to_octets(name, "name")
        self._password = to_octets(password, "password")
        self._answered = False

    def respond(self, challenge: bytes) -> Response:
        """Name and digest. Raises RemoteProtocolError for a second challenge."""
        if self._answered:
            raise RemoteProtocolError("the server goes on asking after the digest of CRAM-MD5")
        self._answered = True
        return Response(self._name + b" " + digest_of(challenge, self._password), last=True)


class CramMd5Server:
    """CRAM-MD5 for a server."""

    __slots__ = ("_asked", "_challenge")

    client_first = False
    shows_secret = False

    def __init__(self, challenge: bytes) -> None:
        """`challenge`: in the form of a message-id, and never the same twice."""
        self._challenge = challenge
        self._asked = False

    def step(self, response: bytes) -> bytes | Digest:
        """The challenge, then a name and its digest.

        Raises ValueError for what is no message of CRAM-MD5.
        """
        if not self._asked:
            self._asked = True
            return self._challenge
        form = FORM.fullmatch(response)
        if form is None:
            raise ValueError("a message of CRAM-MD5 is a name, a blank and 32 hexadecimal digits")
        given = form[2].lower()

        def proves(password: str) -> bool:
            expected = digest_of(self._challenge, password.encode("utf-8", "surrogatepass"))
            return hmac.compare_digest(expected, given)

        return Digest(from_octets(form[1]), proves)
