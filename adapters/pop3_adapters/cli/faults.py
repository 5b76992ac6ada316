"""What is wrong with a server: departures from the RFCs, and what is unsafe."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Final, TypeAlias, TypeVar

from pop3_proto import Capabilities, Source
from pop3_proto.apop import is_timestamp
from pop3_proto.listings import is_unique_id
from pop3_proto.responses import printable

from .findings import Findings
from .meanings import MEANINGS, tag_of

__all__ = ["Fault", "Kind", "find_faults"]


T = TypeVar("T")


class Kind(Enum):
    """How bad it is."""

    UNSAFE = "unsafe"
    WRONG = "wrong"
    """A departure from the RFCs."""

    MISSING = "missing"
    """Allowed, and a pity."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong, as a sentence."""

    kind: Kind
    sentence: str


def find_faults(findings: Findings) -> list[Fault]:
    """All that is wrong, the worst first."""
    found = (Fault(kind, sentence) for kind, rule in RULES for sentence in rule(findings))
    return list(dict.fromkeys(found))  # several lists of capabilities may have the same fault


SOON: Final = 14
"""Days before its end at which a certificate is spoken of: renewal is usual at 30."""

OLD_TLS: Final = ("SSLv2", "SSLv3", "TLSv1", "TLSv1.1")
PASSWORD_MECHANISMS: Final = ("PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER")
JOINED: Final = ("EXPIRE", "LOGIN-DELAY")
"""Tags that servers have been seen to write without a blank before their argument."""


def no_stls(found: Findings) -> Iterator[str]:
    announced = found.announced(Source.PLAINTEXT)
    if announced is None or "STLS" in announced:
        return
    if found.encryption is None:
        yield (
            "STLS is not offered: everybody on the way can read what passes here; perhaps the "
            "server has implicit TLS on port 995 (pop3s://)"
        )
    else:
        yield (
            "STLS works and is not announced: clients that look for it stay in plaintext, and "
            "somebody on the way may have taken it out"
        )


def refused_stls(found: Findings) -> Iterator[str]:
    if found.stls_refused and "STLS" in (found.announced(Source.PLAINTEXT) or ()):
        yield "STLS is announced and refused"


def passwords_without_tls(found: Findings) -> Iterator[str]:
    announced = found.announced(Source.PLAINTEXT)
    if announced is None:
        return
    ways = ["USER"] if "USER" in announced else []
    ways += [name for name in announced.sasl or () if name in PASSWORD_MECHANISMS]
    if ways:
        yield (
            f"passwords are asked for without TLS ({', '.join(ways)}): a client that "
            "gives one shows it to everybody on the way (RFC 2595, section 2.3)"
        )


def old_tls(found: Findings) -> Iterator[str]:
    if found.encryption and found.encryption.version in OLD_TLS:
        yield f"{found.encryption.version} is broken: TLS 1.2 or newer is needed (RFC 8996)"


def certificate_ends(found: Findings) -> Iterator[str]:
    certificate = found.encryption.certificate if found.encryption else None
    if certificate and 0 <= (days := certificate.days_left(found.time)) < SOON:
        left = "1 day" if days == 1 else f"{days} days"
        yield f"the certificate ends in {left}: the server needs a new one"


def unreadable_certificate(found: Findings) -> Iterator[str]:
    if found.encryption and found.encryption.certificate is None:
        yield "the certificate is of a form that cannot be read"


def malformed_timestamp(found: Findings) -> Iterator[str]:
    if found.timestamp is not None and not is_timestamp(found.timestamp):
        yield (
            f"the timestamp for APOP is no message-id ({timestamp_flaw(found.timestamp)}): "
            "somebody may have chosen it to find out passwords (RFC 1939, section 7)"
        )


def timestamp_flaw(timestamp: bytes) -> str:
    """What of a malformed timestamp is malformed."""
    inner = timestamp[1:-1]
    if not inner.isascii():
        return "it goes beyond ASCII"
    if any(octet <= 0x20 or octet == 0x7F for octet in inner):
        return "there are blanks or control characters in it"
    if inner.count(b"@") != 1:
        return f"there are {inner.count(b'@')} @ in it, and not one"
    return "what stands before or behind the @ is not made of letters, digits and dots"


def repeated_timestamp(found: Findings) -> Iterator[str]:
    if found.timestamp is not None and found.timestamp == found.timestamp_again:
        yield (
            "the timestamp for APOP is the same in two connections: whoever has heard one login "
            "can repeat it (RFC 1939, section 7)"
        )


