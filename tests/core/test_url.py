"""POP URLs (RFC 2384), and what goes beyond them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto import Pop3Url, TlsPolicy, parse_url

STLS, IMPLICIT, NONE = TlsPolicy.STLS, TlsPolicy.IMPLICIT, TlsPolicy.NONE


@pytest.mark.parametrize(
    ("url", "parsed"),
    [
        ("pop://example.org", Pop3Url("example.org", 110, STLS)),
        ("POP://example.org/", Pop3Url("example.org", 110, STLS)),
        ("pop3s://example.org", Pop3Url("example.org", 995, IMPLICIT)),
        ("pop://example.org?tls=none", Pop3Url("example.org", 110, NONE)),
        ("pop://example.org:1110/?tls=none", Pop3Url("example.org", 1110, NONE)),
        ("pop3s://alice@example.org:65535", Pop3Url("example.org", 65535, IMPLICIT, "alice")),
        ("pop://example.org:00110", Pop3Url("example.org", 110, STLS)),
        ("pop://a%40b%3A%2F%23@example.org", Pop3Url("example.org", 110, STLS, "a@b:/#")),
        ("pop://b%C3%B6b@example.org", Pop3Url("example.org", 110, STLS, "böb")),
        ("pop://böb@example.org", Pop3Url("example.org", 110, STLS, "böb")),
        ("pop://[::1]", Pop3Url("::1", 110, STLS)),
        ("pop3s://alice@[2001:db8::1]:1995", Pop3Url("2001:db8::1", 1995, IMPLICIT, "alice")),
        ("pop://rg;AUTH=+APOP@mail", Pop3Url("mail", 110, STLS, "rg", "+APOP")),
        ("pop://baz;auth=scram-sha-1@mail", Pop3Url("mail", 110, STLS, "baz", "SCRAM-SHA-1")),
        ("pop://rg;AUTH=*@mail", Pop3Url("mail", 110, STLS, "rg")),
        ("pop://rg;AUTH=%2a@mail", Pop3Url("mail", 110, STLS, "rg")),
    ],
)
def test_url(url: str, parsed: Pop3Url) -> None:
    assert parse_url(url) == parsed


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "begins with"),
        ("example.org", "begins with"),
        ("imap://example.org", "begins with"),
        ("pop:example.org", "begins with"),
        ("//example.org", "begins with"),
        ("pop://", "host"),
        ("pop:///", "host"),
        ("pop://alice@", "host"),
        ("pop://:110", "host"),
        ("pop://[]", "host"),
        ("pop://[::1", "host"),
        ("pop://exa mple", "host"),
        ("pop://exa%20mple", "host"),
        ("pop://exa%40mple", "host"),
        ("pop://exa%2Fmple", "host"),
        ("pop://exa%1Bmple", "host"),
        ("pop://example.org/INBOX", "no path"),
        ("pop://example.org//", "no path"),
        ("pop://example.org#top", "no fragment"),
        ("pop://evil.example#@example.org", "%23"),
        ("pop://a/b@example.org", "%2F"),
        ("pop://a@b@example.org", "%40"),
        ("pop://@example.org", "name"),
        ("pop://;AUTH=PLAIN@example.org", "name"),
        ("pop://alice;AUTH=@example.org", ";AUTH"),
        ("pop://alice;TLS=yes@example.org", ";AUTH"),
        ("pop://alice;@example.org", ";AUTH"),
        ("pop://alice;AUTH=PL%20AIN@example.org", "letters, digits"),
        ("pop://alice;AUTH=PL%C3%84IN@example.org", "letters, digits"),
        ("pop://example.org?", "question mark"),
        ("pop://example.org?tls=maybe", "question mark"),
        ("pop://example.org?tls=none&x=y", "question mark"),
        ("pop3s://example.org?tls=none", "question mark"),
        ("pop://example.org:", "port"),
        ("pop://example.org:0", "port"),
        ("pop://example.org:65536", "port"),
        ("pop://example.org:000001999999", "port"),
        ("pop://example.org:" + "9" * 5000, "port"),
        ("pop://example.org:-1", "port"),
        ("pop://example.org:1_0", "port"),
        ("pop://example.org:pop3", "port"),
        ("pop://example.org:\uff11\uff11\uff10", "port"),
        ("pop://[::1]110", "port"),
        ("pop://::1", "host"),
        ("pop://a%0D%0ADELE@example.org", "CR, LF or NUL"),
        ("pop://a%00@example.org", "CR, LF or NUL"),
        ("pop://a%0D@example.org", "CR, LF or NUL"),
        ("pop://exa%0Ample", "CR, LF or NUL"),
        ("pop://alice;AUTH=%0A@example.org", "CR, LF or NUL"),
        ("pop://b%F6b@example.org", "UTF-8"),
    ],
)
def test_no_url(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "pop://alice:hunter2@example.org",
        "pop3s://alice:hunter2@example.org:995/",
        "pop://alice:hunter2@x@example.org",
        "pop://alice:hunter2/x@example.org",
        "pop://alice:hunter2?x@example.org",
        "pop://alice:hunter2#x@example.org",
        "pop://:hunter2@example.org",
        "pop://alice;AUTH=PLAIN:hunter2@example.org",
        "pop://alice:hunter2%0A@example.org",
        "pop://alice:hunter2%FF@example.org",
        "pop://alice:hunter2",
        "alice:hunter2@example.org",
    ],
)
def test_a_password_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r"POP URL|pop://") as caught:
        parse_url(url)
    assert "hunter2" not in str(caught.value)


@given(st.text())
def test_any_text_is_an_url_or_a_value_error(text: str) -> None:
    for scheme in ("", "pop://", "pop3s://", "pop://x@", "pop://x:", "pop://[", "pop://x?"):
        try:
            url = parse_url(scheme + text)
        except ValueError:
            continue
        assert 0 < url.port < 65536
        assert url.host.isprintable()


def test_account_is_the_same_however_it_is_reached() -> None:
    urls = ["pop://alice@Example.org", "pop3s://alice@example.ORG", "pop://alice@example.org:1"]
    assert {parse_url(url).account for url in urls} == {"alice@example.org"}
    assert parse_url("pop://example.org").account == "@example.org"
