"""Makes the diagram of docs/layers.md from the transitions: python -m tools.state_diagram."""

from collections import defaultdict
from pathlib import Path

from pop3_proto.states import TRANSITIONS, State

PAGE = Path(__file__).parent.parent / "docs" / "layers.md"
BEGIN, END = "```mermaid\n", "```\n"


def mermaid() -> str:
    """The diagram; BROKEN is left out, since every state leads there."""
    labels: defaultdict[tuple[State, State, str], list[str]] = defaultdict(list)
    for (state, what, outcome), target in TRANSITIONS.items():
        if state is not target:
            labels[state, target, what].append(outcome.value)
    lines = [
        f"    {state.value} --> {target.value}: {what} {' or '.join(outcomes)}\n"
        for (state, target, what), outcomes in labels.items()
    ]
    first, last = State.GREETING.value, State.CLOSED.value
    return f"stateDiagram-v2\n    [*] --> {first}\n{''.join(lines)}    {last} --> [*]\n"


def with_diagram(text: str) -> str:
    """A page with the diagram in its place."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + mermaid() + END + after


if __name__ == "__main__":
    _ = PAGE.write_text(with_diagram(PAGE.read_text("utf-8")), "utf-8")
