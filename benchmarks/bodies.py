"""What messages are made of: lines that are the same at each run, and end in CRLF."""

import binascii
import random
from collections.abc import Callable, Iterator
from typing import Final

__all__ = ["BODIES", "body"]

LINES: Final = 10_000
"""How many there are before they repeat: far more than any client reads at once."""

WORDS: Final = [
    "a",
    "the",
    "mail",
    "</p>",
    "<td>",
    "style=",
    "&nbsp;",
    "example.org",
    "message.",
    "<br/>",
    "and",
    "so",
    "on.",
]


def base64(source: random.Random) -> Iterator[bytes]:
    """An attachment: 76 octets a line, and no dot."""
    for _ in range(LINES):
        yield binascii.b2a_base64(source.randbytes(57), newline=False)


def html(source: random.Random) -> Iterator[bytes]:
    """Text with dots in nearly all lines, but at the beginning of none."""
    for _ in range(LINES):
        yield " ".join(source.choices(WORDS, k=source.randint(2, 20))).encode()


def styled(source: random.Random) -> Iterator[bytes]:
    """The same, and each thousandth line begins with a dot, as those of style sheets do."""
    for number, line in enumerate(html(source)):
        yield b".cell { color: black; }" if number % 1000 == 500 else line


def dots(source: random.Random) -> Iterator[bytes]:
    """A dot at the beginning of every line, which has to be doubled on its way."""
    for line in base64(source):
        yield b"." + line[1:]


BODIES: Final[dict[str, Callable[[random.Random], Iterator[bytes]]]] = {
    "base64": base64,
    "html": html,
    "styled": styled,
    "dots": dots,
}


def body(name: str, octets: int) -> bytes:
    """A body of at least so many octets, and not a line more."""
    lines = [line + b"\r\n" for line in BODIES[name](random.Random(1939))]
    block = b"".join(lines)
    whole = block * (octets // len(block) + 1)
    end = whole.find(b"\r\n", max(0, octets - 2)) + 2
    return whole[:end]
