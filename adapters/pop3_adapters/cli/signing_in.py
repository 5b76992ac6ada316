"""Logging in: with what, and by which method of the client."""

from typing import TypeAlias

from pop3_proto import Pop3Url
from pop3_proto.mechanisms import Anonymous, External

from ..socket import Client
from .logins import Login, Proof
from .passwords import password_for
from .settings import Settings
from .stop import Stop
from .tokens import Tokens

__all__ = ["Secret", "log_in", "secret_for"]

Secret: TypeAlias = bytes | Tokens | None
"""A password, tokens, or nothing where nothing has to be kept secret."""


def secret_for(login: Login, whom: str, settings: Settings, *, alone: bool = True) -> Secret:
    """What is needed to log in; whoever is `alone` may be asked as `password_for` says.

    Raises CommandError.
    """
    match login.proof:
        case Proof.PASSWORD:
            return password_for(whom, settings.password_command, alone=alone)
        case Proof.TOKEN:
            return Tokens(settings.token_command or "")
        case Proof.CERTIFICATE | Proof.NONE:
            return None


def log_in(client: Client, url: Pop3Url, login: Login, secret: Secret, stop: Stop) -> str:
    """Log in, and say by which mechanism. `stop` ends what prints a token.

    Raises CommandError where that fails, and what the methods of the client raise.
    """
    name, insecure = url.user or "", login.allow_insecure_auth
    match secret:
        case bytes():
            return client.login(
                name,
                _text(secret),
                mechanism=login.mechanism,
                allow_insecure_auth=insecure,
                allow_utf8_login=login.allow_utf8_login,
            )
        case Tokens():
            return client.login_oauth(
                name,
                lambda refused: secret.token(refused, stop),
                mechanism=login.mechanism,
                allow_insecure_auth=insecure,
            )
        case None:
            anonymous = login.proof is Proof.NONE
            mechanism = Anonymous(name) if anonymous else External(name)
            client.authenticate(mechanism, allow_insecure_auth=insecure)
            return mechanism.name


def _text(password: bytes) -> str | bytes:
    """What some mechanisms can prepare, where it is text."""
    try:
        return password.decode("utf-8")
    except UnicodeDecodeError:
        return password
