"""SASLprep, and what guests leave."""

import stringprep
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto.saslprep import (
    prepare_query,
    prepare_stored,
    prepare_trace,
    query_or_nothing,
    stored_or_nothing,
)

EMOJI = "\N{GRINNING FACE}"  # younger than Unicode 3.2
ALEF = "\N{ARABIC LETTER ALEF}"

PROHIBITED = ("\0", "\x07", "\x7f", "\x85", "\ue000", "\ufffe", "\ud800", "\ufffc", "\u2ff0")

prepares = pytest.mark.parametrize("prepare", [prepare_query, prepare_stored])


@prepares
@pytest.mark.parametrize(
    ("given", "prepared"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
    ],
)
def test_the_examples_of_the_rfc(prepare: Callable[[str], str], given: str, prepared: str) -> None:
    assert prepare(given) == prepared


@prepares
@pytest.mark.parametrize("given", ["\u0007", "\u0627\u0031"])
def test_the_errors_of_the_rfc(prepare: Callable[[str], str], given: str) -> None:
    with pytest.raises(ValueError, match="SASLprep prohibits"):
        prepare(given)


@prepares
@pytest.mark.parametrize(
    ("given", "prepared"),
    [
        ("", ""),
        ("\u00ad", ""),
        ("pass word  two ", "pass word  two "),
        ("a\u00a0b\u3000c\u1680d", "a b c d"),
        ("p\u0061\u0308sse", "p\u00e4sse"),
        ("\ufb01", "fi"),
        (ALEF, ALEF),
        (f"{ALEF}1{ALEF}", f"{ALEF}1{ALEF}"),
        ("\u00e4" * 1024, "\u00e4" * 1024),
        ("x" * 65_536, "x" * 65_536),
    ],
)
def test_what_is_prepared(prepare: Callable[[str], str], given: str, prepared: str) -> None:
    assert prepare(given) == prepared


@prepares
@pytest.mark.parametrize(
    "given",
    [
        *PROHIBITED,
        *(f"hunter2{c}" for c in PROHIBITED),
        "\u200e",
        "\U000e0041",
        f"hunter2{ALEF}",
        f"{ALEF}hunter2",
        f"{ALEF}a{ALEF}",
    ],
)
def test_what_is_prohibited(prepare: Callable[[str], str], given: str) -> None:
    with pytest.raises(ValueError, match="SASLprep prohibits") as caught:
        prepare(given)
    assert "hunter2" not in str(caught.value)


def test_what_unicode_knew_later_stays_in_what_is_given_and_is_never_kept() -> None:
    assert prepare_query(EMOJI) == EMOJI
    with pytest.raises(ValueError, match="SASLprep prohibits"):
        prepare_stored(EMOJI)


@pytest.mark.parametrize("prepare", [query_or_nothing, stored_or_nothing])
def test_nothing_in_place_of_an_error(prepare: Callable[[str], str]) -> None:
    assert prepare("I\u00adX") == "IX"
    assert prepare("hunter2\x07") == prepare("\u00ad") == ""


def test_only_what_is_given_may_be_of_a_later_unicode() -> None:
    assert query_or_nothing(EMOJI) == EMOJI
    assert stored_or_nothing(EMOJI) == ""


@pytest.mark.parametrize("prepare", [prepare_query, prepare_stored, prepare_trace])
def test_what_would_take_too_long(prepare: Callable[[str], str]) -> None:
    with pytest.raises(ValueError, match="more than 1024 characters"):
        prepare("a" + "\u0301\u0316" * 512)


@given(st.text())
def test_what_is_prepared_stays_as_it_is(text: str) -> None:
    try:
        prepared = prepare_query(text)
    except ValueError:
        return
    assert prepare_query(prepared) == prepared
    if not any(map(stringprep.in_table_a1, prepared)):
        assert prepare_stored(text) == prepared


@pytest.mark.parametrize("trace", ["", "sirhc", "a b\u00a0c", "\u00ad", "\u2168", EMOJI, ALEF])
def test_a_trace_stays_as_it_is(trace: str) -> None:
    assert prepare_trace(trace) == trace


@pytest.mark.parametrize("trace", [*PROHIBITED[:-1], "\u202a"])
def test_what_is_no_trace(trace: str) -> None:
    with pytest.raises(ValueError, match="prohibits"):
        prepare_trace(trace)


def test_a_trace_is_written_in_one_direction() -> None:
    with pytest.raises(ValueError, match="directions"):
        prepare_trace(f"{ALEF}1")
