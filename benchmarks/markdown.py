"""Tables as Markdown has them."""

from collections.abc import Iterable, Sequence

__all__ = ["heading", "row"]


def heading(cells: Sequence[str]) -> list[str]:
    """The two lines above the rows."""
    return [row(cells), "|" + "-|" * len(cells)]


def row(cells: Iterable[str]) -> str:
    """One line of a table."""
    return f"| {' | '.join(cells)} |"
