"""How a server finds out who somebody is, and opens his maildrop: USER and PASS, APOP, AUTH."""

import hmac
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, TypeAlias

from ..apop import apop_digest
from ..authenticator import (
    Authenticator,
    CertificateHolders,
    ClientCertificate,
    Delegation,
    Guests,
    LoginAttempt,
    Maildrops,
    PasswordStore,
    TokenHolders,
    VerifierStore,
)
from ..claims import (
    AccessToken,
    Certified,
    Claim,
    Credentials,
    Digest,
    Guest,
    Proven,
    VerifierWanted,
)
from ..commands import Apop, Auth, Command, Pass, User
from ..events import AuthResponse, EndOfStream
from ..maildrop import Maildrop, MaybeAwaitable, Refused, Utf8Aware
from ..responses import AUTH, SYS_TEMP
from ..sasl import ServerMechanism
from ..saslprep import prepare_query
from ..snapshot import Snapshot
from ..verifier import ScramVerifier
from .core import Flow, Send, invoke
from .server_end import ServerEnd
from .server_mechanisms import Mechanisms, Needs

__all__ = ["ServerLogin"]

LoginCommand: TypeAlias = User | Pass | Apop | Auth[object]

DECOY: Final = "of nobody"
"""In place of the password of a user that does not exist, so that his login takes as long."""


class _Found(NamedTuple):
    """Who somebody says that he is, and the maildrop where that is true and he may have it."""

    name: str
    maildrop: Maildrop | None


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
        self._authenticator = authenticator
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
            digest = apop_digest(timestamp, prepared(password).encode("utf-8"))
            return hmac.compare_digest(digest, command.digest.lower())

        yield from self._log_in("APOP", Digest(prepared(decoded(command.name)), proves))

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
        while True:
            step = b"" if response is None else (yield from self._step(mechanism, response))
            if isinstance(step, VerifierWanted):
                said = step.name
                step = yield from self._challenge(way, step)
            if step is None:
                return
            if not isinstance(step, bytes):
                yield from self._log_in(way, step, said)
                return
            response = yield from self._ask(step)
            if response is None:
                return

    def _step(self, mechanism: ServerMechanism, response: bytes) -> Flow[bytes | Claim | None]:
        """What a mechanism says to a response; None where that was answered already."""
        try:
            return mechanism.step(response)
        except ValueError:  # its text may quote a secret
            yield self._end.reply(False, "the response makes no sense")
        except Exception as error:
            yield from self._unavailable(error)
        return None

    def _challenge(self, way: str, wanted: VerifierWanted) -> Flow[bytes | None]:
        """A challenge for who has said his name; None where that was answered already."""
        try:
            known = yield from self._verifier(wanted.name, way)
            return (yield from invoke(lambda: wanted.challenge(known)))
        except Refused as refusal:
            yield self._end.refuse(refusal)
        except Exception as error:
            yield from self._unavailable(error)
        return None

    def _verifier(self, name: str, way: str) -> Flow[ScramVerifier | str | None]:
        users = self._authenticator
        if name and isinstance(users, VerifierStore):
            verifier = yield from invoke(lambda: users.verifier(name, way))
            if verifier is not None:
                return verifier
        return (yield from self._password(name))

    def _ask(self, challenge: bytes) -> Flow[bytes | None]:
        """The response to a challenge; None where there is none, and all was said to that."""
        yield Send(self._end.conn.challenge(challenge))
        event = yield from self._end.next_event()
        if isinstance(event, AuthResponse):
            return event.data
        if not isinstance(event, EndOfStream | Command):
            yield from self._end.reject(event)
        return None

    def _log_in(self, way: str, claim: Claim, said: str = "") -> Flow[None]:
        """The end of a login, in which somebody may have `said` his name before."""
        try:
            name, maildrop = yield from self._find(claim)
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

    def _find(self, claim: Claim) -> Flow[_Found]:
        users = self._authenticator
        match claim:
            case Credentials(name, password, wanted):
                own = yield from self._authenticate(name, password)
                if own is None or wanted in ("", name):
                    return _Found(name, own)
                return _Found(name, (yield from self._maildrop_of_other(name, wanted)))
            case Digest():
                return _Found(claim.name, (yield from self._by_digest(claim)))
            case AccessToken(token, wanted) if isinstance(users, TokenHolders):
                holder = (yield from invoke(lambda: users.token_holder(token))) if token else None
                return (yield from self._known(holder, wanted))
            case Certified(wanted) if isinstance(users, CertificateHolders):
                certificate = self._certificate()
                if certificate is None:
                    return _Found("", None)
                holder = yield from invoke(lambda: users.certificate_holder(certificate))
                return (yield from self._known(holder, wanted))
            case Guest(trace) if isinstance(users, Guests):
                return _Found("", (yield from invoke(lambda: users.guest(trace))))
            case Proven(name, wanted):
                return (yield from self._known(name, wanted))
            case _:
                raise TypeError(f"the authenticator can do nothing with {type(claim).__name__}")

    def _authenticate(self, name: str, password: str) -> Flow[Maildrop | None]:
        if not name or not password:
            return None
        return (yield from invoke(lambda: self._authenticator.authenticate(name, password)))

    def _by_digest(self, claim: Digest) -> Flow[Maildrop | None]:
        password = yield from self._password(claim.name)
        right = claim.proves(password or DECOY)
        return (yield from self._authenticate(claim.name, password or "")) if right else None

    def _password(self, name: str) -> Flow[str | None]:
        users = self._authenticator
        if not name or not isinstance(users, PasswordStore):
            return None
        return (yield from invoke(lambda: users.password(name)))

    def _known(self, name: str | None, wanted: str) -> Flow[_Found]:
        """What somebody may have who is known without a password of his."""
        if not name:
            return _Found("", None)
        if wanted in ("", name):
            return _Found(name, (yield from self._maildrop_of(name)))
        return _Found(name, (yield from self._maildrop_of_other(name, wanted)))

    def _maildrop_of(self, name: str) -> Flow[Maildrop | None]:
        users = self._authenticator
        if isinstance(users, Maildrops):
            return (yield from invoke(lambda: users.maildrop(name)))
        if not isinstance(users, PasswordStore):
            raise TypeError("the authenticator gives no maildrop without a password: see Maildrops")
        password = yield from self._password(name)
        return (yield from self._authenticate(name, password or ""))

    def _maildrop_of_other(self, name: str, other: str) -> Flow[Maildrop | None]:
        """Who names somebody else is never given his own maildrop in place of that (RFC 4616,
        section 2)."""
        users = self._authenticator
        if not isinstance(users, Delegation):
            return None
        permitted = yield from invoke(lambda: users.permits(name, other))
        return (yield from invoke(lambda: users.maildrop(other))) if permitted else None

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


def prepared(text: str) -> str:
    """Text by SASLprep; nothing where that is not possible."""
    try:
        return prepare_query(text)
    except ValueError:
        return ""
