"""A report: tables for people, JSON for programs."""

import json
import os
import platform
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from .figures import Figures
from .goals import GOALS, Goal
from .peers import versions
from .ratios import RATIOS, Spread, compare
from .table import case_tables, goals_table

__all__ = ["Report"]


@dataclass(frozen=True, slots=True)
class Report:
    """All cases that have run."""

    cases: Sequence[Figures]

    def goals(self) -> Iterator[tuple[Goal, Spread | None]]:
        """The goals of these cases, and what was measured; None where somebody was missing."""
        for figures in self.cases:
            for goal in GOALS:
                if goal.case == figures.case.name:
                    peer = goal.peer or goal.ours
                    ran = {goal.ours, peer} <= figures.runs.keys()
                    measured = compare(figures, goal.ours, peer, goal.measure) if ran else None
                    yield goal, measured

    def to_markdown(self) -> str:
        where = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
        tables = [case_tables(figures) for figures in self.cases]
        goals = ["## Goals", "", goals_table(self.goals())]
        return "\n".join([f"On {where}; {', '.join(versions())}.", "", *tables, *goals])

    def to_json(self) -> str:
        told = {
            "machine": {
                "cores": os.cpu_count(),
                "system": platform.platform(),
                "python": sys.version,
                "versions": versions(),
            },
            "cases": [_case(figures) for figures in self.cases],
            "goals": [_goal(goal, spread) for goal, spread in self.goals()],
        }
        return json.dumps(told, indent=1)

    def write_json(self, file: Path) -> None:
        _ = file.write_text(self.to_json() + "\n")


def _case(figures: Figures) -> dict[str, object]:
    return {
        "name": figures.case.name,
        "title": figures.case.title,
        "mail": [asdict(batch) for batch in figures.drop],
        "runs": {name: [asdict(run) for run in runs] for name, runs in figures.runs.items()},
        "ratios": list(_ratios(figures)),
        "missing": figures.missing,
    }


def _ratios(figures: Figures) -> Iterable[dict[str, object]]:
    for ours, peer in figures.pairs():
        spreads = {name: asdict(compare(figures, ours, peer, name)) for name in RATIOS}
        yield {"ours": ours, "peer": peer, **spreads}


def _goal(goal: Goal, spread: Spread | None) -> dict[str, object]:
    measured = asdict(spread) if spread else None
    met = goal.is_met(spread.median) if spread else None
    return {**asdict(goal), "measured": measured, "met": met}
