"""How a client says who it is, played by scripts."""

from collections import deque
from dataclasses import replace

import pytest

from pop3_proto import (
    AuthenticationFailed,
    Capabilities,
    ClientConnection,
    CommandFailed,
    Limits,
    LocalProtocolError,
    LoginDelay,
    LoginImpossible,
    MailboxInUse,
    Noop,
    PermanentFailure,
    RemoteProtocolError,
    Response,
    Source,
    State,
    TemporaryFailure,
    TokenRefused,
    UnexpectedEof,
)
from pop3_proto.apop import apop_digest
from pop3_proto.base64 import encode_base64
from pop3_proto.flows.client import request
from pop3_proto.flows.login import (
    PASSWORD_MECHANISMS,
    PasswordMechanism,
    authenticate,
    login,
)
from pop3_proto.mechanisms import XOAuth2
from tests.core.machines import client_in, hear, secured_client
from tests.core.playing import play

CAPA = """
    C: CAPA
    S: +OK
    S: TOP
    S: UIDL
    S: {}
    S: .
"""


def ready(*capabilities: str) -> ClientConnection:
    """A client inside TLS, to which these were announced."""
    conn = secured_client()
    conn.capabilities = Capabilities.of("TOP", "UIDL", *capabilities)
    return conn


class TestUserAndPass:
    def test_user_and_pass(self) -> None:
        conn = ready()
        play(
            conn,
            login(conn, "alice", "pass word "),
            "C: USER alice\nS: +OK\nC: PASS pass word\\x20\nS: +OK",
        )
        assert conn.state is State.TRANSACTION

    @pytest.mark.parametrize(
        ("before", "asks"),
        [
            (["TOP", "UIDL"], False),
            (["TOP", "UIDL", "LOGIN-DELAY 900", "EXPIRE 60"], False),
            (["TOP", "UIDL", "LOGIN-DELAY 900 USER"], True),
            (["TOP", "UIDL", "expire 0 USER"], True),
            (["TOP"], True),
            (["UIDL"], True),
            (None, False),
        ],
    )
    def test_capabilities_that_the_login_may_have_changed(
        self, before: list[str] | None, asks: bool
    ) -> None:
        conn = ready()
        conn.capabilities = None if before is None else Capabilities.of(*before)
        capa = CAPA.format("EXPIRE 60") if asks else ""
        script = "C: USER alice\nS: +OK\nC: PASS secret\nS: +OK" + capa
        play(conn, login(conn, "alice", "secret"), script)
        if asks:
            after = replace(Capabilities.of("TOP", "UIDL", "EXPIRE 60"), source=Source.LOGIN)
            assert conn.capabilities == after

    @pytest.mark.parametrize(
        ("announced", "reply", "kind"),
        [
            ([], "-ERR", AuthenticationFailed),
            ([], "-ERR no", AuthenticationFailed),
            ([], "-ERR [AUTH] no", AuthenticationFailed),
            ([], "-ERR [auth/expired] no", AuthenticationFailed),
            ([], "-ERR [IN-USE] no", MailboxInUse),
            ([], "-ERR [LOGIN-DELAY] no", LoginDelay),
            ([], "-ERR [SYS/TEMP] no", TemporaryFailure),
            ([], "-ERR [SYS/TEMP/x] no", TemporaryFailure),
            ([], "-ERR [SYS/PERM] no", PermanentFailure),
            ([], "-ERR [WHAT] no", AuthenticationFailed),
            (["RESP-CODES"], "-ERR [WHAT] no", CommandFailed),
            (["RESP-CODES"], "-ERR [SYS] no", CommandFailed),
            (["AUTH-RESP-CODE"], "-ERR no", CommandFailed),
            (["AUTH-RESP-CODE"], "-ERR [AUTH] no", AuthenticationFailed),
        ],
    )
    def test_wrong_password_or_something_else(
        self, announced: list[str], reply: str, kind: type[CommandFailed]
    ) -> None:
        conn = ready(*announced)
        with pytest.raises(CommandFailed) as caught:
            play(
                conn,
                login(conn, "alice", "wrong"),
                f"C: USER alice\nS: +OK\nC: PASS wrong\nS: {reply}",
            )
        assert type(caught.value) is kind
        assert caught.value.command == "PASS"
        assert caught.value.reply.ok is False
        assert conn.state is State.AUTHORIZATION

    @pytest.mark.parametrize(
        ("reply", "kind"),
        [("-ERR", CommandFailed), ("-ERR [AUTH]", AuthenticationFailed)],
    )
    def test_name_refused(self, reply: str, kind: type[CommandFailed]) -> None:
        conn = ready()
        with pytest.raises(CommandFailed, match="refused USER alice") as caught:
            play(conn, login(conn, "alice", "x"), f"C: USER alice\nS: {reply}")
        assert type(caught.value) is kind

    def test_a_server_that_closes_behind_a_wrong_password(self) -> None:
        conn = ready()
        with pytest.raises(AuthenticationFailed):
            play(
                conn,
                login(conn, "alice", "wrong"),
                "C: USER alice\nS: +OK\nC: PASS wrong\nS: -ERR",
            )
        with pytest.raises(UnexpectedEof, match="while nothing was asked"):
            play(conn, login(conn, "alice", "right"), "EOF")

    def test_no_password_goes_out_in_plaintext(self) -> None:
        conn = client_in(State.AUTHORIZATION)
        with pytest.raises(LocalProtocolError, match=r"plaintext.*allow_insecure_auth=True"):
            play(conn, login(conn, "alice", "secret"))
        play(
            conn,
            login(conn, "alice", "secret", allow_insecure_auth=True),
            "C: USER alice\nS: +OK\nC: PASS secret\nS: +OK",
        )

    @pytest.mark.parametrize(
        ("name", "password"), [("b\xf6b", "x"), ("x", "p\xe4ss"), ("x", b"p\xe4ss")]
    )
    @pytest.mark.parametrize("announced", ["STLS", "UTF8", "UTF8 OTHER"])
    def test_nothing_beyond_ascii_goes_out_unasked(
        self, name: str, password: str | bytes, announced: str
    ) -> None:
        conn = ready(announced)
        with pytest.raises(LocalProtocolError, match=r"UTF8 USER.*allow_utf8_login=True"):
            play(conn, login(conn, name, password))
        conn.capabilities = None
        with pytest.raises(LocalProtocolError, match="UTF8 USER"):
            play(conn, login(conn, name, password))

    @pytest.mark.parametrize(("announced", "allow"), [("UTF8 USER", False), ("STLS", True)])
    def test_utf8(self, announced: str, allow: bool) -> None:
        conn = ready(announced)
        play(
            conn,
            login(conn, "b\xf6b", b"p\xe4ss", allow_utf8_login=allow),
            "C: USER b\\xc3\\xb6b\nS: +OK\nC: PASS p\\xe4ss\nS: +OK",
        )
        assert conn.state is State.TRANSACTION

    @pytest.mark.parametrize(
        ("name", "password"), [("a\r\nb", "x"), ("a", "x\n"), ("a", "x" * 300), ("a" * 300, "x")]
    )
    def test_nothing_is_sent_where_not_all_of_it_can_be(self, name: str, password: str) -> None:
        conn = ready()
        with pytest.raises(LocalProtocolError):
            play(conn, login(conn, name, password))
        assert conn.state is State.AUTHORIZATION

    def test_too_late(self) -> None:
        conn = client_in(State.TRANSACTION)
        with pytest.raises(LocalProtocolError, match="USER"):
            play(conn, login(conn, "alice", "x", allow_insecure_auth=True))


