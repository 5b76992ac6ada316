"""What is wrong with a server, rule by rule."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from inspect import getmembers, isgeneratorfunction
from typing import Any

import pytest

from pop3_adapters.cli import faults
from pop3_adapters.cli.certificates import Certificate
from pop3_adapters.cli.faults import RULES, Kind, find_faults
from pop3_adapters.cli.findings import Announcement, Encryption, Findings, Listings
from pop3_proto import (
    Capabilities,
    Greeting,
    MailboxStat,
    ScanListing,
    Source,
    TlsPolicy,
    UniqueId,
    parse_url,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLAIN, TLS, LOGIN = Source.PLAINTEXT, Source.TLS, Source.LOGIN


def announced(source: Source, *tags: str) -> Announcement:
    return Announcement(source, Capabilities(tuple(tag.encode() for tag in tags), source))


def certificate(days: float) -> Certificate:
    return Certificate(("mail.example",), "CN=x", NOW - timedelta(9), NOW + timedelta(days))


GOOD = Findings(
    parse_url("pop://alice@mail.example"),
    NOW,
    Greeting(True, b"<1@x>"),
    b"<1@x>",
    b"<2@x>",
    (
        announced(PLAIN, "UIDL", "TOP", "STLS", "X-OWN"),
        announced(TLS, "UIDL", "TOP", "USER", "SASL PLAIN", "EXPIRE 30", "LOGIN-DELAY 5 USER"),
        announced(LOGIN, "UIDL", "TOP", "SASL PLAIN", "EXPIRE NEVER", "LOGIN-DELAY 5"),
    ),
    encryption=Encryption("TLSv1.3", "x", None, certificate(90), "somebody"),
    listings=Listings(
        MailboxStat(2, 30),
        [ScanListing(1, 10), ScanListing(2, 20)],
        [UniqueId(1, b"a"), UniqueId(2, b"b")],
    ),
)
PLAINTEXT = replace(GOOD, url=parse_url("pop://x?tls=none"), encryption=None, listings=None)


def test_a_good_server_has_none() -> None:
    assert find_faults(GOOD) == []


def test_of_what_was_not_found_nothing_is_said() -> None:
    assert GOOD.url.tls is TlsPolicy.STLS
    assert find_faults(Findings(GOOD.url, NOW)) == []


def test_every_rule_is_in_the_table() -> None:
    rules = {rule for _, rule in RULES}
    assert rules == {f for name, f in getmembers(faults, isgeneratorfunction) if name[0] != "_"}
    assert [kind for kind, _ in RULES] == sorted((kind for kind, _ in RULES), key=list(Kind).index)


def test_a_fault_of_several_lists_is_said_once() -> None:
    lists = (announced(PLAIN, "STLS", "SASL", "UIDL", "TOP"), announced(TLS, "SASL", "UIDL", "TOP"))
    found = find_faults(replace(GOOD, announcements=lists))
    assert [fault.sentence for fault in found].count(
        "SASL is announced without a mechanism (RFC 5034, section 3)"
    ) == 1


def with_lists(*lists: Announcement, found: Findings = GOOD) -> Findings:
    return replace(found, announcements=lists)


def with_listings(**changes: Any) -> Findings:
    assert GOOD.listings
    return replace(GOOD, listings=replace(GOOD.listings, **changes))


def with_encryption(**changes: Any) -> Findings:
    assert GOOD.encryption
    return replace(GOOD, encryption=replace(GOOD.encryption, **changes))


FULL = ("UIDL", "TOP", "USER")
CASES: list[tuple[Findings, Kind, str]] = [
    (with_lists(announced(PLAIN, *FULL), found=PLAINTEXT), Kind.UNSAFE, "STLS is not offered"),
    (
        with_lists(announced(PLAIN, "UIDL"), announced(TLS, *FULL)),
        Kind.UNSAFE,
        "STLS works and is not announced",
    ),
    (
        with_lists(announced(PLAIN, *FULL, "STLS", "SASL PLAIN CRAM-MD5 LOGIN")),
        Kind.UNSAFE,
        "without TLS (USER, PLAIN, LOGIN)",
    ),
    (with_encryption(version="TLSv1"), Kind.UNSAFE, "TLSv1 is broken"),
    (with_encryption(certificate=certificate(13.5)), Kind.UNSAFE, "ends in 13 days"),
    (with_encryption(certificate=certificate(1.5)), Kind.UNSAFE, "ends in 1 day:"),
    (with_encryption(certificate=None), Kind.UNSAFE, "cannot be read"),
    (replace(GOOD, timestamp=b"<x>"), Kind.UNSAFE, "there are 0 @ in it"),
    (replace(GOOD, timestamp=b"<a@b@c>"), Kind.UNSAFE, "there are 2 @ in it"),
    (replace(GOOD, timestamp=b"<a b@c>"), Kind.UNSAFE, "blanks or control characters"),
    (replace(GOOD, timestamp=b"<\xff@c>"), Kind.UNSAFE, "beyond ASCII"),
    (replace(GOOD, timestamp=b"<a@>"), Kind.UNSAFE, "before or behind the @"),
    (replace(GOOD, timestamp_again=b"<1@x>"), Kind.UNSAFE, "the same in two connections"),
    (
        with_lists(announced(PLAIN, "STLS", "SASL CRAM-MD5"), announced(TLS, *FULL)),
        Kind.UNSAFE,
        "SASL is announced before TLS and not inside it",
    ),
    (replace(GOOD, stls_refused=True), Kind.WRONG, "STLS is announced and refused"),
    (with_lists(announced(TLS, *FULL, "STLS")), Kind.WRONG, "announced inside TLS, before the l"),
    (with_lists(announced(LOGIN, *FULL, "STLS")), Kind.WRONG, "STLS is announced after the login"),
    (
        with_lists(announced(TLS, *FULL), Announcement(LOGIN, None)),
        Kind.WRONG,
        "CAPA is answered inside TLS, before the login, and refused after the login",
    ),
    (
        replace(with_lists(announced(TLS, "UIDL", "TOP", "SASL")), timestamp=None),
        Kind.WRONG,
        "neither USER nor SASL",
    ),
    (with_lists(announced(TLS, *FULL, "SASL")), Kind.WRONG, "SASL is announced without a mech"),
    (with_lists(announced(TLS, *FULL, "EXPIRENEVER")), Kind.WRONG, '"EXPIRENEVER" has no blank'),
    (with_lists(announced(TLS, *FULL, "EXPIRE soon")), Kind.WRONG, "no number of days and no NEV"),
    (with_lists(announced(TLS, *FULL, "LOGIN-DELAY x")), Kind.WRONG, "no number of seconds"),
    (with_lists(announced(TLS, *FULL, "SASL=PLAIN")), Kind.WRONG, "has = where a blank belongs"),
    (with_lists(announced(TLS, *FULL, "")), Kind.WRONG, 'the capability "" is empty'),
    (with_lists(announced(TLS, *FULL, "Top")), Kind.WRONG, "TOP is announced more than once"),
    (replace(GOOD, bare_lines=1), Kind.WRONG, "1 line ended in LF without CR"),
    (replace(GOOD, blank_lines=2), Kind.WRONG, "2 blank lines came"),
    (
        with_listings(stat=None, refusals=(("STAT", "no"),)),
        Kind.WRONG,
        "STAT does not work: no",
    ),
    (
        with_listings(unique_ids=None, refusals=(("UIDL", "no"),)),
        Kind.WRONG,
        "UIDL is announced and does not work: no",
    ),
    (with_lists(announced(TLS, "TOP", "USER")), Kind.WRONG, "UIDL works and is not announced"),
    (with_listings(stat=MailboxStat(3, 30)), Kind.WRONG, "STAT 3, LIST 2, UIDL 2"),
    (with_listings(unique_ids=[UniqueId(1, b"a")]), Kind.WRONG, "STAT 2, LIST 2, UIDL 1"),
    (
        with_listings(unique_ids=[UniqueId(1, b"a"), UniqueId(1, b"b")]),
        Kind.WRONG,
        "UIDL has a message-number more than once: 1",
    ),
    (
        with_listings(unique_ids=[UniqueId(1, b"a"), UniqueId(3, b"b")]),
        Kind.WRONG,
        "LIST and UIDL do not have the same message-numbers",
    ),
    (
        with_listings(scan_listings=[ScanListing(1, 30), ScanListing(2, None)]),
        Kind.WRONG,
        "LIST has no octets for 1 message",
    ),
    (with_listings(stat=MailboxStat(2, None)), Kind.WRONG, "STAT does not say how many octets"),
    (with_listings(stat=MailboxStat(2, 31)), Kind.WRONG, "31 octets, and by LIST there are 30"),
    (
        with_listings(unique_ids=[UniqueId(1, b"a"), UniqueId(2, b"a")]),
        Kind.WRONG,
        "1 unique-id of several messages, such as a:",
    ),
    (
        with_listings(unique_ids=[UniqueId(1, b"a"), UniqueId(2, b"")]),
        Kind.WRONG,
        "1 unique-id not of 1 to 70 visible ASCII characters, such as that of message 2",
    ),
    (with_lists(Announcement(TLS, None)), Kind.MISSING, "CAPA is refused"),
    (
        replace(with_lists(announced(TLS, "TOP", "USER")), listings=None),
        Kind.MISSING,
        "UIDL is not there",
    ),
    (
        replace(
            with_listings(unique_ids=None, refusals=(("UIDL", "no"),)),
            announcements=(Announcement(LOGIN, None),),
        ),
        Kind.MISSING,
        "UIDL is not there",
    ),
    (with_lists(announced(TLS, "UIDL", "USER")), Kind.MISSING, "TOP is not announced"),
]


@pytest.mark.parametrize(("found", "kind", "words"), CASES, ids=[words for _, _, words in CASES])
def test_what_is_wrong_is_said(found: Findings, kind: Kind, words: str) -> None:
    assert [f for f in find_faults(found) if f.kind is kind and words in f.sentence] != []


@pytest.mark.parametrize("found", [found for found, _, _ in CASES])
def test_every_sentence_fits_on_a_terminal(found: Findings) -> None:
    assert all(fault.sentence.isprintable() for fault in find_faults(found))
