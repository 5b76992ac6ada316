"""Errors of a session as sentences for people, with the remedy."""

import re
import ssl
from socket import gaierror
from typing import Final

from pop3_proto import (
    AuthenticationFailed,
    CommandFailed,
    LoginDelay,
    MailboxInUse,
    Pop3Error,
    Pop3Url,
    TemporaryFailure,
    UnexpectedEof,
)

from .statuses import Status

__all__ = ["explain"]

WRONG_NAME: Final = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
WRONG_TIME: Final = (9, 10)  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED


def explain(error: OSError | Pop3Error, url: Pop3Url) -> tuple[str, Status]:
    """What a session with the server at `url` ended with, and the exit status."""
    if isinstance(error, AuthenticationFailed):
        guess = f"{error.hint.value}; otherwise " if error.hint else ""
        return f"{error}; {guess}check the user's name and the password", Status.REFUSED
    return _sentence(error, url), Status.BROKEN


def _sentence(error: OSError | Pop3Error, url: Pop3Url) -> str:
    where = f"{url.host}, port {url.port}"
    match error:
        case MailboxInUse() | LoginDelay() | TemporaryFailure():
            return f"{error}; try again later"
        case CommandFailed() if error.hint:
            return f"{error}; {error.hint.value}, try again later"
        case UnexpectedEof():
            return f"{error}; try again, what was stored is not fetched twice"
        case Pop3Error():
            return _as_options(str(error))
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
        case ssl.SSLError():
            reason = getattr(error, "reason", None) or error
            return (
                f"TLS with {where} failed ({reason}): pop3s:// is for ports that "
                "speak TLS from the first octet on, pop:// for those where STLS begins it"
            )
        case TimeoutError():
            return f"{where} did not answer in time ({error}); {_after_silence(error)}"
        case _:
            return f"the connection to {where} failed ({error.strerror or error}); try again"


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


def _as_options(sentence: str) -> str:
    """The arguments that the library names are options here, of the same name."""
    return re.sub(r"\b([a-z0-9_]+)=True", lambda m: "--" + m[1].replace("_", "-"), sentence)
