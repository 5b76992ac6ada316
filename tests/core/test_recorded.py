"""What the client makes of recorded conversations of real servers.

What was sent is sent as commands, what was received is received, and the client has to make of it
what the recording says by the RFCs alone. Where it has anything more to say, ODDITIES has it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from pop3_proto import Deletions
from tests.core.recordings import recordings
from tests.core.replaying import (
    NO_STLS,
    Cut,
    Player,
    at_once,
    ignored,
    line_by_line,
    octet_by_octet,
    recorded,
    taken,
)

RECORDINGS = recordings()


@dataclass(frozen=True, slots=True)
class Oddity:
    """What the client says of some conversations, by their numbers within the scenario, and why."""

    where: tuple[str, str]
    conversations: Sequence[int]
    sentence: str
    reason: str


PLAINTEXT = (
    "plaintext arrived behind STLS where TLS had to begin; somebody on the way may have put it "
    "there, so the connection was given up"
)
NO_TLS = "the peer ended the connection where TLS had to begin"

UNANSWERED = "the server does not answer a line like this"
LOSES = "the server loses what follows the login in the same write"
HANGS_UP = "a refused login ends the connection, which is seen when the next command is sent"
GIVES_UP = "the server hangs up when it has refused a few commands"
SLOW = "a refused login is answered after five seconds, and only four were waited for"
KEEPS_USER = "RFC 2595, section 4: USER in plaintext counts no more inside TLS"
IN_TRANSACTION = "RFC 6856, section 2: UTF8 belongs before the login"
UTF8_FIRST = "RFC 6856, section 2.1: STLS is not allowed behind UTF8"
CLEAR = "CAPA was sent in plaintext where the client shakes hands"
INJECTED = "what somebody else put behind STLS in plaintext is answered inside TLS"
ECHOES = "the server says a line that is too long again before it refuses it"
PIECES = "the server takes a line that is too long for several commands, and answers each"


def silent(command: str) -> str:
    return f"the reply to {command} was due"


def lost(command: str) -> str:
    told = f"the peer ended the connection while the reply to {command} was due"
    if command.startswith(("PASS", "APOP ", "AUTH ")) or command == "a raw AUTH":
        return f"{told}, as some servers do where a password is wrong"
    return told


def unasked(reply: str) -> str:
    return (
        f"the server sent a reply that nobody asked for: {reply}; replies can no longer be told "
        "apart, open a new connection"
    )


def echoed(line: str, command: str) -> str:
    return f"the server sent {line} where the reply to {command} was due"


# Whatever the client has to say is in this table; everywhere else it is silent.
ODDITIES = (
    Oddity(("courier-utf8", "utf8_mode"), (0, 1), taken("UTF8"), IN_TRANSACTION),
    Oddity(("courier-utf8", "utf8_mode"), (3,), taken("STLS"), UTF8_FIRST),
    Oddity(("courier-utf8", "utf8_mode"), (3,), NO_STLS, UTF8_FIRST),
    Oddity(("courier", "syntax_in_transaction"), (0,), silent("NO\0OP"), UNANSWERED),
    Oddity(("courier", "syntax_in_transaction"), (0,), silent("STAT\rNOOP"), UNANSWERED),
    Oddity(("courier", "syntax_before_auth"), (21,), silent("US\0ER alice"), UNANSWERED),
    Oddity(("courier", "wrong_password"), (1,), lost("PASS"), "the twelfth refused login"),
    Oddity(("courier", "auth_long_initial_response"), range(6), silent("a raw AUTH"), SLOW),
    Oddity(("courier", "pipelining"), (0, 4, 5), silent("STAT"), LOSES),
    Oddity(("courier", "stls"), (2,), unasked("+OK Here's what I can do:"), INJECTED),
    Oddity(("courier", "stls"), (3,), taken("PASS secret-a"), KEEPS_USER),
    Oddity(("courier", "stls"), (4,), PLAINTEXT, CLEAR),
    Oddity(("courier", "extensions"), (1,), taken("UTF8"), IN_TRANSACTION),
    Oddity(("cyrus", "over_long"), (16,), ignored(b"+OK"), PIECES),
    Oddity(("cyrus", "over_long"), (17,), unasked("+OK 3 1444"), PIECES),
    *[Oddity(("cyrus", "over_long"), (18,), ignored(b"-ERR Unrecognized command"), PIECES)] * 7,
    Oddity(("cyrus", "over_long"), (18,), ignored(b"+OK"), PIECES),
    Oddity(("cyrus", "over_long"), (19,), unasked("-ERR Unrecognized command"), PIECES),
    Oddity(("cyrus", "auth_forms"), (8,), lost("a raw AUTH"), "CAPA is taken for its response"),
    Oddity(("cyrus", "pipelining"), (4,), silent("QUIT"), LOSES),
    Oddity(("cyrus", "pipelining"), (5,), silent("STAT"), LOSES),
    Oddity(("cyrus", "stls"), (3,), taken("PASS secret-a"), KEEPS_USER),
    Oddity(("cyrus", "stls"), (4,), PLAINTEXT, CLEAR),
    Oddity(("dovecot", "locking"), (1,), lost("STAT"), HANGS_UP),
    Oddity(
        ("dovecot", "auth_long_initial_response"), (5,), lost("a raw AUTH"), "27 kB are too much"
    ),
    Oddity(("dovecot", "stls"), (3,), taken("PASS secret-a"), KEEPS_USER),
    Oddity(("dovecot", "stls"), (4,), NO_TLS, CLEAR),
    *(
        Oddity(
            ("mailutils", "over_long"),
            range(first, 20, 2),
            echoed(f"'NOOP {letter * 75}'", f"NOOP {letter * 11}"),
            ECHOES,
        )
        for first, letter in ((6, "A"), (7, "B"))
    ),
    Oddity(
        ("mailutils", "auth_long_initial_response"),
        range(1, 6),
        echoed("something that may repeat the password, and is not shown", "a raw AUTH"),
        ECHOES,
    ),
    Oddity(("mailutils", "stls"), (4,), NO_TLS, CLEAR),
    Oddity(("popa3d", "quit_before_auth"), (2,), lost("STAT"), HANGS_UP),
    Oddity(("popa3d", "wrong_password"), (0,), lost("USER nosuchuser"), HANGS_UP),
    Oddity(("popa3d", "wrong_password"), (1,), lost("USER alice"), HANGS_UP),
    Oddity(("popa3d", "users"), (3,), lost("STAT"), HANGS_UP),
    Oddity(("solid-pop3d", "session_read"), (0,), lost("UIDL"), GIVES_UP),
    Oddity(("solid-pop3d", "session_read"), (1,), lost("TOP 2 3"), GIVES_UP),
    Oddity(("solid-pop3d", "syntax_in_transaction"), (0,), lost("NOOP"), GIVES_UP),
    Oddity(("solid-pop3d", "syntax_in_transaction"), (1,), lost("STLS"), GIVES_UP),
    Oddity(("solid-pop3d", "syntax_in_transaction"), (2,), lost("GET / HTTP/1.0"), GIVES_UP),
    Oddity(("solid-pop3d", "syntax_in_transaction"), (3,), silent("STAT"), UNANSWERED),
    Oddity(("solid-pop3d", "syntax_in_transaction"), (3,), silent("STAT\rNOOP"), UNANSWERED),
    Oddity(("solid-pop3d", "quit_before_auth"), (2,), lost("STAT"), HANGS_UP),
    Oddity(("solid-pop3d", "wrong_password"), (0,), lost("USER nosuchuser"), HANGS_UP),
    Oddity(("solid-pop3d", "wrong_password"), (1,), lost("USER alice"), HANGS_UP),
    Oddity(("solid-pop3d", "apop"), (1,), lost("APOP alice"), HANGS_UP),
    Oddity(("solid-pop3d", "pipelining"), (0,), silent("STAT"), LOSES),
    Oddity(("solid-pop3d", "extensions"), (0, 3), lost("UTF8 x"), GIVES_UP),
    Oddity(("solid-pop3d", "extensions"), (1,), lost("AUTH-RESP-CODE"), GIVES_UP),
    Oddity(("solid-pop3d", "extensions"), (4,), lost("IMPLEMENTATION"), GIVES_UP),
    Oddity(("solid-pop3d", "delete_cycle"), (0,), lost("LIST"), GIVES_UP),
)


@pytest.mark.parametrize(
    "cut", [line_by_line, octet_by_octet, at_once], ids=lambda cut: cut.__name__
)
@pytest.mark.parametrize(("server", "scenario"), RECORDINGS)
def test_conversations(server: str, scenario: str, cut: Cut) -> None:
    for number, conversation in enumerate(RECORDINGS[server, scenario]):
        player = Player(cut)
        player.play(conversation.steps)
        story = list(recorded(conversation.steps))
        heard = [happening for happening in story if happening[0] != "late"]
        if player.left:
            del heard[len(player.story) :]
        assert player.story == heard, conversation.where
        late = [str(happening[1]) for happening in story if happening[0] == "late"]
        assert player.sentences + late == sentences(server, scenario, number), conversation.where


def sentences(server: str, scenario: str, number: int) -> list[str]:
    return [
        oddity.sentence
        for oddity in ODDITIES
        if oddity.where == (server, scenario) and number in oddity.conversations
    ]


def test_the_table_speaks_of_conversations_that_there_are() -> None:
    for oddity in ODDITIES:
        assert max(oddity.conversations) < len(RECORDINGS[oddity.where])


@pytest.mark.parametrize(
    "server", ["courier", "cyrus", "dovecot", "mailutils", "popa3d", "solid-pop3d"]
)
def test_what_has_become_of_deleted_messages(server: str) -> None:
    """The connection is closed without QUIT, half-closed without QUIT, ended by QUIT, closed behind
    QUIT without reading its reply, and ended where nothing was deleted."""
    outcomes: list[Deletions] = []
    for conversation in RECORDINGS[server, "delete_cycle"]:
        player = Player(line_by_line)
        player.play(conversation.steps)
        outcomes.append(player.conn.deletions)
    kept, done, unknown = Deletions.KEPT, Deletions.DONE, Deletions.UNKNOWN
    assert outcomes == [kept, kept, done, unknown, done]


def test_every_command_was_recorded_to_its_end() -> None:
    for conversations in RECORDINGS.values():
        for conversation in conversations:
            assert not conversation.unfinished, conversation.where