class TestApop:
    DIGEST = "c4c9334bac560ecc979e58001b3e22fb"

    @staticmethod
    def greeted(greeting: bytes = b"<1896.697170952@dbc.mtview.ca.us>") -> ClientConnection:
        conn = ClientConnection()
        hear(conn, b"+OK " + greeting + b"\r\n")
        return conn

    def test_the_example_of_the_rfc(self) -> None:
        conn = self.greeted()
        play(
            conn,
            login(conn, "mrose", "tanstaaf", mechanism="APOP"),
            f"C: APOP mrose {self.DIGEST}\nS: +OK",
        )
        assert conn.state is State.TRANSACTION

    def test_capabilities_that_the_login_may_have_changed(self) -> None:
        conn = self.greeted()
        conn.capabilities = Capabilities.of("TOP", "UIDL", "EXPIRE 0 USER")
        script = f"C: APOP mrose {self.DIGEST}\nS: +OK" + CAPA.format("EXPIRE 60")
        play(conn, login(conn, "mrose", "tanstaaf", mechanism="APOP"), script)

    def test_a_server_that_does_not_offer_it(self) -> None:
        conn = self.greeted(b"hello")
        with pytest.raises(LocalProtocolError, match="its greeting has no timestamp"):
            play(conn, login(conn, "mrose", "tanstaaf", mechanism="APOP"))

    @pytest.mark.parametrize("timestamp", [b"<x>", b"<a b@c>", b"<\xff@host>", b"<1@a@b>"])
    def test_a_timestamp_that_somebody_may_have_chosen(self, timestamp: bytes) -> None:
        conn = self.greeted(timestamp)
        with pytest.raises(RemoteProtocolError, match="somebody on the way may have chosen it"):
            play(conn, login(conn, "mrose", "tanstaaf", mechanism="APOP"))
        assert (conn.state, conn.pending) == (State.AUTHORIZATION, ())

    @pytest.mark.parametrize(
        ("announced", "reply", "kind"),
        [
            ([], "-ERR no", AuthenticationFailed),
            (["AUTH-RESP-CODE"], "-ERR no", CommandFailed),
            (["AUTH-RESP-CODE"], "-ERR [AUTH] no", AuthenticationFailed),
            ([], "-ERR [IN-USE] no", MailboxInUse),
        ],
    )
    def test_refused(self, announced: list[str], reply: str, kind: type[CommandFailed]) -> None:
        conn = self.greeted()
        conn.capabilities = Capabilities.of(*announced)
        script = f"C: APOP mrose {self.DIGEST}\nS: {reply}"
        with pytest.raises(CommandFailed, match="refused APOP mrose: ") as caught:
            play(conn, login(conn, "mrose", "tanstaaf", mechanism="APOP"), script)
        assert type(caught.value) is kind
        assert self.DIGEST not in str(caught.value)

    @pytest.mark.parametrize(("name", "password"), [("b\xf6b", "x"), ("x", b"p\xe4ss")])
    def test_nothing_beyond_ascii_goes_out_unasked(self, name: str, password: str | bytes) -> None:
        conn = self.greeted()
        with pytest.raises(LocalProtocolError, match="allow_utf8_login=True"):
            play(conn, login(conn, name, password, mechanism="APOP"))

    def test_utf8(self) -> None:
        conn = self.greeted()
        flow = login(conn, "b\xf6b", "tanstaaf", mechanism="APOP", allow_utf8_login=True)
        play(conn, flow, f"C: APOP b\\xc3\\xb6b {self.DIGEST}\nS: +OK")

    def test_a_name_that_no_argument_can_be(self) -> None:
        conn = self.greeted()
        with pytest.raises(LocalProtocolError, match="an argument of APOP"):
            play(conn, login(conn, "two words", "x", mechanism="APOP"))


