"""How an account is logged in to, as its URL and its settings say it."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from pop3_proto import Pop3Url, TlsPolicy
from pop3_proto.responses import printable

from .._password_mechanisms import PASSWORD_MECHANISMS
from .settings import Settings
from .statuses import CommandError

__all__ = ["APOP", "HIDING", "PROOFS", "Login", "Proof", "check_login", "login_for"]

APOP: Final = "APOP"
EXTERNAL: Final = "EXTERNAL"
ANONYMOUS: Final = "ANONYMOUS"


class Proof(Enum):
    """What proves who somebody is."""

    PASSWORD = "a password"
    TOKEN = "a token"
    CERTIFICATE = "a client certificate"
    NONE = "neither password nor token"
    """A guest does not say who he is."""


PROOFS: Final = {
    **dict.fromkeys((each.name for each in PASSWORD_MECHANISMS), Proof.PASSWORD),
    "USER": Proof.PASSWORD,
    APOP: Proof.PASSWORD,
    "OAUTHBEARER": Proof.TOKEN,
    "XOAUTH2": Proof.TOKEN,
    EXTERNAL: Proof.CERTIFICATE,
    ANONYMOUS: Proof.NONE,
}

HIDING: Final = frozenset(
    [each.name for each in PASSWORD_MECHANISMS if not each.shows_secret]
    + [APOP, EXTERNAL, ANONYMOUS]
)
"""Those of which nobody who listens learns anything that he can log in with."""


@dataclass(frozen=True, slots=True)
class Login:
    """How to log in; `mechanism` is the one that has to be taken, or None for the strongest."""

    proof: Proof = Proof.PASSWORD
    mechanism: str | None = None
    allow_insecure_auth: bool = False
    allow_utf8_login: bool = False

    @property
    def needs_user(self) -> bool:
        """Whether nobody can log in without a name; a certificate may have it in it."""
        return self.proof in (Proof.PASSWORD, Proof.TOKEN)


def login_for(url: Pop3Url, settings: Settings) -> Login:
    """What is asked for. Raises CommandError for what does not go together."""
    if settings.client_key and not settings.client_cert:
        raise CommandError(
            "--client-key is the key of a certificate: name that with --client-cert, too"
        )
    mechanism = _mechanism(url, settings)
    proof = PROOFS[mechanism] if mechanism else _proof(settings)
    _check_commands(proof, mechanism, settings)
    if url.tls is TlsPolicy.NONE and (settings.client_cert or proof is Proof.CERTIFICATE):
        raise CommandError(
            "a client certificate is shown inside TLS only, and with ?tls=none there is none: "
            "leave one of them out"
        )
    return Login(
        proof,
        EXTERNAL if proof is Proof.CERTIFICATE else mechanism,
        bool(settings.allow_insecure_auth),
        bool(settings.allow_utf8_login),
    )


def check_login(login: Login, url: Pop3Url, settings: Settings) -> None:
    """Raise CommandError where something that it takes is missing, or would be seen by others."""
    if url.user is None and login.needs_user:
        raise CommandError(f"the URL names no user: write it as in pop3s://alice@{url.host}")
    if login.proof is Proof.TOKEN and settings.token_command is None:
        raise CommandError(
            f"{login.mechanism} takes a token: name the command that prints it with --token-command"
        )
    if login.proof is Proof.CERTIFICATE and settings.client_cert is None:
        raise CommandError(f"{EXTERNAL} takes a client certificate: name it with --client-cert")
    for each in PASSWORD_MECHANISMS:
        if each.name == login.mechanism and each.install:
            raise CommandError(f"{each.name} needs what is not installed here: {each.install}")
    shows_secret = login.mechanism not in HIDING
    if url.tls is TlsPolicy.NONE and shows_secret and not login.allow_insecure_auth:
        secret, otherwise = (
            ("token", "")
            if login.proof is Proof.TOKEN
            else ("password", " name a mechanism that hides it, as --auth SCRAM-SHA-256 does,")
        )
        raise CommandError(
            f"with ?tls=none everybody on the way can read the {secret}: leave it out,{otherwise} "
            "or add --allow-insecure-auth where nobody else can listen"
        )


def _mechanism(url: Pop3Url, settings: Settings) -> str | None:
    given, in_url = _unprefixed(settings.auth), _unprefixed(url.auth)
    if given and in_url and given != in_url:
        raise CommandError(
            f"the URL asks for the mechanism {in_url}, and --auth for {printable(given.encode())}: "
            "leave one of them out"
        )
    mechanism = in_url if given is None else given
    if mechanism is not None and mechanism not in PROOFS:
        raise CommandError(
            f'there is no mechanism "{printable(mechanism.encode())}" here: there are '
            f"{', '.join(PROOFS)}"
        )
    return mechanism


def _unprefixed(mechanism: str | None) -> str | None:
    """The name of a mechanism, or APOP, which URLs write as +APOP (RFC 2384, section 4)."""
    name = mechanism and mechanism.upper()
    return APOP if name == f"+{APOP}" else name


def _proof(settings: Settings) -> Proof:
    """What somebody logs in with who names no mechanism."""
    if settings.token_command is not None:
        return Proof.TOKEN
    if settings.client_cert and settings.password_command is None:
        return Proof.CERTIFICATE
    return Proof.PASSWORD


def _check_commands(proof: Proof, mechanism: str | None, settings: Settings) -> None:
    if settings.password_command is not None and settings.token_command is not None:
        raise CommandError(
            "one logs in with a password or with a token: leave out --password-command or "
            "--token-command"
        )
    for kind, option, given in (
        (Proof.PASSWORD, "--password-command", settings.password_command),
        (Proof.TOKEN, "--token-command", settings.token_command),
    ):
        if given is not None and proof is not kind:
            raise CommandError(
                f"{option} prints {kind.value}, and {mechanism} takes {proof.value}: leave one of "
                "them out"
            )
