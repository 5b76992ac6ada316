"""Who may log in, by a table of verifiers for SCRAM: none of them is a password."""

import hashlib
from collections.abc import Callable, Iterable, Mapping

from pop3_proto import Maildrop, ScramVerifier

from ._names import known_names

__all__ = ["Verifiers"]


class Verifiers:
    """An authenticator over names, their verifiers, and what gives each name's maildrop.

    Names are also known as SASLprep has them. It can check a password too, where a client sends one
    inside TLS. Users that do not exist look like the others as long as all verifiers are made
    alike: by the same mechanisms, with as many iterations. `secret` is what their decoys are made
    of, 32 octets by chance that do not change from one run to the next; where it is left out it
    comes from all the verifiers.

    Raises ValueError where there is no verifier at all, and ImportError without
    `pip install 'pop3-proto[scram]'`.
    """

    def __init__(
        self,
        verifiers: Mapping[str, Iterable[ScramVerifier]],
        maildrop: Callable[[str], Maildrop],
        *,
        secret: bytes | None = None,
    ) -> None:
        from ..scram import verifies  # only here, because scramp takes its time

        self._verifiers = {
            name: {verifier.mechanism: verifier for verifier in theirs}
            for name, theirs in verifiers.items()
        }
        self._names = known_names(verifiers)
        everybody = list(self._verifiers.values())
        self._models = {kind: model for theirs in everybody for kind, model in theirs.items()}
        if not self._models:
            raise ValueError("nobody has a verifier: make them with make_verifier of .scram")
        self._mechanisms = frozenset(self._models).intersection(*everybody)
        self._checked = min(self._mechanisms or self._models)
        self._secret = secret or _digest(everybody)
        self._maildrop = maildrop
        self._verifies = verifies

    def authenticate(self, name: str, password: str) -> Maildrop | None:
        """The maildrop, or None; an unknown name takes the way of a wrong password."""
        theirs = self._of(name)
        kind = self._checked if self._checked in theirs or not theirs else min(theirs)
        verifier = self.verifier(name, kind)
        right = verifier is not None and self._verifies(verifier, password)
        return self.maildrop(name) if right else None

    def maildrop(self, name: str) -> Maildrop | None:
        """The maildrop of a user."""
        known = self._names.get(name)
        return None if known is None else self._maildrop(known)

    def mechanisms(self) -> frozenset[str]:
        """Those that each user has a verifier for."""
        return self._mechanisms

    def verifier(self, name: str, mechanism: str) -> ScramVerifier | None:
        """A user's verifier; for who has none, a decoy that no password fits."""
        model = self._models.get(mechanism)
        known = self._of(name).get(mechanism)
        if model is None or known is not None:
            return known
        return ScramVerifier(
            mechanism,
            model.iterations,
            self._octets(f"salt {mechanism} {name}", len(model.salt)),
            self._octets(f"stored {mechanism} {name}", len(model.stored_key)),
            self._octets(f"server {mechanism} {name}", len(model.server_key)),
        )

    def _of(self, name: str) -> Mapping[str, ScramVerifier]:
        known = self._names.get(name)
        return {} if known is None else self._verifiers[known]

    def _octets(self, text: str, number: int) -> bytes:
        return hashlib.shake_256(self._secret + text.encode("utf-8")).digest(number)


def _digest(everybody: Iterable[Mapping[str, ScramVerifier]]) -> bytes:
    lines = sorted(str(verifier) for theirs in everybody for verifier in theirs.values())
    return hashlib.sha256("\n".join(lines).encode("ascii")).digest()