class Scripted:
    """A mechanism that says what a test wants it to, and notes what it is asked."""

    def __init__(self, *says: bytes | Exception, name: str = "X", client_first: bool = True):
        self.name = name
        self.client_first = client_first
        self.shows_secret = True
        self.asked: list[bytes] = []
        self._says = deque(says)

    def respond(self, challenge: bytes) -> Response:
        self.asked.append(challenge)
        said = self._says.popleft()
        if isinstance(said, Exception):
            raise said
        return Response(said, last=not self._says)


class TestAuthenticate:
    """RFC 5034, section 4."""

    def test_in_one_line(self) -> None:
        conn, plain = ready("SASL PLAIN"), Scripted(b"\0a\0b", name="PLAIN")
        play(conn, authenticate(conn, plain), "C: AUTH PLAIN AGEAYg==\nS: +OK")
        assert conn.state is State.TRANSACTION
        assert plain.asked == [b""]

    def test_an_empty_initial_response(self) -> None:
        conn = ready("SASL EXTERNAL")
        play(conn, authenticate(conn, Scripted(b"")), "C: AUTH X =\nS: +OK")

    @pytest.mark.parametrize("challenge", ["+ ", "+", "+ Z28gYWhlYWQ=", "+ go ahead", "+OKAY"])
    @pytest.mark.parametrize("announced", ["STLS", "SASL X"])
    def test_in_two_steps(self, announced: str, challenge: str) -> None:
        conn, mechanism = ready(announced), Scripted(b"\0a\0b")
        script = f"C: AUTH X\nS: {challenge}\nC: AGEAYg==\nS: +OK"
        flow = authenticate(conn, mechanism, initial_response=announced != "SASL X")
        play(conn, flow, script)
        assert conn.state is State.TRANSACTION
        assert mechanism.asked == [b""]

    def test_in_two_steps_where_nothing_is_known(self) -> None:
        conn = secured_client()
        play(conn, authenticate(conn, Scripted(b"")), "C: AUTH X\nS: +\nC:\nS: +OK")

    @pytest.mark.parametrize(
        ("name", "size", "fits"), [("XXX", 183, True), ("XXXX", 183, False), ("XXX", 184, False)]
    )
    def test_an_initial_response_that_makes_the_line_too_long(
        self, name: str, size: int, fits: bool
    ) -> None:
        # AUTH, a blank, the name, a blank, base64 and CRLF: 255 octets at most.
        conn = ready("SASL")
        encoded = encode_base64(b"x" * size).decode()
        assert (len(f"AUTH {name} {encoded}\r\n") <= 255) is fits
        whole, parts = f"C: AUTH {name} {encoded}", f"C: AUTH {name}\nS: + \nC: {encoded}"
        script = (whole if fits else parts) + "\nS: +OK"
        play(conn, authenticate(conn, Scripted(b"x" * size, name=name)), script)

    def test_a_server_that_speaks_first(self) -> None:
        conn, mechanism = ready("SASL"), Scripted(b"alice 0", client_first=False)
        script = "C: AUTH X\nS: + PDFAaG9zdD4=\nC: YWxpY2UgMA==\nS: +OK"
        play(conn, authenticate(conn, mechanism), script)
        assert mechanism.asked == [b"<1@host>"]

    def test_several_steps(self) -> None:
        conn, mechanism = ready("SASL"), Scripted(b"one", b"two", b"")
        script = "C: AUTH X b25l\nS: + MQ==\nC: dHdv\nS: + Mg==\nC:\nS: +OK"
        play(conn, authenticate(conn, mechanism), script)
        assert mechanism.asked == [b"", b"1", b"2"]

    def test_success_before_all_was_said_is_given_to_the_mechanism(self) -> None:
        conn, mechanism = ready("SASL"), Scripted(b"one", ValueError("no proof of the server"))
        with pytest.raises(ValueError, match="no proof of the server"):
            play(conn, authenticate(conn, mechanism), "C: AUTH X b25l\nS: +OK\nC: *\nS: -ERR")
        assert mechanism.asked == [b"", b""]
        assert conn.state is State.AUTHORIZATION

    def test_a_proof_with_the_success(self) -> None:
        conn, mechanism = ready("SASL"), Scripted(b"one", b"")
        script = "C: AUTH X b25l\nS: +OK dj0x\nC:\nS: +OK"
        play(conn, authenticate(conn, mechanism), script)
        assert mechanism.asked == [b"", b"v=1"]

    @pytest.mark.parametrize("challenge", ["+ AAA", "+ =AAA", "+ AAA=BBB", "+ go ahead"])
    def test_a_challenge_that_is_no_base64(self, challenge: str) -> None:
        conn, mechanism = ready("SASL"), Scripted(b"never", client_first=False)
        with pytest.raises(RemoteProtocolError, match="no base64, so AUTH was cancelled"):
            play(
                conn,
                authenticate(conn, mechanism),
                f"C: AUTH X\nS: {challenge}\nC: *\nS: -ERR cancelled",
            )
        assert mechanism.asked == []
        assert conn.state is State.AUTHORIZATION
        play(conn, login(conn, "a", "b"), "C: USER a\nS: +OK\nC: PASS b\nS: +OK")

    def test_what_is_no_base64_in_a_later_step(self) -> None:
        conn, mechanism = ready("SASL"), Scripted(b"one", b"never")
        with pytest.raises(RemoteProtocolError, match="no base64"):
            play(conn, authenticate(conn, mechanism), "C: AUTH X b25l\nS: + !\nC: *\nS: -ERR")

    def test_a_server_that_does_not_let_itself_be_cancelled(self) -> None:
        conn, mechanism = ready("SASL"), Scripted(ValueError("no"), client_first=False)
        with pytest.raises(RemoteProtocolError, match="although AUTH was cancelled"):
            play(conn, authenticate(conn, mechanism), "C: AUTH X\nS: +\nC: *\nS: +OK")
        assert conn.state is State.BROKEN

    def test_a_mechanism_that_fails_before_anything_is_sent(self) -> None:
        conn = ready("SASL")
        with pytest.raises(LocalProtocolError, match="PLAIN over TLS"):
            play(conn, authenticate(conn, Scripted(LocalProtocolError("use PLAIN over TLS"))))
        assert (conn.state, conn.pending) == (State.AUTHORIZATION, ())

    @pytest.mark.parametrize(
        ("announced", "reply", "kind"),
        [
            (["SASL"], "-ERR no", AuthenticationFailed),
            (["SASL"], "-ERR [AUTH/x] no", AuthenticationFailed),
            (["SASL"], "-ERR [SYS/TEMP] no", TemporaryFailure),
            (["SASL"], "-ERR [SYS] no", CommandFailed),
            (["SASL"], "-ERR [LOGIN-DELAY] no", LoginDelay),
        ],
    )
    @pytest.mark.parametrize("late", [False, True])
    def test_refused(
        self, announced: list[str], reply: str, kind: type[CommandFailed], late: bool
    ) -> None:
        conn, mechanism = ready(*announced), Scripted(b"one", b"two")
        step = "S: +\nC: dHdv\n" if late else ""
        with pytest.raises(CommandFailed, match="refused AUTH X: ") as caught:
            play(conn, authenticate(conn, mechanism), f"C: AUTH X b25l\n{step}S: {reply}")
        assert type(caught.value) is kind
        assert conn.state is State.AUTHORIZATION

    def test_capabilities_that_the_login_may_have_changed(self) -> None:
        conn = ready("SASL", "LOGIN-DELAY 900 USER")
        script = "C: AUTH X =\nS: +OK" + CAPA.format("LOGIN-DELAY 60")
        play(conn, authenticate(conn, Scripted(b"")), script)
        assert conn.capabilities is not None
        assert conn.capabilities.login_interval == (60, False)

    def test_nothing_goes_out_in_plaintext(self) -> None:
        conn, mechanism = client_in(State.AUTHORIZATION), Scripted(b"")
        with pytest.raises(LocalProtocolError, match="allow_insecure_auth=True"):
            play(conn, authenticate(conn, mechanism))
        assert mechanism.asked == []
        flow = authenticate(conn, mechanism, allow_insecure_auth=True)
        play(conn, flow, "C: AUTH X\nS: +\nC:\nS: +OK")

    def test_end_of_input(self) -> None:
        conn = ready("SASL")
        with pytest.raises(UnexpectedEof, match="while the reply to AUTH X = was due"):
            play(conn, authenticate(conn, Scripted(b"", b"")), "C: AUTH X =\nS: +\nC:\nEOF")

    def test_interrupted_and_left(self) -> None:
        conn = ready("SASL")
        with pytest.raises(TimeoutError):
            play(conn, authenticate(conn, Scripted(b"", b"")), "C: AUTH X =\nTIMEOUT")
        script = "S: +\nC: *\nS: -ERR\nC: USER a\nS: +OK\nC: PASS b\nS: +OK"
        play(conn, login(conn, "a", "b"), script)

    def test_a_response_that_is_too_long(self) -> None:
        limited = ClientConnection(limits=Limits(sasl=30))
        limited.tls_started()
        hear(limited, b"+OK\r\n")
        with pytest.raises(LocalProtocolError, match=r"Limits\.sasl allows 30"):
            play(limited, authenticate(limited, Scripted(b"x" * 30)), "C: AUTH X\nS: +")
        assert limited.challenged
        script = "C: *\nS: -ERR\nC: AUTH X\nS: +\nC: eA==\nS: +OK"
        play(limited, authenticate(limited, Scripted(b"x")), script)

    def test_what_was_said_unasked_comes_first(self) -> None:
        conn = ready("SASL")
        with pytest.raises(UnexpectedEof, match="while nothing was asked of it"):
            play(conn, authenticate(conn, Scripted(b"")), "EOF")

    def test_the_session_goes_on(self) -> None:
        conn = ready("SASL")
        play(conn, authenticate(conn, Scripted(b"")), "C: AUTH X =\nS: +OK")
        assert play(conn, request(conn, Noop()), "C: NOOP\nS: +OK").ok


