"""What was measured, for people as a table in Markdown and for programs as JSON."""

import json
import os
import platform
from collections.abc import Iterable

from .. import markdown
from .measurement import Measurement

__all__ = ["as_json", "as_row", "heading"]

COLUMNS = ("benchmark", "ours", "unit", "yardstick", "times", "goal", "met", "what is done")


def heading() -> str:
    """The two lines above the rows."""
    return "\n".join(markdown.heading(COLUMNS))


def as_row(measured: Measurement) -> str:
    """A line of the table."""
    benchmark, met = measured.benchmark, measured.met
    return markdown.row(
        (
            benchmark.name,
            _rate(measured.rate),
            benchmark.unit,
            _rate(measured.yardstick),
            _times(measured.ratio),
            _times(benchmark.goal),
            "" if met is None else "yes" if met else "no",
            benchmark.does,
        )
    )


def as_json(measured: Iterable[Measurement]) -> str:
    """All of it, with the machine that it was measured on."""
    rows = [
        {
            "name": each.benchmark.name,
            "does": each.benchmark.does,
            "unit": each.benchmark.unit,
            "rate": each.rate,
            "yardstick": each.yardstick,
            "ratio": each.ratio,
            "goal": each.benchmark.goal,
            "met": each.met,
        }
        for each in measured
    ]
    machine = {"python": platform.python_version(), "cores": os.cpu_count()}
    return json.dumps({**machine, "benchmarks": rows}, indent=2)


def _rate(rate: float | None) -> str:
    return "" if rate is None else f"{rate:,.0f}"


def _times(times: float | None) -> str:
    return "" if times is None else f"{times:.2f}"
