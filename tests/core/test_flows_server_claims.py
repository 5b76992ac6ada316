"""Which maildrop a claim opens, and what the authenticator is asked for that."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from pop3_proto import (
    AccessToken,
    Authenticator,
    Certified,
    Claim,
    ClientCertificate,
    Credentials,
    Digest,
    Guest,
    Maildrop,
    Proven,
    ScramVerifier,
)
from pop3_proto.flows.core import Flow, Invoke
from pop3_proto.flows.server_claims import DECOY, Found, ServerClaims
from tests.core.serving import Drop, Users

T = TypeVar("T")

DROP = Drop()
VERIFIER = ScramVerifier("SCRAM-SHA-1", 4096, b"salt", b"stored", b"server")


@dataclass
class Store(Users):
    """Knows the passwords too, but lets only alice in."""

    def password(self, name: str) -> str | None:
        return {"alice": "secret", "bob": "", "eve": "other"}.get(name)


@dataclass
class Everybody(Store):
    """Can do all that an authenticator can do; alice may have the maildrop of bob."""

    asked: list[str] = field(default_factory=list[str])

    def maildrop(self, name: str) -> Maildrop | None:
        self.asked.append(f"maildrop {name}")
        return DROP if name in ("alice", "bob") else None

    def mechanisms(self) -> Collection[str]:
        return ("SCRAM-SHA-1",)

    def verifier(self, name: str, mechanism: str) -> ScramVerifier | None:
        self.asked.append(f"verifier {name} {mechanism}")
        return VERIFIER if name == "alice" else None

    def token_holder(self, token: str) -> str | None:
        self.asked.append(f"token {token}")
        return {"good": "alice"}.get(token)

    def certificate_holder(self, certificate: ClientCertificate) -> str | None:
        return certificate.common_name

    def guest(self, trace: str) -> Maildrop | None:
        return DROP if "@" in trace else None

    def permits(self, name: str, other: str) -> bool:
        self.asked.append(f"permits {name} {other}")
        return name == "alice" and other in ("bob", "ghost")


def run(flow: Flow[T]) -> T:
    """A flow that wants nothing but the application."""
    while True:
        try:
            want = next(flow)
        except StopIteration as stop:
            result: T = stop.value
            return result
        assert isinstance(want, Invoke)
        want.deliver(want.function())


def found(
    claim: Claim, users: Authenticator | None = None, certificate: str | None = None
) -> tuple[str, bool]:
    """Who it is, and whether he gets his maildrop."""
    shown = ClientCertificate(b"", certificate) if certificate is not None else None
    claims = ServerClaims(users or Everybody(DROP), lambda: shown)
    result: Found = run(claims.find(claim))
    assert result.maildrop in (None, DROP)
    return result.name, result.maildrop is not None


def proven_by(password: str, name: str) -> Digest:
    return Digest(name, lambda known: known == password)


@pytest.mark.parametrize(
    ("claim", "name", "ok"),
    [
        (Credentials("alice", "secret"), "alice", True),
        (Credentials("alice", "secret", "alice"), "alice", True),
        (Credentials("alice", "wrong"), "alice", False),
        (Credentials("", "secret"), "", False),
        (Credentials("alice", ""), "alice", False),
        (proven_by("secret", "alice"), "alice", True),
        (proven_by("wrong", "alice"), "alice", False),
        (proven_by(DECOY, "nobody"), "nobody", False),
        (proven_by(DECOY, "bob"), "bob", False),
        (proven_by(DECOY, ""), "", False),
        (proven_by("other", "eve"), "eve", False),
        (AccessToken("good"), "alice", True),
        (AccessToken("bad"), "", False),
        (Guest("sirhc@example.org"), "", True),
        (Guest("sirhc"), "", False),
        (Proven("alice"), "alice", True),
        (Proven("ghost"), "ghost", False),
        (Proven(""), "", False),
    ],
)
def test_ones_own_maildrop(claim: Claim, name: str, ok: bool) -> None:
    assert found(claim) == (name, ok)


def test_a_certificate() -> None:
    assert found(Certified(), certificate="alice") == ("alice", True)
    assert found(Certified(), certificate="ghost") == ("ghost", False)
    assert found(Certified(), certificate="") == ("", False)
    assert found(Certified()) == ("", False)


def test_nobody_is_asked_for_an_empty_token() -> None:
    users = Everybody(DROP)
    assert found(AccessToken(""), users) == ("", False)
    assert users.asked == []


@pytest.mark.parametrize(
    "claim",
    [
        Credentials("alice", "secret", "bob"),
        AccessToken("good", "bob"),
        Certified("bob"),
        Proven("alice", "bob"),
    ],
)
def test_the_maildrop_of_somebody_else(claim: Claim) -> None:
    users = Everybody(DROP)
    assert found(claim, users, "alice") == ("alice", True)
    assert users.asked[-2:] == ["permits alice bob", "maildrop bob"]


@pytest.mark.parametrize(
    ("claim", "name"),
    [
        (Credentials("alice", "wrong", "bob"), "alice"),
        (Credentials("alice", "secret", "eve"), "alice"),
        (Credentials("alice", "secret", "ghost"), "alice"),
        (AccessToken("good", "eve"), "alice"),
        (Proven("bob", "alice"), "bob"),
    ],
)
def test_what_is_not_permitted(claim: Claim, name: str) -> None:
    assert found(claim) == (name, False)


def test_without_delegation_nothing_is_permitted() -> None:
    assert found(Credentials("alice", "secret", "bob"), Users(DROP)) == ("alice", False)


@pytest.mark.parametrize(("name", "ok"), [("alice", True), ("bob", False), ("nobody", False)])
def test_who_has_been_proven_where_there_are_only_passwords(name: str, ok: bool) -> None:
    assert found(Proven(name), Store(DROP)) == (name, ok)


@pytest.mark.parametrize("claim", [AccessToken("good"), Certified(), Guest("@"), Proven("alice")])
def test_an_authenticator_that_can_do_nothing_with_it(claim: Claim) -> None:
    with pytest.raises(TypeError, match="the authenticator"):
        _ = found(claim, Users(DROP))


@pytest.mark.parametrize(
    ("users", "name", "known"),
    [
        (Everybody(DROP), "alice", VERIFIER),
        (Everybody(DROP), "eve", "other"),
        (Everybody(DROP), "nobody", None),
        (Everybody(DROP), "", None),
        (Store(DROP), "alice", "secret"),
        (Users(DROP), "alice", None),
    ],
)
def test_what_is_known_for_scram(
    users: Users, name: str, known: ScramVerifier | str | None
) -> None:
    claims = ServerClaims(users, lambda: None)
    assert run(claims.verifier(name, "SCRAM-SHA-1")) == known
