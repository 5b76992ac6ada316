"""Bodies: what is decoded is what was encoded, against a reference that goes line by line."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto.body import BodyDecoder, BodyEncoder
from tests.core.machines import cut_anywhere

CRLF = b"\r\n"
LF = b"\n"

# Whatever matters to dot-stuffing, and one octet that does not.
OCTETS = (b".", b"\r", b"\n", b"a")
ATOMS = [*OCTETS, CRLF, b"\r\n.", b"\r\n..", b"\n.\n", b"\r\n.\r\n", b"\0", b"\xff", b"some text"]
BODY = st.lists(st.sampled_from(ATOMS)).map(b"".join) | st.binary(max_size=100)
CUT_BODY = BODY.flatmap(lambda body: st.tuples(st.just(body), cut_anywhere(body)))


def completed(body: bytes) -> bytes:
    """The body as it comes out at the other end: its last line has an end."""
    return body if not body or body.endswith(CRLF) else body + CRLF


def reference_encode(body: bytes) -> bytes:
    *lines, rest = completed(body).split(CRLF)
    assert rest == b""
    stuffed = [b"." + line if line.startswith(b".") else line for line in lines]
    return b"".join(line + CRLF for line in [*stuffed, b"."])


def reference_decode(wire: bytes, eol: bytes) -> tuple[bytes, bytes] | None:
    """The body and what is behind it, or None where it has no end."""
    lines = wire.split(eol)[:-1]
    if b"." not in lines:
        return None
    body = lines[: lines.index(b".")]
    behind = wire[sum(len(line + eol) for line in body) + len(b"." + eol) :]
    return b"".join((line[1:] if line[:2] == b".." else line) + eol for line in body), behind


def encode(parts: list[bytes]) -> bytes:
    encoder = BodyEncoder()
    return b"".join(map(encoder.encode, parts)) + encoder.end()


def decode(parts: list[bytes], eol: bytes) -> tuple[bytes, bytes] | None:
    decoder = BodyDecoder(eol)
    body = b""
    for number, part in enumerate(parts):
        octets, position = decoder.decode(part)
        body += octets
        if decoder.ended:
            return body, part[position:] + b"".join(parts[number + 1 :])
        assert position == len(part)
    return None


@pytest.mark.parametrize(
    ("body", "wire"),
    [
        (b"", b".\r\n"),
        (b"\r\n", b"\r\n.\r\n"),
        (b"abc\r\n", b"abc\r\n.\r\n"),
        (b"abc", b"abc\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"..a\r\n", b"...a\r\n.\r\n"),
        (b"a\r\n.b\r\n", b"a\r\n..b\r\n.\r\n"),
        (b"a\r\n.\r\n.\r\nb\r\n", b"a\r\n..\r\n..\r\nb\r\n.\r\n"),
        (b"a\n.\nb\r.\rc\r\n", b"a\n.\nb\r.\rc\r\n.\r\n"),
        (b"a\r", b"a\r\r\n.\r\n"),
        (b"\0\x80\xff\r\n", b"\0\x80\xff\r\n.\r\n"),
    ],
)
def test_body_and_its_wire_form(body: bytes, wire: bytes) -> None:
    assert encode([body]) == wire
    assert decode([wire], CRLF) == (completed(body), b"")


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        (b".a\r\n.\r\n", b".a\r\n"),
        (b"a\r\n.b\r\n.\r\n", b"a\r\n.b\r\n"),
        (b"a\r\n.\rb\r\n.\r\n", b"a\r\n.\rb\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"...\r\n.\r\n", b"..\r\n"),
    ],
)
def test_only_the_first_of_two_dots_goes(wire: bytes, body: bytes) -> None:
    assert decode([wire], CRLF) == (body, b"")


@pytest.mark.parametrize("smuggled", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\n.\r"])
def test_nothing_but_crlf_dot_crlf_ends_a_body(smuggled: bytes) -> None:
    wire = b"a" + smuggled + b"+OK 2 320\r\n"
    assert decode([wire], CRLF) is None
    assert decode([wire + b".\r\n"], CRLF) == (wire, b"")


def test_lf_ends_the_lines_of_a_server_that_ends_them_so() -> None:
    assert decode([b"a\n..b\n.\n+OK\n"], LF) == (b"a\n.b\n", b"+OK\n")


def test_what_is_behind_the_terminator_is_left_where_it_is() -> None:
    decoder = BodyDecoder()
    data = b"+OK\r\nabc\r\n.\r\n+OK\r\n"
    assert decoder.decode(data, 5) == (b"abc\r\n", 13)
    assert decoder.ended


def test_where_the_terminator_was_begun_in_the_read_before() -> None:
    decoder = BodyDecoder()
    assert decoder.decode(b"abc\r\n.") == (b"abc", 6)
    assert decoder.decode(b"xx\r\n+OK", 2) == (b"\r\n", 4)
    assert decoder.ended


@pytest.mark.parametrize(
    ("read", "body"),
    [(b"abc", b"abc"), (b"abc\r", b"abc"), (b"a\r\n", b"a"), (b"a\r\n.", b"a"), (b".\r", b"")],
)
def test_only_what_may_be_the_end_is_held_back(read: bytes, body: bytes) -> None:
    assert BodyDecoder().decode(read) == (body, len(read))


@given(CUT_BODY)
def test_encode_is_the_reference(body: tuple[bytes, list[bytes]]) -> None:
    whole, parts = body
    assert encode(parts) == reference_encode(whole)


@given(CUT_BODY)
def test_decode_gives_back_what_was_encoded(body: tuple[bytes, list[bytes]]) -> None:
    whole, parts = body
    assert decode([encode(parts)], CRLF) == (completed(whole), b"")


@given(st.data())
def test_the_encoded_body_may_arrive_in_any_pieces(data: st.DataObject) -> None:
    body = data.draw(BODY)
    parts = data.draw(cut_anywhere(encode([body]) + b"+OK next\r\n"))
    assert decode(parts, CRLF) == (completed(body), b"+OK next\r\n")


@given(CUT_BODY, st.sampled_from([CRLF, LF]))
def test_decode_is_the_reference_for_any_octets(
    body: tuple[bytes, list[bytes]], eol: bytes
) -> None:
    whole, parts = body
    assert decode(parts, eol) == reference_decode(whole, eol)


@pytest.mark.parametrize("eol", [CRLF, LF])
def test_every_short_body_cut_into_octets_and_in_two(eol: bytes) -> None:
    for length in range(8):
        for octets in product(OCTETS, repeat=length):
            wire = b"".join(octets)
            expected = reference_decode(wire, eol)
            assert decode(list(octets), eol) == expected
            assert decode([wire], eol) == expected
            assert decode([wire[: length // 2], wire[length // 2 :]], eol) == expected


def test_every_short_body_is_encoded_like_the_reference() -> None:
    for length in range(7):
        for octets in product(OCTETS, repeat=length):
            body = b"".join(octets)
            expected = reference_encode(body)
            assert encode(list(octets)) == expected
            for cut in range(length + 1):
                assert encode([body[:cut], body[cut:]]) == expected
