"""Status lines and response codes, as they are read and written."""

import pytest

from pop3_proto import LocalProtocolError, ResponseCode, StatusLine
from pop3_proto.responses import (
    describe_foreign,
    parse_status,
    printable,
    read_status,
    write_status,
)

AUTH = ResponseCode(("AUTH",))


def code_of(line: bytes, *, any_code: bool = False) -> str | None:
    status = parse_status(line, any_code=any_code)
    assert status is not None
    return str(status.code) if status.code else None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"+OK", StatusLine(True, b"")),
        (b"-ERR", StatusLine(False, b"")),
        (b"+ok yes", StatusLine(True, b"yes")),
        (b"-eRr no", StatusLine(False, b"no")),
        (b"+OK  2 320 ", StatusLine(True, b"2 320 ")),
        (b"-ERR [AUTH] no", StatusLine(False, b"[AUTH] no", AUTH)),
        (b"-ERR  [AUTH]", StatusLine(False, b"[AUTH]", AUTH)),
        (b"-ERR no [AUTH]", StatusLine(False, b"no [AUTH]")),
        (b"-ERR [X] no", StatusLine(False, b"[X] no")),
    ],
)
def test_status_line(line: bytes, expected: StatusLine) -> None:
    assert parse_status(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"+",
        b"+ challenge",
        b"OK",
        b"+OKAY",
        b"+OK\tyes",
        b"-ERROR",
        b"-ER",
        b"-ERR:",
        b"+ERR no",
        b"-OK",
        b" +OK",
        b"* OK",
        b"220 hello",
        b"+OK<1@host>",
        b"+OK[AUTH]",
    ],
)
def test_no_status_line(line: bytes) -> None:
    assert parse_status(line) is None


@pytest.mark.parametrize(
    ("line", "octets"),
    [(b"+OK<1.2@host> hello", b"<1.2@host> hello"), (b"+OK[X] hello", b"[X] hello")],
)
def test_a_greeting_needs_no_blank(line: bytes, octets: bytes) -> None:
    greeting = read_status(line, greeting=True)
    assert greeting is not None
    assert greeting[1] == octets


@pytest.mark.parametrize("line", [b"+OKhello", b"-ERRhello", b"+OK(hello)", b"220 hello"])
def test_a_greeting_is_no_other_word(line: bytes) -> None:
    assert read_status(line, greeting=True) is None


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("AUTH", "AUTH"),
        ("auth", "AUTH"),
        ("In-Use", "IN-USE"),
        ("LOGIN-DELAY", "LOGIN-DELAY"),
        ("SYS/TEMP", "SYS/TEMP"),
        ("SYS/PERM", "SYS/PERM"),
        ("sys/temp/disk/full", "SYS/TEMP/DISK/FULL"),
        ("SYS", "SYS"),
        ("SYS/OTHER", "SYS/OTHER"),
        ("utf8", "UTF8"),
    ],
)
def test_known_codes_are_honoured_in_any_case_and_detail(name: str, code: str) -> None:
    assert code_of(b"-ERR [%b] text" % name.encode()) == code


@pytest.mark.parametrize("name", [b"X-NEW/THING", b"AUTHOR", b"SYSTEM", b"UTF", b"!~"])
def test_unknown_codes_count_where_they_were_announced(name: bytes) -> None:
    assert code_of(b"-ERR [%b] text" % name) is None
    assert code_of(b"-ERR [%b] text" % name, any_code=True) == name.decode()


@pytest.mark.parametrize(
    "text",
    [
        b"[]",
        b"[AUTH",
        b"[AUTH text",
        b"[AU TH] text",
        b"[AU\tTH]",
        b"[[AUTH]]",
        b"[/AUTH]",
        b"[AUTH/]",
        b"[AUTH//X]",
        b"[\xc3\xbc]",
        b"[\x7f]",
        b"AUTH]",
    ],
)
def test_what_is_no_code(text: bytes) -> None:
    assert code_of(b"-ERR " + text, any_code=True) is None


