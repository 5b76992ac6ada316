"""What a mechanism of a server comes to: who somebody says that he is, and how he proves it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from .verifier import ScramVerifier

__all__ = [
    "AccessToken",
    "Certified",
    "Claim",
    "Credentials",
    "Digest",
    "Guest",
    "Proven",
    "VerifierWanted",
]


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name and a password, to be checked.

    `authorization`: whose maildrop is wanted, where that is somebody else's (RFC 4422, section
    3.4.1); empty otherwise, here and in the others.
    """

    name: str
    password: str = field(repr=False)
    authorization: str = ""


@dataclass(frozen=True, slots=True)
class Digest:
    """A name, and something that only who knows the password can have made."""

    name: str
    proves: Callable[[str], bool] = field(repr=False)
    """Whether it was made with this password."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token of OAuth, which tells who it is that has it (RFC 7628)."""

    token: str = field(repr=False)
    authorization: str = ""
    refusal: bytes = b""
    """The challenge that says that the token is refused; an empty response and `-ERR` follow."""


@dataclass(frozen=True, slots=True)
class Certified:
    """Somebody who is known by what is around the session: his certificate of TLS (RFC 4422,
    appendix A)."""

    authorization: str = ""


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody who does not say who he is, and leaves a trace, such as his address (RFC 4505)."""

    trace: str


@dataclass(frozen=True, slots=True)
class Proven:
    """Somebody whom the mechanism itself has found to be who he says."""

    name: str
    authorization: str = ""


@dataclass(frozen=True, slots=True)
class VerifierWanted:
    """A name, whose verifier or password the mechanism needs to go on."""

    name: str
    challenge: Callable[[ScramVerifier | str | None], bytes] = field(repr=False)
    """The next challenge, for a verifier, or a password where there is only that, or nothing where
    there is no such user. It takes its time."""


Claim: TypeAlias = Credentials | Digest | AccessToken | Certified | Guest | Proven | VerifierWanted
