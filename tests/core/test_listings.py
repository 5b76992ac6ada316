"""Listings: numbers are ASCII digits and nothing else, and sizes are hints."""

from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto import (
    Language,
    LocalProtocolError,
    MailboxStat,
    RemoteProtocolError,
    ScanListing,
    UniqueId,
)
from pop3_proto.listings import (
    PIECE,
    encode_lines,
    is_unique_id,
    parse_language,
    parse_last,
    parse_number,
    parse_scan_listing,
    parse_scan_listings,
    parse_stat,
    parse_unique_id,
    parse_unique_ids,
    split_lines,
)


@pytest.mark.parametrize(
    ("octets", "number"),
    [(b"0", 0), (b"1", 1), (b"007", 7), (b"9" * 19, 10**19 - 1), (b"0" * 18 + b"1", 1)],
)
def test_number(octets: bytes, number: int) -> None:
    assert parse_number(octets) == number


# int() takes most of these for numbers.
@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"-5",
        b"+1",
        b"1_0",
        b" 1",
        b"1 ",
        b"1.0",
        b"0x10",
        b"1\n",
        "\uff11".encode(),
        "²".encode(),
        b"1" * 20,
        b"0" * 4301,
    ],
)
def test_no_number(octets: bytes) -> None:
    assert parse_number(octets) is None


@given(st.integers(0, 10**19 - 1), st.integers(0, 3))
def test_what_is_written_as_a_number_is_read_as_it(number: int, zeros: int) -> None:
    digits = b"0" * zeros + b"%d" % number
    assert parse_number(digits) == (number if len(digits) <= 19 else None)


@pytest.mark.parametrize(
    ("text", "stat"),
    [
        (b"2 320", MailboxStat(2, 320)),
        (b"2 320 and more", MailboxStat(2, 320)),
        (b"2", MailboxStat(2, None)),
        (b"2 -5", MailboxStat(2, None)),
        (b"0002  00", MailboxStat(2, 0)),
    ],
)
def test_stat(text: bytes, stat: MailboxStat) -> None:
    assert parse_stat(text) == stat


@pytest.mark.parametrize(
    ("line", "listing"),
    [
        (b"1 120", ScanListing(1, 120)),
        (b"1 120 extra", ScanListing(1, 120)),
        (b"1", ScanListing(1, None)),
        (b"1 +7", ScanListing(1, None)),
        (b"  1   120 ", ScanListing(1, 120)),
    ],
)
def test_scan_listing(line: bytes, listing: ScanListing) -> None:
    assert parse_scan_listing(line) == listing


@pytest.mark.parametrize(
    ("line", "unique_id"),
    [
        (b"1 whqtswO00WBw418f9t5JxYwZ", UniqueId(1, b"whqtswO00WBw418f9t5JxYwZ")),
        (b"1 ../../\xff\x01", UniqueId(1, b"../../\xff\x01")),
        (b"1 " + b"x" * 200, UniqueId(1, b"x" * 200)),
        (b"1", UniqueId(1, b"")),
    ],
)
def test_unique_id_is_kept_in_octets(line: bytes, unique_id: UniqueId) -> None:
    assert parse_unique_id(line) == unique_id


@pytest.mark.parametrize(("text", "number"), [(b"0", 0), (b"7", 7), (b" 3 is the last", 3)])
def test_last(text: bytes, number: int) -> None:
    assert parse_last(text) == number


@pytest.mark.parametrize(
    ("line", "language"),
    [
        (b"en English", Language("en", "English")),
        (b"de-DE  Deutsch (Deutschland) ", Language("de-DE", " Deutsch (Deutschland)")),
        (
            b"el \xce\x95\xce\xbb\xce\xbb\xce\xb7\xce\xbd\xce\xb9\xce\xba\xce\xac",
            Language("el", "Ελληνικά"),
        ),
        (b"i-default", Language("i-default", "")),
        (b"x \x1b[2J", Language("x", "\\x1b[2J")),
    ],
)
def test_language(line: bytes, language: Language) -> None:
    assert parse_language(line) == language


@pytest.mark.parametrize("line", [b"", b"  "])
def test_a_language_without_a_tag(line: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="empty line where LANG has a language tag"):
        parse_language(line)


@pytest.mark.parametrize("octets", [b"x", b"!~", b"x" * 70])
def test_what_is_a_unique_id(octets: bytes) -> None:
    assert is_unique_id(octets)


@pytest.mark.parametrize("octets", [b"", b"x" * 71, b"a b", b"\x20", b"\x7f", b"\xff", b"a\n"])
def test_what_is_no_unique_id(octets: bytes) -> None:
    assert not is_unique_id(octets)


@pytest.mark.parametrize("parse", [parse_stat, parse_scan_listing, parse_unique_id, parse_last])
@pytest.mark.parametrize("line", [b"", b"  ", b"x 1", b"-1 1", b"1_0 1", b"+1 1", b"1" * 20])
def test_without_a_number_in_front_it_is_an_error(
    parse: Callable[[bytes], object], line: bytes
) -> None:
    with pytest.raises(RemoteProtocolError, match="number"):
        parse(line)


