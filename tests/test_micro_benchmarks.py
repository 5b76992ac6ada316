"""The micro-benchmarks run, do what they say, and tell it as a table and as JSON."""

import json
from pathlib import Path
from typing import Final

import pytest

from benchmarks.bodies import BODIES, body
from benchmarks.micro.__main__ import BENCHMARKS, main
from benchmarks.micro.benchmark import Benchmark, Sized, Work
from benchmarks.micro.encode import in_bulk, line_by_line
from benchmarks.micro.listings import (
    list_reply,
    our_list,
    our_uidl,
    std_list,
    std_uidl,
    uidl_reply,
)
from benchmarks.micro.measurement import Effort, measure
from benchmarks.micro.reads import cut

TINY: Final = Effort(size=0.002, samples=1, seconds=0)


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=[each.name for each in BENCHMARKS])
def test_each_has_a_rate_and_a_ratio_where_it_has_a_yardstick(benchmark: Benchmark) -> None:
    measured = measure(benchmark, TINY)
    assert measured.rate > 0
    assert (measured.ratio is None) is (benchmark.yardstick is None)
    assert (measured.met is None) is (benchmark.goal is None)


def test_the_best_sample_counts() -> None:
    # The first two times say how often a sample repeats the work.
    ours, other = taking(10, 9, 9, 4, 2, 3), taking(10, 9, 9, 8, 5, 6)
    measured = measure(
        Benchmark("a.b", "", "", ours, other, goal=2.5), Effort(1, samples=3, seconds=0)
    )
    assert (measured.rate, measured.yardstick) == (5, 2)
    assert measured.ratio == 2.5
    assert measured.met


def test_work_is_repeated_until_a_sample_is_long_enough() -> None:
    work = taking(1, 1, 0.5, 0.5, 0.5, 0.5, 0.5)
    assert measure(Benchmark("a.b", "", "", work), Effort(1, samples=1, seconds=2)).rate == 2


def taking(amount: float, *seconds: float) -> Sized:
    """Work that takes these times, one after the other."""
    return lambda _: Work(amount, iter(seconds).__next__)


@pytest.mark.parametrize("name", BODIES)
def test_the_encoder_and_the_loop_over_lines_do_the_same(name: str) -> None:
    octets = body(name, 300_000)
    assert b"".join(in_bulk(cut(octets, 1000))) == b"".join(line_by_line(octets))


def test_the_core_and_poplib_read_the_same_entries() -> None:
    scan_listings, unique_ids = list_reply(300), uidl_reply(300)
    ours = [[b"%d" % number, b"%d" % (octets or 0)] for number, octets in our_list(scan_listings)]
    assert ours == std_list(scan_listings)
    assert [[b"%d" % number, uid] for number, uid in our_uidl(unique_ids)] == std_uidl(unique_ids)


def test_a_group_is_reported_as_a_table_and_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "micro.json"
    main(["events.reply", "machines.send", "--size", "0.001", "--json", str(file)])
    heading, _, *rows = capsys.readouterr().out.splitlines()
    written = json.loads(file.read_text())
    assert [row.split(" ")[1] for row in rows] == ["events.reply", "machines.send"]
    assert {row.count("|") for row in rows} == {heading.count("|")}
    assert [row["name"] for row in written["benchmarks"]] == ["events.reply", "machines.send"]
    assert written["python"]


def test_a_name_of_nothing_is_told_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["decoding"])
    said = capsys.readouterr().err
    assert "nothing is called decoding" in said
    assert "decode.base64" in said
