"""SCRAM, by which neither side learns the password from the other (RFC 5802, RFC 7677).

Needs the extra `scram`.
"""

import hmac
import re
import secrets
from collections.abc import Callable
from functools import partial
from typing import Final

import scramp
from scramp.core import ScramServer as Exchange
from scramp.utils import ServerError

from pop3_proto import (
    LocalProtocolError,
    Proven,
    RemoteProtocolError,
    Response,
    ScramVerifier,
    VerifierWanted,
)
from pop3_proto.mechanisms.strings import authorization_from, from_octets
from pop3_proto.saslprep import prepare_stored

__all__ = ["MECHANISMS", "Scram", "ScramServer", "make_verifier", "verifies"]

MECHANISMS: Final = ("SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1")
"""Strongest first."""

FEWEST: Final = 4096
"""Iterations that there are at least (RFC 7677, section 4)."""

SALT: Final = 16
"""Octets of a salt."""

LONGEST: Final = 4096
"""Octets of a message to a server: preparing a name takes time that grows with their square."""

FOR_ANOTHER: Final = re.compile(r"([ny],)a=((?:[^=,]|=2C|=3D)+)(,.*)", re.DOTALL)
"""A client's first message with an authorization identity in it (RFC 5802, section 7)."""

ITERATIONS: Final = re.compile(r",i=([0-9]{1,10})(?:,|\Z)")


class Scram:
    """SCRAM for a client."""

    client_first = True
    shows_secret = False

    def __init__(
        self,
        mechanism: str,
        name: str | bytes,
        password: str | bytes,
        *,
        nonce: str | None = None,
        iterations: int = 1_000_000,
    ) -> None:
        """`mechanism`: `SCRAM-SHA-256` or the like. `nonce`: only for tests. `iterations`: the
        most that the server may ask for, since they take their time.

        Raises LocalProtocolError for a name or a password that SASLprep refuses or leaves nothing
        of, and ValueError for any other mechanism.
        """
        _check_mechanism(mechanism)
        self.name: Final = mechanism
        self._most = iterations
        self._client = scramp.ScramClient(
            [mechanism], _text(name, "name"), _text(password, "password"), c_nonce=nonce
        )
        self._next: Callable[[str], Response] = self._first

    def respond(self, challenge: bytes) -> Response:
        """The next message; the last one is empty, and only made after the server has proven that
        it knows the password too. Takes its time.

        Raises RemoteProtocolError where the server does not keep to SCRAM, asks for fewer than
        4096 iterations or for too many, or does not prove that.
        """
        proceed, self._next = self._next, self._over
        try:
            return proceed(challenge.decode("utf-8", "replace"))
        except scramp.ScramException as error:
            reason: object = error.args[0]
        raise RemoteProtocolError(f"the server does not keep to SCRAM: {reason}")

    def _first(self, _: str) -> Response:
        self._next = self._prove
        return Response(self._client.get_client_first().encode(), last=False)

    def _prove(self, challenge: str) -> Response:
        if challenge.startswith("e="):
            return Response(b"", last=False)
        self._check_iterations(challenge)
        self._client.set_server_first(challenge)
        self._next = self._verify
        return Response(self._client.get_client_final().encode(), last=False)

    def _check_iterations(self, challenge: str) -> None:
        asked = ITERATIONS.search(challenge)
        if asked and not FEWEST <= int(asked[1]) <= self._most:
            raise RemoteProtocolError(
                f"the server asks for {asked[1]} iterations of SCRAM, where {FEWEST} to "
                f"{self._most} are allowed; log in by PLAIN inside TLS, or raise the limit"
            )

    def _verify(self, challenge: str) -> Response:
        # The server says -ERR once it has had an answer to its error.
        if challenge.startswith("e="):
            return Response(b"", last=False)
        self._client.set_server_final(challenge)
        return Response(b"", last=True)

    def _over(self, _: str) -> Response:
        raise RemoteProtocolError("the server goes on asking after the end of SCRAM")


