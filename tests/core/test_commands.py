"""Commands: what they send, what they are read from, and what their replies mean."""

from dataclasses import FrozenInstanceError, dataclass, replace
from typing import assert_type

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto import (
    COMMANDS,
    Apop,
    Auth,
    Body,
    Capa,
    Capabilities,
    Command,
    Dele,
    Lang,
    Language,
    Last,
    List,
    LocalProtocolError,
    MailboxStat,
    Noop,
    Pass,
    Quit,
    RemoteProtocolError,
    Retr,
    Rpop,
    Rset,
    ScanListing,
    Stat,
    State,
    StatusLine,
    Stls,
    Top,
    Uidl,
    UniqueId,
    User,
    Utf8,
)
from pop3_proto.commands import parse_command, redact, secrets_in

OK = StatusLine(True, b"")
DIGEST = b"c4c9334bac560ecc979e58001b3e22fb"

LINES: list[tuple[Command[object], bytes]] = [
    (User("alice"), b"USER alice"),
    (User("b\u00f6b"), b"USER b\xc3\xb6b"),
    (User(b"b\xf6b"), b"USER b\xf6b"),
    (User("two words"), b"USER two words"),
    (User(""), b"USER"),
    (Pass("secret"), b"PASS secret"),
    (Pass("pass word  two "), b"PASS pass word  two "),
    (Pass(" leading"), b"PASS  leading"),
    (Pass(""), b"PASS"),
    (Rpop("alice"), b"RPOP alice"),
    (Apop("b\u00f6b", DIGEST), b"APOP b\xc3\xb6b " + DIGEST),
    (Apop(b"b\xf6b", DIGEST), b"APOP b\xf6b " + DIGEST),
    (Auth(), b"AUTH"),
    (Auth("plain"), b"AUTH PLAIN"),
    (Auth("PLAIN", b""), b"AUTH PLAIN ="),
    (Auth("X_1-y", b"\0alice\0secret", last=True), b"AUTH X_1-Y AGFsaWNlAHNlY3JldA=="),
    (Utf8(), b"UTF8"),
    (Lang(), b"LANG"),
    (Lang("*"), b"LANG *"),
    (Lang("de-DE"), b"LANG de-DE"),
    (Stls(), b"STLS"),
    (Capa(), b"CAPA"),
    (Stat(), b"STAT"),
    (List(), b"LIST"),
    (List(2), b"LIST 2"),
    (Retr(1), b"RETR 1"),
    (Dele(10**19 - 1), b"DELE 9999999999999999999"),
    (Noop(), b"NOOP"),
    (Last(), b"LAST"),
    (Rset(), b"RSET"),
    (Top(1, 0), b"TOP 1 0"),
    (Uidl(), b"UIDL"),
    (Uidl(3), b"UIDL 3"),
    (Quit(), b"QUIT"),
]


@dataclass(frozen=True, slots=True)
class XtndXlst(Command[list[bytes]]):
    """A command of one's own, as a user would write it."""

    verb = "XTND XLST"
    states = frozenset({State.TRANSACTION})

    header: str

    @property
    def body(self) -> Body:
        return Body.LISTING

    def arguments(self) -> tuple[bytes, ...]:
        return (self.header.encode(),)

    def result(self, reply: StatusLine, body: bytes) -> list[bytes]:
        return body.splitlines()


@pytest.mark.parametrize(("command", "line"), LINES, ids=lambda value: None)
def test_line(command: Command[object], line: bytes) -> None:
    assert command.line() == line + b"\r\n"


def test_a_command_of_ones_own() -> None:
    command = XtndXlst("Subject")
    assert command.line() == b"XTND XLST Subject\r\n"
    assert command.result(OK, b"1 a\r\n2 b\r\n") == [b"1 a", b"2 b"]
    assert str(command) == "XTND XLST Subject"


@pytest.mark.parametrize("header", ["", "a b", " ", "a\r\nDELE 1", "a\0b", "a\nb"])
def test_an_argument_that_would_not_arrive_as_what_it_is(header: str) -> None:
    with pytest.raises(LocalProtocolError, match=r"blank|CR, LF or NUL"):
        XtndXlst(header).line()


