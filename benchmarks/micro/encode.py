"""Bodies to their wire form: `BodyEncoder`, held against a loop over lines."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Final

from pop3_proto.body import BodyEncoder

from ..bodies import BODIES, body
from .benchmark import MEGABYTES, Benchmark, Work, timed
from .reads import cut

__all__ = ["BENCHMARKS", "in_bulk", "line_by_line"]

OCTETS: Final = 20_000_000
PIECE: Final = 64 * 1024

GOALS: Final[Mapping[str, float]] = {"base64": 8, "html": 6, "dots": 2.2}


def in_bulk(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The wire form, as the encoder makes it."""
    encoder = BodyEncoder()
    yield from map(encoder.encode, pieces)
    yield encoder.end()


def line_by_line(octets: bytes) -> Iterator[bytes]:
    """The same in one piece, as a loop over lines makes it.

    From one BytesIO to another it would take 0.4 of the time.
    """
    wire: list[bytes] = []
    for line in octets.split(b"\r\n")[:-1]:
        stuffed = b"." + line if line.startswith(b".") else line
        wire.append(stuffed + b"\r\n")
    wire.append(b".\r\n")
    yield b"".join(wire)


def encoding(name: str, size: float) -> Work:
    """Encode a body that a maildrop gives in pieces."""
    octets = body(name, int(OCTETS * size))
    pieces = cut(octets, PIECE)
    return _work(octets, lambda: in_bulk(pieces))


def looping(name: str, size: float) -> Work:
    """Encode the same body."""
    octets = body(name, int(OCTETS * size))
    return _work(octets, lambda: line_by_line(octets))


def _work(octets: bytes, encode: Callable[[], Iterator[bytes]]) -> Work:
    expected = sum(map(len, line_by_line(octets)))

    def run(wire: Iterator[bytes]) -> None:
        assert sum(map(len, wire)) == expected

    return timed(len(octets) / 1e6, run, encode)


BENCHMARKS: Final = [
    Benchmark(
        f"encode.{name}",
        "20 MB in pieces of 64 KiB; against a loop over the lines that `split` gives",
        MEGABYTES,
        partial(encoding, name),
        partial(looping, name),
        GOALS.get(name),
    )
    for name in BODIES
]