class ScramServer:
    """SCRAM for a server. A name that nobody has looks like any other, until the proof fails."""

    client_first = True
    shows_secret = False

    def __init__(
        self,
        mechanism: str,
        *,
        secret: bytes,
        nonce: str | None = None,
        iterations: int = FEWEST,
    ) -> None:
        """`secret`: octets that no client can guess, the same in all sessions of a server: salts
        come from them, where no verifier is kept. `nonce`: only for tests. `iterations`: where no
        verifier is kept; a name that nobody has looks like any other where others have as many.

        Raises ValueError for any other mechanism.
        """
        _check_mechanism(mechanism)
        self._name = mechanism
        self._secret = secret
        self._nonce = nonce or secrets.token_urlsafe(24)
        self._iterations = iterations
        self._header: Header | None = None
        self._authorization = ""
        self._next: Callable[[str], bytes | VerifierWanted | Proven] = self._ask

    def step(self, response: bytes) -> bytes | VerifierWanted | Proven:
        """VerifierWanted, whose challenge takes its time; then the server's own proof; then Proven,
        whose name is empty where the client's proof is wrong.

        Raises ValueError for what is no message of SCRAM, and for channel binding.
        """
        proceed, self._next = self._next, self._over
        if len(response) > LONGEST:
            raise ValueError(f"a message of SCRAM has {LONGEST} octets at most")
        said = from_octets(response)
        try:
            return proceed(said)
        except scramp.ScramException as error:
            reason: object = error.args[0]
        raise ValueError(f"the response does not keep to SCRAM: {reason}")

    def _ask(self, first: str) -> VerifierWanted:
        names: list[str] = []
        first = self._without_authorization(first)
        # scramp asks for the verifier at once, and tells the name in no other way.
        try:
            _ = self._start(first, names.append)
        except scramp.ScramException:
            if not names:
                raise
        return VerifierWanted(names[0], partial(self._challenge, first, names[0]))

    def _without_authorization(self, first: str) -> str:
        """A client's first message as scramp takes it."""
        found = FOR_ANOTHER.fullmatch(first)
        if not found:
            return first
        flag, identity, rest = found.groups()
        unescaped = identity.replace("=2C", ",").replace("=3D", "=")
        self._authorization = authorization_from(unescaped.encode())
        self._header = Header(f"{flag}a={identity},")
        return f"{flag}{rest}"

    def _challenge(self, first: str, name: str, known: ScramVerifier | str | None) -> bytes:
        made = self._verifier(name, known)
        found = made.salt, made.stored_key, made.server_key, made.iterations
        try:
            server = self._start(first, lambda _: found)
        except scramp.ScramException as error:
            raise ValueError(f"the verifier of a user cannot be used: {error.args[0]}") from None
        if self._header:
            server.gs2_header = self._header
        self._next = partial(self._check, server, name)
        return server.get_server_first().encode()

    def _start(
        self, first: str, find: Callable[[str], tuple[bytes, bytes, bytes, int] | None]
    ) -> Exchange:
        mechanism = scramp.ScramMechanism(self._name)
        server = mechanism.make_server(find, s_nonce=self._nonce)
        server.set_client_first(first)
        return server

    def _verifier(self, name: str, known: ScramVerifier | str | None) -> ScramVerifier:
        """What is known, or one that is made up, after the same work."""
        password = known if isinstance(known, str) and _prepared(known) else None
        derived = make_verifier(
            self._name,
            password or self._derive("password", name).hex(),
            iterations=self._iterations,
            salt=self._derive("salt", name)[:SALT],
        )
        if not isinstance(known, ScramVerifier):
            return derived
        if known.mechanism != self._name:
            raise ValueError(f"the verifier of a user is not for {self._name}")
        return known

    def _derive(self, what: str, name: str) -> bytes:
        return hmac.digest(self._secret, f"{self._name} {what} {name}".encode(), "sha256")

    def _check(self, server: Exchange, name: str, final: str) -> bytes | Proven:
        try:
            server.set_client_final(final)
        except scramp.ScramException as error:
            if error.server_error is not ServerError.INVALID_PROOF:
                raise
            return Proven("")
        self._next = partial(self._end, name)
        return server.get_server_final().encode()

    def _end(self, name: str, response: str) -> Proven:
        if response:
            raise ValueError("the last response of SCRAM is empty")
        return Proven(name, self._authorization)

    def _over(self, _: str) -> Proven:
        raise ValueError("SCRAM is over, or the verifier has not been asked for")


class Header:
    """The beginning of a client's first message, which its last one has to repeat.

    scramp takes none with an authorization identity; clients send one that is their own name.
    """

    def __init__(self, text: str) -> None:
        self._octets = text.encode()

    def make_cbind_input(self, _: object) -> bytes:
        """What the client's last message has to have in `c=`."""
        return self._octets


def make_verifier(
    mechanism: str, password: str, *, iterations: int = FEWEST, salt: bytes | None = None
) -> ScramVerifier:
    """What a server keeps of a password, for `SCRAM-SHA-256` or the like. Takes its time.

    Raises ValueError for any other mechanism, for a password that SASLprep refuses or leaves
    nothing of, for a salt of less than 12 octets, and for less than 4,096 or more than 10,000,000
    iterations.
    """
    _check_mechanism(mechanism)
    if not _prepared(password):
        raise ValueError("SASLprep refuses the password, or leaves nothing of it: choose another")
    salt = secrets.token_bytes(SALT) if salt is None else salt
    try:
        made = scramp.ScramMechanism(mechanism).make_auth_info(password, iterations, salt)
    except scramp.ScramException as error:
        raise ValueError(f"no verifier can be made: {error.args[0]}") from None
    _, stored_key, server_key, _ = made
    return ScramVerifier(mechanism, iterations, salt, stored_key, server_key)


def verifies(verifier: ScramVerifier, password: str) -> bool:
    """Whether a verifier is that of a password. Takes its time."""
    try:
        made = make_verifier(
            verifier.mechanism, password, iterations=verifier.iterations, salt=verifier.salt
        )
    except ValueError:
        return False
    return hmac.compare_digest(made.stored_key, verifier.stored_key)


def _check_mechanism(mechanism: str) -> None:
    if mechanism not in MECHANISMS:
        raise ValueError(f"the mechanisms of SCRAM are {', '.join(MECHANISMS)}")


def _text(text: str | bytes, what: str) -> str:
    prepared = _prepared(text)
    if not prepared:
        raise LocalProtocolError(
            f"SCRAM cannot carry this {what}: SASLprep (RFC 4013) refuses it, or leaves nothing "
            "of it; log in by PLAIN inside TLS"
        )
    return prepared


def _prepared(text: str | bytes) -> str | None:
    try:
        return prepare_stored(text if isinstance(text, str) else from_octets(text))
    except ValueError:
        return None