PLAIN_BLANKS = encode_base64(b"\0alice\0pass  word ").decode()


LOGIN_SCRIPT = """
    C: AUTH LOGIN
    S: + VXNlcm5hbWU6
    C: YWxpY2U=
    S: + UGFzc3dvcmQ6
    C: c2VjcmV0
    S: +OK
"""


class TestChoosing:
    """By what is announced, as `choosing` has it, and with what the core has."""

    @pytest.mark.parametrize(
        ("announced", "way", "script"),
        [
            ("SASL PLAIN LOGIN", "PLAIN", "C: AUTH PLAIN AGFsaWNlAHNlY3JldA==\nS: +OK"),
            (
                "SASL LOGIN",
                "LOGIN",
                LOGIN_SCRIPT,
            ),
            ("SASL", "USER", "C: USER alice\nS: +OK\nC: PASS secret\nS: +OK"),
            ("SASL GSSAPI,PLAIN", "USER", "C: USER alice\nS: +OK\nC: PASS secret\nS: +OK"),
        ],
    )
    def test_the_way_that_it_took(self, announced: str, way: str, script: str) -> None:
        conn = ready(announced)
        assert play(conn, login(conn, "alice", "secret"), script) == way
        assert conn.state is State.TRANSACTION

    def test_a_challenge_hides_the_password_without_tls(self) -> None:
        # RFC 2195, section 2.
        conn = client_in(State.AUTHORIZATION)
        conn.capabilities = Capabilities.of("TOP", "UIDL", "SASL PLAIN CRAM-MD5", "USER")
        script = """
            C: AUTH CRAM-MD5
            S: + PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+
            C: dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw
            S: +OK
        """
        assert play(conn, login(conn, "tim", "tanstaaftanstaaf"), script) == "CRAM-MD5"

    @pytest.mark.parametrize("reply", ["-ERR", "-ERR [AUTH] no"])
    def test_nothing_else_is_tried_behind_a_rejection(self, reply: str) -> None:
        conn = ready("SASL PLAIN LOGIN", "USER")
        with pytest.raises(AuthenticationFailed, match="LOGIN, USER can be named") as caught:
            play(
                conn,
                login(conn, "alice", "wrong"),
                f"C: AUTH PLAIN AGFsaWNlAHdyb25n\nS: {reply}",
            )
        assert caught.value.untried == ("LOGIN", "USER")
        assert caught.value.in_one_line is (reply == "-ERR")
        assert ("initial_response=False" in str(caught.value)) is (reply == "-ERR")

    def test_what_is_named_and_nothing_else(self) -> None:
        conn = ready("SASL PLAIN", "USER")
        script = "C: USER alice\nS: +OK\nC: PASS x\nS: -ERR"
        with pytest.raises(AuthenticationFailed) as caught:
            play(conn, login(conn, "alice", "x", mechanism="user"), script)
        assert caught.value.untried == ()

    def test_what_is_named_although_it_is_not_offered(self) -> None:
        conn = ready("SASL LOGIN")
        script = f"C: AUTH PLAIN {PLAIN_BLANKS}\nS: +OK"
        assert play(conn, login(conn, "alice", "pass  word ", mechanism="plain"), script) == "PLAIN"

    @pytest.mark.parametrize(
        ("named", "words"),
        [
            ("KERBEROS", "there are CRAM-MD5, PLAIN, LOGIN, USER, APOP"),
            ("XOAUTH2", r"use authenticate\(\)"),
            ("X-MISSING", "needs what is not installed here: pip install x"),
        ],
    )
    def test_what_is_named_and_is_not_there(self, named: str, words: str) -> None:
        missing = PasswordMechanism(
            "X-MISSING", PASSWORD_MECHANISMS[0].make, install="pip install x"
        )
        mechanisms = PASSWORD_MECHANISMS if named != "X-MISSING" else (missing,)
        conn = ready("SASL X-MISSING")
        with pytest.raises(LocalProtocolError, match=words):
            play(conn, login(conn, "alice", "x", mechanism=named, mechanisms=mechanisms))

    @pytest.mark.parametrize("named", ["PLAIN", "LOGIN", "USER"])
    def test_what_is_named_and_would_show_the_password(self, named: str) -> None:
        conn = client_in(State.AUTHORIZATION)
        conn.capabilities = Capabilities.of("SASL PLAIN LOGIN", "USER")
        with pytest.raises(LocalProtocolError, match="use TLS"):
            play(conn, login(conn, "alice", "secret", mechanism=named))

    @pytest.mark.parametrize(
        "password", ["pass  word ", " ", "secret\n", "\u00fcber \U0001f511", b"\xff\xfe", "x" * 400]
    )
    def test_passwords_that_only_a_mechanism_can_carry(self, password: str | bytes) -> None:
        octets = password.encode() if isinstance(password, str) else password
        line = encode_base64(b"\0alice\0" + octets).decode()
        whole, parts = f"C: AUTH PLAIN {line}", f"C: AUTH PLAIN\nS: + \nC: {line}"
        script = whole if len(line) < 240 else parts
        conn = ready("SASL PLAIN", "USER")
        assert play(conn, login(conn, "alice", password), f"{script}\nS: +OK") == "PLAIN"

    def test_a_password_that_no_mechanism_can_carry(self) -> None:
        conn = ready("SASL PLAIN", "USER")
        with pytest.raises(LoginImpossible, match=r"PLAIN: .*NUL.*USER: .*NUL") as caught:
            play(conn, login(conn, "alice", "sec\0ret"))
        assert "sec" not in str(caught.value)
        assert caught.value.offered == ("PLAIN", "USER")

    def test_a_login_in_two_steps_on_request(self) -> None:
        conn = ready("SASL PLAIN")
        script = "C: AUTH PLAIN\nS: +\nC: AGFsaWNlAHNlY3JldA==\nS: +OK"
        play(conn, login(conn, "alice", "secret", initial_response=False), script)


