"""What was found out about a server, in words and for programs."""

import json
import textwrap
from collections.abc import Iterator
from datetime import datetime
from typing import Final, TypeAlias

from pop3_proto import Capabilities, Source
from pop3_proto.apop import is_timestamp
from pop3_proto.responses import printable

from .certificates import Certificate
from .choice import Choice
from .faults import find_faults, timestamp_flaw
from .findings import Announcement, Encryption, Findings, Listings
from .meanings import meaning, tag_of

__all__ = ["json_of", "text_of"]

Row: TypeAlias = tuple[str, str]
Section: TypeAlias = tuple[str, list[Row]]

SOURCES: Final = {Source.PLAINTEXT: "plaintext", Source.TLS: "tls", Source.LOGIN: "login"}

NARROWEST: Final = 20
"""Characters that a value gets at least, however narrow the terminal is."""


def text_of(findings: Findings, width: int | None) -> str:
    """All of it as aligned text, in lines of `width` at most; None does not break lines."""
    sections = [section for section in _sections(findings) if section[1]]
    indent = max((len(name) for _, rows in sections for name, _ in rows), default=0) + 4
    lines: list[str] = []
    for title, rows in sections:
        lines += ["", title] if lines else [title]
        for name, value in rows:
            lines += _aligned(name, value, indent, width)
    return "\n".join(lines)


def _aligned(name: str, value: str, indent: int, width: int | None) -> list[str]:
    room = max(NARROWEST, width - indent) if width else None
    # An option is easier to copy in one piece.
    values = textwrap.wrap(value, room, break_on_hyphens=False) if room else [value]
    first, *others = values or [""]
    begin = f"  {name}".ljust(indent)
    return [(begin + first).rstrip(), *(" " * indent + line for line in others)]


def _sections(findings: Findings) -> Iterator[Section]:
    yield "Server", list(_server(findings))
    if findings.encryption:
        yield "TLS", list(_encryption(findings.encryption, findings.time))
    before: Announcement | None = None
    for announcement in findings.announcements:
        title = f"Capabilities {announcement.source.value}"
        yield title, list(_announcement(announcement, before))
        before = announcement
    if findings.choice:
        yield "Login", list(_choice(findings.choice))
    if findings.listings:
        yield "Maildrop", list(_maildrop(findings.listings))
    faults = [(fault.kind.value, fault.sentence) for fault in find_faults(findings)]
    if findings.error:
        faults.append(("unable", findings.error))
    if findings.greeting:
        yield "Faults", faults or [("none", "nothing is wrong that can be seen")]


def _server(findings: Findings) -> Iterator[Row]:
    yield "address", f"{findings.url.host}, port {findings.url.port}"
    if findings.greeting:
        yield "greeting", _said(findings.greeting.ok, findings.greeting.octets)
        yield "APOP", _apop(findings.timestamp)


def _said(ok: bool, octets: bytes) -> str:
    return f"{'+OK' if ok else '-ERR'} {printable(octets)}".rstrip()


def _apop(timestamp: bytes | None) -> str:
    if timestamp is None:
        return "not offered"
    if is_timestamp(timestamp):
        return f"offered, {printable(timestamp)}"
    return f"offered, and malformed ({timestamp_flaw(timestamp)}): {printable(timestamp)}"


def _encryption(encryption: Encryption, now: datetime) -> Iterator[Row]:
    yield "version", encryption.version
    yield "cipher", encryption.cipher
    if encryption.alpn:
        yield "ALPN", encryption.alpn
    if encryption.certificate:
        yield from _certificate(encryption.certificate, now)
    if encryption.verified_by:
        yield "verified", f"yes, by {encryption.verified_by}"
    else:
        yield "verified", f"no: {encryption.distrust}"


def _certificate(certificate: Certificate, now: datetime) -> Iterator[Row]:
    yield "certificate", "for " + ", ".join(certificate.names)
    yield "issuer", certificate.issuer
    if now < certificate.begins:
        yield "valid", f"only from {certificate.begins:%Y-%m-%d %H:%M} UTC on"
    days = certificate.days_left(now)
    ended = "ended" if days < 0 else f"{days} days left"
    yield "valid until", f"{certificate.ends:%Y-%m-%d %H:%M} UTC, {ended}"


