"""The benchmarks run, and tell what they measure; how fast anything is does not matter here."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.cases import CASES
from benchmarks.contender import Contender
from benchmarks.figures import Figures, Run
from benchmarks.goals import FLOOR, GOALS, Goal
from benchmarks.mail import Batch, message
from benchmarks.ratios import MEASURES, Spread, compare
from benchmarks.report import Report
from benchmarks.rounds import run_case
from benchmarks.server import Maildrop
from benchmarks.servers import SERVERS, ready_made

TINY = (Batch("dots", 3, 2000),)


def test_list_names_every_goal() -> None:
    said = subprocess.check_output([sys.executable, "-m", "benchmarks", "--list"], text=True)
    lines = {line.strip() for line in said.splitlines()}
    assert {str(goal) for goal in GOALS} <= lines
    assert {f"{case.name}: {case.title}" for case in CASES.values()} <= lines


def test_goals_are_about_what_is_measured() -> None:
    for goal in GOALS:
        case = CASES[goal.case]
        assert goal.ours in [contender.name for contender in case.ours]
        assert goal.peer in ["", *(contender.name for contender in case.peers)]
        assert goal.measure in MEASURES


def test_contenders_have_a_program_and_a_server() -> None:
    programs = Path(__file__).parent.parent / "benchmarks" / "programs"
    for case in CASES.values():
        for contender in case.contenders:
            assert (programs / f"{contender.program}.py").exists()
            assert contender.server in SERVERS


def test_from_a_case_to_a_report(tmp_path: Path) -> None:
    figures = run_case(CASES["dots"], TINY, rounds=2)
    report = Report([figures])
    markdown = report.to_markdown()
    assert "| blocking : poplib |" in markdown
    assert "| dots | blocking : poplib | speed | 4.2 |" in markdown
    report.write_json(tmp_path / "figures.json")
    told = json.loads((tmp_path / "figures.json").read_text())
    runs = told["cases"][0]["runs"]
    assert [len(runs[name]) for name in ("blocking", "poplib")] == [2, 2]
    assert told["goals"][0]["measured"]["lowest"] > 0


def test_every_dot_is_doubled() -> None:
    reply = Maildrop(TINY).reply(b"RETR 1")
    status, *lines, end, rest = reply.split(b"\r\n")
    assert (status, end, rest) == (b"+OK", b".", b"")
    dotted = [line for line in lines if line.startswith(b".")]
    assert len(dotted) > 20
    assert all(line.startswith(b"..") for line in dotted)
    whole = b"".join((line[1:] if line in dotted else line) + b"\r\n" for line in lines)
    assert whole == message(TINY[0])


def test_a_relay_and_tls() -> None:
    for case in (replace(CASES["delay"], delay=1), CASES["tls"]):
        case = replace(case, peers=(Contender("poplib", "std_poplib"),))
        figures = run_case(case, TINY, rounds=1)
        assert all(run.seconds > 0 for runs in figures.runs.values() for run in runs)


def test_who_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    case = replace(CASES["small"], peers=(Contender("mpop", "mpop"),))
    figures = run_case(case, TINY, rounds=1)
    assert "mpop is missing: mpop is not here: apt-get install mpop" in Report(
        [figures]
    ).to_markdown().replace("\n", " ")


def test_a_contender_that_fails_is_an_error() -> None:
    nobody = Contender("nobody", "no_such_program")
    with pytest.raises(RuntimeError, match="nobody failed"):
        _ = run_case(replace(CASES["dots"], ours=(nobody,)), TINY, rounds=1)


def test_lost_octets_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    shorter = (Batch("dots", 3, 1000),)
    monkeypatch.setitem(SERVERS, "short", lambda _, tls: ready_made(shorter, tls))
    case = replace(
        CASES["dots"], ours=(Contender("ours", "ours_blocking", "streamed", 0, "short"),)
    )
    with pytest.raises(RuntimeError, match="ours has fetched"):
        _ = run_case(case, TINY, rounds=1)


def test_ratios_are_those_of_each_round() -> None:
    figures = Figures(CASES["dots"], TINY)
    for ours, peer in ((1.0, 2.0), (2.0, 8.0), (1.0, 3.0)):
        figures.add("blocking", Run(ours, ours, 1, 3, 2000))
        figures.add("poplib", Run(peer, peer, 1, 3, 2000))
    assert compare(figures, "blocking", "poplib", "speed") == Spread(3.0, 2.0, 4.0)


def test_who_is_faster_than_the_floor_has_not_met_a_goal() -> None:
    goal = Goal("large", "blocking", FLOOR, "speed", 0.85)
    assert [goal.is_met(figure) for figure in (0.8, 0.9, 1.2)] == [False, True, False]
    assert Goal("large", "blocking", "poplib", "speed", 0.85).is_met(1.2)
