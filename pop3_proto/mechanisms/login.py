"""LOGIN: the server asks for a name, then for a password. No RFC describes it."""

from ..claims import Credentials
from .messages import FixedMessages
from .strings import from_octets, prepared_credentials, to_octets

__all__ = ["Login", "LoginServer"]


class Login(FixedMessages):
    """LOGIN for a client: text is sent as UTF-8, octets as they are."""

    __slots__ = ()

    name = "LOGIN"
    client_first = False
    shows_secret = True

    def __init__(self, name: str | bytes, password: str | bytes) -> None:
        """Raises LocalProtocolError for NUL, and where name or password is empty."""
        super().__init__(to_octets(name, "name"), to_octets(password, "password"))


class LoginServer:
    """LOGIN for a server: what it gets is prepared by SASLprep."""

    __slots__ = ("_asked", "_name")

    client_first = False
    shows_secret = True

    def __init__(self) -> None:
        self._asked = False
        self._name: str | None = None

    def step(self, response: bytes) -> bytes | Credentials:
        """The questions, then name and password; both are empty where they cannot be those of
        anybody.

        Raises ValueError for what is not in UTF-8, and for NUL.
        """
        if not self._asked:
            self._asked = True
            return b"Username:"
        if self._name is None:
            self._name = from_octets(response)
            return b"Password:"
        return prepared_credentials(self._name, from_octets(response))
