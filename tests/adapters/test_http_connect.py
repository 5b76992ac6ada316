"""What is said to a proxy that speaks HTTP, and what may come back, without any I/O."""

from base64 import b64encode

import pytest

from pop3_adapters._http_connect import MOST, tunnel

AUTHORITY = "pop.example.org:995"
GREETING = b"+OK\r\n"
ACCEPTED = [
    b"HTTP/1.1 200 Connection established\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nVia: 1.1 proxy\r\nContent-Length: 7\r\n\r\n",
    b"HTTP/1.1 204\r\n\r\n",
    b"HTTP/1.1 200 \r\n\r\n",
    b"HTTP/1.0 200 OK\n\n",
    b"HTTP/1.1 200 OK\r\nFolded:\r\n more\r\n\r\n",
]


def heard(*received: bytes, credentials: bytes | None = None) -> bytes | None:
    """What is behind the answer; None where more has to come."""
    steps = tunnel(AUTHORITY, credentials)
    next(steps)
    try:
        for data in received:
            assert steps.send(data) == b""
    except StopIteration as done:
        behind: bytes = done.value
        return behind
    return None


def test_what_is_asked() -> None:
    asked = next(tunnel(AUTHORITY, None))
    assert asked == (b"CONNECT pop.example.org:995 HTTP/1.1\r\nHost: pop.example.org:995\r\n\r\n")


def test_what_is_asked_with_a_password() -> None:
    secret = "alice:p\u00e4ss:word".encode()
    assert next(tunnel(AUTHORITY, secret)).splitlines()[2:] == [
        b"Proxy-Authorization: Basic " + b64encode(secret),
        b"",
    ]


@pytest.mark.parametrize("answer", ACCEPTED)
def test_in_every_split(answer: bytes) -> None:
    said = answer + GREETING
    for cut in range(1, len(answer)):
        assert heard(said[:cut]) is None
        assert heard(said[:cut], said[cut:]) == GREETING
    assert heard(said) == GREETING
    assert heard(answer) == b""


@pytest.mark.parametrize("answer", ACCEPTED)
def test_one_octet_at_a_time(answer: bytes) -> None:
    octets = [bytes([octet]) for octet in answer]
    assert heard(*octets[:-1]) is None
    assert heard(*octets) == b""


@pytest.mark.parametrize("behind", [b"\r\n\r\n", b"\n\nHTTP/1.1 403 Forbidden\r\n\r\n", bytes(4)])
def test_what_is_behind_the_answer_is_not_looked_at(behind: bytes) -> None:
    assert heard(ACCEPTED[0] + behind) == behind


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 403 Filtered\r\n\r\n", "it says '403 Filtered'"),
        (b"HTTP/1.1 502 \x1b[2J\xff\r\nX: y\r\n\r\n", r"it says '502 .*x1b\[2J"),
        (b"HTTP/1.1 301 Moved\r\nLocation: http://example.org/\r\n\r\n", "'301 Moved'"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "'100 Continue'"),
        (b"HTTP/1.1 407 Who\r\n\r\n", "put a name and a password into its URL"),
        (b"HTTP/1.1 " + b"5" * 400 + b"\r\n\r\n", "no HTTP proxy"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "no HTTP proxy"),
        (b"HTTP/1.1 200OK\r\n\r\n", "no HTTP proxy"),
        (b"+OK POP3\r\n", "no HTTP proxy, it says '.OK POP3'"),
        (b"\x05\xff", "no HTTP proxy"),
        (b"HTTP/2 200\r\n\r\n", "no HTTP proxy"),
    ],
)
def test_what_is_no_success(answer: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        heard(answer)
    with pytest.raises(ValueError, match=r"no HTTP proxy|it says"):
        heard(*(bytes([octet]) for octet in answer))


def test_long_words_are_cut() -> None:
    with pytest.raises(ValueError, match="403") as refused:
        heard(b"HTTP/1.1 403 " + b"no" * 5000 + b"\r\n\r\n")
    assert len(str(refused.value)) < 300


def test_a_password_that_is_not_taken_is_not_repeated() -> None:
    with pytest.raises(ValueError, match="check the name and the password") as refused:
        heard(b"HTTP/1.1 407 Who\r\n\r\n", credentials=b"alice:secret")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\n"])
def test_the_end_instead_of_an_answer(before: bytes) -> None:
    with pytest.raises(ValueError, match="ended the connection"):
        heard(*filter(None, [before]), b"")


def test_an_answer_has_a_bound() -> None:
    line = b"HTTP/1.1 200 OK\r\n"
    longest = line + b"x" * (MOST - len(line) - 4) + b"\r\n\r\n"
    assert heard(longest + GREETING) == GREETING
    assert heard(longest[:-1]) is None
    with pytest.raises(ValueError, match=f"within {MOST} octets"):
        heard(line + b"x" * (MOST - len(line) - 3) + b"\r\n\r\n")
    with pytest.raises(ValueError, match=f"within {MOST} octets"):
        heard(*[line] + [b"x: y\r\n"] * MOST)


def test_a_port_is_a_number() -> None:
    from pop3_adapters._proxies import Route

    with pytest.raises(ValueError, match="format code"):
        Route("pop.example.org", "110\r\nX: y", "http", "proxy", 80).tunnel()  # type: ignore[arg-type]  # on purpose
