"""What a server asks of an application before the login: who somebody is, and what he may have.

Each method may be plain or asynchronous, as the adapter that runs the server allows. What an
authenticator can do besides `authenticate` decides which mechanisms are offered.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from .maildrop import Maildrop, MaybeAwaitable
from .verifier import ScramVerifier

__all__ = [
    "Authenticator",
    "CertificateHolders",
    "ClientCertificate",
    "Delegation",
    "Guests",
    "LoginAttempt",
    "Maildrops",
    "PasswordStore",
    "TokenHolders",
    "VerifierStore",
]


class Authenticator(Protocol):
    """Decides who may log in, and to which maildrop."""

    def authenticate(self, name: str, password: str) -> MaybeAwaitable[Maildrop | None]:
        """The maildrop that belongs to the name, or None if name or password is wrong.

        An unknown name should take as long as a wrong password.
        """
        ...


@runtime_checkable
class PasswordStore(Protocol):
    """An authenticator that knows the passwords, as APOP, CRAM-MD5 and SCRAM can use them."""

    def password(self, name: str) -> MaybeAwaitable[str | None]:
        """The password of a user, or None where there is no such user, or he has none."""
        ...


@runtime_checkable
class Maildrops(Protocol):
    """An authenticator that gives a maildrop to who has proven otherwise than by a password who he
    is."""

    def maildrop(self, name: str) -> MaybeAwaitable[Maildrop | None]:
        """The maildrop of a user; None where there is no such user."""
        ...


@runtime_checkable
class VerifierStore(Maildrops, Protocol):
    """One that keeps verifiers for SCRAM, and may not know a single password."""

    def mechanisms(self) -> Collection[str]:
        """The mechanisms that each user has a verifier for, as `SCRAM-SHA-256`.

        No other is offered: a client whose login fails by one tries no weaker one. It is asked
        when a server begins.
        """
        ...

    def verifier(self, name: str, mechanism: str) -> MaybeAwaitable[ScramVerifier | None]:
        """A user's verifier for a mechanism; None where there is none.

        For a name that is unknown, one that looks like the others tells nobody so.
        """
        ...


@runtime_checkable
class TokenHolders(Maildrops, Protocol):
    """One that knows tokens of OAuth, as XOAUTH2 and OAUTHBEARER need it."""

    def token_holder(self, token: str) -> MaybeAwaitable[str | None]:
        """The name of the user to whom a token was given; None where it is not, or no longer,
        good."""
        ...


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A client's certificate, which TLS has verified."""

    der: bytes
    """All of it, in DER form."""

    common_name: str | None = None
    """The common name of its subject."""

    emails: tuple[str, ...] = ()
    """The mail addresses among its alternative names."""


@runtime_checkable
class CertificateHolders(Maildrops, Protocol):
    """One that knows clients by their certificates, as EXTERNAL needs it."""

    def certificate_holder(self, certificate: ClientCertificate) -> MaybeAwaitable[str | None]:
        """The name of the user who has a certificate; None where nobody has it."""
        ...


@runtime_checkable
class Guests(Protocol):
    """One that lets in who does not say who he is, as ANONYMOUS needs it."""

    def guest(self, trace: str) -> MaybeAwaitable[Maildrop | None]:
        """The maildrop for a guest, who leaves a trace of his own choice; None refuses him."""
        ...


@runtime_checkable
class Delegation(Maildrops, Protocol):
    """One that lets some users into the maildrops of others; by any other, they are refused."""

    def permits(self, name: str, other: str) -> MaybeAwaitable[bool]:
        """Whether `name`, who has proven to be that, may have the maildrop of `other`."""
        ...


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """Somebody has tried to log in."""

    name: str
    """Who he says that he is; empty where he does not."""

    authorization: str
    """Whose maildrop he wants; empty where it is his own."""

    way: str
    """`USER`, `APOP`, or the mechanism of AUTH."""

    ok: bool
    """Whether he is in."""

    tls: bool
    """Whether nobody could listen."""

    failures: int
    """How many have failed in this session, this one included."""
