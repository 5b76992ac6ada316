"""The states of a session, and the one table of how it moves between them (RFC 1939, section 3)."""

from collections.abc import Collection, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

__all__ = ["TRANSITIONS", "Outcome", "Session", "State"]


class State(Enum):
    """Where a session stands; both roles use the same states."""

    GREETING = "GREETING"
    AUTHORIZATION = "AUTHORIZATION"
    AUTHENTICATING = "AUTHENTICATING"
    TLS_HANDSHAKE = "TLS_HANDSHAKE"
    TRANSACTION = "TRANSACTION"
    UPDATE = "UPDATE"
    CLOSED = "CLOSED"
    BROKEN = "BROKEN"


class Outcome(Enum):
    """What has happened to a command, or to the greeting or TLS."""

    SENT = "sent"
    CHALLENGE = "+"
    OK = "+OK"
    ERR = "-ERR"


GREETING: Final = "greeting"
TLS: Final = "handshake"

TRANSITIONS: Final[Mapping[tuple[State, str, Outcome], State]] = MappingProxyType(
    {
        (State.GREETING, TLS, Outcome.OK): State.GREETING,
        (State.GREETING, GREETING, Outcome.OK): State.AUTHORIZATION,
        (State.GREETING, GREETING, Outcome.ERR): State.CLOSED,
        (State.AUTHORIZATION, "STLS", Outcome.OK): State.TLS_HANDSHAKE,
        (State.TLS_HANDSHAKE, TLS, Outcome.OK): State.AUTHORIZATION,
        (State.AUTHORIZATION, "PASS", Outcome.OK): State.TRANSACTION,
        (State.AUTHORIZATION, "RPOP", Outcome.OK): State.TRANSACTION,
        (State.AUTHORIZATION, "APOP", Outcome.OK): State.TRANSACTION,
        (State.AUTHORIZATION, "AUTH", Outcome.CHALLENGE): State.AUTHENTICATING,
        (State.AUTHORIZATION, "AUTH", Outcome.OK): State.TRANSACTION,
        (State.AUTHENTICATING, "AUTH", Outcome.OK): State.TRANSACTION,
        (State.AUTHENTICATING, "AUTH", Outcome.ERR): State.AUTHORIZATION,
        (State.AUTHORIZATION, "QUIT", Outcome.OK): State.CLOSED,
        (State.AUTHORIZATION, "QUIT", Outcome.ERR): State.CLOSED,
        (State.TRANSACTION, "QUIT", Outcome.SENT): State.UPDATE,
        (State.UPDATE, "QUIT", Outcome.OK): State.CLOSED,
        (State.UPDATE, "QUIT", Outcome.ERR): State.CLOSED,
    }
)
"""What is not in it stays where it is, and so does what is answered with a listing. A peer that
breaks the protocol leads to BROKEN and the end of the input to CLOSED, from everywhere."""

REMEDIES: Final = {
    State.GREETING: "wait for the greeting first",
    State.AUTHORIZATION: "log in with USER and PASS, APOP or AUTH first",
    State.AUTHENTICATING: "respond to the challenge or cancel first",
    State.TLS_HANDSHAKE: "shake hands and call tls_started() first",
    State.TRANSACTION: "it belongs before the login",
    State.UPDATE: "QUIT has been sent, open a new connection",
    State.CLOSED: "open a new connection",
    State.BROKEN: "open a new connection",
}


NAMED: Final = frozenset({"PASS", "RPOP"})
"""The commands that complete what USER began."""

MOVING: Final = frozenset({verb for _, verb, _ in TRANSITIONS} | {"USER", "UTF8"})
"""What changes a session at all; to look the others up in the table takes 0.4 µs a message."""


class Session:
    """The state, and the few guards that are no states: TLS active, UTF8 active, USER seen."""

    __slots__ = ("state", "tls", "user_seen", "utf8")

    def __init__(self) -> None:
        self.state = State.GREETING
        self.tls = False
        self.utf8 = False
        self.user_seen = False

    def obstacle(
        self, verb: str, states: frozenset[State], *, coming: Collection[str] = ()
    ) -> str | None:
        """Why a command that is legal in `states` cannot be given now, with the remedy.

        `coming`: the verbs of what is under way, whose success is taken for granted.
        """
        if self.state not in states:
            return f"{verb} is not allowed in {self.state.value}: {REMEDIES[self.state]}"
        if verb in NAMED and not (self.user_seen or "USER" in coming):
            return f"{verb} is not allowed yet: send USER first"
        if verb == "STLS" and self.tls:
            return "STLS is not allowed: TLS is active already"
        if verb == "STLS" and (self.utf8 or "UTF8" in coming):
            return "STLS is not allowed behind UTF8: send it first"
        return None

    def move(self, verb: str, outcome: Outcome) -> None:
        """Go where the table says."""
        if verb not in MOVING:
            return
        self.state = TRANSITIONS.get((self.state, verb, outcome), self.state)
        if verb == TLS:
            self.tls, self.user_seen = True, False
        elif verb == "USER":
            self.user_seen = outcome is Outcome.OK
        elif verb in NAMED:
            self.user_seen = False
        elif verb == "UTF8" and outcome is Outcome.OK:
            self.utf8 = True