class TestRefusedInitialResponse:
    """A server that says when a password is wrong has said that it is something else."""

    TWO_STEPS = "C: AUTH X eA==\nS: -ERR\nC: AUTH X\nS: +\nC: eA==\n"

    def test_it_is_said_again_in_two_steps(self) -> None:
        conn, mechanism = ready("SASL X", "AUTH-RESP-CODE"), Scripted(b"x")
        play(conn, authenticate(conn, mechanism), self.TWO_STEPS + "S: +OK")
        assert mechanism.asked == [b""]

    @pytest.mark.parametrize(
        ("reply", "kind"), [("-ERR", CommandFailed), ("-ERR [AUTH] no", AuthenticationFailed)]
    )
    def test_once_only(self, reply: str, kind: type[CommandFailed]) -> None:
        conn = ready("SASL X", "AUTH-RESP-CODE")
        with pytest.raises(CommandFailed) as caught:
            play(conn, authenticate(conn, Scripted(b"x")), self.TWO_STEPS + f"S: {reply}")
        assert type(caught.value) is kind

    @pytest.mark.parametrize("codes", [[], ["AUTH-RESP-CODE"]])
    @pytest.mark.parametrize("reply", ["-ERR [AUTH] no", "-ERR [SYS/TEMP] no", "-ERR [IN-USE] no"])
    def test_a_refused_password_is_not_said_again(self, reply: str, codes: list[str]) -> None:
        conn = ready("SASL X", *codes)
        with pytest.raises(CommandFailed):
            play(conn, authenticate(conn, Scripted(b"x")), f"C: AUTH X eA==\nS: {reply}")

    def test_what_came_behind_a_challenge_was_not_about_the_line(self) -> None:
        conn = ready("SASL X", "AUTH-RESP-CODE")
        script = "C: AUTH X eA==\nS: +\nC: eQ==\nS: -ERR"
        with pytest.raises(CommandFailed):
            play(conn, authenticate(conn, Scripted(b"x", b"y")), script)


