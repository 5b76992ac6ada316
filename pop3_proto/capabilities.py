"""What a server says that it can do: the lines of a CAPA response (RFC 2449, section 5)."""

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Capabilities"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The capabilities in the order in which they were announced; `lines` are kept as they came.

    >>> "stls" in Capabilities((b"STLS", b"SASL PLAIN"))
    True
    """

    lines: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, *capabilities: str) -> "Capabilities":
        """Capabilities to announce, each a tag with its arguments: `"LOGIN-DELAY 300"`."""
        return cls(tuple(line.encode("ascii") for line in capabilities))

    def arguments(self, tag: str) -> tuple[str, ...] | None:
        """The arguments of the first capability with this tag in any case; None: not announced."""
        wanted = tag.upper()
        for words in self._words():
            if words[0].upper() == wanted:
                return words[1:]
        return None

    def __contains__(self, tag: str) -> bool:
        return self.arguments(tag) is not None

    def _words(self) -> Iterable[tuple[str, ...]]:
        for line in self.lines:
            words = tuple(line.decode("ascii", "backslashreplace").split())
            if words:
                yield words
