"""The memory of what has been fetched."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pop3_adapters.cli.fetched import Fetched


def test_it_remembers(tmp_path: Path) -> None:
    file = tmp_path / "fetched"
    assert not Fetched(file, "a@b").holds(b"x", 1)
    Fetched(file, "a@b").add([b"x", b"y"])
    again = Fetched(file, "a@b")
    assert again.holds(b"x", 1)
    assert again.holds(b"y", 1)
    assert not again.holds(b"z", 1)


def test_nothing_is_written_where_nothing_is_new(tmp_path: Path) -> None:
    file = tmp_path / "fetched"
    Fetched(file, "a@b").add([])
    assert not file.exists()


def test_accounts_are_apart(tmp_path: Path) -> None:
    file = tmp_path / "fetched"
    Fetched(file, "a@b").add([b"x"])
    Fetched(file, "b@b").add([b"y"])
    assert not Fetched(file, "b@b").holds(b"x", 1)
    assert not Fetched(file, "a@b").holds(b"y", 1)
    assert Fetched(file, "a@b").holds(b"x", 1)


def test_copies_count(tmp_path: Path) -> None:
    file = tmp_path / "fetched"
    Fetched(file, "a@b").add([b"x"])
    assert not Fetched(file, "a@b").holds(b"x", 2)
    # The first of these two is taken for the one that was stored before.
    Fetched(file, "a@b").add([b"x", b"x"])
    assert Fetched(file, "a@b").holds(b"x", 2)
    assert not Fetched(file, "a@b").holds(b"x", 3)


def test_a_cut_line_means_nothing(tmp_path: Path) -> None:
    file = tmp_path / "fetched"
    Fetched(file, "a@b").add([b"first", b"second"])
    whole = file.read_bytes()
    start = whole.index(b"\n") + 1
    for end in range(start, len(whole) - 1):
        file.write_bytes(whole[:end])
        torn = Fetched(file, "a@b")
        assert torn.holds(b"first", 1)
        assert not any(torn.holds(b"second"[:n], 1) for n in range(7))
        torn.add([b"third"])
        after = Fetched(file, "a@b")
        assert after.holds(b"first", 1)
        assert after.holds(b"third", 1)
        assert not any(after.holds(b"second"[:n], 1) for n in range(7))


def test_another_accounts_cut_line_costs_nothing(tmp_path: Path) -> None:
    file = tmp_path / "fetched"
    one, other = Fetched(file, "a@b"), Fetched(file, "b@b")
    one.add([b"x"])
    file.write_bytes(file.read_bytes()[:-3])  # on a full disk, say
    other.add([b"y"])
    assert Fetched(file, "b@b").holds(b"y", 1)


@pytest.mark.parametrize(
    "line", [b"\0" * 100, b"[]", b'["a@b"]', b'["a@b", 1]', b'["a@b", "\\u0100"]', b"\xff", b""]
)
def test_what_is_no_entry_means_nothing(line: bytes, tmp_path: Path) -> None:
    file = tmp_path / "fetched"
    file.write_bytes(line + b"\n")
    Fetched(file, "a@b").add([b"x"])
    assert Fetched(file, "a@b").holds(b"x", 1)
    assert file.read_bytes().startswith(line + b"\n")


@settings(deadline=None)
@given(st.lists(st.binary()), st.text(st.characters(exclude_categories=["Cs"])))
def test_any_octets_and_any_account(
    tmp_path_factory: pytest.TempPathFactory, names: list[bytes], account: str
) -> None:
    file = tmp_path_factory.mktemp("memory") / "fetched"
    Fetched(file, account).add(names)
    again = Fetched(file, account)
    assert all(again.holds(name, names.count(name)) for name in names)
    assert not any(again.holds(name, names.count(name) + 1) for name in names)
