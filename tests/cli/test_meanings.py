"""What capabilities mean, in words."""

import pytest

from pop3_adapters.cli.meanings import MEANINGS, meaning, spell_duration, tag_of
from pop3_proto import Capabilities


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"STLS", "TLS can be begun"),
        (b"uidl", "mail can be left on the server"),
        (b"TOP", "without fetching the message"),
        (b"PIPELINING", "fast"),
        (b"USER", "name and password"),
        (b"SASL PLAIN", "login with AUTH: PLAIN (the password is sent)"),
        (b"SASL SCRAM-SHA-256", "SCRAM-SHA-256 (the password is never shown"),
        (b"SASL XOAUTH2", "a token of OAuth"),
        (b"SASL X-OWN", "X-OWN (of a kind that is not known)"),
        (b"SASL PLAIN GSSAPI login", "PLAIN, LOGIN (the password is sent); GSSAPI (the login of"),
        (b"LOGIN-DELAY 900", "15 minutes have to pass between two logins"),
        (b"LOGIN-DELAY 3660 USER", "up to 1 hour 1 minute have to pass between two logins, dep"),
        (b"LOGIN-DELAY 0", "may follow each other at once"),
        (b"EXPIRE NEVER", "kept until somebody deletes them"),
        (b"EXPIRE 0", "dangerous: the server deletes by itself what was retrieved"),
        (b"EXPIRE 0 USER", "at the end of the session of some users"),
        (b"EXPIRE 30", "the server deletes messages by itself after 30 days"),
        (b"EXPIRE 1 USER", "after 1 day, or longer, depending on the user"),
        (b"EXPIRE=5", "after 5 days"),
        (b"UTF8", "UTF-8 in the headers"),
        (b"UTF8 USER", "in names and passwords"),
        (b"LANG", "other languages"),
        (b"RESP-CODES", "a code for programs"),
        (b"AUTH-RESP-CODE", "a wrong password can be told"),
        (b"IMPLEMENTATION Some Server 2", "the server calls itself Some Server 2"),
        (b"APOP", "hides the password by old means"),
    ],
)
def test_what_is_known(line: bytes, words: str) -> None:
    assert words in (meaning(tag_of(line), Capabilities((line,))) or "")


@pytest.mark.parametrize(
    "line",
    [b"XTND", b"EXPIRENEVER", b"EXPIRE soon", b"LOGIN-DELAY", b"SASL", b"IMPLEMENTATION", b""],
)
def test_what_is_not_known_or_cannot_be_read(line: bytes) -> None:
    assert meaning(tag_of(line), Capabilities((line,))) is None


@pytest.mark.parametrize("tag", MEANINGS)
def test_no_sentence_moves_a_cursor(tag: str) -> None:
    line = f"{tag} 1 USER \x1b[2J\x07".encode() + b"\xff"
    assert (meaning(tag, Capabilities((line,))) or "").isprintable()
    assert tag_of(b"\x1b[2J\xff") == "\\x1b[2J\\xff"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (90, "1 minute 30 seconds"),
        (7200, "2 hours"),
        (90061, "1 day 1 hour 1 minute 1 second"),
    ],
)
def test_durations(seconds: int, words: str) -> None:
    assert spell_duration(seconds) == words