def test_a_refusal_behind_a_challenge_is_not_about_the_line() -> None:
    conn, script = ready("SASL X"), "C: AUTH X eA==\nS: +\nC: eQ==\nS: -ERR"
    with pytest.raises(AuthenticationFailed) as caught:
        play(conn, authenticate(conn, Scripted(b"x", b"y")), script)
    assert not caught.value.in_one_line


def test_a_server_that_hangs_up_where_a_mechanism_cancels() -> None:
    conn, mechanism = ready("SASL X"), Scripted(b"x", ValueError("not my server"))
    with pytest.raises(ValueError, match="not my server"):
        play(conn, authenticate(conn, mechanism), "C: AUTH X eA==\nS: +\nC: *\nEOF")


def test_a_mechanism_that_shows_nothing_needs_no_tls() -> None:
    conn, mechanism = client_in(State.AUTHORIZATION), Scripted(b"")
    mechanism.shows_secret = False
    play(conn, authenticate(conn, mechanism), "C: AUTH X\nS: +\nC:\nS: +OK")


class TestApopBeyondAscii:
    """RFC 6856, section 2.2, wants SASLprep."""

    def test_names_and_passwords_are_prepared(self) -> None:
        conn = TestApop.greeted()
        digest = apop_digest(b"<1896.697170952@dbc.mtview.ca.us>", b"IX").decode()
        script = f"C: APOP fi {digest}\nS: +OK"
        assert play(conn, login(conn, "\ufb01", "\u2168", mechanism="apop"), script) == "APOP"

    def test_what_cannot_be_prepared(self) -> None:
        conn = TestApop.greeted()
        with pytest.raises(LocalProtocolError, match="APOP"):
            play(
                conn, login(conn, "alice", "\u00fc\u0007", mechanism="APOP", allow_utf8_login=True)
            )