def test_codes_go_from_the_general_to_the_particular() -> None:
    temporary = ResponseCode.of("sys/temp")
    assert temporary.levels == ("SYS", "TEMP")
    assert ResponseCode.of("SYS/TEMP/X").within(temporary)
    assert temporary.within(temporary)
    assert not ResponseCode.of("SYS").within(temporary)
    assert not ResponseCode.of("SYS/PERM").within(temporary)
    assert str(temporary) == "SYS/TEMP"


@pytest.mark.parametrize(
    ("octets", "code", "text"),
    [
        (b"[AUTH]  wrong password", AUTH, "wrong password"),
        (b"[AUTH] a] b", AUTH, "a] b"),
        (b"[WHAT] is it", None, "[WHAT] is it"),
        (b"bl\xc3\xb6d", None, "blöd"),
        (b"bl\xf6d", None, "bl\\xf6d"),
        (b"\x1b[2J\0\t", None, "\\x1b[2J\\x00\\t"),
        ("right \u202e left".encode(), None, "right \\u202e left"),
    ],
)
def test_text_is_fit_for_a_terminal(octets: bytes, code: ResponseCode | None, text: str) -> None:
    assert StatusLine(False, octets, code).text == text


def test_what_is_printable_stays() -> None:
    assert printable("Grüße, 世界!".encode()) == "Grüße, 世界!"


@pytest.mark.parametrize(
    ("line", "protocol"),
    [
        (b"* OK IMAP4rev1", "IMAP"),
        (b"220 smtp.example.org ESMTP", "SMTP or FTP"),
        (b"\x15\x03\x01\x00\x02\x02", "TLS"),
        (b"\x16\x03\x01\x00\x02\x02", "TLS"),
        (b"HTTP/1.1 400 Bad Request", "HTTP"),
        (b"SSH-2.0-x", "SSH"),
    ],
)
def test_protocols_that_are_met_on_a_mistaken_port(line: bytes, protocol: str) -> None:
    described = describe_foreign(line)
    assert described is not None
    assert described.startswith(protocol)


def test_what_is_no_protocol_that_we_know() -> None:
    assert describe_foreign(b"hello") is None


@pytest.mark.parametrize(
    ("ok", "text", "code", "line"),
    [
        (True, "", None, b"+OK\r\n"),
        (False, "", None, b"-ERR\r\n"),
        (True, "2 320", None, b"+OK 2 320\r\n"),
        (False, "wrong", AUTH, b"-ERR [AUTH] wrong\r\n"),
        (False, "", AUTH, b"-ERR [AUTH]\r\n"),
        (True, "grüß dich", None, b"+OK gr\xc3\xbc\xc3\x9f dich\r\n"),
    ],
)
def test_status_lines_are_written(
    ok: bool, text: str, code: ResponseCode | None, line: bytes
) -> None:
    assert write_status(ok, text, code, 512) == line


@pytest.mark.parametrize("text", ["a\r", "a\n+OK", "a\0"])
def test_no_text_ends_a_line(text: str) -> None:
    with pytest.raises(LocalProtocolError, match="CR, LF or NUL"):
        write_status(True, text, None, 512)
    with pytest.raises(LocalProtocolError, match="CR, LF or NUL"):
        write_status(True, "", ResponseCode((text,)), 512)


def test_long_text_is_cut_to_a_line_of_the_length_that_is_allowed() -> None:
    line = write_status(True, "x" * 600, None, 512)
    assert len(line) == 512
    assert line == b"+OK " + b"x" * 506 + b"\r\n"
    for length in range(506, 512):
        assert write_status(True, "x" * length, None, 512) == line


@pytest.mark.parametrize("most", range(20, 28))
def test_text_is_not_cut_within_a_character(most: int) -> None:
    line = write_status(False, "ä€😀" * 10, None, most)
    assert len(line) <= most
    assert line.endswith(b"\r\n")
    assert line[5:-2].decode() + ("ä€😀" * 10)[len(line[5:-2].decode()) :] == "ä€😀" * 10
