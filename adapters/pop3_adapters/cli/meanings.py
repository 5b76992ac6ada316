"""What a capability means for whoever fetches mail."""

from collections.abc import Callable
from typing import Final

from pop3_proto import Capabilities

__all__ = ["MEANINGS", "meaning", "spell_duration"]


UNITS: Final = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def meaning(tag: str, capabilities: Capabilities) -> str | None:
    """A short sentence about an announced capability; None where it is not known, or unreadable."""
    explain = MEANINGS.get(tag.upper())
    return explain(capabilities) if explain else None


def spell_duration(seconds: int) -> str:
    """Seconds in words: `1 hour 30 minutes`."""
    parts: list[str] = []
    for unit, length in UNITS:
        count, seconds = divmod(seconds, length)
        if count:
            parts.append(f"{count} {unit}" if count == 1 else f"{count} {unit}s")
    return " ".join(parts) or "0 seconds"


MECHANISMS: Final = (
    (("PLAIN", "LOGIN"), "sends the password"),
    (("CRAM-MD5", "DIGEST-MD5"), "hides the password by old means"),
    (("XOAUTH2", "OAUTHBEARER"), "takes a token of OAuth in place of a password"),
    (("SCRAM-",), "never shows the password to anybody"),
    (("GSSAPI", "GS2-", "NTLM", "KERBEROS"), "is the login of a domain"),
    (("EXTERNAL",), "takes a certificate of the client"),
    (("ANONYMOUS",), "needs no account"),
)
"""How the names of mechanisms begin, and what they do."""


def _sasl(capabilities: Capabilities) -> str | None:
    names = capabilities.sasl
    if not names:
        return None
    return "login with AUTH: " + "; ".join(map(_mechanism, names))


def _mechanism(name: str) -> str:
    known = (what for beginnings, what in MECHANISMS if name.startswith(beginnings))
    what = next(known, None)
    return f"{name} {what}" if what else name


def _login_delay(capabilities: Capabilities) -> str | None:
    interval = capabilities.login_interval
    if interval is None:
        return None
    if not interval.seconds:
        return "logins may follow each other at once"
    most = "up to " if interval.by_user else ""
    user = ", depending on the user" if interval.by_user else ""
    return f"{most}{spell_duration(interval.seconds)} have to pass between two logins{user}"


def _expire(capabilities: Capabilities) -> str | None:
    kept = capabilities.retention
    if kept is None:
        return None
    user = ", or longer, depending on the user" if kept.by_user else ""
    if kept.days is None:
        return "messages are kept until somebody deletes them"
    if kept.days == 0:
        return (
            "dangerous: the server deletes by itself what was retrieved, at the end of the "
            f"session{' of some users' if kept.by_user else ''}"
        )
    days = spell_duration(kept.days * 86400)
    return f"the server deletes messages by itself after {days}{user}"


def _utf8(capabilities: Capabilities) -> str:
    names = ", and in names and passwords" if capabilities.utf8_login else ""
    return f"UTF-8 in the headers of messages{names}"


def _implementation(capabilities: Capabilities) -> str | None:
    return "what the server calls itself" if capabilities.implementation else None


def _always(sentence: str) -> Callable[[Capabilities], str]:
    return lambda _: sentence


MEANINGS: Final[dict[str, Callable[[Capabilities], str | None]]] = {
    "STLS": _always("TLS can be begun on this connection"),
    "USER": _always("login with name and password (USER and PASS)"),
    "SASL": _sasl,
    "APOP": _always("login with APOP, which hides the password by old means"),
    "UIDL": _always("each message has a name that stays: mail can be left on the server"),
    "TOP": _always("headers can be read without fetching the message"),
    "PIPELINING": _always("fast: commands need not wait for each other's answers"),
    "RESP-CODES": _always("refusals carry a code for programs"),
    "AUTH-RESP-CODE": _always("a wrong password can be told from trouble of the server"),
    "LOGIN-DELAY": _login_delay,
    "EXPIRE": _expire,
    "UTF8": _utf8,
    "LANG": _always("the server can speak other languages"),
    "IMPLEMENTATION": _implementation,
}
"""By tag: a sentence, or None where the arguments cannot be read."""
