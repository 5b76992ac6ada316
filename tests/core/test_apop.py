"""APOP's timestamp and digest."""

import pytest

from pop3_proto.apop import apop_digest, find_timestamp, is_timestamp


def test_the_example_of_the_rfc() -> None:
    timestamp = find_timestamp(b"POP3 server ready <1896.697170952@dbc.mtview.ca.us>")
    assert timestamp == b"<1896.697170952@dbc.mtview.ca.us>"
    assert apop_digest(timestamp, b"tanstaaf") == b"c4c9334bac560ecc979e58001b3e22fb"


@pytest.mark.parametrize(
    ("greeting", "timestamp"),
    [
        (b"", None),
        (b"ready", None),
        (b"a < b", None),
        (b"b > a", None),
        (b"b > a < c", None),
        (b"<1@a>", b"<1@a>"),
        (b"hello <1@a> and <2@b>", b"<1@a>"),
        (b"x > <1@a>", b"<1@a>"),
        (b"<>", b"<>"),
        (b"<a b\xff>", b"<a b\xff>"),
        (b"<<1@a>", b"<<1@a>"),
    ],
)
def test_the_first_brackets_of_a_greeting(greeting: bytes, timestamp: bytes | None) -> None:
    assert find_timestamp(greeting) == timestamp


@pytest.mark.parametrize(
    "octets",
    [
        b"<1@a>",
        b"<1896.697170952@dbc.mtview.ca.us>",
        b"<!#$%&'*+-/=?^_`{|}~.x@y>",
        b"<1.2@[192.0.2.1]>",
        b"<1@[]>",
        b"<" + b"x" * 400 + b"@host>",
    ],
)
def test_timestamps(octets: bytes) -> None:
    assert is_timestamp(octets)


# Collisions of MD5 need octets that no message-id has: the attack on APOP of CVE-2007-1558.
@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"<>",
        b"1@a",
        b"<1>",
        b"<@a>",
        b"<1@>",
        b"<1@a",
        b"<1@a>\n",
        b"x<1@a>",
        b"<1@a>x",
        b"<1@a@b>",
        b"<.1@a>",
        b"<1.@a>",
        b"<1..2@a>",
        b"<1@a.>",
        b"<1 2@a>",
        b"<1@a b>",
        b"<1\t@a>",
        b"<1\r\n@a>",
        b"<1\0@a>",
        b"<1\x7f@a>",
        b"<\xff@a>",
        b"<1@\x80>",
        b"<<1@a>",
        b'<"1"@a>',
        b"<1(x)@a>",
        b"<1@[a]b]>",
        b"<1@[a\\b]>",
        b"<1@[a b]>",
        b"<1@[\xff]>",
        b"<" + bytes(range(0x80, 0xC0)) + b"@host>",
    ],
)
def test_what_an_attacker_may_have_chosen(octets: bytes) -> None:
    assert not is_timestamp(octets)


def test_the_digest_is_of_octets() -> None:
    assert apop_digest(b"", b"") == b"d41d8cd98f00b204e9800998ecf8427e"
    assert apop_digest(b"<1@a>", b"b\xf6b") != apop_digest(b"<1@a>", b"b\xc3\xb6b")
