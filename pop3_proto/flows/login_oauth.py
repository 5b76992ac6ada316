"""How a client logs in with a token of OAuth, and with another one where the first is refused."""

from collections.abc import Callable
from typing import Final, TypeAlias, cast

from ..client import ClientConnection
from ..errors import AuthenticationFailed, LocalProtocolError, ProtocolError, UnexpectedEof
from ..maildrop import MaybeAwaitable
from ..mechanisms import OAuthBearer, XOAuth2
from ..mechanisms.oauth import TokenMechanism
from ..states import State
from .choosing import Way, check_secrecy, choose
from .client import settle
from .core import Flow, invoke
from .login import authenticate

__all__ = ["TOKEN_WAYS", "TokenLogin", "TokenProvider"]

TokenProvider: TypeAlias = Callable[[str | None], MaybeAwaitable[str]]
"""Gives a token. It gets the one that the server has refused, or None."""

MakeMechanism: TypeAlias = Callable[[str | bytes, str, str, int], TokenMechanism]
"""Makes a mechanism of a name, a token, and the server's host and port."""


def _bearer(name: str | bytes, token: str, host: str, port: int) -> TokenMechanism:
    return OAuthBearer(name, token, host, port)


def _xoauth2(name: str | bytes, token: str, host: str, port: int) -> TokenMechanism:
    return XOAuth2(name, token)


# Servers that do not say what they take are older than the standard.
TOKEN_WAYS: Final[tuple[Way[MakeMechanism], ...]] = (
    Way("OAUTHBEARER", lambda: _bearer, shows_secret=True),
    Way("XOAUTH2", lambda: _xoauth2, shows_secret=True),
)
"""The mechanisms that take a token, the better one first."""


class TokenLogin:
    """A login with a token of OAuth, or with what gives one.

    A provider is asked once more where the server refuses its token; one that it gives again is not
    tried again. `host` and `port` are where the client is connected to (RFC 7628, section 3.1).
    """

    def __init__(
        self,
        name: str | bytes,
        token: str | TokenProvider,
        *,
        mechanism: str | None = None,
        host: str = "",
        port: int = 0,
        initial_response: bool = False,
        allow_insecure_auth: bool = False,
    ) -> None:
        if not isinstance(token, str) and not callable(token):
            raise TypeError("a token is text, or a function that gives one")
        self._name = name
        self._provider = None if isinstance(token, str) else token
        self._token = token if isinstance(token, str) else None
        self._named = mechanism.upper() if mechanism else None
        self._where = host, port
        self._initial_response = initial_response
        self._allow_insecure_auth = allow_insecure_auth
        self.failure: AuthenticationFailed | UnexpectedEof | None = None
        """Why the first token was no good, where another one has been asked for."""

    def run(self, conn: ClientConnection) -> Flow[str | None]:
        """Log in, and give the mechanism that it took; or None: the server has gone, and `run` has
        to try the other token on a new connection.

        Raises LoginImpossible before anything is asked or sent where the server has no mechanism
        for tokens, AuthenticationFailed where it refuses, TokenRefused where it says why.
        """
        way, make = self._choose(conn)
        if self._token is None:
            self._token = yield from self._ask(None)
        mechanism = make(self._name, self._token, *self._where)
        try:
            yield from authenticate(
                conn,
                mechanism,
                initial_response=self._initial_response,
                allow_insecure_auth=self._allow_insecure_auth,
            )
        except (AuthenticationFailed, UnexpectedEof) as error:
            told = isinstance(error, AuthenticationFailed) or mechanism.refusal
            if not told or not (yield from self._has_another()):
                raise
            self.failure = error
        else:
            return way
        if (yield from _is_open(conn)):
            return (yield from self.run(conn))
        return None

    def _choose(self, conn: ClientConnection) -> tuple[str, MakeMechanism]:
        if self._named is None:
            way, make, _ = choose(conn, TOKEN_WAYS, allow_insecure_auth=self._allow_insecure_auth)
            return way, make
        check_secrecy(conn, allow_insecure_auth=self._allow_insecure_auth)
        for each in TOKEN_WAYS:
            if each.name == self._named:
                return each.name, each.make()
        raise LocalProtocolError(
            f"{self._named} takes no token of OAuth: name OAUTHBEARER or XOAUTH2, or nothing"
        )

    def _has_another(self) -> Flow[bool]:
        """Ask for another token, once; whether there is one."""
        refused = self._token
        if self._provider is None or self.failure:
            return False
        self._token = yield from self._ask(refused)
        return self._token != refused

    def _ask(self, refused: str | None) -> Flow[str]:
        provider = self._provider
        assert provider
        token = yield from invoke(lambda: provider(refused))
        if not isinstance(cast("object", token), str):  # not everybody checks types
            raise TypeError(f"what gives tokens has to give text, and gave {type(token).__name__}")
        return token


def _is_open(conn: ClientConnection) -> Flow[bool]:
    """Whether the server has not closed the connection, as far as that can be seen from here."""
    try:
        yield from settle(conn)
    except (ProtocolError, OSError):
        return False
    return conn.state is State.AUTHORIZATION
