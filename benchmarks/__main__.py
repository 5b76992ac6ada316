"""How fast this library is: python -m benchmarks CASE [CASE...], or `all`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from .case import Case
from .cases import CASES
from .chart import draw
from .figures import Figures
from .goals import GOALS
from .report import Report
from .rounds import run_case


def main(arguments: Sequence[str] | None = None) -> None:
    """Run cases, and print what was measured."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    _ = parser.add_argument("cases", nargs="*", metavar="CASE", help="or `all`")
    _ = parser.add_argument("--list", action="store_true", help="name the cases with their goals")
    _ = parser.add_argument("--quick", action="store_true", help="less mail, and fewer rounds")
    _ = parser.add_argument("--rounds", type=int, metavar="N", help="9 otherwise, 3 with --quick")
    _ = parser.add_argument("--json", type=Path, metavar="FILE", help="every figure")
    _ = parser.add_argument("--markdown", type=Path, metavar="FILE", help="the tables, there too")
    _ = parser.add_argument("--chart", type=Path, metavar="FILE", help="SVG or PNG, by its name")
    options = parser.parse_args(arguments)
    if options.list:
        print("\n".join(map(_describe, CASES.values())))
        return
    names = list(CASES) if options.cases == ["all"] else options.cases
    if not names or not CASES.keys() >= set(names):
        parser.error(f"name cases, or `all`: {', '.join(CASES)}")
    rounds = options.rounds or (3 if options.quick else 9)
    report = Report([_run(CASES[name], options.quick, rounds) for name in names])
    text = report.to_markdown()
    print(text)
    if options.markdown:
        _ = options.markdown.write_text(text + "\n")
    if options.json:
        report.write_json(options.json)
    if options.chart:
        draw(report.goals(), options.chart)


def _run(case: Case, quick: bool, rounds: int) -> Figures:
    return run_case(case, case.quick if quick else case.drop, rounds)


def _describe(case: Case) -> str:
    goals = (f"    {goal}" for goal in GOALS if goal.case == case.name)
    return "\n".join([f"{case.name}: {case.title}", *goals])


if __name__ == "__main__":
    main()
