"""The ways to log in that a server offers, by what its authenticator can do."""

import secrets
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from pop3_proto import (
    Authenticator,
    CertificateHolders,
    Guests,
    PasswordStore,
    ServerMechanism,
    TokenHolders,
    VerifierStore,
)
from pop3_proto.flows.server_mechanisms import Mechanisms
from pop3_proto.mechanisms import (
    AnonymousServer,
    CramMd5Server,
    ExternalServer,
    LoginServer,
    OAuthBearerServer,
    PlainServer,
    XOAuth2Server,
)

from . import _scram_extra

__all__ = ["Logins", "find_logins", "new_timestamp"]

Make: TypeAlias = Callable[[], ServerMechanism]

PASSWORDS: Final = "an authenticator that knows passwords: see PasswordStore"
TOKENS: Final = "an authenticator that knows tokens: see TokenHolders"
GUESTS: Final = "an authenticator that lets guests in: see Guests"
CERTIFICATES: Final = "an authenticator that knows certificates: see CertificateHolders"
VERIFIERS: Final = (
    "an authenticator that knows passwords, or has a verifier of each user for it: see "
    "PasswordStore and VerifierStore"
)


@dataclass(frozen=True, slots=True)
class Logins:
    """What all sessions of a server offer."""

    mechanisms: Mechanisms
    user: bool
    apop: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to log in, and what it lacks here."""

    make: Make | None = None
    """Makes the mechanism; not there for USER and APOP."""

    lacks: str = ""
    unasked: bool = True
    """Whether it is offered where nobody has said which are to be."""


def find_logins(
    authenticator: Authenticator,
    own: Mapping[str, Make],
    wanted: Collection[str] | None,
    *,
    apop: bool,
    certificates: bool,
) -> Logins:
    """The ways that are wanted, or all that there are but APOP; the strongest first.

    `certificates`: whether clients are asked for one. Raises ValueError for a way that is wanted
    and cannot be had.
    """
    ways = dict(_ours(authenticator, certificates=certificates))
    ways |= {name.upper(): Candidate(make) for name, make in own.items()}
    names = _names(ways, wanted)
    if apop:
        names.add("APOP")
    for name in sorted(names):
        if name not in ways:
            raise ValueError(f"there is no {name} to log in by: there are {', '.join(ways)}")
        if ways[name].lacks:
            raise ValueError(f"{name} needs {ways[name].lacks}")
    makes = {name: way.make for name, way in ways.items() if name in names and way.make}
    return Logins(Mechanisms(makes), "USER" in names, "APOP" in names)


def _names(ways: Mapping[str, Candidate], wanted: Collection[str] | None) -> set[str]:
    if wanted is None:
        return {name for name, way in ways.items() if way.unasked and not way.lacks}
    if isinstance(wanted, str) or not wanted:
        raise ValueError("logins is a list of the ways to log in: write ['PLAIN', 'USER']")
    return {name.upper() for name in wanted}


def _ours(users: Authenticator, *, certificates: bool) -> Iterator[tuple[str, Candidate]]:
    passwords = "" if isinstance(users, PasswordStore) else PASSWORDS
    tokens = "" if isinstance(users, TokenHolders) else TOKENS
    guests = "" if isinstance(users, Guests) else GUESTS
    secret = secrets.token_bytes(32)
    for name in _scram_extra.MECHANISMS:
        yield name, Candidate(_scram(name, secret), _no_scram(users, name))
    yield "CRAM-MD5", Candidate(lambda: CramMd5Server(new_timestamp()), passwords)
    yield "PLAIN", Candidate(PlainServer)
    yield "LOGIN", Candidate(LoginServer)
    yield "OAUTHBEARER", Candidate(OAuthBearerServer, tokens)
    yield "XOAUTH2", Candidate(XOAuth2Server, tokens)
    yield "EXTERNAL", Candidate(ExternalServer, _no_external(users, certificates=certificates))
    yield "ANONYMOUS", Candidate(AnonymousServer, guests)
    yield "USER", Candidate()
    yield "APOP", Candidate(lacks=passwords, unasked=False)


def _scram(name: str, secret: bytes) -> Make:
    def make() -> ServerMechanism:
        from .scram import ScramServer  # only here, because scramp takes its time

        return ScramServer(name, secret=secret)

    return make


def _no_scram(users: Authenticator, name: str) -> str:
    if not _scram_extra.is_installed():
        return f"scramp: {_scram_extra.INSTALL}"
    if isinstance(users, PasswordStore):
        return ""
    verifiers = isinstance(users, VerifierStore) and name in users.mechanisms()
    return "" if verifiers else VERIFIERS


def _no_external(users: Authenticator, *, certificates: bool) -> str:
    if not isinstance(users, CertificateHolders):
        return CERTIFICATES
    return "" if certificates else "client_ca=, or a context that asks clients for a certificate"


def new_timestamp() -> bytes:
    """A timestamp, or a challenge, that nobody has had before (RFC 1939, section 7; RFC 2195)."""
    return b"<%d.%s@pop3>" % (time.time_ns(), secrets.token_hex(16).encode("ascii"))
