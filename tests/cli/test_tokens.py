"""Tokens, which a command prints."""

import shlex
import sys
from pathlib import Path

import pytest

from pop3_adapters.cli.statuses import CommandError
from pop3_adapters.cli.stop import Stop
from pop3_adapters.cli.tokens import Tokens

from .printing import InTurn, printing


@pytest.mark.parametrize("printed", [b"t0k.en", b"t0k.en\n", b"t0k.en\r\n", b"t0k.en\nmore\n"])
def test_the_first_line_is_the_token(printed: bytes) -> None:
    assert Tokens(printing(printed)).token(None, Stop()) == "t0k.en"


def test_another_one_is_printed_where_the_first_is_refused(tmp_path: Path) -> None:
    turns = InTurn(tmp_path, "one", "two", "three")
    tokens = Tokens(turns.command)
    assert turns.left == ["two", "three"]
    assert tokens.token(None, Stop()) == "one"
    assert tokens.token("one", Stop()) == "two"
    assert turns.left == ["three"]


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("", "the command for the token is empty"),
        ("'", "the command for the token cannot be read: No closing quotation"),
        ("no-such-program-anywhere", "the command for the token could not be run"),
        (shlex.join([sys.executable, "-c", "raise SystemExit(3)"]), "failed with status 3"),
        (printing(b""), "the command for the token printed none: a token consists of 1 to"),
        (printing(b"\ns3cret"), "the command for the token printed none: a token consists of"),
        (printing(b"Bearer s3cret"), "the command for the token printed none: a token consists"),
        (printing(b"s3cret\xc3\xa9"), "the command for the token printed none: a token consi"),
        (printing(b"s3cret" * 20_000), "the command for the token printed none: a token consi"),
    ],
)
def test_what_is_no_token_is_not_repeated(command: str, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence) as caught:
        Tokens(command)
    assert "s3cret" not in str(caught.value)


def test_a_token_is_in_no_repr() -> None:
    assert "s3cret" not in repr(Tokens(printing(b"s3cret")))