class TestTokens:
    """What the server has said of a token is told, where it was the token."""

    SCRIPT = "C: AUTH XOAUTH2\nS: +\nC: dXNlcj1hAWF1dGg9QmVhcmVyIHQBAQ==\nS: + e30=\nC:\nS: -ERR {}"

    @pytest.mark.parametrize(
        ("reply", "kind"),
        [("no", TokenRefused), ("[AUTH] no", TokenRefused), ("[LOGIN-DELAY] no", LoginDelay)],
    )
    def test_refused(self, reply: str, kind: type[CommandFailed]) -> None:
        conn = ready("SASL XOAUTH2")
        flow = authenticate(conn, XOAuth2("a", "t"), initial_response=False)
        with pytest.raises(CommandFailed) as caught:
            play(conn, flow, self.SCRIPT.format(reply))
        assert type(caught.value) is kind

    def test_the_end(self) -> None:
        conn = ready("SASL XOAUTH2")
        flow = authenticate(conn, XOAuth2("a", "t"), initial_response=False)
        with pytest.raises(UnexpectedEof) as caught:
            play(conn, flow, self.SCRIPT.replace("S: -ERR {}", "EOF"))
        assert caught.value.refusal is not None

    def test_the_end_where_it_was_said_again_in_two_steps(self) -> None:
        conn = ready("SASL XOAUTH2", "AUTH-RESP-CODE")
        refused = "C: AUTH XOAUTH2 dXNlcj1hAWF1dGg9QmVhcmVyIHQBAQ==\nS: -ERR\n"
        script = refused + self.SCRIPT.replace("S: -ERR {}", "EOF")
        with pytest.raises(UnexpectedEof) as caught:
            play(conn, authenticate(conn, XOAuth2("a", "t")), script)
        assert caught.value.refusal is not None
