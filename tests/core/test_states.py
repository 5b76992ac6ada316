"""The transition table and the guards beside it."""

import pytest

from pop3_proto import COMMANDS, Quit, State
from pop3_proto.states import GREETING, REMEDIES, TLS, TRANSITIONS, Outcome, Session

VERBS = [kind.verb for kind in COMMANDS]
LOGIN = frozenset({State.AUTHORIZATION})

# Written down from RFC 1939 (sections 3, 4, 6 and 7), RFC 1081 (RPOP), RFC 2595 (section 4) and
# RFC 5034 (section 4), apart from the code.
MOVES = """
    GREETING       greeting  +OK   AUTHORIZATION
    GREETING       greeting  -ERR  CLOSED
    GREETING       handshake +OK   GREETING
    AUTHORIZATION  STLS      +OK   TLS_HANDSHAKE
    TLS_HANDSHAKE  handshake +OK   AUTHORIZATION
    AUTHORIZATION  PASS      +OK   TRANSACTION
    AUTHORIZATION  RPOP      +OK   TRANSACTION
    AUTHORIZATION  APOP      +OK   TRANSACTION
    AUTHORIZATION  AUTH      +     AUTHENTICATING
    AUTHORIZATION  AUTH      +OK   TRANSACTION
    AUTHENTICATING AUTH      +OK   TRANSACTION
    AUTHENTICATING AUTH      -ERR  AUTHORIZATION
    AUTHORIZATION  QUIT      +OK   CLOSED
    AUTHORIZATION  QUIT      -ERR  CLOSED
    TRANSACTION    QUIT      sent  UPDATE
    UPDATE         QUIT      +OK   CLOSED
    UPDATE         QUIT      -ERR  CLOSED
"""


def session_in(state: State) -> Session:
    session = Session()
    session.state = state
    return session


def test_the_table_is_that_of_the_rfcs() -> None:
    moves = [line.split() for line in MOVES.strip().splitlines()]
    expected = {(State[at], verb, Outcome(how)): State[to] for at, verb, how, to in moves}
    assert expected == TRANSITIONS


def test_the_table_does_not_change() -> None:
    # A type checker refuses it too, and a user may have none.
    with pytest.raises(TypeError):
        TRANSITIONS[(State.BROKEN, "QUIT", Outcome.OK)] = State.CLOSED  # type: ignore[index]  # pyright: ignore[reportIndexIssue]


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("verb", [*VERBS, GREETING, TLS])
@pytest.mark.parametrize("outcome", Outcome)
def test_what_is_not_in_the_table_stays(state: State, verb: str, outcome: Outcome) -> None:
    session = session_in(state)
    session.move(verb, outcome)
    assert session.state is TRANSITIONS.get((state, verb, outcome), state)


def test_a_session_begins_with_the_greeting() -> None:
    session = Session()
    assert session.state is State.GREETING
    assert (session.tls, session.utf8, session.user_seen) == (False, False, False)


@pytest.mark.parametrize("verb", ["PASS", "RPOP"])
def test_what_needs_user(verb: str) -> None:
    session = session_in(State.AUTHORIZATION)
    assert session.obstacle(verb, LOGIN) == f"{verb} is not allowed yet: send USER first"
    assert session.obstacle(verb, LOGIN, coming={"CAPA"}) is not None
    assert session.obstacle(verb, LOGIN, coming={"USER"}) is None
    session.move("USER", Outcome.OK)
    assert session.obstacle(verb, LOGIN) is None


@pytest.mark.parametrize(
    ("verb", "outcome"),
    [
        ("USER", Outcome.ERR),
        ("USER", Outcome.SENT),
        ("PASS", Outcome.ERR),
        ("PASS", Outcome.OK),
        ("RPOP", Outcome.ERR),
        (TLS, Outcome.OK),
    ],
)
def test_user_is_forgotten(verb: str, outcome: Outcome) -> None:
    session = session_in(State.AUTHORIZATION)
    session.move("USER", Outcome.OK)
    session.move(verb, outcome)
    assert not session.user_seen


def test_other_commands_do_not_forget_user() -> None:
    session = session_in(State.AUTHORIZATION)
    session.move("USER", Outcome.OK)
    session.move("CAPA", Outcome.OK)
    session.move("STLS", Outcome.ERR)
    assert session.user_seen


def test_tls_begins_once() -> None:
    session = session_in(State.AUTHORIZATION)
    assert session.obstacle("STLS", LOGIN) is None
    session.move("STLS", Outcome.OK)
    session.move(TLS, Outcome.OK)
    assert session.tls
    assert session.obstacle("STLS", LOGIN) == "STLS is not allowed: TLS is active already"


def test_tls_does_not_begin_behind_utf8() -> None:
    session = session_in(State.AUTHORIZATION)
    obstacle = "STLS is not allowed behind UTF8: send it first"
    assert session.obstacle("STLS", LOGIN, coming={"UTF8"}) == obstacle
    session.move("UTF8", Outcome.ERR)
    assert session.obstacle("STLS", LOGIN) is None
    session.move("UTF8", Outcome.OK)
    assert session.utf8
    assert session.obstacle("STLS", LOGIN) == obstacle
    assert session.obstacle("UTF8", LOGIN) is None


@pytest.mark.parametrize("state", set(State) - Quit.states)
def test_an_obstacle_is_a_sentence_with_the_remedy(state: State) -> None:
    obstacle = session_in(state).obstacle("QUIT", Quit.states)
    assert obstacle == f"QUIT is not allowed in {state.value}: {REMEDIES[state]}"


def test_there_is_a_remedy_for_every_state() -> None:
    assert set(REMEDIES) == set(State)
