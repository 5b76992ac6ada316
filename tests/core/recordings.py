"""Conversations of real servers, as they were recorded; each file says how to read it."""

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "recorded"

STEP = re.compile(r"(?:(?P<tag>[AB])> )?(?P<word>--|C:|C\+|S:|[CS][!?])(?: (?P<rest>.*))?")
RUN = re.compile(r"\{([A-Za-z])\*(\d+)\}")


@dataclass(frozen=True, slots=True)
class Step:
    """A line of either side (`C`, `S`), or what else has happened (`C!`, `S!`, `S?`)."""

    word: str
    octets: bytes


@dataclass(slots=True)
class Conversation:
    """One connection; `where` is the line of the file in which it begins."""

    where: str
    steps: list[Step] = field(default_factory=list[Step])
    unfinished: bytes = b""

    def add(self, word: str, rest: str) -> None:
        if word == "S:":
            self.steps.append(Step("S", octets_of(rest)))
        elif word in ("C:", "C+"):
            line = self.unfinished + octets_of(rest)
            # A command counts from where its end was written.
            self.unfinished = b"" if line.endswith(b"\n") else line
            if not self.unfinished:
                self.steps.append(Step("C", line))
        else:
            self.steps.append(Step(word, rest.encode()))


def octets_of(text: str) -> bytes:
    text = RUN.sub(lambda run: run[1] * int(run[2]), text)
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")


@cache
def recordings() -> dict[tuple[str, str], list[Conversation]]:
    """The conversations by the names of the file and of the scenario."""
    found: dict[tuple[str, str], list[Conversation]] = {}
    for path in sorted(FOLDER.glob("*.txt")):
        _read(path, found)
    return found


def _read(path: Path, found: dict[tuple[str, str], list[Conversation]]) -> None:
    scenario, current = "", dict[str | None, Conversation]()
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line.startswith("== "):
            scenario, current = line[3:], {}
        elif line and not line.startswith("#"):
            step = STEP.fullmatch(line)
            assert step, f"{path.name}:{number}: {line}"
            tag, word, rest = step.groups()
            if word == "--":
                current[tag] = Conversation(f"{path.name}:{number}")
                found.setdefault((path.stem, scenario), []).append(current[tag])
            else:
                current[tag].add(word, rest or "")
