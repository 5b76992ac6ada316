"""SCRAM, by which neither side learns the password from the other (RFC 5802, RFC 7677).

Needs the extra `scram`.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from functools import partial
from typing import Final

from pop3_proto import (
    LocalProtocolError,
    Proven,
    RemoteProtocolError,
    Response,
    ScramVerifier,
    VerifierWanted,
)
from pop3_proto.mechanisms.strings import authorization_from, from_octets
from pop3_proto.saslprep import prepare_query, stored_or_nothing
from pop3_proto.verifier import FEWEST, check_usable

from ._scram_extra import INSTALL, MECHANISMS

try:
    import scramp
    from scramp.core import ScramServer as ScrampServer
    from scramp.utils import ServerError
except ImportError as error:
    if error.name != "scramp":
        raise
    raise ImportError(f"SCRAM needs scramp: {INSTALL}") from None

__all__ = ["MECHANISMS", "Scram", "ScramServer", "make_verifier", "verifies"]

SALT: Final = 16
"""Octets of a salt."""

LONGEST: Final = 4096
"""Octets of a message to a server."""

LONGEST_NAME: Final = 255
"""Characters of a name, as it came and as SASLprep has it, which may be 18 times as many: scramp
looks each of them up in a dozen tables, while a server's event loop waits."""

NAME: Final = re.compile("[^,]*,[^,]*,n=([^,]*)")
"""The name in a client's first message, before which scramp takes nothing else."""

DECOY: Final = 8
"""Octets of what a decoy's password says in hexadecimal, so that it is as long as others."""

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
    ) -> None:
        """`secret`: octets that no client can guess, the same in all sessions of a server: salts
        come from them, where no verifier is kept. `nonce`: only for tests.

        Raises ValueError for any other mechanism.
        """
        _check_mechanism(mechanism)
        self._name = mechanism
        self._secret = secret
        self._nonce = nonce or secrets.token_urlsafe(24)
        self._header: Gs2Header | None = None
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
        _check_name(first)
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
        self._header = Gs2Header(f"{flag}a={identity},")
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
    ) -> ScrampServer:
        mechanism = scramp.ScramMechanism(self._name)
        server = mechanism.make_server(find, s_nonce=self._nonce)
        server.set_client_first(first)
        return server

    def _verifier(self, name: str, known: ScramVerifier | str | None) -> ScramVerifier:
        """What is known, or one that is made up, after the same work."""
        decoy = self._derive("password", name)[:DECOY].hex()
        password = stored_or_nothing(known if isinstance(known, str) else decoy) or decoy
        derived = _derived(self._name, password, FEWEST, self._derive("salt", name)[:SALT])
        if not isinstance(known, ScramVerifier):
            return derived
        if known.mechanism != self._name:
            raise ValueError(f"the verifier of a user is not for {self._name}")
        return known

    def _derive(self, what: str, name: str) -> bytes:
        return hmac.digest(self._secret, f"{self._name} {what} {name}".encode(), "sha256")

    def _check(self, server: ScrampServer, name: str, final: str) -> bytes | Proven:
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


class Gs2Header:
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
    prepared = stored_or_nothing(password)
    if not prepared:
        raise ValueError("SASLprep refuses the password, or leaves nothing of it: choose another")
    salt = secrets.token_bytes(SALT) if salt is None else salt
    check_usable(iterations, salt)
    return _derived(mechanism, prepared, iterations, salt)


def _derived(mechanism: str, prepared: str, iterations: int, salt: bytes) -> ScramVerifier:
    """The verifier of a prepared password (RFC 5802, section 3).

    Not by scramp, which prepares it once more: by the time of that, one could tell how long it is.
    """
    algorithm = mechanism.removeprefix("SCRAM-").replace("-", "").lower()
    salted = hashlib.pbkdf2_hmac(algorithm, prepared.encode("utf-8"), salt, iterations)
    stored_key = hashlib.new(algorithm, hmac.digest(salted, b"Client Key", algorithm)).digest()
    server_key = hmac.digest(salted, b"Server Key", algorithm)
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


def _check_name(first: str) -> None:
    found = NAME.match(first)
    name = found[1] if found else ""
    if len(name) > LONGEST_NAME or len(prepare_query(name)) > LONGEST_NAME:
        raise ValueError(f"a name has {LONGEST_NAME} characters at most")


def _text(text: str | bytes, what: str) -> str:
    prepared = _prepared(text)
    if not prepared:
        raise LocalProtocolError(
            f"SCRAM cannot carry this {what}: SASLprep (RFC 4013) refuses it, or leaves nothing "
            "of it; log in by PLAIN inside TLS"
        )
    return prepared


def _prepared(text: str | bytes) -> str:
    try:
        return stored_or_nothing(text if isinstance(text, str) else from_octets(text))
    except ValueError:
        return ""
