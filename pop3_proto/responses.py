"""Status lines and response codes, read and written (RFC 1939, section 3; RFC 2449, section 8)."""

from dataclasses import dataclass
from typing import Final

from .errors import LocalProtocolError
from .lines import breaks_line

__all__ = [
    "ResponseCode",
    "StatusLine",
    "describe_foreign",
    "parse_status",
    "printable",
    "read_status",
    "write_status",
]


@dataclass(frozen=True, slots=True)
class ResponseCode:
    """A response code: its levels from the general to the particular, in upper case."""

    levels: tuple[str, ...]

    @classmethod
    def of(cls, name: str) -> "ResponseCode":
        """The code as it stands between the brackets: `SYS/TEMP`."""
        return cls(tuple(name.upper().split("/")))

    def within(self, other: "ResponseCode") -> bool:
        """Whether this is `other` or a more detailed form of it (RFC 2449, section 8)."""
        return self.levels[: len(other.levels)] == other.levels

    def __str__(self) -> str:
        return "/".join(self.levels)


IN_USE: Final = ResponseCode.of("IN-USE")
LOGIN_DELAY: Final = ResponseCode.of("LOGIN-DELAY")
SYS_TEMP: Final = ResponseCode.of("SYS/TEMP")
SYS_PERM: Final = ResponseCode.of("SYS/PERM")
SYS: Final = ResponseCode.of("SYS")
AUTH: Final = ResponseCode.of("AUTH")
UTF8: Final = ResponseCode.of("UTF8")

KNOWN_CODES: Final = (IN_USE, LOGIN_DELAY, SYS, AUTH, UTF8)
"""Honoured even where the server has not announced RESP-CODES."""


@dataclass(frozen=True, slots=True)
class StatusLine:
    """`+OK` or `-ERR`, and what follows it.

    `octets` is everything behind the indicator and its blanks, as it came, the code included.
    `code` is None where there is none; a code of no known kind counts as text unless the server
    announced RESP-CODES.
    """

    ok: bool
    octets: bytes
    code: ResponseCode | None = None

    @property
    def text(self) -> str:
        """What the server says to people, without the code; control characters are escaped."""
        behind = self.octets.partition(b"]")[2] if self.code else self.octets
        return printable(behind.lstrip(b" "))


def parse_status(line: bytes, *, any_code: bool = False) -> StatusLine | None:
    """Read a status line without its end, or None where it is none.

    `any_code` honours response codes of unknown kinds too.
    """
    parts = read_status(line, any_code=any_code)
    return parts and StatusLine(*parts)


def read_status(
    line: bytes, *, any_code: bool = False, greeting: bool = False
) -> tuple[bool, bytes, ResponseCode | None] | None:
    """What `StatusLine` and its kinds are made of, or None where this is none.

    A greeting may go on with `[` or `<` directly behind the indicator (RFC 2449, section 3).
    """
    ok = line[:3].upper() == b"+OK"
    if not ok and line[:4].upper() != b"-ERR":
        return None
    rest = line[3 if ok else 4 :]
    if rest and not rest.startswith((b" ", b"[", b"<") if greeting else b" "):
        return None
    octets = rest.lstrip(b" ")
    return ok, octets, _code(octets, any_code)


def _code(octets: bytes, any_code: bool) -> ResponseCode | None:
    if not octets.startswith(b"["):
        return None
    name, bracket, _ = octets[1:].partition(b"]")
    if not bracket or not all(0x20 < octet < 0x7F and octet != 0x5B for octet in name):
        return None
    code = ResponseCode.of(name.decode("ascii"))
    if not all(code.levels):
        return None
    known = any(code.within(other) for other in KNOWN_CODES)
    return code if known or any_code else None


def printable(octets: bytes) -> str:
    """Text of a peer made fit for a terminal or a log: nothing in it can move a cursor."""
    text = octets.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


FOREIGN: Final = (
    (b"* ", "IMAP"),
    (b"220", "SMTP or FTP"),
    (b"\x15\x03", "TLS (this port wants TLS from the first octet on)"),
    (b"\x16\x03", "TLS (this port wants TLS from the first octet on)"),
    (b"HTTP/", "HTTP"),
    (b"SSH-", "SSH"),
)


def describe_foreign(line: bytes) -> str | None:
    """The protocol that speaks like this, where it is one that is met on a mistaken port."""
    return next((name for start, name in FOREIGN if line.startswith(start)), None)


def write_status(ok: bool, text: str, code: ResponseCode | None, most: int) -> bytes:
    """A status line in at most `most` octets with its CRLF; text that is too long is cut.

    Blanks at its end are left out. Raises LocalProtocolError for CR, LF or NUL in it.
    """
    words = ["+OK" if ok else "-ERR"]
    if code:
        words.append(f"[{code}]")
    if text:
        words.append(text)
    line = " ".join(words)
    octets = line.encode("utf-8", "backslashreplace")
    if breaks_line(octets):
        raise LocalProtocolError("the text of a reply cannot contain CR, LF or NUL")
    if len(octets) > most - 2:
        octets = octets[: most - 2].decode("utf-8", "ignore").encode("utf-8")
    return octets.rstrip(b" ") + b"\r\n"
