"""How a server finds out who somebody is, and opens his maildrop: USER and PASS, APOP, AUTH."""

import hmac
from collections.abc import Callable, Iterator
from typing import TypeAlias

from ..apop import apop_digest
from ..authenticator import (
    Authenticator,
    ClientCertificate,
    LoginAttempt,
    PasswordStore,
)
from ..claims import (
    AccessToken,
    Certified,
    Claim,
    Credentials,
    Digest,
    Proven,
    VerifierWanted,
)
from ..commands import Apop, Auth, Command, Pass, User
from ..events import AuthResponse, EndOfStream
from ..maildrop import Maildrop, MaybeAwaitable, Refused, Utf8Aware
from ..responses import AUTH, SYS_TEMP
from ..sasl import ServerMechanism
from ..saslprep import query_or_nothing
from ..snapshot import Snapshot
from .core import Flow, Send, invoke
from .server_claims import ServerClaims
from .server_end import ServerEnd
from .server_mechanisms import Mechanisms, Needs

__all__ = ["ServerLogin"]

LoginCommand: TypeAlias = User | Pass | Apop | Auth[object]


class ServerLogin:
    """One session's way to its maildrop, which is there, and open, behind the login."""

    def __init__(
        self,
        end: ServerEnd,
        authenticator: Authenticator,
        mechanisms: Mechanisms,
        *,
        allow_insecure_auth: bool,
        user: bool,
        timestamp: bytes | None,
        certificate: Callable[[], ClientCertificate | None],
        attempted: Callable[[LoginAttempt], MaybeAwaitable[object]],
    ) -> None:
        self.maildrop: Maildrop | None = None
        self.messages = Snapshot()
        possible = timestamp is not None and isinstance(authenticator, PasswordStore)
        self.timestamp = timestamp if possible else None
        """What the greeting has for APOP, where that can be offered."""

        self._end = end
        self._claims = ServerClaims(authenticator, certificate)
        self._mechanisms = mechanisms
        self._allow_insecure_auth = allow_insecure_auth
        self._user = user
        self._certificate = certificate
        self._attempted = attempted
        self._name = b""
        self._failures = 0

    def capabilities(self) -> Iterator[str]:
        """What is announced of it now (RFC 2449, section 6.3; RFC 5034, section 3)."""
        if self._user and self._private():
            yield "USER"
        if names := list(self._usable()):
            yield " ".join(("SASL", *names))

    def answer(self, command: LoginCommand) -> Flow[None]:
        """Answer a command that belongs to a login."""
        match command:
            case User():
                yield self._take_name(command.name)
            case Pass():
                credentials = Credentials(decoded(self._name), decoded(command.password))
                yield from self._log_in("USER", credentials)
            case Apop():
                yield from self._apop(command)
            case Auth(mechanism=None):
                names = "".join(f"{name}\r\n" for name in self._usable())
                yield self._end.listing(names.encode("ascii"))
            case _:
                yield from self._auth(command)

    def forget(self) -> None:
        """What was said before TLS counts no more."""
        self._name = b""

    def close(self) -> Flow[None]:
        """Let go of the maildrop."""
        maildrop, self.maildrop = self.maildrop, None
        if maildrop is not None:
            yield from invoke(maildrop.close)

    def _private(self) -> bool:
        return self._end.conn.tls or self._allow_insecure_auth

    def _usable(self) -> Iterator[str]:
        return self._mechanisms.usable(
            private=self._private(), certified=lambda: self._certificate() is not None
        )

    def _take_name(self, name: bytes) -> Send:
        if not self._user:
            return self._end.reply(False, "USER is not supported: use AUTH or APOP")
        if not self._private():
            return self._no_plaintext()
        self._name = name
        return self._end.reply(True)

    def _no_plaintext(self) -> Send:
        return self._end.reply(False, "no passwords in plaintext: use TLS")

    def _apop(self, command: Apop) -> Flow[None]:
        """APOP (RFC 1939, section 7); what is beyond ASCII is prepared (RFC 6856, section 2.2)."""
        timestamp = self.timestamp
        if timestamp is None:
            yield self._end.reply(False, "APOP is not supported")
            return

        def proves(password: str) -> bool:
            digest = apop_digest(timestamp, query_or_nothing(password).encode("utf-8"))
            return hmac.compare_digest(digest, command.digest.lower())

        yield from self._log_in("APOP", Digest(query_or_nothing(decoded(command.name)), proves))

    def _auth(self, command: Auth[object]) -> Flow[None]:
        """AUTH with a mechanism (RFC 5034, section 4)."""
        way = command.mechanism or ""
        make = self._mechanisms.get(way)
        if make is None:
            yield self._end.reply(False, "unknown mechanism")
            return
        try:
            mechanism = make()
            needs = Needs.of(mechanism)
        except Exception as error:
            yield from self._unavailable(error)
            return
        if needs.privacy and not self._private():
            yield self._no_plaintext()
        elif needs.certificate and self._certificate() is None:
            yield self._end.reply(False, "this mechanism needs a certificate of the client")
        elif command.initial is not None and not mechanism.client_first:
            yield self._end.reply(False, "this mechanism takes no initial response")
        else:
            response = command.initial if mechanism.client_first else b""
            yield from self._exchange(way, mechanism, response)

    def _exchange(self, way: str, mechanism: ServerMechanism, response: bytes | None) -> Flow[None]:
        said = ""
        step: bytes | Claim | None
        while True:
            try:
                step = b"" if response is None else mechanism.step(response)
            except ValueError:  # its text may quote a secret
                yield from self._tell_unproven(way, said)
                yield from self._end.count_bad("the response makes no sense")
                return
            except Exception as error:
                yield from self._unavailable(error)
                return
            if isinstance(step, VerifierWanted):
                said = step.name
                step = yield from self._challenge(way, step)
            if step is None:
                return
            if not isinstance(step, bytes):
                yield from self._log_in(way, step, said)
                return
            response = yield from self._ask(step, way, said)
            if response is None:
                return

    def _challenge(self, way: str, wanted: VerifierWanted) -> Flow[bytes | None]:
        """A challenge for who has said his name; None where that was answered already."""
        try:
            known = yield from self._claims.verifier(wanted.name, way)
            return (yield from invoke(lambda: wanted.challenge(known)))
        except Refused as refusal:
            yield self._end.refuse(refusal)
        except Exception as error:
            yield from self._unavailable(error)
        return None

    def _ask(self, challenge: bytes, way: str, said: str) -> Flow[bytes | None]:
        """The response to a challenge; None where there is none, and all was said to that."""
        try:
            yield Send(self._end.conn.challenge(challenge))
            event = yield from self._end.next_event()
        except OSError:  # the client is gone, or silent
            yield from self._tell_unproven(way, said)
            raise
        if isinstance(event, AuthResponse):
            return event.data
        yield from self._tell_unproven(way, said)
        if not isinstance(event, EndOfStream | Command):
            yield from self._end.reject(event)
        return None

    def _tell_unproven(self, way: str, said: str) -> Flow[None]:
        """Tell of who has said his name and goes before the end: SCRAM may have shown him already
        that he has the right password."""
        if said:
            yield from self._tell(way, Proven(said), said, ok=False)

    def _log_in(self, way: str, claim: Claim, said: str = "") -> Flow[None]:
        """The end of a login, in which somebody may have `said` his name before."""
        try:
            name, maildrop = yield from self._claims.find(claim)
            if maildrop is not None:
                yield from self._open(maildrop)
        except Refused as refusal:
            yield self._end.refuse(refusal)
        except Exception as error:
            yield from self._unavailable(error)
        else:
            yield from self._tell(way, claim, name or said, ok=maildrop is not None)
            if maildrop is None:
                yield from self._fail(claim)
            else:
                yield self._end.reply(True, f"{self.messages.stat.messages} messages")

    def _tell(self, way: str, claim: Claim, name: str, *, ok: bool) -> Flow[None]:
        """Tell of an attempt before it is answered, so that the answer can be delayed."""
        self._failures += not ok
        wanted = authorization_of(claim)
        other = wanted if name and wanted != name else ""
        tls = self._end.conn.tls
        attempt = LoginAttempt(name or wanted, other, way, ok, tls, self._failures)
        telling = invoke(lambda: self._attempted(attempt), may_block=False)
        _ = yield from self._end.succeeds(telling)

    def _fail(self, claim: Claim) -> Flow[None]:
        """One answer for all, whatever was wrong."""
        end = self._end
        if isinstance(claim, AccessToken) and claim.refusal:
            yield Send(end.conn.challenge(claim.refusal))
            event = yield from end.next_event()
            if isinstance(event, EndOfStream):
                return
        yield end.reply(False, "wrong name or password", AUTH)
        if self._failures >= end.conn.limits.failed_logins:
            yield end.end("too many logins failed")

    def _open(self, maildrop: Maildrop) -> Flow[None]:
        if self._end.conn.utf8 and isinstance(maildrop, Utf8Aware):
            yield from invoke(maildrop.enable_utf8)
        entries = yield from invoke(maildrop.open)
        self.maildrop = maildrop
        self.messages = Snapshot(maildrop, entries)

    def _unavailable(self, error: Exception) -> Flow[None]:
        self._end.report(error)
        _ = yield from self._end.succeeds(self.close())
        yield self._end.reply(False, "the maildrop is not available", SYS_TEMP)


def authorization_of(claim: Claim) -> str:
    """Whose maildrop is wanted; empty where that is said by nobody."""
    match claim:
        case Credentials() | AccessToken() | Certified() | Proven():
            return claim.authorization
        case _:
            return ""


def decoded(octets: bytes) -> str:
    """Text in UTF-8; nothing, which is nobody's name or password, where it is none."""
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return ""
