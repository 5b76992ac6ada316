"""Events: they compare, do not change, and show no secret."""

from dataclasses import FrozenInstanceError

import pytest

from pop3_proto import (
    NEED_DATA,
    PAUSED,
    AuthCancelled,
    AuthResponse,
    BadCommand,
    BodyChunk,
    BodyEnd,
    Challenge,
    EndOfStream,
    Greeting,
    Noop,
    Reply,
    StatusLine,
    Unsolicited,
)
from pop3_proto.events import Waiting

SECRET = b"hunter2"


@pytest.mark.parametrize(
    "event", [Challenge(SECRET), AuthResponse(SECRET), BadCommand("no", SECRET)]
)
def test_what_may_be_secret_is_in_no_repr(event: object) -> None:
    assert "hunter2" not in repr(event)


@pytest.mark.parametrize(
    ("event", "same", "other"),
    [
        (Challenge(b"x"), Challenge(b"x", irregular=False), Challenge(b"x", irregular=True)),
        (Challenge(None), Challenge(None), Challenge(b"")),
        (AuthResponse(b"x"), AuthResponse(b"x"), AuthResponse(b"")),
        (AuthCancelled(), AuthCancelled(), BodyEnd()),
        (BadCommand("no"), BadCommand("no", b""), BadCommand("no", b"x")),
        (BodyChunk(b"x"), BodyChunk(b"x"), BodyChunk(b"y")),
        (EndOfStream(), EndOfStream(), BodyEnd()),
        (Greeting(True, b"x"), Greeting(True, b"x"), Unsolicited(True, b"x")),
        (
            Reply(True, b"x", command=Noop()),
            Reply(True, b"x", command=Noop()),
            StatusLine(True, b"x"),
        ),
    ],
)
def test_events_compare(event: object, same: object, other: object) -> None:
    assert event == same
    assert event != other


def test_events_do_not_change() -> None:
    # A type checker refuses it too, and a user may have none.
    with pytest.raises(FrozenInstanceError):
        BodyChunk(b"x").data = b"y"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def test_waiting_is_told_apart_by_identity() -> None:
    assert set(Waiting) == {NEED_DATA, PAUSED}
