"""SASLprep, by which names and passwords beyond ASCII are compared (RFC 4013, RFC 3454)."""

import stringprep
import unicodedata
from collections.abc import Callable
from typing import Final, TypeAlias

__all__ = [
    "prepare_query",
    "prepare_stored",
    "prepare_trace",
    "query_or_nothing",
    "stored_or_nothing",
]

Table: TypeAlias = Callable[[str], bool]

NOT_IN_TRACES: Final[tuple[Table, ...]] = (
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)

PROHIBITED: Final[tuple[Table, ...]] = (
    *NOT_IN_TRACES,
    stringprep.in_table_c12,
    stringprep.in_table_c7,
)

LONGEST: Final = 1024
"""Characters of what is not ASCII: normalizing takes time that grows with the square of them."""


def prepare_query(text: str) -> str:
    """A name or a password that somebody gives; what Unicode 3.2 does not know stays as it is.

    The result may be empty. Raises ValueError, which does not repeat the text, where it contains
    what is prohibited, mixes directions of writing, or is longer than 1,024 characters and not
    ASCII.
    """
    if text.isascii():
        return text if text.isprintable() else _allowed(text, PROHIBITED)
    _check_length(text)
    kept = (c for c in text if not stringprep.in_table_b1(c))
    mapped = "".join(" " if stringprep.in_table_c12(c) else c for c in kept)
    return _allowed(unicodedata.ucd_3_2_0.normalize("NFKC", mapped), PROHIBITED)


def prepare_stored(text: str) -> str:
    """A name or a password that is kept, where nothing may stand that Unicode 3.2 does not know.

    Raises ValueError for that, and otherwise as for queries.
    """
    return _allowed(prepare_query(text), (stringprep.in_table_a1,))


def query_or_nothing(text: str) -> str:
    """As `prepare_query`; nothing, which is nobody's name or password, where that fails."""
    return _or_nothing(prepare_query, text)


def stored_or_nothing(text: str) -> str:
    """As `prepare_stored`; nothing where that fails."""
    return _or_nothing(prepare_stored, text)


def _or_nothing(prepare: Callable[[str], str], text: str) -> str:
    try:
        return prepare(text)
    except ValueError:
        return ""


def prepare_trace(text: str) -> str:
    """What a guest leaves of himself (RFC 4505, section 3).

    Raises ValueError where it contains what is prohibited, mixes directions of writing, or is
    longer than 1,024 characters.
    """
    _check_length(text)
    return _allowed(text, NOT_IN_TRACES)


def _check_length(text: str) -> None:
    if len(text) > LONGEST:
        raise ValueError(f"a text of more than {LONGEST} characters cannot be prepared")


def _allowed(text: str, prohibited: tuple[Table, ...]) -> str:
    characters = set(text)
    if any(table(c) for c in characters for table in prohibited):
        raise ValueError("the text contains characters that SASLprep prohibits (RFC 4013)")
    if any(map(stringprep.in_table_d1, characters)):
        _check_right_to_left(text, characters)
    return text


def _check_right_to_left(text: str, characters: set[str]) -> None:
    ends = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    if not ends or any(map(stringprep.in_table_d2, characters)):
        raise ValueError("the text mixes directions of writing as SASLprep prohibits (RFC 3454)")
