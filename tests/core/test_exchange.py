"""An AUTH that is under way: what is a challenge, and what may be said."""

import pytest

from pop3_proto import Auth, Challenge, LocalProtocolError
from pop3_proto.exchange import Exchange, hide_challenge

MOST = 100


def begun(*, last: bool = False) -> Exchange:
    return Exchange(Auth("PLAIN", b"", last=last))


@pytest.mark.parametrize(
    ("line", "data"),
    [
        (b"+ AAAA", b"\0\0\0"),
        (b"+AAAA", b"\0\0\0"),
        (b"+ ", b""),
        (b"+", b""),
        (b"+ +OKA", b"\xf8\xe2\x80"),
        (b"+OKA", None),
        (b"+OKAYAAA", None),
        (b"+OK=", None),
        (b"+  AAAA", None),
        (b"+ AAAA ", None),
        (b"+ =AAA", None),
        (b"+ go ahead", None),
        (b"+\tAAAA", None),
    ],
)
@pytest.mark.parametrize("last", [False, True])
def test_challenges(line: bytes, data: bytes | None, last: bool) -> None:
    assert begun(last=last).challenge(line) == Challenge(data)


@pytest.mark.parametrize("line", [b"-ERR", b"-ERR [AUTH] no", b"", b"AAAA", b"*", b" + AAAA"])
def test_what_is_no_challenge(line: bytes) -> None:
    assert begun().challenge(line) is None


@pytest.mark.parametrize(
    ("line", "data"),
    [
        (b"+OK", b""),
        (b"+ok AAAA", b"\0\0\0"),
        (b"+OK   AAAA", b"\0\0\0"),
        (b"+Ok logged in", b""),
        (b"+OK [AUTH] x", b""),
    ],
)
def test_success_before_all_was_said_is_a_challenge(line: bytes, data: bytes) -> None:
    exchange = begun()
    assert exchange.challenge(line) == Challenge(data, irregular=True)
    exchange.received()
    exchange.respond(b"", False, MOST)
    assert exchange.challenge(line) == Challenge(data, irregular=True)
    exchange.received()
    exchange.respond(b"", True, MOST)
    assert exchange.challenge(line) is None


def test_an_initial_response_may_say_everything() -> None:
    assert begun(last=True).challenge(b"+OK") is None
    without = Exchange(Auth("PLAIN", None, last=True))
    assert without.challenge(b"+OK") == Challenge(b"", irregular=True)


def test_what_was_said_last_counts() -> None:
    exchange = begun(last=True)
    exchange.received()
    exchange.respond(b"x", False, MOST)
    assert exchange.challenge(b"+OK") is not None


def test_whose_turn_it_is() -> None:
    exchange = begun()
    assert (exchange.due, exchange.challenges) == (False, 0)
    exchange.received()
    assert (exchange.due, exchange.challenges) == (True, 1)
    assert exchange.respond(b"\0\0\0", False, MOST) == b"AAAA\r\n"
    assert exchange.due is False
    exchange.received()
    assert exchange.challenges == 2
    assert exchange.respond(b"", True, MOST) == b"\r\n"


def test_a_response_that_is_too_long_changes_nothing() -> None:
    exchange = begun()
    exchange.received()
    assert len(exchange.respond(b"x" * 6, False, 10)) == 10
    exchange.received()
    with pytest.raises(
        LocalProtocolError, match=r"would be 14 octets long: Limits\.sasl allows 10"
    ):
        exchange.respond(b"x" * 7, True, 10)
    assert (exchange.due, exchange.last) == (True, False)


def test_cancelled() -> None:
    exchange = begun(last=True)
    exchange.received()
    assert exchange.cancel() == b"*\r\n"
    assert (exchange.due, exchange.last, exchange.cancelled) == (False, False, True)
    for line in (b"+ AAAA", b"+OK", b"-ERR"):
        assert exchange.challenge(line) is None


@pytest.mark.parametrize(
    ("line", "traced"),
    [
        (b"+", b"+ "),
        (b"+ ", b"+ "),
        (b"+ aHVudGVyMg==", b"+ Kioq"),
        (b"+aHVudGVyMg==", b"+ Kioq"),
        (b"+ hunter2", b"+ ***"),
        (b"+OK", b"+OK "),
        (b"+ok aHVudGVyMg==", b"+ok Kioq"),
        (b"+OK hunter2", b"+OK ***"),
        (b"+OKhunter", b"+ Kioq"),
        (b"+OKhunter2", b"+ ***"),
    ],
)
def test_a_challenge_is_traced_as_what_it_is_and_no_more(line: bytes, traced: bytes) -> None:
    assert hide_challenge(line) == traced
    meant, hidden = begun().challenge(line), begun().challenge(traced)
    assert meant is not None
    assert hidden is not None
    assert (hidden.data is None, hidden.irregular) == (meant.data is None, meant.irregular)