@pytest.mark.parametrize("command", [User, Pass])
@pytest.mark.parametrize("text", ["a\rb", "a\nQUIT", "a\0b", "secret\n", b"a\r\nDELE 1"])
def test_no_name_and_no_password_ends_a_line(
    command: type[User] | type[Pass], text: str | bytes
) -> None:
    with pytest.raises(LocalProtocolError, match=r"CR, LF or NUL.*take off a line end"):
        command(text).line()


@pytest.mark.parametrize("command", [List(0), Retr(0), Dele(-1), Top(0, 1), Uidl(10**19)])
def test_no_message_number(command: Command[object]) -> None:
    with pytest.raises(LocalProtocolError, match="is no message-number"):
        command.line()


def test_no_number_of_lines() -> None:
    with pytest.raises(LocalProtocolError, match="-1 is no number of lines: those begin at 0"):
        Top(1, -1).line()


def test_a_command_is_at_most_255_octets_long() -> None:
    longest = Pass("x" * 248)
    assert len(longest.line()) == 255
    with pytest.raises(LocalProtocolError, match=r"PASS would be 256 .*Limits\.command_out"):
        Pass("x" * 249).line()
    assert len(Pass("x" * 249).line(256)) == 256


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (User("alice"), "USER alice"),
        (User("b\u00f6b"), "USER b\u00f6b"),
        (User("\x1b[2J"), "USER \\x1b[2J"),
        (Pass("secret"), "PASS"),
        (Apop("alice", DIGEST), "APOP alice"),
        (Auth(), "AUTH"),
        (Auth("PLAIN", b"secret"), "AUTH PLAIN"),
        (Auth("PLAIN", b""), "AUTH PLAIN ="),
        (Top(1, 5), "TOP 1 5"),
        (List(), "LIST"),
    ],
)
def test_a_command_in_a_message(command: Command[object], text: str) -> None:
    assert str(command) == text


@pytest.mark.parametrize("text", ["hunt\udc80er2", "\ud800"])
@pytest.mark.parametrize("command", [User, Pass, Rpop])
def test_text_that_is_no_unicode_is_refused_without_being_repeated(
    command: type[User] | type[Pass] | type[Rpop], text: str
) -> None:
    with pytest.raises(LocalProtocolError, match="octets") as caught:
        command(text)
    assert "er2" not in repr(caught.value)
    assert caught.value.__context__ is None


def test_a_password_is_in_no_repr() -> None:
    assert repr(Pass("secret")) == "Pass()"
    assert Pass("secret") == Pass(b"secret") != Pass("other")
    assert repr(Apop("alice", DIGEST)) == "Apop(name=b'alice')"
    assert repr(Auth("PLAIN", b"secret", last=True)) == "Auth(mechanism='PLAIN', last=True)"


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (User("alice"), b"USER alice"),
        (User(""), b"USER"),
        (Pass("secret"), b"PASS ***"),
        (Pass(""), b"PASS ***"),
        (Apop("alice", DIGEST), b"APOP alice ***"),
        (Auth(), b"AUTH"),
        (Auth("PLAIN"), b"AUTH PLAIN"),
        (Auth("PLAIN", b""), b"AUTH PLAIN ="),
        (Auth("PLAIN", b"secret"), b"AUTH PLAIN Kioq"),
        (Lang("*"), b"LANG *"),
        (Top(1, 0), b"TOP 1 0"),
    ],
)
def test_a_trace_says_that_there_is_a_secret_and_not_which(
    command: Command[object], line: bytes
) -> None:
    assert command.traced() == line + b"\r\n"


def test_what_is_traced_of_auth_is_the_base64_of_asterisks() -> None:
    assert Auth.parse([b"PLAIN", b"Kioq"]) == Auth("PLAIN", b"***")


@pytest.mark.parametrize(
    ("secrets", "text"),
    [
        ([], b"secret is no secret"),
        ([b""], b"secret is no secret"),
        ([b"secret"], b"*** is no ***"),
        ([b"no", b"secret"], b"*** is *** ***"),
    ],
)
def test_what_a_peer_repeats(secrets: list[bytes], text: bytes) -> None:
    assert redact(b"secret is no secret", secrets) == text


@pytest.mark.parametrize("name", ["", "X" * 21, "PLÄIN", "PLAIN LOGIN", "A\r\nB", "A+B"])
def test_no_name_of_a_mechanism(name: str) -> None:
    with pytest.raises(LocalProtocolError, match=r"is no name of a mechanism: 1 to 20 of A-Z"):
        Auth(name).line()


