"""What each part of the core costs: a table, each line of it as soon as it is measured."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from . import decode, encode, events, flows, imports, listings, machines
from .benchmark import Benchmark
from .measurement import Effort, Measurement, measure
from .report import as_json, as_row, heading

__all__ = ["BENCHMARKS", "main"]

BENCHMARKS: Final = [
    benchmark
    for group in (decode, encode, events, listings, machines, flows, imports)
    for benchmark in group.BENCHMARKS
]

SAMPLES: Final = 5
SECONDS: Final = 0.2


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser("python -m benchmarks.micro", description=__doc__)
    _ = parser.add_argument(
        "names", nargs="*", metavar="NAME", help="decode.base64, or decode for all of that group"
    )
    _ = parser.add_argument("--json", type=Path, metavar="FILE", help="where to write it, too")
    _ = parser.add_argument(
        "--size", type=float, default=1.0, metavar="PART", help="do this part of all"
    )
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if not called(name)]:
        known = ", ".join(benchmark.name for benchmark in BENCHMARKS)
        parser.error(f"nothing is called {unknown[0]}: there are {known}")
    names: list[str] = options.names
    benchmarks = [each for name in names for each in called(name)] if names else BENCHMARKS
    measured = list(show(benchmarks, Effort(options.size, SAMPLES, SECONDS * options.size)))
    if options.json:
        _ = options.json.write_text(as_json(measured) + "\n")


def called(name: str) -> list[Benchmark]:
    """The benchmark of this name, or all of this group."""
    return [each for each in BENCHMARKS if name in (each.name, each.name.partition(".")[0])]


def show(benchmarks: Sequence[Benchmark], effort: Effort) -> Iterator[Measurement]:
    """Measure them one after the other, and print the rows of the table."""
    print(heading())
    for benchmark in benchmarks:
        measured = measure(benchmark, effort)
        print(as_row(measured), flush=True)
        yield measured


if __name__ == "__main__":
    main()