def test_an_error_quotes_what_is_fit_for_a_terminal() -> None:
    with pytest.raises(RemoteProtocolError, match=r"LIST: \\x1b\[2J$"):
        parse_scan_listing(b"\x1b[2J")


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (b"", []),
        (b"1 2\r\n3 4\r\n", [b"1 2", b"3 4"]),
        (b"1 2\n3 4\n", [b"1 2", b"3 4"]),
        (b"1 2\r\n\r\n", [b"1 2", b""]),
        (b"1 2\r3\r\n", [b"1 2\r3"]),
    ],
)
def test_lines_of_a_listing(body: bytes, lines: list[bytes]) -> None:
    assert split_lines(body) == lines


@pytest.mark.parametrize("body", [b"1 2\n3 4\r\n", b"1 2\r\n3\n4\r\n", b"\n\r\n"])
def test_a_bare_lf_in_a_listing_with_crlf(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="bare LF"):
        split_lines(body)


def test_listings_are_written() -> None:
    assert encode_lines([(1, 120), (3, 200)]) == b"1 120\r\n3 200\r\n"
    assert encode_lines([(1, b"abc"), (3, b"d%d")]) == b"1 abc\r\n3 d%d\r\n"
    assert encode_lines([]) == b""


@pytest.mark.parametrize("unique_id", [b"a\r\n.\r\n-ERR", b"a\nb", b"a\rb", b"a\0b"])
def test_no_unique_id_ends_a_line(unique_id: bytes) -> None:
    with pytest.raises(LocalProtocolError, match="CR, LF or NUL"):
        encode_lines([(1, b"good"), (2, unique_id)])


@given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 10**18))))
def test_what_is_written_is_read(entries: list[tuple[int, int]]) -> None:
    assert list(map(parse_scan_listing, split_lines(encode_lines(entries)))) == entries


@pytest.mark.parametrize("parse", [parse_scan_listing, parse_unique_id])
def test_there_is_no_message_0(parse: Callable[[bytes], object]) -> None:
    with pytest.raises(RemoteProtocolError, match="begin at 1"):
        _ = parse(b"0 5")


@pytest.mark.parametrize("unique_id", [b"a b", b"a\tb", b"a ", b"\xff\0", b"x" * 200])
def test_a_unique_id_outside_the_grammar_is_kept_as_it_is(unique_id: bytes) -> None:
    assert parse_unique_id(b"7  " + unique_id) == (7, unique_id)


def outcome(read: Callable[[], list[ScanListing] | list[UniqueId]]) -> object:
    """The entries with their types, or what is wrong."""
    try:
        return [(type(entry), entry) for entry in read()]
    except RemoteProtocolError as error:
        return str(error)


def assert_read_as_its_lines_are(body: bytes) -> None:
    assert outcome(lambda: parse_scan_listings(body)) == outcome(
        lambda: list(map(parse_scan_listing, split_lines(body)))
    )
    assert outcome(lambda: parse_unique_ids(body)) == outcome(
        lambda: list(map(parse_unique_id, split_lines(body)))
    )


PARTS = [b"1", b"0", b"a", b" ", b"\r\n", b"\r", b"\n", b"\t", b"\0", b"+2", b"9" * 20]


@given(st.lists(st.sampled_from(PARTS)).map(b"".join))
def test_a_listing_is_read_as_its_lines_are(body: bytes) -> None:
    assert_read_as_its_lines_are(body)


@given(st.lists(st.sampled_from([b"1 1", b"2 a", b"0 1", b"1", b"1 1 1", b" 1", b"1 ", b"1\n2 3"])))
def test_a_line_unlike_the_others_is_read_as_it_is(lines: list[bytes]) -> None:
    assert_read_as_its_lines_are(b"".join(line + b"\r\n" for line in lines))


def test_every_short_listing_is_read_as_its_lines_are() -> None:
    for octets in product((b"1", b" ", b"\r", b"\n"), repeat=6):
        assert_read_as_its_lines_are(b"".join(octets))


@pytest.mark.parametrize(
    "line",
    [
        b"7 a b",
        b"7",
        b"0 a",
        b"7  a",
        b"7 a\n8 b",
        b"7 a\r",
        b"7 1\t",
        b"x 1",
        b"1" * 20 + b" 1",
        b"",
    ],
)
@pytest.mark.parametrize("before", [0, PIECE - 5, PIECE, PIECE + 2, 2 * PIECE])
def test_a_line_is_read_as_it_is_wherever_it_stands(line: bytes, before: int) -> None:
    regular = b"1 234567\r\n" * (before // 10) + b"1 " + b"5" * (before % 10 + 1) + b"\r\n"
    assert_read_as_its_lines_are(regular + line + b"\r\n" + regular)


@pytest.mark.parametrize("count", [0, 1, PIECE // 10, PIECE // 10 + 1, PIECE])
def test_a_long_listing(count: int) -> None:
    entries = [(number, 10**6 + number) for number in range(1, count + 1)]
    assert parse_scan_listings(encode_lines(entries)) == entries
    ids = [(number, b"%08x" % number) for number in range(1, count + 1)]
    assert parse_unique_ids(encode_lines(ids)) == ids
