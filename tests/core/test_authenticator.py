"""What a server asks before the login, and how it finds out what more an authenticator can do."""

from collections.abc import Collection

import pytest

from pop3_proto import (
    CertificateHolders,
    ClientCertificate,
    Delegation,
    Guests,
    LoginAttempt,
    Maildrop,
    Maildrops,
    PasswordStore,
    ScramVerifier,
    TokenHolders,
    VerifierStore,
)


class Finding:
    """Gives maildrops, and nothing else."""

    def maildrop(self, name: str) -> Maildrop | None:
        return None


class Everything(Finding):
    """Knows everybody by everything."""

    def password(self, name: str) -> str | None:
        return None

    def mechanisms(self) -> Collection[str]:
        return ()

    def verifier(self, name: str, mechanism: str) -> ScramVerifier | None:
        return None

    def token_holder(self, token: str) -> str | None:
        return None

    def certificate_holder(self, certificate: ClientCertificate) -> str | None:
        return None

    def guest(self, trace: str) -> Maildrop | None:
        return None

    def permits(self, name: str, other: str) -> bool:
        return False


ABILITIES = (CertificateHolders, Delegation, Guests, PasswordStore, TokenHolders, VerifierStore)


@pytest.mark.parametrize("ability", [*ABILITIES, Maildrops])
def test_what_an_authenticator_can_do_is_seen_by_its_methods(ability: type) -> None:
    assert isinstance(Everything(), ability)
    assert not isinstance(object(), ability)


@pytest.mark.parametrize("ability", ABILITIES)
def test_maildrops_alone_are_no_reason_to_let_somebody_in(ability: type) -> None:
    assert isinstance(Finding(), Maildrops)
    assert not isinstance(Finding(), ability)


def test_a_certificate_may_have_no_names() -> None:
    certificate = ClientCertificate(b"DER")
    assert (certificate.common_name, certificate.emails) == (None, ())


def test_an_attempt_tells_no_secret() -> None:
    attempt = LoginAttempt("alice", "bob", "PLAIN", ok=False, tls=True, failures=2)
    assert repr(attempt) == (
        "LoginAttempt(name='alice', authorization='bob', way='PLAIN', ok=False, tls=True, "
        "failures=2)"
    )
