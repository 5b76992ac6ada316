"""What a server hears, and the shortest things that it says."""

import pytest

from pop3_proto import (
    Auth,
    AuthCancelled,
    BadCommand,
    Limits,
    Refused,
    ResponseCode,
    ServerConnection,
    State,
    Stls,
)
from pop3_proto.flows.core import Flow, Io, Send
from pop3_proto.flows.server_end import ServerEnd, as_text
from tests.core.playing import play


def opened(*, limits: Limits | None = None) -> tuple[ServerEnd, list[Exception]]:
    """An end in AUTHORIZATION, and what is reported."""
    reported: list[Exception] = []
    conn = ServerConnection(limits=limits)
    _ = conn.greet()
    return ServerEnd(conn, reported.append), reported


def test_it_waits_for_a_whole_line() -> None:
    end, _ = opened()
    assert play(end.conn, end.next_event(), "C- ST\nC: LS") == Stls()


def test_a_command_that_was_not_answered() -> None:
    end, _ = opened()
    _ = play(end.conn, end.next_event(), "C: STLS")
    with pytest.raises(RuntimeError, match="not answered"):
        _ = play(end.conn, end.next_event())


def said(end: ServerEnd, *sent: Send) -> Flow[None]:
    yield from sent


def test_replies() -> None:
    end, _ = opened()
    _ = play(end.conn, end.next_event(), "C: STLS")
    code = ResponseCode.of("SYS/TEMP")
    play(end.conn, said(end, end.reply(False, "no", code)), "S: -ERR [SYS/TEMP] no")
    _ = play(end.conn, end.next_event(), "C: STLS")
    refusal = end.refuse(Refused("a\r\nb", code))
    play(end.conn, said(end, refusal), r"S: -ERR [SYS/TEMP] a\\r\\nb")


def test_a_listing() -> None:
    end, _ = opened()
    assert play(end.conn, end.next_event(), "C: AUTH") == Auth()
    listing = end.listing(b"PLAIN\r\n.\r\n")
    play(end.conn, said(end, listing), "S: +OK\nS: PLAIN\nS: ..\nS: .")


def test_what_is_no_command() -> None:
    end, _ = opened(limits=Limits(bad_commands=1))
    for last in ("", "CLOSE"):
        event = play(end.conn, end.next_event(), "C: XYZZY hunter2")
        assert isinstance(event, BadCommand)
        play(end.conn, end.reject(event), f"S: -ERR unknown command\n{last}")
    assert end.conn.state is State.BROKEN


def test_what_was_cancelled_is_bad_too() -> None:
    end, _ = opened(limits=Limits(bad_commands=1))
    for last in ("", "CLOSE"):
        assert isinstance(play(end.conn, end.next_event(), "C: AUTH PLAIN"), Auth)
        play(end.conn, said(end, Send(end.conn.challenge())), "S: +\\x20")
        event = play(end.conn, end.next_event(), "C: *")
        assert isinstance(event, AuthCancelled)
        play(end.conn, end.reject(event), f"S: -ERR cancelled\n{last}")


def test_all_that_is_bad_is_counted_together() -> None:
    end, _ = opened(limits=Limits(bad_commands=2))
    for last in ("", "CLOSE"):
        event = play(end.conn, end.next_event(), "C: XYZZY")
        assert isinstance(event, BadCommand)
        play(end.conn, end.reject(event), f"S: -ERR unknown command\n{last}")
        if not last:
            _ = play(end.conn, end.next_event(), "C: AUTH PLAIN =")
            play(end.conn, end.count_bad("no sense"), "S: -ERR no sense")


def test_the_end() -> None:
    end, _ = opened()
    assert end.end("enough") is Io.CLOSE
    assert end.conn.state is State.BROKEN


def test_what_goes_wrong_is_reported_and_nothing_else() -> None:
    end, reported = opened()

    def flow(fault: Exception | None) -> Flow[int]:
        if fault:
            raise fault
        yield from ()
        return 7

    fault = OSError("disk")
    assert play(end.conn, end.succeeds(flow(None)))
    assert not play(end.conn, end.succeeds(flow(fault)))
    assert reported == [fault]


def test_what_an_application_says_becomes_a_line() -> None:
    assert as_text("no\r\n+OK \udc80\0") == r"no\r\n+OK \udc80\x00"