@pytest.mark.parametrize(
    "command",
    [Apop("", DIGEST), Apop("a b", DIGEST), Apop("a", b""), Rpop(""), Lang(""), Lang("a b")],
)
def test_a_blank_belongs_into_no_argument(command: Command[object]) -> None:
    with pytest.raises(LocalProtocolError, match="is empty or contains a blank"):
        command.line()


def test_whether_a_mechanism_has_said_everything_is_not_on_the_wire() -> None:
    assert Auth("PLAIN", b"x", last=True) != Auth("PLAIN", b"x")
    assert Auth("PLAIN", b"x", last=True).line() == Auth("PLAIN", b"x").line()


def test_commands_do_not_change() -> None:
    for command in (User("alice"), List(1), Retr(1)):
        with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
            setattr(command, next(iter(command.__slots__)), 1)


@pytest.mark.parametrize("kind", [Utf8, Stls, Capa, Stat, Noop, Last, Rset, Quit])
def test_commands_without_arguments_are_values_too(kind: type[Command[object]]) -> None:
    command = kind()
    assert command == kind()
    assert hash(command) == hash(kind())
    assert repr(command) == f"{kind.__name__}()"
    assert replace(command) == command
    assert [each for each in COMMANDS if each is not kind and command == each.__new__(each)] == []
    assert not hasattr(command, "__dict__")
    for name in ("verb", "other"):
        with pytest.raises(AttributeError):
            setattr(command, name, "XYZZY")


PARSED: list[tuple[type[Command[object]], list[bytes], Command[object]]] = [
    (User, [b"two words"], User("two words")),
    (User, [], User("")),
    (Pass, [b" secret "], Pass(" secret ")),
    (Pass, [b""], Pass("")),
    (Rpop, [b"alice"], Rpop("alice")),
    (Apop, [b"alice", DIGEST], Apop("alice", DIGEST)),
    (Auth, [], Auth()),
    (Auth, [b"plain"], Auth("PLAIN")),
    (Auth, [b"PLAIN", b"="], Auth("PLAIN", b"")),
    (Auth, [b"X" * 20, b"AHg="], Auth("X" * 20, b"\0x")),
    (Utf8, [], Utf8()),
    (Lang, [], Lang()),
    (Lang, [b"*"], Lang("*")),
    (Lang, [b"\xff"], Lang("\\xff")),
    (Last, [], Last()),
    (Stls, [], Stls()),
    (Capa, [], Capa()),
    (Stat, [], Stat()),
    (List, [], List()),
    (List, [b"007"], List(7)),
    (Retr, [b"1"], Retr(1)),
    (Dele, [b"9" * 19], Dele(10**19 - 1)),
    (Noop, [], Noop()),
    (Rset, [], Rset()),
    (Top, [b"1", b"0"], Top(1, 0)),
    (Uidl, [], Uidl()),
    (Uidl, [b"3"], Uidl(3)),
    (Quit, [], Quit()),
]


@pytest.mark.parametrize(("kind", "arguments", "command"), PARSED, ids=lambda value: None)
def test_parse(
    kind: type[Command[object]], arguments: list[bytes], command: Command[object]
) -> None:
    assert kind.parse(arguments) == command


NUMBERS = [b"+1", b"-1", b"1_0", b"x", b"", b"1" * 20, "\uff11".encode(), b"0", b"000"]


@pytest.mark.parametrize("kind", [List, Retr, Dele, Uidl])
@pytest.mark.parametrize("number", NUMBERS)
def test_what_is_no_message_number(kind: type[Command[object]], number: bytes) -> None:
    with pytest.raises(ValueError, match="number"):
        kind.parse([number])


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (Stls, [b"now"]),
        (Utf8, [b"USER"]),
        (Last, [b"1"]),
        (Rpop, []),
        (Rpop, [b"alice", b"bob"]),
        (Apop, [b"alice"]),
        (Apop, [b"alice", DIGEST, b"more"]),
        (Auth, [b"PLAIN", b"=", b"="]),
        (Auth, [b"PL+IN"]),
        (Auth, [b"X" * 21]),
        (Auth, [b"X\xff"]),
        (Lang, [b"de", b"en"]),
        (Capa, [b"all"]),
        (Stat, [b"1"]),
        (Noop, [b"1"]),
        (Rset, [b"1"]),
        (Quit, [b"now"]),
        (List, [b"1", b"2"]),
        (Uidl, [b"1", b"2"]),
        (Retr, []),
        (Retr, [b"1", b"2"]),
        (Dele, []),
        (Dele, [b"1", b"2"]),
        (Top, []),
        (Top, [b"1"]),
        (Top, [b"1", b"2", b"3"]),
        (Top, [b"0", b"1"]),
        (Top, [b"1", b"-1"]),
    ],
)
def test_arguments_that_do_not_fit(kind: type[Command[object]], arguments: list[bytes]) -> None:
    with pytest.raises(ValueError, match=f"^({kind.verb} takes|message-numbers begin at 1)"):
        kind.parse(arguments)


