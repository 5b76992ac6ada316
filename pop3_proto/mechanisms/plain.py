"""PLAIN: name and password in one message (RFC 4616)."""

from ..claims import Credentials
from .messages import FixedMessages
from .strings import from_octets, prepared_credentials, to_octets

__all__ = ["Plain", "PlainServer"]


class Plain(FixedMessages):
    """PLAIN for a client: text is sent as UTF-8, octets as they are."""

    __slots__ = ()

    name = "PLAIN"
    client_first = True
    shows_secret = True

    def __init__(
        self, name: str | bytes, password: str | bytes, authorization: str | bytes = ""
    ) -> None:
        """`authorization`: whose maildrop is wanted, where that is somebody else's.

        Raises LocalProtocolError for NUL, and where name or password is empty.
        """
        whose = to_octets(authorization, "authorization identity", empty=True)
        who, secret = to_octets(name, "name"), to_octets(password, "password")
        super().__init__(b"\0".join((whose, who, secret)))


class PlainServer:
    """PLAIN for a server: what it gets is prepared by SASLprep."""

    __slots__ = ()

    client_first = True
    shows_secret = True

    def step(self, response: bytes) -> Credentials:
        """Name and password; both are empty where they cannot be those of anybody.

        Raises ValueError for what is no message of PLAIN.
        """
        parts = response.split(b"\0")
        if len(parts) != 3:
            raise ValueError("a message of PLAIN consists of three parts with NUL between them")
        authorization, name, password = map(from_octets, parts)
        return prepared_credentials(name, password, authorization)