def stls_inside_tls(found: Findings) -> Iterator[str]:
    for source in (Source.TLS, Source.LOGIN):
        if found.encryption and "STLS" in (found.announced(source) or ()):
            yield f"STLS is announced {source.value}, where TLS is there already (RFC 2595)"
            return


def lost_mechanisms(found: Findings) -> Iterator[str]:
    before, inside = found.announced(Source.PLAINTEXT), found.announced(Source.TLS)
    if before and before.sasl and inside and not inside.sasl:
        yield "SASL is announced before TLS and not inside it: somebody may have changed a list"


def lost_capa(found: Findings) -> Iterator[str]:
    for before, after in pairwise(found.announcements):
        if before.capabilities and after.capabilities is None:
            yield f"CAPA is answered {before.source.value}, and refused {after.source.value}"


def unannounced_login(found: Findings) -> Iterator[str]:
    """Where a password would be safe."""
    source = Source.TLS if found.encryption else Source.PLAINTEXT
    announced = found.announced(source)
    if announced is None or "STLS" in announced or found.timestamp:
        return
    if "USER" not in announced and not announced.sasl:
        yield f"no way to log in is announced {source.value}: neither USER nor SASL"


def empty_sasl(found: Findings) -> Iterator[str]:
    for announced in _lists(found):
        if announced.sasl == ():
            yield "SASL is announced without a mechanism (RFC 5034, section 3)"


def unreadable_values(found: Findings) -> Iterator[str]:
    for announced in _lists(found):
        for line in announced.lines:
            if flaw := _flaw(line):
                yield f'the capability "{printable(line)}" {flaw} (RFC 2449, section 3)'


def repeated_capabilities(found: Findings) -> Iterator[str]:
    for announced in _lists(found):
        for tag in filter(None, _repeated(map(tag_of, announced.lines))):
            yield f"{tag} is announced more than once, and only the first one counts"


def bare_lines(found: Findings) -> Iterator[str]:
    if found.bare_lines:
        yield f"{_count(found.bare_lines, 'line')} ended in LF without CR (RFC 1939, section 3)"


def blank_lines(found: Findings) -> Iterator[str]:
    if found.blank_lines:
        yield (
            f"{_count(found.blank_lines, 'blank line')} came where an answer was due: pipelining "
            "is not safe with this server"
        )


def refusals(found: Findings) -> Iterator[str]:
    if found.listings is None:
        return
    for verb, reason in found.listings.refusals:
        if verb != "UIDL":
            yield f"{verb} does not work: {reason}"
        elif "UIDL" in (found.capabilities or ()):
            yield f"UIDL is announced and does not work: {reason}"


def unannounced_uidl(found: Findings) -> Iterator[str]:
    if found.capabilities is not None and "UIDL" not in found.capabilities and _uidl_works(found):
        yield "UIDL works and is not announced"


def different_counts(found: Findings) -> Iterator[str]:
    if found.listings is None:
        return
    stat, sizes, names = (
        found.listings.stat,
        found.listings.scan_listings,
        found.listings.unique_ids,
    )
    counts = {
        "STAT": None if stat is None else stat.messages,
        "LIST": None if sizes is None else len(sizes),
        "UIDL": None if names is None else len(names),
    }
    known = {verb: count for verb, count in counts.items() if count is not None}
    if len(set(known.values())) > 1:
        said = ", ".join(f"{verb} {count}" for verb, count in known.items())
        yield f"the listings do not agree on how many messages there are: {said}"


def different_numbers(found: Findings) -> Iterator[str]:
    if found.listings is None:
        return
    sizes, names = found.listings.scan_listings, found.listings.unique_ids
    for verb, entries in (("LIST", sizes), ("UIDL", names)):
        if repeated := _repeated(entry[0] for entry in entries or ()):
            yield f"{verb} has a message-number more than once: {repeated[0]}"
    if sizes is None or names is None or len(sizes) != len(names):
        return
    if {entry.number for entry in sizes} != {entry.number for entry in names}:
        yield "LIST and UIDL do not have the same message-numbers"


