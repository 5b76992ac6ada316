"""Which mechanisms a server offers, to whom, and by what names."""

from collections.abc import Callable

import pytest

from pop3_proto import Credentials, ServerMechanism
from pop3_proto.flows.server_mechanisms import Mechanisms, Needs
from pop3_proto.mechanisms import AnonymousServer, ExternalServer, PlainServer


class OwnExternal:
    """Knows somebody by something else than a certificate."""

    client_first = True
    shows_secret = False

    def step(self, response: bytes) -> Credentials:
        raise NotImplementedError


def broken() -> ServerMechanism:
    raise RuntimeError("no module for it")


MECHANISMS: dict[str, Callable[[], ServerMechanism]] = {
    "plain": PlainServer,
    "External": ExternalServer,
    "ANONYMOUS": AnonymousServer,
    "BROKEN": broken,
}


def usable(*, private: bool, certified: bool) -> list[str]:
    return list(Mechanisms(MECHANISMS).usable(private=private, certified=lambda: certified))


def test_where_somebody_can_listen() -> None:
    assert usable(private=False, certified=False) == ["ANONYMOUS"]
    assert usable(private=False, certified=True) == ["EXTERNAL", "ANONYMOUS"]


def test_where_nobody_can() -> None:
    assert usable(private=True, certified=False) == ["PLAIN", "ANONYMOUS", "BROKEN"]
    assert usable(private=True, certified=True) == ["PLAIN", "EXTERNAL", "ANONYMOUS", "BROKEN"]


def test_what_they_need() -> None:
    assert Needs.of(PlainServer()) == Needs(privacy=True, certificate=False)
    assert Needs.of(ExternalServer()) == Needs(privacy=False, certificate=True)
    # One's own need not know people by certificates.
    assert Needs.of(OwnExternal()) == Needs(privacy=False, certificate=False)


def test_names_are_in_capitals() -> None:
    assert list(Mechanisms(MECHANISMS)) == ["PLAIN", "EXTERNAL", "ANONYMOUS", "BROKEN"]


@pytest.mark.parametrize("name", ["", "X Y", "X\r\nSTLS", "\u00dc", "X" * 21])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(ValueError, match="is no name of a mechanism"):
        _ = Mechanisms({name: PlainServer})


def test_one_of_each_is_made_and_no_more() -> None:
    made: list[int] = []

    def make() -> ServerMechanism:
        made.append(1)
        return PlainServer()

    mechanisms = Mechanisms({"PLAIN": make})
    for _ in range(3):
        assert list(mechanisms.usable(private=True, certified=bool)) == ["PLAIN"]
    assert made == [1]
