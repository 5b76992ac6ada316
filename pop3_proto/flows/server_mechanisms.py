"""The mechanisms of AUTH that a server offers."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from ..mechanisms import ExternalServer
from ..sasl import ServerMechanism, is_mechanism_name

__all__ = ["Mechanisms", "Needs"]


class Mechanisms(dict[str, Callable[[], ServerMechanism]]):
    """What makes a new mechanism of AUTH, by its name; made once for all sessions of a server.

    Raises ValueError for a name that is none.
    """

    def __init__(self, mechanisms: Mapping[str, Callable[[], ServerMechanism]]) -> None:
        super().__init__({name.upper(): make for name, make in mechanisms.items()})
        for name in self:
            if not is_mechanism_name(name.encode("ascii", "replace")):
                raise ValueError(
                    f"{name!r} is no name of a mechanism: 1 to 20 of A-Z, 0-9, - and _"
                )
        self._needs = {name: _needs(make) for name, make in self.items()}

    def usable(self, *, private: bool, certified: Callable[[], bool]) -> Iterator[str]:
        """The names of those that may be used where nobody can listen, or somebody can; `certified`
        says whether the client has shown a certificate."""
        for name, (privacy, certificate) in self._needs.items():
            if (private or not privacy) and (not certificate or certified()):
                yield name


class Needs(NamedTuple):
    """What has to be there before a mechanism may be used."""

    privacy: bool
    """Nobody may listen."""

    certificate: bool
    """The client has to have shown a certificate."""

    @classmethod
    def of(cls, mechanism: ServerMechanism) -> "Needs":
        """What a mechanism needs."""
        return cls(mechanism.shows_secret, isinstance(mechanism, ExternalServer))


def _needs(make: Callable[[], ServerMechanism]) -> Needs:
    try:
        return Needs.of(make())
    except Exception:  # said when somebody wants to use it
        return Needs(privacy=True, certificate=False)
