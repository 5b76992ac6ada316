"""Capabilities, as they are announced and asked for."""

from weakref import ref

import pytest

from pop3_proto import (
    Capa,
    Capabilities,
    LocalProtocolError,
    LoginInterval,
    RemoteProtocolError,
    Retention,
    Source,
    StatusLine,
)

SERVER = Capabilities((b"TOP", b"SASL PLAIN  LOGIN", b"", b"EXPIRE 0", b"EXPIRE NEVER", b"x\xff"))


@pytest.mark.parametrize("line", ["A\r\nB", "A\nB", "A\0", "X " + "y" * 509, " A", "A "])
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
    assert repr(Capabilities.of("TOP")) == "Capabilities(lines=(b'TOP',), source=None)"
    assert len(Capabilities.of("X " + "y" * 508).lines[0]) == 510
    assert Capabilities.of("TOP", "LOGIN-DELAY 300").lines == (b"TOP", b"LOGIN-DELAY 300")


def test_where_they_come_from_is_part_of_them() -> None:
    inside = Capabilities((b"TOP",), Source.TLS)
    assert inside.source is Source.TLS
    assert inside != Capabilities((b"TOP",), Source.PLAINTEXT) != Capabilities((b"TOP",))


def test_the_same_announcement_is_one_object_as_long_as_somebody_has_it() -> None:
    def announced(source: Source) -> Capabilities:
        return Capabilities.of("TOP", "X-KEPT").from_source(source)

    first = announced(Source.PLAINTEXT)
    assert first.source is Source.PLAINTEXT
    assert first.lines == (b"TOP", b"X-KEPT")
    assert announced(Source.PLAINTEXT) is first
    assert announced(Source.TLS) == Capabilities(first.lines, Source.TLS)
    kept = ref(first)
    del first
    assert kept() is None


@pytest.mark.parametrize(
    ("lines", "mechanisms"),
    [
        ((), None),
        (("SASL",), ()),
        (("sasl plain Login",), ("PLAIN", "LOGIN")),
        (("SASL=PLAIN LOGIN",), ("PLAIN", "LOGIN")),
        (("AUTH PLAIN",), None),
    ],
)
def test_mechanisms(lines: tuple[str, ...], mechanisms: tuple[str, ...] | None) -> None:
    assert Capabilities.of(*lines).sasl == mechanisms


@pytest.mark.parametrize(
    ("line", "interval"),
    [
        ("TOP", None),
        ("LOGIN-DELAY", None),
        ("LOGIN-DELAY soon", None),
        ("LOGIN-DELAY -1", None),
        ("LOGIN-DELAY 900", LoginInterval(900)),
        ("login-delay 900 user", LoginInterval(900, by_user=True)),
        ("LOGIN-DELAY 0 minutes", LoginInterval(0)),
    ],
)
def test_login_interval(line: str, interval: LoginInterval | None) -> None:
    assert Capabilities.of(line).login_interval == interval


@pytest.mark.parametrize(
    ("line", "retention"),
    [
        ("TOP", None),
        ("EXPIRE", None),
        ("EXPIRE often", None),
        ("EXPIRE x\xff", None),
        ("EXPIRE 0", Retention(0)),
        ("EXPIRE 30 USER", Retention(30, by_user=True)),
        ("expire never", Retention(None)),
        ("EXPIRE NEVER USER", Retention(None, by_user=True)),
    ],
)
def test_retention(line: str, retention: Retention | None) -> None:
    assert Capabilities.of(line).retention == retention


@pytest.mark.parametrize(
    ("policy", "line"),
    [
        (LoginInterval(900), "LOGIN-DELAY 900"),
        (LoginInterval(900, by_user=True), "LOGIN-DELAY 900 USER"),
        (Retention(0), "EXPIRE 0"),
        (Retention(None), "EXPIRE NEVER"),
        (Retention(30, by_user=True), "EXPIRE 30 USER"),
    ],
)
def test_policies_are_announced_as_they_are_read(
    policy: LoginInterval | Retention, line: str
) -> None:
    assert str(policy) == line
    announced = Capabilities.of(line)
    assert policy in (announced.login_interval, announced.retention)


@pytest.mark.parametrize(
    ("line", "name"),
    [("TOP", None), ("IMPLEMENTATION", ""), ("IMPLEMENTATION Shlemazle  v3", "Shlemazle v3")],
)
def test_implementation(line: str, name: str | None) -> None:
    assert Capabilities.of(line).implementation == name


@pytest.mark.parametrize(
    ("line", "login"),
    [("TOP", False), ("UTF8", False), ("UTF8 OTHER", False), ("utf8 user", True)],
)
def test_names_and_passwords_beyond_ascii(line: str, login: bool) -> None:
    assert Capabilities.of(line).utf8_login is login


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
