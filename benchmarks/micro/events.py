"""What it costs to make each event."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import repeat
from typing import Final

from pop3_proto import (
    AuthCancelled,
    AuthResponse,
    BadCommand,
    BodyChunk,
    BodyEnd,
    Challenge,
    EndOfStream,
    Greeting,
    Reply,
    Retr,
    Unsolicited,
)

from .benchmark import EACH, Benchmark, Work, timed

__all__ = ["BENCHMARKS"]

COUNT: Final = 10_000

RETR: Final = Retr(1)

EVENTS: Final[Mapping[str, Callable[[], object]]] = {
    "greeting": partial(Greeting, True, b"ready"),
    "reply": partial(Reply, True, b"4096 octets", None, command=RETR),
    "challenge": partial(Challenge, b"nonce"),
    "body_chunk": partial(BodyChunk, b"Subject: x\r\n"),
    "body_end": BodyEnd,
    "unsolicited": partial(Unsolicited, False, b"bye"),
    "end_of_stream": EndOfStream,
    "command": partial(Retr, 1),
    "auth_response": partial(AuthResponse, b"proof"),
    "auth_cancelled": AuthCancelled,
    "bad_command": partial(BadCommand, "unknown command", b"XYZ"),
}


def making(make: Callable[[], object], size: float) -> Work:
    """Make an event again and again."""
    count = max(1, int(COUNT * size))

    def run(times: int) -> None:
        for _ in repeat(None, times):
            _ = make()

    return timed(count, run, lambda: count)


BENCHMARKS: Final = [
    Benchmark(f"events.{name}", "10,000 are made, and thrown away", EACH, partial(making, make))
    for name, make in EVENTS.items()
]
