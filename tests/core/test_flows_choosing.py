"""Which way to log in is taken, by what is offered and what is possible."""

import pytest

from pop3_proto import Capabilities, ClientConnection, LocalProtocolError, LoginImpossible, State
from pop3_proto.flows.choosing import Way, check_secrecy, choose, obstacles, offered_ways
from tests.core.machines import client_in, secured_client


def announcing(*lines: str, tls: bool = True) -> ClientConnection:
    conn = secured_client() if tls else client_in(State.AUTHORIZATION)
    conn.capabilities = Capabilities(tuple(line.encode("latin-1") for line in lines))
    return conn


def impossible() -> str:
    raise LocalProtocolError("that password cannot be sent")


STRONG = Way("STRONG", lambda: "a proof")
MISSING = Way("MISSING", lambda: "never", install="pip install it")
SHOWING = Way("SHOWING", lambda: "a password", shows_secret=True)
USER = Way("USER", lambda: "two commands", shows_secret=True)
WAYS = (STRONG, MISSING, SHOWING, USER)


@pytest.mark.parametrize(
    ("lines", "ways"),
    [
        (["SASL PLAIN login", "USER"], ("PLAIN", "LOGIN", "USER")),
        (["SASL PLAIN"], ("PLAIN",)),
        (["user"], ("USER",)),
        (["SASL"], ()),
        (["TOP"], ()),
        (["SASL PL\xc4IN PLAIN,LOGIN NAME-OF-MORE-THAN-20-OCTETS"], ()),
        (["SASL=PLAIN X"], ("PLAIN", "X")),
    ],
)
def test_what_is_offered(lines: list[str], ways: tuple[str, ...]) -> None:
    assert offered_ways(announcing(*lines)) == ways


def test_nothing_is_known_to_be_offered_without_capabilities() -> None:
    assert offered_ways(secured_client()) == ()


@pytest.mark.parametrize(
    ("lines", "way", "left"),
    [
        (["SASL SHOWING STRONG", "USER"], "STRONG", ("SHOWING", "USER")),
        (["SASL STRONG"], "STRONG", ()),
        (["SASL MISSING SHOWING", "USER"], "SHOWING", ("USER",)),
        (["SASL MISSING", "USER"], "USER", ()),
        (["SASL"], "USER", ()),
        (["SASL PL\xc4IN"], "USER", ()),
        (["TOP"], "USER", ()),
    ],
)
def test_the_strongest_that_is_offered(lines: list[str], way: str, left: tuple[str, ...]) -> None:
    assert choose(announcing(*lines), WAYS)[::2] == (way, left)


def test_what_is_said_comes_with_it() -> None:
    assert choose(announcing("SASL STRONG"), WAYS) == ("STRONG", "a proof", ())


def test_the_next_one_where_the_first_cannot_take_this_password() -> None:
    ways = (Way("STRONG", impossible), SHOWING, USER)
    conn = announcing("SASL STRONG SHOWING", "USER")
    assert choose(conn, ways) == ("SHOWING", "a password", ("USER",))


def test_nothing_that_shows_a_secret_without_tls() -> None:
    conn = announcing("SASL STRONG SHOWING", "USER", tls=False)
    assert choose(conn, WAYS) == ("STRONG", "a proof", ())
    assert choose(conn, WAYS[2:], allow_insecure_auth=True)[0] == "SHOWING"


def test_an_error_tells_what_is_offered_what_is_missing_and_what_to_allow() -> None:
    conn = announcing("SASL GSSAPI MISSING SHOWING", tls=False)
    with pytest.raises(LoginImpossible) as caught:
        choose(conn, WAYS)
    error = caught.value
    assert error.offered == ("GSSAPI", "MISSING", "SHOWING")
    assert set(error.obstacles) == {"STRONG", "MISSING", "SHOWING", "USER"}
    assert error.obstacles["STRONG"] == error.obstacles["USER"] == "the server does not offer it"
    assert "the server offers GSSAPI, MISSING, SHOWING" in str(error)
    assert "MISSING: it needs what is not installed here: pip install it" in str(error)
    assert "use TLS, or pass allow_insecure_auth=True" in str(error)


def test_an_error_where_nothing_is_known() -> None:
    conn = client_in(State.AUTHORIZATION)
    with pytest.raises(LoginImpossible, match="has not said what it takes") as caught:
        choose(conn, WAYS)
    assert caught.value.offered == ()
    assert "STRONG" not in str(caught.value)
    assert "USER: this would send a password or token in plaintext" in str(caught.value)


def test_an_error_where_only_strangers_are_offered() -> None:
    with pytest.raises(LoginImpossible, match=r"offers GSSAPI, and nothing that is known here$"):
        choose(announcing("SASL GSSAPI"), WAYS)


def test_an_error_has_what_the_mechanism_says_of_the_password() -> None:
    with pytest.raises(LoginImpossible, match="STRONG: that password cannot be sent"):
        choose(announcing("SASL STRONG"), (Way("STRONG", impossible), USER))


def test_obstacles_before_there_is_a_password() -> None:
    found = obstacles(
        announcing("SASL STRONG MISSING", "USER"), (Way("STRONG", impossible), *WAYS[1:])
    )
    assert found == {
        "STRONG": None,
        "MISSING": "it needs what is not installed here: pip install it",
        "SHOWING": "the server does not offer it",
        "USER": None,
    }


def test_who_could_listen() -> None:
    check_secrecy(secured_client(), allow_insecure_auth=False)
    check_secrecy(client_in(State.AUTHORIZATION), allow_insecure_auth=True)
    with pytest.raises(LocalProtocolError, match=r"plaintext: use TLS.*allow_insecure_auth=True"):
        check_secrecy(client_in(State.AUTHORIZATION), allow_insecure_auth=False)
