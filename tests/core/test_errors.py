"""The exceptions: one tree, fields for programs, and sentences with the remedy."""

import pytest

from pop3_proto import (
    AuthenticationFailed,
    BodyTooLarge,
    CommandFailed,
    DeletionsUnconfirmed,
    Hint,
    LineTooLong,
    LocalProtocolError,
    LoginDelay,
    LoginImpossible,
    MailboxInUse,
    PermanentFailure,
    PlaintextAfterStls,
    Pop3Error,
    ProtocolError,
    Refused,
    RemoteProtocolError,
    ResponseCode,
    Retr,
    StatusLine,
    StlsRefused,
    TemporaryFailure,
    TokenRefused,
    UnexpectedEof,
    UnsolicitedReply,
    Utf8Required,
)
from pop3_proto import errors as module
from pop3_proto.mechanisms import TokenRefusal

REPLY = StatusLine(False, b"[SYS/TEMP] disk full", ResponseCode.of("SYS/TEMP"))


@pytest.mark.parametrize(
    ("parent", "children"),
    [
        (Pop3Error, {ProtocolError, CommandFailed, DeletionsUnconfirmed, Refused}),
        (ProtocolError, {LocalProtocolError, RemoteProtocolError}),
        (
            RemoteProtocolError,
            {LineTooLong, BodyTooLarge, UnexpectedEof, PlaintextAfterStls, UnsolicitedReply},
        ),
        (
            CommandFailed,
            {
                AuthenticationFailed,
                LoginDelay,
                MailboxInUse,
                PermanentFailure,
                StlsRefused,
                TemporaryFailure,
                Utf8Required,
            },
        ),
    ],
)
def test_tree(parent: type[Pop3Error], children: set[type[Pop3Error]]) -> None:
    assert {kind for kind in parent.__subclasses__() if kind.__module__.startswith("pop3_")} >= (
        children
    )


def test_every_exception_of_the_module_is_public() -> None:
    here = vars(module).items()
    kinds = {name for name, value in here if isinstance(value, type) and value is not Hint}
    assert kinds == set(module.__all__)


def test_line_too_long() -> None:
    error = LineTooLong(8192)
    assert error.limit == 8192
    assert "more than 8192 octets" in str(error)
    assert "Limits" in str(error)


def test_body_too_large() -> None:
    error = BodyTooLarge("RETR 1", 5)
    assert (error.command, error.limit, error.unit) == ("RETR 1", 5, "octets")
    assert str(error).startswith("the response to RETR 1 has more than 5 octets")
    assert "more than 7 lines" in str(BodyTooLarge("LIST", 7, "lines"))


def test_unexpected_eof_says_what_was_pending() -> None:
    error = UnexpectedEof("before the greeting")
    assert error.pending == ()
    assert str(error) == "the peer ended the connection before the greeting"
    assert error.cut_off is False
    cut = UnexpectedEof("before the greeting", cut_off=True)
    assert cut.cut_off is True
    assert str(cut).startswith("the peer ended the connection before the greeting, without ending ")
    assert UnexpectedEof("", (Retr(1),)).pending == (Retr(1),)


def test_plaintext_after_stls() -> None:
    assert "plaintext arrived behind STLS where TLS had to begin" in str(PlaintextAfterStls())


def test_unsolicited_reply() -> None:
    error = UnsolicitedReply(REPLY)
    assert error.reply is REPLY
    assert "-ERR [SYS/TEMP] disk full; " in str(error)


def test_command_failed() -> None:
    error = CommandFailed("RETR 1", REPLY)
    assert (error.command, error.reply, error.code) == ("RETR 1", REPLY, REPLY.code)
    assert str(error) == "the server refused RETR 1: -ERR [SYS/TEMP] disk full"
    assert CommandFailed("STAT", StatusLine(False, b"no")).code is None


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        (StlsRefused, "; TLS is required, try implicit TLS (port 995)"),
        (Utf8Required, "; open a new session and send UTF8 before the login"),
    ],
)
def test_a_refusal_whose_remedy_is_always_the_same(kind: type[CommandFailed], remedy: str) -> None:
    assert kind.remedy == remedy
    assert str(kind("X", StatusLine(False, b""))) == f"the server refused X: -ERR{remedy}"


def test_the_words_of_a_refusal_without_a_code_are_a_hint() -> None:
    busy = b"mailbox locked"
    assert CommandFailed("PASS", StatusLine(False, busy)).hint is Hint.LOCKED
    assert CommandFailed("PASS", StatusLine(False, b"no")).hint is None
    code = ResponseCode.of("AUTH")
    assert CommandFailed("PASS", StatusLine(False, b"[AUTH] " + busy, code)).hint is None


def test_text_of_a_server_is_escaped() -> None:
    assert str(CommandFailed("STAT", StatusLine(False, b"\x1b[2J"))).endswith("-ERR \\x1b[2J")


def test_unconfirmed_deletions() -> None:
    unknown = DeletionsUnconfirmed(frozenset({1, 2}), quit_sent=True)
    assert (unknown.marked, unknown.quit_sent) == ({1, 2}, True)
    assert "2 deletions" in str(unknown)
    assert "compare unique-ids" in str(unknown)
    assert "none of them is deleted" in str(DeletionsUnconfirmed(frozenset({1}), quit_sent=False))


def test_refused_carries_text_and_code() -> None:
    refusal = Refused("busy", ResponseCode.of("IN-USE"))
    assert (str(refusal), refusal.text, str(refusal.code)) == ("busy", "busy", "IN-USE")
    assert Refused("no").code is None


def test_no_way_to_log_in() -> None:
    obstacles = {"SCRAM-SHA-1": "pip install it", "PLAIN": module.NOT_OFFERED}
    error = LoginImpossible(("SCRAM-SHA-1", "GSSAPI"), obstacles)
    assert (error.offered, error.obstacles) == (("SCRAM-SHA-1", "GSSAPI"), obstacles)
    assert str(error) == (
        "there is no way to log in: the server offers SCRAM-SHA-1, GSSAPI; SCRAM-SHA-1: pip "
        "install it"
    )
    assert str(LoginImpossible(("GSSAPI",), {})).endswith("GSSAPI, and nothing that is known here")
    assert "has not said what it takes; USER: no TLS" in str(
        LoginImpossible((), {"USER": "no TLS"})
    )


def test_a_login_that_was_refused_tells_what_to_try() -> None:
    error = AuthenticationFailed("AUTH PLAIN", REPLY)
    assert str(error) == "the server refused AUTH PLAIN: -ERR [SYS/TEMP] disk full"
    error.in_one_line = True
    error.untried = ("LOGIN", "USER")
    assert str(error).endswith(
        "; if the password is right, try initial_response=False; nothing else was tried with this "
        "password: LOGIN, USER can be named with mechanism="
    )


def test_what_a_server_says_of_a_token() -> None:
    refusal = TokenRefusal.parse(b'{"status":"401"}')
    error = TokenRefused("AUTH XOAUTH2", REPLY, refusal)
    assert error.refusal is refusal
    assert str(error).endswith("disk full; of the token it says: status 401")
    eof = UnexpectedEof("while the reply to AUTH XOAUTH2 was due")
    assert eof.refusal is None
    assert str(eof).endswith("was due")
    eof.refusal = refusal
    assert str(eof).endswith("was due; of the token it said before: status 401")
