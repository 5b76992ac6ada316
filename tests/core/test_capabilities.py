"""Capabilities, as they are announced and asked for."""

import pytest

from pop3_proto import Capa, Capabilities, LocalProtocolError, RemoteProtocolError, StatusLine

SERVER = Capabilities((b"TOP", b"SASL PLAIN  LOGIN", b"", b"EXPIRE 0", b"EXPIRE NEVER", b"x\xff"))


@pytest.mark.parametrize("line", ["A\r\nB", "A\nB", "A\0", "X " + "y" * 509])
def test_what_cannot_be_announced(line: str) -> None:
    with pytest.raises(LocalProtocolError, match="no capability"):
        _ = Capabilities.of(line)


def test_tags_are_found_in_any_case() -> None:
    assert "top" in SERVER
    assert "sAsL" in SERVER
    assert "UIDL" not in SERVER
    assert "PLAIN" not in SERVER


def test_arguments_are_those_of_the_first_with_this_tag() -> None:
    assert SERVER.arguments("SASL") == ("PLAIN", "LOGIN")
    assert SERVER.arguments("TOP") == ()
    assert SERVER.arguments("expire") == ("0",)
    assert SERVER.arguments("UIDL") is None


def test_lines_are_kept_as_they_came() -> None:
    assert SERVER.lines[-1] == b"x\xff"
    assert SERVER.arguments("x\\xff") == ()


def test_capabilities_to_announce() -> None:
    assert repr(Capabilities.of("TOP")) == "Capabilities(lines=(b'TOP',))"
    assert Capabilities.of("TOP", "LOGIN-DELAY 300").lines == (b"TOP", b"LOGIN-DELAY 300")


def test_nothing_announced_is_not_unknown() -> None:
    assert Capabilities().lines == ()
    assert "TOP" not in Capabilities()


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (b"", ()),
        (b"TOP\r\nUIDL\r\n", (b"TOP", b"UIDL")),
        (b"TOP\nUIDL\n", (b"TOP", b"UIDL")),
    ],
)
def test_result_of_capa(body: bytes, lines: tuple[bytes, ...]) -> None:
    assert Capa().result(StatusLine(True, b""), body) == Capabilities(lines)


def test_bare_lf_among_lines_with_crlf() -> None:
    with pytest.raises(RemoteProtocolError, match="bare LF"):
        Capa().result(StatusLine(True, b""), b"TOP\nUIDL\r\n")
