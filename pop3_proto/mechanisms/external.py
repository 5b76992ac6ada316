"""EXTERNAL: who somebody is, is known from his certificate of TLS (RFC 4422, appendix A)."""

from ..claims import Certified
from .messages import FixedMessages
from .strings import authorization_from, to_octets

__all__ = ["External", "ExternalServer"]


class External(FixedMessages):
    """EXTERNAL for a client."""

    __slots__ = ()

    name = "EXTERNAL"
    client_first = True
    shows_secret = False

    def __init__(self, authorization: str | bytes = "") -> None:
        """`authorization`: whose maildrop is wanted, where the certificate does not say it.

        Raises LocalProtocolError for NUL.
        """
        super().__init__(to_octets(authorization, "authorization identity", empty=True))


class ExternalServer:
    """EXTERNAL for a server."""

    __slots__ = ()

    client_first = True
    shows_secret = False

    def step(self, response: bytes) -> Certified:
        """Whose maildrop is wanted. Raises ValueError for what is no message of EXTERNAL."""
        return Certified(authorization_from(response))
