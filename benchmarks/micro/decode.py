"""Bodies from their wire form: `BodyDecoder`."""

from functools import partial
from typing import Final

from pop3_proto.body import BodyDecoder, BodyEncoder

from ..bodies import BODIES, body
from .benchmark import MEGABYTES, Benchmark, Work, timed
from .reads import cut

__all__ = ["BENCHMARKS"]

OCTETS: Final = 20_000_000
READ: Final = 64 * 1024


def decoding(name: str, size: float) -> Work:
    """Take the body out of the reads in which it arrives."""
    octets = body(name, int(OCTETS * size))
    encoder = BodyEncoder()
    reads = cut(encoder.encode(octets) + encoder.end(), READ)

    def run(decoder: BodyDecoder) -> None:
        got = sum(len(decoder.decode(read)[0]) for read in reads)
        assert decoder.ended
        assert got == len(octets)

    return timed(len(octets) / 1e6, run, BodyDecoder)


BENCHMARKS: Final = [
    Benchmark(f"decode.{name}", "20 MB in reads of 64 KiB", MEGABYTES, partial(decoding, name))
    for name in BODIES
]
