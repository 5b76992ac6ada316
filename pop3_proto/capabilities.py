"""What a server says that it can do: the lines of a CAPA response (RFC 2449, section 5)."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple
from weakref import WeakValueDictionary

from .errors import LocalProtocolError
from .lines import breaks_line
from .listings import parse_number

__all__ = ["Capabilities", "LoginInterval", "Offer", "Retention", "Source"]

USER: Final = "USER"
NEVER: Final = "NEVER"


class Offer(Enum):
    """What is known of a capability: without a CAPA that was answered, nothing is."""

    OFFERED = "the server announced it"
    NOT_OFFERED = "the server answered CAPA and did not announce it"
    UNKNOWN = "the server did not say what it can do"


class Source(Enum):
    """When a server announced something: what it said in plaintext, anybody may have said."""

    PLAINTEXT = "before TLS"
    TLS = "inside TLS, before the login"
    LOGIN = "after the login"


class LoginInterval(NamedTuple):
    """LOGIN-DELAY: the seconds that have to pass between two logins (RFC 2449, section 6.5).

    `by_user`: it differs by user, and this is the longest.
    """

    seconds: int
    by_user: bool = False

    def __str__(self) -> str:
        return _line("LOGIN-DELAY", str(self.seconds), self.by_user)


class Retention(NamedTuple):
    """EXPIRE: the days for which messages are kept (RFC 2449, section 6.7).

    None is for ever, and 0 means that what was retrieved may be deleted at the end of the session.
    `by_user`: it differs by user, and this is the shortest.
    """

    days: int | None
    by_user: bool = False

    def __str__(self) -> str:
        return _line("EXPIRE", NEVER if self.days is None else str(self.days), self.by_user)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Capabilities:
    """The capabilities in the order in which they were announced; `lines` are kept as they came.

    >>> "stls" in Capabilities((b"STLS", b"SASL PLAIN"))
    True
    """

    lines: tuple[bytes, ...] = ()
    source: Source | None = None
    """When a server announced them; None for a list of one's own."""

    _by_tag: dict[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_tag: dict[str, tuple[str, ...]] = {}
        for line in self.lines:
            tag, arguments = _parse(line.decode("ascii", "backslashreplace"))
            _ = by_tag.setdefault(tag, arguments)
        object.__setattr__(self, "_by_tag", by_tag)

    @classmethod
    def of(cls, *capabilities: str) -> "Capabilities":
        """Capabilities to announce, each a tag with its arguments: `"LOGIN-DELAY 300"`.

        Raises LocalProtocolError for what is no line of 512 octets with its end (RFC 2449,
        section 3).
        """
        lines = tuple(line.encode("ascii", "backslashreplace") for line in capabilities)
        for line in lines:
            if breaks_line(line) or len(line) > 510 or line != line.strip():
                raise LocalProtocolError(
                    f"{line[:80]!r} is no capability: those have 510 octets at most, no CR, LF or "
                    "NUL, and no blanks around them"
                )
        return cls(lines)

    def from_source(self, source: Source) -> "Capabilities":
        """The same, announced by a server: one object for all sessions that are told the same, as
        each takes nearly a kilobyte."""
        announced = Capabilities(self.lines, source)
        return _announced.setdefault((announced.lines, source), announced)

    def arguments(self, tag: str) -> tuple[str, ...] | None:
        """The arguments of the first capability with this tag in any case; None: not announced."""
        return self._by_tag.get(tag.upper())

    @property
    def sasl(self) -> tuple[str, ...] | None:
        """The mechanisms of AUTH, in upper case; None: SASL is not announced (RFC 5034)."""
        names = self.arguments("SASL")
        return None if names is None else tuple(name.upper() for name in names)

    @property
    def login_interval(self) -> LoginInterval | None:
        """LOGIN-DELAY, where it is announced in a form that can be read."""
        number, by_user = self._number("LOGIN-DELAY")
        return None if number is None else LoginInterval(number, by_user)

    @property
    def retention(self) -> Retention | None:
        """EXPIRE, where it is announced in a form that can be read."""
        number, by_user = self._number("EXPIRE")
        if number is None and self._first("EXPIRE") != NEVER:
            return None
        return Retention(number, by_user)

    @property
    def implementation(self) -> str | None:
        """What the server calls itself (RFC 2449, section 6.9)."""
        words = self.arguments("IMPLEMENTATION")
        return None if words is None else " ".join(words)

    @property
    def utf8_login(self) -> bool:
        """Whether names and passwords may go beyond ASCII (RFC 6856, section 2.2)."""
        return USER in map(str.upper, self.arguments("UTF8") or ())

    def _first(self, tag: str) -> str:
        return (self.arguments(tag) or ("",))[0].upper()

    def _number(self, tag: str) -> tuple[int | None, bool]:
        number = parse_number(self._first(tag).encode("ascii"))
        return number, USER in map(str.upper, self.arguments(tag) or ())

    def __contains__(self, tag: str) -> bool:
        return tag.upper() in self._by_tag


_announced: Final[WeakValueDictionary[tuple[tuple[bytes, ...], Source], Capabilities]] = (
    WeakValueDictionary()
)
"""What servers of this moment's sessions have announced."""


def _parse(line: str) -> tuple[str, tuple[str, ...]]:
    """A tag in upper case and its arguments, which some servers join to it by `=`."""
    first, *others = line.split() or ("",)
    tag, _, argument = first.partition("=")
    return tag.upper(), (*filter(None, [argument]), *others)


def _line(tag: str, value: str, by_user: bool) -> str:
    return f"{tag} {value} {USER}" if by_user else f"{tag} {value}"
