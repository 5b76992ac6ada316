"""Errors of a session as sentences for people, with the remedy."""

import os
import re
import ssl
from socket import gaierror
from typing import Final

from pop3_proto import (
    AuthenticationFailed,
    CommandFailed,
    LoginDelay,
    LoginImpossible,
    MailboxInUse,
    Pop3Error,
    Pop3Url,
    TemporaryFailure,
    UnexpectedEof,
)

from .._tls import OF_CERTIFICATES
from .logins import Proof
from .refusals import describe_refusal, other_ways
from .statuses import Status

__all__ = ["as_options", "explain", "reason"]

WRONG_NAME: Final = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
WRONG_TIME: Final = (9, 10)  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED

ANOTHER_WAY: Final = "--auth can name one, and pop3 info says what is offered"


def explain(
    error: OSError | Pop3Error, url: Pop3Url, proof: Proof = Proof.PASSWORD
) -> tuple[str, Status]:
    """What a session with the server at `url` ended with, and the exit status.

    `proof` is what somebody has tried to log in with.
    """
    if isinstance(error, AuthenticationFailed):
        return describe_refusal(error, proof), Status.REFUSED
    if isinstance(error, LoginImpossible) and (others := other_ways(error.offered, proof)):
        return f"{as_options(str(error))}; {others}", Status.BROKEN
    return _sentence(error, url), Status.BROKEN


def _sentence(error: OSError | Pop3Error, url: Pop3Url) -> str:
    where = f"{url.host}, port {url.port}"
    match error:
        case MailboxInUse() | LoginDelay() | TemporaryFailure():
            return f"{error}; try again later"
        case CommandFailed() if error.hint:
            return f"{error}; {error.hint.value}, try again later"
        case CommandFailed(command=command) if command.startswith("USER "):
            return f"{error}; check the user's name, or log in another way: {ANOTHER_WAY}"
        case CommandFailed(command=command) if command.startswith("AUTH "):
            return f"{error}; log in another way: {ANOTHER_WAY}"
        case UnexpectedEof():
            return f"{error}; try again, what was stored is not fetched twice"
        case Pop3Error():
            return as_options(str(error))
        case gaierror():
            return (
                f"the host {url.host} was not found ({error.strerror}): check its name, and "
                "whether this machine is online"
            )
        case ConnectionRefusedError():
            return (
                f"nothing takes connections at {where}: check both; pop3s:// means port 995 and "
                "pop:// port 110 where the URL names none"
            )
        case ssl.SSLCertVerificationError():
            return _certificate(error, url.host)
        case ssl.SSLError() if _alert(error) in OF_CERTIFICATES:
            alert = _alert(error).lower().replace("_", " ")
            return (
                "the server refuses the certificate of this client, or that it has none (alert "
                f"{alert}): give one that it trusts with --client-cert"
            )
        case ssl.SSLError() if _alert(error) == "HANDSHAKE_FAILURE":
            return (
                "the server broke TLS off (alert handshake failure): it may want a certificate of "
                "this client, which --client-cert names, or other ciphers than there are here"
            )
        case ssl.SSLError():
            name = _named_by_openssl(error) or error
            return (
                f"TLS with {where} failed ({name}): pop3s:// is for ports that "
                "speak TLS from the first octet on, pop:// for those where STLS begins it"
            )
        case TimeoutError():
            return f"{where} did not answer in time ({error}); {_after_silence(error)}"
        case _:
            return f"the connection to {where} failed ({error.strerror or error}); try again"


def _alert(error: ssl.SSLError) -> str:
    """What the server has said to end TLS, by the name that OpenSSL has for it."""
    return _named_by_openssl(error).partition("_ALERT_")[2]


def _named_by_openssl(error: ssl.SSLError) -> str:
    # Those that OpenSSL has not raised are without.
    return getattr(error, "reason", None) or ""


def _after_silence(error: TimeoutError) -> str:
    if "greeting" in str(error):
        return "a port that speaks TLS from the first octet on needs pop3s://"
    return "check both, and try again"


def _certificate(error: ssl.SSLCertVerificationError, host: str) -> str:
    reason = error.verify_message.rstrip(".")
    if error.verify_code in WRONG_NAME:
        remedy = "the URL has to name the host as the certificate does"
    elif error.verify_code in WRONG_TIME:
        remedy = "the server needs a new one, unless the clock of this machine is wrong"
    else:
        remedy = "for an authority of your own name its certificate with --ca-file"
    return f"the certificate of {host} is not trusted ({reason}): {remedy}"


def as_options(sentence: str) -> str:
    """A sentence of the library, whose arguments are options here, of the same name."""
    return re.sub(r"\b([a-z0-9_]+)=True", lambda m: "--" + m[1].replace("_", "-"), sentence)


def reason(error: Exception) -> str:
    """What the system says, without what is added to it on the way."""
    number = error.errno if isinstance(error, OSError) else None
    # Those of OpenSSL and of the resolver have numbers of their own.
    if number is None or number < 0 or isinstance(error, ssl.SSLError):
        return str(error)
    return os.strerror(number)
