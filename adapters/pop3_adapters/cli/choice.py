"""Which way a login takes, and why."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from pop3_proto import ClientConnection, LocalProtocolError
from pop3_proto.apop import is_timestamp
from pop3_proto.errors import NOT_OFFERED
from pop3_proto.flows.choosing import Way, check_secrecy, obstacles, offered_ways
from pop3_proto.flows.login import login_ways
from pop3_proto.flows.login_oauth import TOKEN_WAYS

from .._password_mechanisms import PASSWORD_MECHANISMS
from .explain import as_options
from .logins import APOP, HIDING, Login, Proof
from .refusals import other_ways

__all__ = ["Choice", "choose_way"]

STRONGEST: Final = "it is the strongest that the server offers, and that can be taken"
OLDEST: Final = "the server has not said what it takes, and most take this"
NO_WAY: Final = "there is none that the server offers and that can be taken"


@dataclass(frozen=True, slots=True)
class Choice:
    """A way to log in, or None where there is none."""

    way: str | None
    why: str
    obstacles: dict[str, str] = field(default_factory=dict[str, str])
    """What stands in the way of the stronger ones, or of the one that was asked for."""


def choose_way(
    conn: ClientConnection, login: Login, name: str = "", password: bytes | None = None
) -> Choice:
    """What a login would do now; without a password, what it would do with most of them."""
    if login.mechanism:
        return _asked_for(conn, login, login.mechanism)
    offered = offered_ways(conn)
    stronger: dict[str, str] = {}
    ways = _ways(conn, login, name, password)
    found = obstacles(conn, ways, allow_insecure_auth=login.allow_insecure_auth)
    for way in ways:
        obstacle = found[way.name] or (None if password is None else _refusal(way))
        if obstacle is None:
            return Choice(way.name, STRONGEST if offered else OLDEST, stronger)
        if offered or obstacle != NOT_OFFERED:
            stronger[way.name] = as_options(obstacle)
    others = other_ways(offered, login.proof)
    return Choice(None, f"{NO_WAY}; {others}" if others else NO_WAY, stronger)


def _asked_for(conn: ClientConnection, login: Login, mechanism: str) -> Choice:
    obstacle = next(_obstacles_to(conn, login, mechanism), None)
    if obstacle:
        why = f"{mechanism} was asked for, and cannot be taken"
        return Choice(None, why, {mechanism: as_options(obstacle)})
    offered = offered_ways(conn)
    if offered and mechanism not in (*offered, APOP):
        return Choice(mechanism, "it was asked for, although the server does not offer it")
    return Choice(mechanism, "it was asked for")


def _obstacles_to(conn: ClientConnection, login: Login, mechanism: str) -> Iterator[str]:
    yield from (
        f"it needs what is not installed here: {each.install}"
        for each in PASSWORD_MECHANISMS
        if each.name == mechanism and each.install
    )
    if mechanism == APOP and conn.timestamp is None:
        yield "the server does not offer it: its greeting has no timestamp"
    if mechanism == APOP and conn.timestamp is not None and not is_timestamp(conn.timestamp):
        yield "the timestamp of the greeting is malformed, somebody on the way may have chosen it"
    if mechanism not in HIDING:
        try:
            check_secrecy(conn, allow_insecure_auth=login.allow_insecure_auth)
        except LocalProtocolError as error:
            yield str(error)


def _ways(
    conn: ClientConnection, login: Login, name: str, password: bytes | None
) -> Sequence[Way[object]]:
    """The strongest first."""
    if login.proof is Proof.TOKEN:
        return TOKEN_WAYS
    return login_ways(
        conn,
        name,
        password or b"",
        mechanisms=PASSWORD_MECHANISMS,
        allow_utf8_login=login.allow_utf8_login,
    )


def _refusal(way: Way[object]) -> str | None:
    """Why this name and this password cannot be sent that way."""
    try:
        _ = way.make()
    except LocalProtocolError as error:
        return str(error)
    return None
