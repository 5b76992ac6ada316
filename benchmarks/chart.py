"""A chart of the goals, and of what was measured."""

# matplotlib does not say what keyword arguments are.
# pyright: reportUnknownMemberType=false

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from .goals import Goal
from .ratios import Spread

__all__ = ["draw"]

MET: Final = "#3a7d44"
MISSED: Final = "#c8553d"


def draw(goals: Iterable[tuple[Goal, Spread | None]], file: Path) -> None:
    """Draw how far each goal is reached: 1 is the goal, and further to the right is better.

    Raises ImportError where there is no matplotlib.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    measured = [(goal, spread) for goal, spread in goals if spread]
    mpl.rcParams["svg.hashsalt"] = "benchmarks"  # the same figures make the same file
    figure = Figure(figsize=(9, 0.8 + 0.32 * len(measured)), layout="constrained")
    axes = figure.subplots()
    for place, (goal, spread) in enumerate(measured):
        low, high = sorted(_reached(goal, at) for at in (spread.lowest, spread.highest))
        middle = _reached(goal, spread.median)
        _ = axes.barh(place, middle, color=MET if goal.is_met(spread.median) else MISSED)
        _ = axes.hlines(place, low, high, color="black")
        _ = axes.annotate(f" {spread.median:,.3g}", (high, place), va="center")
    _ = axes.set_yticks(range(len(measured)), [str(goal) for goal, _ in measured])
    _ = axes.set_xlabel("measured, as a share of the goal")
    _ = axes.axvline(1, color="black", linestyle=":")
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, metadata={"Date": None})


def _reached(goal: Goal, figure: float) -> float:
    if not goal.at_most:
        return figure / goal.bound
    return goal.bound / max(figure, goal.bound / 3)