@pytest.mark.parametrize("text", [b"=AAA", b"AAA=BBB", b"AAA", b"A", b"====", b"AA\xff=", b"***"])
def test_an_initial_response_that_is_no_base64(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"^the initial response is no base64$"):
        Auth.parse([b"PLAIN", text])


VOCABULARY = {kind.verb.encode(): kind for kind in COMMANDS}


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"user  two words ", User(" two words ")),
        (b"PASS", Pass("")),
        (b"PASS ", Pass("")),
        (b"TOP   1  0 ", Top(1, 0)),
        (b"auth plain =", Auth("PLAIN", b"")),
        (b"LANG", Lang()),
    ],
)
def test_a_line_that_is_a_command(line: bytes, command: Command[object]) -> None:
    assert parse_command(line, VOCABULARY) == command


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "no command"),
        (b" STAT", "no command"),
        (b"XYZZY hunter2", "unknown command"),
        (b"STAT\0", "a command contains no CR and no NUL"),
        (b"PASS hunter2\rx", "a command contains no CR and no NUL"),
        (b"RETR hunter2", "RETR takes a number"),
    ],
)
def test_a_line_that_is_none(line: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$"):
        parse_command(line, VOCABULARY)


@given(st.sampled_from(COMMANDS), st.lists(st.binary(max_size=25), max_size=3))
def test_no_argument_is_repeated_in_an_error(
    kind: type[Command[object]], arguments: list[bytes]
) -> None:
    marked = [b"hunter2" + argument for argument in arguments]
    said = ""
    try:
        kind.parse(marked)
    except ValueError as error:
        said = str(error)
    assert "hunter2" not in said


@given(st.sampled_from(COMMANDS), st.lists(st.from_regex(rb"[0-9a-z]{1,20}", fullmatch=True)))
def test_what_is_parsed_can_be_sent(kind: type[Command[object]], arguments: list[bytes]) -> None:
    try:
        command = kind.parse(arguments)
    except ValueError:
        return
    assert command.line(10**6).startswith(kind.verb.encode())


def test_results() -> None:
    two = StatusLine(True, b"2 320")
    one = StatusLine(True, b"1 abc")
    assert assert_type(Stat().result(two, b""), MailboxStat) == (2, 320)
    assert assert_type(List(2).result(two, b""), ScanListing) == (2, 320)
    assert assert_type(Uidl(1).result(one, b""), UniqueId) == (1, b"abc")
    listed = assert_type(List().result(OK, b"1 120\r\n2 200\r\n"), list[ScanListing])
    assert listed == [(1, 120), (2, 200)]
    ids = assert_type(Uidl().result(OK, b"1 a\r\n2 b\r\n"), list[UniqueId])
    assert ids == [(1, b"a"), (2, b"b")]
    assert assert_type(Retr(1).result(OK, b"mail"), bytes) == b"mail"
    assert assert_type(Top(1, 0).result(OK, b"head"), bytes) == b"head"
    assert assert_type(Capa().result(OK, b"TOP\r\n"), Capabilities) == Capabilities((b"TOP",))
    assert assert_type(Noop().result(OK, b""), StatusLine) is OK
    assert assert_type(Last().result(two, b""), int) == 2
    assert assert_type(Auth("PLAIN").result(OK, b""), StatusLine) is OK
    mechanisms = assert_type(Auth().result(OK, b"PLAIN\r\nScram-Sha-1 \r\n"), list[str])
    assert mechanisms == ["PLAIN", "SCRAM-SHA-1"]
    chosen = StatusLine(True, b"de Sprache ge\xc3\xa4ndert")
    assert assert_type(Lang("de").result(chosen, b""), str) == "de"
    languages = assert_type(Lang().result(OK, b"en English\r\nde Deutsch\r\n"), list[Language])
    assert languages == [("en", "English"), ("de", "Deutsch")]


@pytest.mark.parametrize("command", [List(3), Uidl(3)])
def test_the_entry_of_another_message_is_none(command: Command[object]) -> None:
    with pytest.raises(RemoteProtocolError, match=r"answered .* 3 with message 2"):
        _ = command.result(StatusLine(True, b"2 320"), b"")


SIMPLE = [User("a"), Pass("b"), Rpop("a"), Apop("a", DIGEST), Utf8(), Stls(), Dele(1), Quit()]


@pytest.mark.parametrize("command", SIMPLE)
def test_the_result_of_a_simple_command_is_its_reply(command: Command[object]) -> None:
    assert command.result(OK, b"") is OK


@pytest.mark.parametrize("command", [List(), Uidl()])
@pytest.mark.parametrize("body", [b"x 1\r\n", b"\r\n", b"1 2\n3 4\r\n"])
def test_a_listing_that_is_none(command: Command[object], body: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        command.result(OK, body)


def test_a_command_that_does_not_say_what_its_reply_means() -> None:
    class Xyzzy(Command[None]):
        verb = "XYZZY"
        states = frozenset({State.TRANSACTION})

    assert Xyzzy().body is Body.NONE
    assert Xyzzy().line() == b"XYZZY\r\n"
    with pytest.raises(NotImplementedError, match="Xyzzy does not say what its reply means"):
        Xyzzy().result(OK, b"")


def test_bodies_depend_on_the_arguments() -> None:
    bodies = {str(command): command.body for command, _ in LINES if command.body is not Body.NONE}
    assert bodies == {
        "AUTH": Body.CAPABILITIES,
        "LANG": Body.CAPABILITIES,
        "CAPA": Body.CAPABILITIES,
        "LIST": Body.LISTING,
        "UIDL": Body.LISTING,
        "RETR 1": Body.MESSAGE,
        "TOP 1 0": Body.MESSAGE,
    }


def test_nothing_may_follow_what_servers_lose_commands_behind() -> None:
    barriers = {kind.verb for kind in COMMANDS if kind.barrier}
    assert barriers == {"PASS", "RPOP", "APOP", "AUTH", "STLS", "QUIT"}


def test_where_they_are_legal() -> None:
    login, mail = {State.AUTHORIZATION}, {State.TRANSACTION}
    legal = {kind.verb: kind.states for kind in COMMANDS}
    for verb in ("USER", "PASS", "RPOP", "APOP", "AUTH", "UTF8", "STLS"):
        assert legal.pop(verb) == login
    for verb in ("CAPA", "LANG", "QUIT"):
        assert legal.pop(verb) == login | mail
    assert list(legal) == ["STAT", "LIST", "RETR", "DELE", "NOOP", "LAST", "RSET", "TOP", "UIDL"]
    assert all(states == mail for states in legal.values())


def test_verbs_are_those_of_the_rfcs() -> None:
    login = "USER PASS RPOP APOP AUTH UTF8 LANG STLS CAPA"
    mail = "STAT LIST RETR DELE NOOP LAST RSET TOP UIDL QUIT"
    assert [kind.verb for kind in COMMANDS] == f"{login} {mail}".split()


def test_what_cannot_be_sent_can_be_spoken_of() -> None:
    assert str(Retr(0)) == "RETR"
    assert str(Auth("no name")) == "AUTH"


@pytest.mark.parametrize(
    ("response", "told"),
    [
        (b"", set[bytes]()),
        (b"a", {b"YQ=="}),
        (b"\0alice\0pw", {b"\0alice\0pw", b"AGFsaWNlAHB3", b"alice", b"YWxpY2U="}),
        (
            b"auth=Bearer token\1\1",
            {
                *(b"auth=Bearer token\1\1", b"YXV0aD1CZWFyZXIgdG9rZW4BAQ=="),
                *(b"auth=Bearer token", b"YXV0aD1CZWFyZXIgdG9rZW4="),
                *(b"token", b"dG9rZW4="),
            },
        ),
    ],
)
def test_what_a_peer_could_repeat_of_a_response(response: bytes, told: set[bytes]) -> None:
    assert set(secrets_in(response)) == told
    assert set(Auth("X", response).secrets()) == told
