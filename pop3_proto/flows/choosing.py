"""Which way to log in is the strongest that the server offers, and that can be taken here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from ..client import ClientConnection
from ..errors import NOT_OFFERED, LocalProtocolError, LoginImpossible
from ..sasl import is_mechanism_name

__all__ = ["USER", "Way", "check_secrecy", "choose", "obstacles", "offered_ways"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

USER: Final = "USER"
"""USER and PASS, as a way to log in."""


@dataclass(frozen=True, slots=True)
class Way(Generic[T_co]):
    """A way to log in: a mechanism of AUTH, or USER and PASS."""

    name: str
    make: Callable[[], T_co]
    """What is said on it. Raises LocalProtocolError where that cannot be said."""

    shows_secret: bool = False
    """Whether who listens learns what he can log in with."""

    install: str | None = None
    """The command that installs what it needs, where that is missing."""


def offered_ways(conn: ClientConnection) -> tuple[str, ...]:
    """The mechanisms that the server has announced, and USER where it has; nothing where that is
    not known, or cannot be read."""
    known = conn.capabilities
    if known is None:
        return ()
    names = [name for name in known.sasl or () if is_mechanism_name(name.encode("ascii"))]
    return (*names, *([USER] if USER in known else []))


def obstacles(
    conn: ClientConnection, ways: Sequence[Way[object]], *, allow_insecure_auth: bool = False
) -> dict[str, str | None]:
    """For each way, why it cannot be taken now; None: it can.

    The last one is for servers that have not said what they take.
    """
    offered = offered_ways(conn) or (ways[-1].name,)
    plaintext = _insecurity(conn, allow_insecure_auth)
    found: dict[str, str | None] = {}
    for way in ways:
        if way.name not in offered:
            found[way.name] = NOT_OFFERED
        elif way.install:
            found[way.name] = f"it needs what is not installed here: {way.install}"
        else:
            found[way.name] = plaintext if way.shows_secret else None
    return found


def choose(
    conn: ClientConnection, ways: Sequence[Way[T]], *, allow_insecure_auth: bool = False
) -> tuple[str, T, tuple[str, ...]]:
    """The first way that can be taken: its name, what is said on it, and the names of those behind
    it that could be taken too.

    Raises LoginImpossible where there is none.
    """
    found = obstacles(conn, ways, allow_insecure_auth=allow_insecure_auth)
    for way in ways:
        if found[way.name] is None:
            try:
                made = way.make()
            except LocalProtocolError as error:
                found[way.name] = str(error)
            else:
                free = [name for name, obstacle in found.items() if obstacle is None]
                return way.name, made, tuple(free[1:])
    reasons = {name: words for name, words in found.items() if words}
    raise LoginImpossible(offered_ways(conn), reasons)


def check_secrecy(conn: ClientConnection, *, allow_insecure_auth: bool) -> None:
    """Raise LocalProtocolError where a secret must not go out as it is."""
    if obstacle := _insecurity(conn, allow_insecure_auth):
        raise LocalProtocolError(obstacle)


def _insecurity(conn: ClientConnection, allow_insecure_auth: bool) -> str | None:
    if conn.tls or allow_insecure_auth:
        return None
    return (
        "this would send a password or token in plaintext: use TLS, or pass "
        "allow_insecure_auth=True where nobody else can listen"
    )