def _announcement(announcement: Announcement, before: Announcement | None) -> Iterator[Row]:
    """All of the first list; of the others what is different."""
    announced = announcement.capabilities
    known = before.capabilities if before else None
    if announced is None:
        yield "none", "the server refuses CAPA"
        return
    if before is None or known is None:
        yield from map(_capability, announced.lines)
        if not announced.lines:
            yield "none", "the list is empty"
        return
    added = [line for line in announced.lines if line not in known.lines]
    left = {tag_of(line) for line in announced.lines}
    gone = [line for line in known.lines if tag_of(line) not in left]
    if not added and not gone:
        yield "the same", f"as {before.source.value}"
        return
    yield "changed", f"otherwise as {before.source.value}"
    for line in added:
        name, value = _capability(line)
        yield f"+ {name}", value
    for line in gone:
        yield f"- {tag_of(line)}", "no longer announced"


def _capability(line: bytes) -> Row:
    """The tag, and what it means; the arguments as they are where that is not known."""
    tag = tag_of(line)
    raw = printable(line[len(line.split()[0]) :].strip()) if line.strip() else ""
    unknown = f"{raw} (meaning not known)" if raw else "meaning not known"
    return tag, meaning(tag, Capabilities((line,))) or unknown


def _choice(choice: Choice) -> Iterator[Row]:
    yield "way", f"{choice.way or 'none'}: {choice.why}"
    ways: dict[str, list[str]] = {}
    for way, obstacle in choice.obstacles.items():
        ways.setdefault(obstacle, []).append(way)
    for obstacle, names in ways.items():
        yield "not", f"{', '.join(names)}: {obstacle}"


def _maildrop(listings: Listings) -> Iterator[Row]:
    if listings.stat is not None:
        yield "messages", f"{listings.stat.messages:,}"
        octets = listings.stat.octets
        yield "octets", "unknown" if octets is None else f"{octets:,}"
    if listings.unique_ids is not None:
        yield "unique-ids", f"{len(listings.unique_ids):,}"


def json_of(findings: Findings) -> str:
    """All of it as one JSON object; what the server says has its control characters escaped."""
    greeting = findings.greeting
    return json.dumps(
        {
            "host": findings.url.host,
            "port": findings.url.port,
            "policy": findings.url.tls.value,
            "user": findings.url.user,
            "greeting": greeting and _said(greeting.ok, greeting.octets),
            "apop": _apop_json(findings),
            "tls": findings.encryption and _tls_json(findings.encryption, findings.time),
            "capabilities": {
                SOURCES[each.source]: each.capabilities and _capabilities_json(each.capabilities)
                for each in findings.announcements
            },
            "login": findings.choice and _choice_json(findings.choice),
            "maildrop": findings.listings and _maildrop_json(findings.listings),
            "faults": [
                {"kind": fault.kind.value, "sentence": fault.sentence}
                for fault in find_faults(findings)
            ],
            "error": findings.error,
            "status": int(findings.status),
        }
    )


def _apop_json(findings: Findings) -> dict[str, object] | None:
    timestamp = findings.timestamp
    if timestamp is None:
        return None
    return {
        "timestamp": printable(timestamp),
        "well_formed": is_timestamp(timestamp),
        "repeated": findings.timestamp_again and timestamp == findings.timestamp_again,
    }


def _tls_json(encryption: Encryption, now: datetime) -> dict[str, object]:
    certificate = encryption.certificate
    return {
        "version": encryption.version,
        "cipher": encryption.cipher,
        "alpn": encryption.alpn,
        "verified_by": encryption.verified_by,
        "distrust": encryption.distrust,
        "certificate": certificate
        and {
            "names": certificate.names,
            "issuer": certificate.issuer,
            "begins": certificate.begins.isoformat(),
            "ends": certificate.ends.isoformat(),
            "days_left": certificate.days_left(now),
        },
    }


def _capabilities_json(announced: Capabilities) -> list[dict[str, str | None]]:
    return [
        {"line": printable(line), "meaning": meaning(tag_of(line), announced)}
        for line in announced.lines
    ]


def _choice_json(choice: Choice) -> dict[str, object]:
    return {"way": choice.way, "why": choice.why, "obstacles": choice.obstacles}


def _maildrop_json(listings: Listings) -> dict[str, int | None]:
    stat, names = listings.stat, listings.unique_ids
    return {
        "messages": stat and stat.messages,
        "octets": stat and stat.octets,
        "unique_ids": None if names is None else len(names),
    }
