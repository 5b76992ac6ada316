"""Logins that failed, as sentences for people, with the remedy."""

from collections.abc import Iterable
from typing import Final

from pop3_proto import AuthenticationFailed, TokenRefused

from .logins import PROOFS, Proof

__all__ = ["describe_refusal", "other_ways"]

CHECKS: Final = {
    Proof.PASSWORD: "check the user's name and the password",
    Proof.TOKEN: "check the user's name, and what --token-command prints",
    Proof.CERTIFICATE: (
        "check that the server knows the certificate of --client-cert, and the user's name, which "
        "can be left out of the URL where the certificate has it"
    ),
    Proof.NONE: "guests may not be allowed in, --auth can name another mechanism",
}

REMEDIES: Final = {
    Proof.PASSWORD: "for a password it has {}: leave out what says that there is none",
    Proof.TOKEN: "for a token it has {}: name a command that prints one with --token-command",
    Proof.CERTIFICATE: "for a client certificate it has {}: name one with --client-cert",
    Proof.NONE: "for guests it has {}: --auth ANONYMOUS makes one of you",
}


def describe_refusal(error: AuthenticationFailed, proof: Proof) -> str:
    """What a server has said to somebody who tried to log in with this."""
    said = str(error.args[0])
    if isinstance(error, TokenRefused):
        said += f"; of the token it says: {error.refusal}"
    guess = f"{error.hint.value}; otherwise " if error.hint else ""
    said += f"; {guess}{CHECKS[proof]}"
    if error.untried:
        said += f"; where both are right, --auth can name another way: {', '.join(error.untried)}"
    return said


def other_ways(offered: Iterable[str], proof: Proof) -> str:
    """What a server has for those who come with something else than this; empty for nothing."""
    names: dict[Proof, list[str]] = {}
    for name in offered:
        if PROOFS.get(name, proof) is not proof:
            names.setdefault(PROOFS[name], []).append(name)
    return "; ".join(REMEDIES[other].format(", ".join(have)) for other, have in names.items())
