"""What a server says that it can do: the lines of a CAPA response (RFC 2449, section 5)."""

from dataclasses import dataclass, field

from .errors import LocalProtocolError
from .lines import breaks_line

__all__ = ["Capabilities"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The capabilities in the order in which they were announced; `lines` are kept as they came.

    >>> "stls" in Capabilities((b"STLS", b"SASL PLAIN"))
    True
    """

    lines: tuple[bytes, ...] = ()
    _by_tag: dict[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_tag: dict[str, tuple[str, ...]] = {}
        for line in self.lines:
            tag, *arguments = line.decode("ascii", "backslashreplace").split() or ("",)
            _ = by_tag.setdefault(tag.upper(), tuple(arguments))
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

    def arguments(self, tag: str) -> tuple[str, ...] | None:
        """The arguments of the first capability with this tag in any case; None: not announced."""
        return self._by_tag.get(tag.upper())

    def __contains__(self, tag: str) -> bool:
        return tag.upper() in self._by_tag