def different_octets(found: Findings) -> Iterator[str]:
    listings = found.listings
    if listings is None or listings.stat is None or listings.scan_listings is None:
        return
    sizes = [entry.octets for entry in listings.scan_listings]
    known = [octets for octets in sizes if octets is not None]
    if len(known) < len(sizes):
        yield f"LIST has no octets for {_count(len(sizes) - len(known), 'message')}"
    elif listings.stat.octets is None:
        yield "STAT does not say how many octets there are"
    elif sum(known) != listings.stat.octets:
        yield (
            f"STAT says that there are {listings.stat.octets} octets, and by LIST there are "
            f"{sum(known)}"
        )


def repeated_unique_ids(found: Findings) -> Iterator[str]:
    if found.listings is None:
        return
    repeated = _repeated(e.unique_id for e in found.listings.unique_ids or () if e.unique_id)
    if repeated:
        yield (
            f"{_count(len(repeated), 'unique-id')} of several messages, such as "
            f"{printable(repeated[0])}: what was fetched cannot be told from what was not"
        )


def malformed_unique_ids(found: Findings) -> Iterator[str]:
    if found.listings is None:
        return
    bad = [e for e in found.listings.unique_ids or () if not is_unique_id(e.unique_id)]
    if bad:
        yield (
            f"{_count(len(bad), 'unique-id')} not of 1 to 70 visible ASCII characters, such as "
            f"that of message {bad[0].number} (RFC 1939, section 7)"
        )


def no_capa(found: Findings) -> Iterator[str]:
    if found.announcements and all(each.capabilities is None for each in found.announcements):
        yield "CAPA is refused: nobody can know what the server can do"


def no_uidl(found: Findings) -> Iterator[str]:
    unknown = found.capabilities is None and found.listings is None
    if not (unknown or _uidl_works(found) or "UIDL" in (found.capabilities or ())):
        yield (
            "UIDL is not there: mail that is left on the server cannot be recognized, and is "
            "fetched again and again"
        )


def no_top(found: Findings) -> Iterator[str]:
    if found.capabilities is not None and "TOP" not in found.capabilities:
        yield "TOP is not announced: headers cannot be read without fetching the whole message"


def _lists(found: Findings) -> Iterator[Capabilities]:
    for each in found.announcements:
        if each.capabilities:
            yield each.capabilities


def _flaw(line: bytes) -> str | None:
    """What is wrong with the form of an announced capability."""
    words, tag, announced = line.split(), tag_of(line), Capabilities((line,))
    if not words:
        return "is empty"
    if tag in MEANINGS and b"=" in words[0]:
        return "has = where a blank belongs"
    if tag not in MEANINGS and tag.startswith(JOINED):
        return "has no blank behind its name"
    if tag == "EXPIRE" and announced.retention is None:
        return "has no number of days and no NEVER"
    if tag == "LOGIN-DELAY" and announced.login_interval is None:
        return "has no number of seconds"
    return None


def _uidl_works(found: Findings) -> bool:
    return found.listings is not None and found.listings.unique_ids is not None


def _repeated(things: Iterable[T]) -> list[T]:
    return [thing for thing, count in Counter(things).items() if count > 1]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


Rule: TypeAlias = Callable[[Findings], Iterator[str]]

RULES: Final[tuple[tuple[Kind, Rule], ...]] = (
    (Kind.UNSAFE, no_stls),
    (Kind.UNSAFE, passwords_without_tls),
    (Kind.UNSAFE, old_tls),
    (Kind.UNSAFE, certificate_ends),
    (Kind.UNSAFE, unreadable_certificate),
    (Kind.UNSAFE, malformed_timestamp),
    (Kind.UNSAFE, repeated_timestamp),
    (Kind.UNSAFE, lost_mechanisms),
    (Kind.WRONG, refused_stls),
    (Kind.WRONG, stls_inside_tls),
    (Kind.WRONG, lost_capa),
    (Kind.WRONG, unannounced_login),
    (Kind.WRONG, empty_sasl),
    (Kind.WRONG, unreadable_values),
    (Kind.WRONG, repeated_capabilities),
    (Kind.WRONG, bare_lines),
    (Kind.WRONG, blank_lines),
    (Kind.WRONG, refusals),
    (Kind.WRONG, unannounced_uidl),
    (Kind.WRONG, different_counts),
    (Kind.WRONG, different_numbers),
    (Kind.WRONG, different_octets),
    (Kind.WRONG, repeated_unique_ids),
    (Kind.WRONG, malformed_unique_ids),
    (Kind.MISSING, no_capa),
    (Kind.MISSING, no_uidl),
    (Kind.MISSING, no_top),
)
