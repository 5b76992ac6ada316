"""What a capability means for whoever fetches mail."""

from collections.abc import Callable
from typing import Final

from pop3_proto import Capabilities
from pop3_proto.responses import printable

__all__ = ["MEANINGS", "meaning", "spell_duration", "tag_of"]


UNITS: Final = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def meaning(tag: str, capabilities: Capabilities) -> str | None:
    """A short sentence about an announced capability; None where it is not known, or unreadable."""
    explain = MEANINGS.get(tag)
    sentence = explain(capabilities) if explain else None
    return printable(sentence.encode()) if sentence else None


def tag_of(line: bytes) -> str:
    """The tag of a line of a CAPA response in upper case, fit for a terminal."""
    first = (line.split() or [b""])[0]
    return printable(first.partition(b"=")[0].upper())


def spell_duration(seconds: int) -> str:
    """Seconds in words: `1 hour 30 minutes`."""
    parts: list[str] = []
    for unit, length in UNITS:
        count, seconds = divmod(seconds, length)
        if count:
            parts.append(f"{count} {unit}" if count == 1 else f"{count} {unit}s")
    return " ".join(parts) or "0 seconds"


MECHANISMS: Final = (
    (("PLAIN", "LOGIN"), "the password is sent"),
    (("CRAM-", "DIGEST-MD5"), "the password is hidden by old means"),
    (("SCRAM-",), "the password is never shown to anybody"),
    (("XOAUTH2", "OAUTHBEARER"), "a token of OAuth in place of a password"),
    (("GSSAPI", "GS2-", "NTLM", "KERBEROS"), "the login of a domain"),
    (("EXTERNAL",), "a certificate of the client"),
    (("ANONYMOUS",), "no account is needed"),
    (("",), "of a kind that is not known"),
)
"""How the names of mechanisms begin, and what they do; the first row that fits counts."""


def _sasl(capabilities: Capabilities) -> str | None:
    names = capabilities.sasl
    if not names:
        return None
    kinds: dict[str, list[str]] = {}
    for name in names:
        what = next(what for beginnings, what in MECHANISMS if name.startswith(beginnings))
        kinds.setdefault(what, []).append(name)
    kinds_in_words = (f"{', '.join(names)} ({what})" for what, names in kinds.items())
    return f"login with AUTH: {'; '.join(kinds_in_words)}"


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
    name = capabilities.implementation
    return f"the server calls itself {name}" if name else None


def _always(sentence: str) -> Callable[[Capabilities], str]:
    return lambda _: sentence


MEANINGS: Final[dict[str, Callable[[Capabilities], str | None]]] = {
    "CAPA": _always("the server tells what it can do"),
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
