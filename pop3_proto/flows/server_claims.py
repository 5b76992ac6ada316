"""Which maildrop is opened by what a client claims to be."""

from collections.abc import Callable
from typing import Final, NamedTuple

from ..authenticator import (
    Authenticator,
    CertificateHolders,
    ClientCertificate,
    Delegation,
    Guests,
    Maildrops,
    PasswordStore,
    TokenHolders,
    VerifierStore,
)
from ..claims import AccessToken, Certified, Claim, Credentials, Digest, Guest, Proven
from ..maildrop import Maildrop
from ..verifier import ScramVerifier
from .core import Flow, invoke

__all__ = ["DECOY", "Found", "ServerClaims"]

DECOY: Final = "of nobody"
"""In place of the password of a user that does not exist, so that his login takes as long."""


class Found(NamedTuple):
    """Who somebody says that he is, and the maildrop where that is true and he may have it."""

    name: str
    maildrop: Maildrop | None


class ServerClaims:
    """What an authenticator, and the client's certificate, make of what somebody claims."""

    def __init__(
        self, authenticator: Authenticator, certificate: Callable[[], ClientCertificate | None]
    ) -> None:
        self._users = authenticator
        self._certificate = certificate

    def find(self, claim: Claim) -> Flow[Found]:
        """Who somebody says that he is, and the maildrop that is his by that."""
        users = self._users
        match claim:
            case Credentials(name, password, wanted):
                own = yield from self._authenticate(name, password)
                if own is None or wanted in ("", name):
                    return Found(name, own)
                return Found(name, (yield from self._maildrop_of_other(name, wanted)))
            case Digest():
                return Found(claim.name, (yield from self._by_digest(claim)))
            case AccessToken(token, wanted) if isinstance(users, TokenHolders):
                holder = (yield from invoke(lambda: users.token_holder(token))) if token else None
                return (yield from self._known(holder, wanted))
            case Certified(wanted) if isinstance(users, CertificateHolders):
                certificate = self._certificate()
                if certificate is None:
                    return Found("", None)
                holder = yield from invoke(lambda: users.certificate_holder(certificate))
                return (yield from self._known(holder, wanted))
            case Guest(trace) if isinstance(users, Guests):
                return Found("", (yield from invoke(lambda: users.guest(trace))))
            case Proven(name, wanted):
                return (yield from self._known(name, wanted))
            case _:
                raise TypeError(f"the authenticator can do nothing with {type(claim).__name__}")

    def _authenticate(self, name: str, password: str) -> Flow[Maildrop | None]:
        if not name or not password:
            return None
        return (yield from invoke(lambda: self._users.authenticate(name, password)))

    def _by_digest(self, claim: Digest) -> Flow[Maildrop | None]:
        password = yield from self._password(claim.name)
        right = claim.proves(password or DECOY)
        return (yield from self._authenticate(claim.name, password or "")) if right else None

    def _password(self, name: str) -> Flow[str | None]:
        users = self._users
        if not name or not isinstance(users, PasswordStore):
            return None
        return (yield from invoke(lambda: users.password(name)))

    def _known(self, name: str | None, wanted: str) -> Flow[Found]:
        """What somebody may have who is known without a password of his."""
        if not name:
            return Found("", None)
        if wanted in ("", name):
            return Found(name, (yield from self._maildrop_of(name)))
        return Found(name, (yield from self._maildrop_of_other(name, wanted)))

    def _maildrop_of(self, name: str) -> Flow[Maildrop | None]:
        users = self._users
        if isinstance(users, Maildrops):
            return (yield from invoke(lambda: users.maildrop(name)))
        if not isinstance(users, PasswordStore):
            raise TypeError("the authenticator gives no maildrop without a password: see Maildrops")
        password = yield from self._password(name)
        return (yield from self._authenticate(name, password or ""))

    def _maildrop_of_other(self, name: str, other: str) -> Flow[Maildrop | None]:
        """Who names somebody else is never given his own maildrop in place of that (RFC 4616,
        section 2)."""
        users = self._users
        if not isinstance(users, Delegation):
            return None
        permitted = yield from invoke(lambda: users.permits(name, other))
        return (yield from invoke(lambda: users.maildrop(other))) if permitted else None

    def verifier(self, name: str, way: str) -> Flow[ScramVerifier | str | None]:
        """What is known of a user for a mechanism of SCRAM: a verifier, or else a password."""
        users = self._users
        if name and isinstance(users, VerifierStore):
            verifier = yield from invoke(lambda: users.verifier(name, way))
            if verifier is not None:
                return verifier
        return (yield from self._password(name))
