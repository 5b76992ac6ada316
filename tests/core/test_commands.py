"""Commands: what they send, what they are read from, and what their replies mean."""

from dataclasses import FrozenInstanceError, dataclass
from typing import assert_type

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto import (
    COMMANDS,
    Body,
    Capa,
    Capabilities,
    Command,
    Dele,
    List,
    LocalProtocolError,
    MailboxStat,
    Noop,
    Pass,
    Quit,
    RemoteProtocolError,
    Retr,
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
)

OK = StatusLine(True, b"")

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
    (Stls(), b"STLS"),
    (Capa(), b"CAPA"),
    (Stat(), b"STAT"),
    (List(), b"LIST"),
    (List(2), b"LIST 2"),
    (Retr(1), b"RETR 1"),
    (Dele(10**19 - 1), b"DELE 9999999999999999999"),
    (Noop(), b"NOOP"),
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
        (Top(1, 5), "TOP 1 5"),
        (List(), "LIST"),
    ],
)
def test_a_command_in_a_message(command: Command[object], text: str) -> None:
    assert str(command) == text


@pytest.mark.parametrize("text", ["hunt\udc80er2", "\ud800"])
@pytest.mark.parametrize("command", [User, Pass])
def test_text_that_is_no_unicode_is_refused_without_being_repeated(
    command: type[User] | type[Pass], text: str
) -> None:
    with pytest.raises(LocalProtocolError, match="octets") as caught:
        command(text)
    assert "er2" not in repr(caught.value)
    assert caught.value.__context__ is None


def test_a_password_is_in_no_repr() -> None:
    assert repr(Pass("secret")) == "Pass()"
    assert Pass("secret") == Pass(b"secret") != Pass("other")


def test_commands_do_not_change() -> None:
    for command in (User("alice"), List(1), Retr(1)):
        with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
            setattr(command, next(iter(command.__slots__)), 1)


PARSED: list[tuple[type[Command[object]], list[bytes], Command[object]]] = [
    (User, [b"two words"], User("two words")),
    (User, [], User("")),
    (Pass, [b" secret "], Pass(" secret ")),
    (Pass, [b""], Pass("")),
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


@pytest.mark.parametrize("command", [List(3), Uidl(3)])
def test_the_entry_of_another_message_is_none(command: Command[object]) -> None:
    with pytest.raises(RemoteProtocolError, match=r"answered .* 3 with message 2"):
        _ = command.result(StatusLine(True, b"2 320"), b"")


@pytest.mark.parametrize("command", [User("a"), Pass("b"), Stls(), Dele(1), Rset(), Quit()])
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
        "CAPA": Body.CAPABILITIES,
        "LIST": Body.LISTING,
        "UIDL": Body.LISTING,
        "RETR 1": Body.MESSAGE,
        "TOP 1 0": Body.MESSAGE,
    }


def test_nothing_may_follow_what_servers_lose_commands_behind() -> None:
    assert {kind.verb for kind in COMMANDS if kind.barrier} == {"PASS", "STLS", "QUIT"}


def test_verbs_are_those_of_the_rfcs() -> None:
    verbs = "USER PASS STLS CAPA STAT LIST RETR DELE NOOP RSET TOP UIDL QUIT"
    assert [kind.verb for kind in COMMANDS] == verbs.split()
