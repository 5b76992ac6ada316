"""Figures as Markdown."""

from collections.abc import Iterable, Iterator
from statistics import median

from .figures import Figures, Run
from .goals import Goal
from .markdown import heading, row
from .ratios import RATIOS, Spread, compare

__all__ = ["case_tables", "goals_table"]


def case_tables(figures: Figures) -> str:
    """What each contender took, and how ours compares with the others."""
    case = figures.case
    mail = ", ".join(batch.describe() for batch in figures.drop)
    rounds = max(map(len, figures.runs.values()), default=0)
    return "\n".join(
        [
            f"## {case.name}: {case.title}",
            "",
            f"`python -m benchmarks {case.name}`, {rounds} rounds; messages: {mail}.",
            "",
            *_contenders(figures),
            *(["", *_ratios(figures)] if case.peers else []),
            *(f"\n{name} is missing: {reason}" for name, reason in figures.missing.items()),
            "",
        ]
    )


def _contenders(figures: Figures) -> Iterator[str]:
    yield from heading(
        ["median of", "seconds", "CPU seconds", "peak MB", "the server's CPU seconds"]
    )
    for name, runs in figures.runs.items():
        yield row([name, *map(_figure, _medians(runs))])


def _medians(runs: list[Run]) -> Iterator[float | None]:
    yield median(run.seconds for run in runs)
    yield median(run.cpu for run in runs)
    yield median(run.peak for run in runs) / 1e6
    told = [run.server_cpu for run in runs if run.server_cpu is not None]
    yield median(told) if told else None


def _ratios(figures: Figures) -> Iterator[str]:
    yield from heading(["ours : peer", *RATIOS])
    for ours, peer in figures.pairs():
        spreads = (compare(figures, ours, peer, measure) for measure in RATIOS)
        yield row([f"{ours} : {peer}", *map(_spread, spreads)])


def goals_table(goals: Iterable[tuple[Goal, Spread | None]]) -> str:
    """Each goal, with what was measured of it where that ran."""
    rows = [row(_goal(goal, spread)) for goal, spread in goals]
    return "\n".join([*heading(["case", "ours : peer", "what", "goal", "measured", "met"]), *rows])


def _goal(goal: Goal, spread: Spread | None) -> list[str]:
    bound = f"{'at most ' if goal.at_most else ''}{goal.bound:,g}"
    about = [goal.case, goal.pair, goal.measure, bound]
    if spread is None:
        return [*about, "not measured", ""]
    if not goal.is_plausible(spread.median):
        verdict = "no: faster than the floor, so the client was not measured"
    else:
        verdict = "yes" if goal.is_met(spread.median) else "no"
    return [*about, _spread(spread), verdict]


def _spread(spread: Spread) -> str:
    return f"{_figure(spread.median)} ({_figure(spread.lowest)} to {_figure(spread.highest)})"


def _figure(number: float | None) -> str:
    if number is None:
        return ""
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"
