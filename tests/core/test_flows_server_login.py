"""How a server finds out who somebody is: USER and PASS, APOP, and all that AUTH may come to."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import pytest

from pop3_proto import (
    AccessToken,
    Announced,
    Authenticator,
    Certified,
    Claim,
    ClientCertificate,
    Credentials,
    Digest,
    Guest,
    Limits,
    LoginAttempt,
    Maildrop,
    MaybeAwaitable,
    MessageEntry,
    Proven,
    Refused,
    ResponseCode,
    ScramVerifier,
    ServerConnection,
    ServerMechanism,
    State,
    TlsPolicy,
    VerifierWanted,
)
from pop3_proto.apop import apop_digest
from pop3_proto.flows.core import Invoke, Io, Send
from pop3_proto.flows.server import ServerSession
from pop3_proto.flows.server_claims import DECOY
from pop3_proto.flows.server_mechanisms import Mechanisms
from pop3_proto.mechanisms import ExternalServer, LoginServer, PlainServer
from pop3_proto.responses import SYS_TEMP
from tests.core.playing import play, play_async
from tests.core.serving import GREETING, LOGIN, QUIT, AsyncDrop, AsyncUsers, Drop, Served, Users

WRONG = "S: -ERR [AUTH] wrong name or password\n"
IN = "S: +OK 2 messages\n"
UNAVAILABLE = "S: -ERR [SYS/TEMP] the maildrop is not available\n"


class TestLogin:
    def test_login_and_quit(self) -> None:
        drop = Drop()
        Served(drop).play(GREETING + LOGIN + QUIT)
        assert drop.asked == ["open", "close"]

    def test_it_is_a_half_of_its_own(self) -> None:
        drop = Drop()
        served = Served(drop)
        play(served.conn, served.session.begin(), GREETING + LOGIN)
        assert served.conn.state is State.TRANSACTION
        play(served.conn, served.session.go_on(), "C: NOOP\nS: +OK" + QUIT)
        play(served.conn, served.session.close())
        assert drop.asked == ["open", "close"]

    def test_a_session_that_ends_before_it(self) -> None:
        served = Served()
        play(served.conn, served.session.begin(), GREETING + QUIT)
        play(served.conn, served.session.go_on())
        assert served.conn.state is State.CLOSED

    def test_wrong_password(self) -> None:
        drop = Drop()
        Served(drop).play(
            GREETING
            + """
            C: USER alice
            S: +OK
            C: PASS wrong
            S: -ERR [AUTH] wrong name or password
            C: PASS secret
            S: -ERR PASS is not allowed yet: send USER first
            """
            + LOGIN
            + QUIT
        )
        assert drop.asked == ["open", "close"]

    @pytest.mark.parametrize("name", ["alice", "nobody"])
    def test_rpop_is_never_enough(self, name: str) -> None:
        drop = Drop()
        Served(drop).play(
            GREETING
            + f"C: USER {name}\nS: +OK\nC: RPOP {name}\nS: -ERR RPOP is not supported\n"
            + "C: PASS secret\nS: -ERR PASS is not allowed yet: send USER first\n"
            + QUIT
        )
        assert drop.asked == []

    def test_a_refusal_says_what_a_line_can_carry(self) -> None:
        refused = Users(Drop(), fails=Refused("no\r\n+OK \udc80\0"))
        Served(users=refused).play(
            GREETING
            + "C: USER alice\nS: +OK\nC: PASS secret\n"
            + r"S: -ERR no\\r\\n+OK \\udc80\\x00"
            + "\nEOF"
        )

    def test_user_says_nothing_about_who_exists(self) -> None:
        Served().play(GREETING + "C: USER nobody\nS: +OK\nC: USER alice\nS: +OK\nEOF")

    @pytest.mark.parametrize("line", ["USER \\xff", "USER alice"])
    def test_what_is_no_utf8_is_a_wrong_password(self, line: str) -> None:
        Served().play(
            GREETING
            + f"C: {line}\nS: +OK\nC: PASS \\xff\nS: -ERR [AUTH] wrong name or password\nEOF"
        )

    def test_the_authenticator_refuses(self) -> None:
        busy = Refused("too many logins", ResponseCode.of("LOGIN-DELAY"))
        served = Served(users=Users(Drop(), fails=busy))
        served.play(
            GREETING
            + "C: USER alice\nS: +OK\nC: PASS secret\nS: -ERR [LOGIN-DELAY] too many logins\nEOF"
        )
        assert served.reported == []

    def test_the_authenticator_fails(self) -> None:
        fault = RuntimeError("hunter2")
        served = Served(users=Users(Drop(), fails=fault))
        served.play(
            GREETING
            + "C: USER alice\nS: +OK\n"
            + "C: PASS secret\nS: -ERR [SYS/TEMP] the maildrop is not available\nEOF"
        )
        assert served.reported == [fault]

    def test_the_maildrop_is_in_use(self) -> None:
        drop = Drop(fails={"open": Refused("in use", ResponseCode.of("IN-USE"))})
        served = Served(drop)
        served.play(
            GREETING + "C: USER alice\nS: +OK\nC: PASS secret\nS: -ERR [IN-USE] in use\n" + QUIT
        )
        assert drop.asked == ["open"]
        assert served.reported == []

    def test_the_maildrop_cannot_be_opened(self) -> None:
        fault = OSError("disk")
        drop = Drop(fails={"open": fault})
        served = Served(drop)
        served.play(
            GREETING
            + "C: USER alice\nS: +OK\n"
            + "C: PASS secret\nS: -ERR [SYS/TEMP] the maildrop is not available\nEOF"
        )
        assert drop.asked == ["open"]
        assert served.reported == [fault]

    def test_an_empty_maildrop_that_has_a_length(self) -> None:
        class Sized(Drop):
            def __len__(self) -> int:
                return len(self.messages)

        drop = Sized([])
        Served(drop).play(
            GREETING + LOGIN.replace("2 messages", "0 messages") + "C: STAT\nS: +OK 0 0\n" + QUIT
        )
        assert drop.asked == ["open", "close"]


@dataclass
class Store(Users):
    """Knows the passwords too; those of some cannot be found out."""

    def password(self, name: str) -> str | None:
        if name == "broken":
            raise OSError("disk")
        return {"alice": "secret", "bob": "", "eve": "other"}.get(name)


class TestApop:
    TIMESTAMP = b"<1896.697170952@dbc.mtview.ca.us>"
    READY = f"S: +OK POP3 server ready {TIMESTAMP.decode()}\n"

    def served(self, drop: Drop) -> Served:
        return Served(users=Store(drop), insecure=False, timestamp=self.TIMESTAMP)

    def digest(self, password: str = "secret") -> str:
        return apop_digest(self.TIMESTAMP, password.encode()).decode()

    @pytest.mark.parametrize("upper", [False, True])
    def test_login(self, upper: bool) -> None:
        drop = Drop()
        digest = self.digest().upper() if upper else self.digest()
        self.served(drop).play(self.READY + f"C: APOP alice {digest}\nS: +OK 2 messages\n" + QUIT)
        assert drop.asked == ["open", "close"]

    @pytest.mark.parametrize(
        ("name", "password"),
        [("alice", "wrong"), ("nobody", ""), ("nobody", "secret"), ("\\xff", "secret")],
    )
    def test_wrong(self, name: str, password: str) -> None:
        drop = Drop()
        script = f"C: APOP {name} {self.digest(password)}\n{WRONG}EOF"
        self.served(drop).play(self.READY + script)
        assert drop.asked == []

    @pytest.mark.parametrize("digest", ["0", "\\xff", "0" * 33])
    def test_what_is_no_digest(self, digest: str) -> None:
        self.served(Drop()).play(self.READY + f"C: APOP alice {digest}\n{WRONG}EOF")

    def test_whom_the_authenticator_does_not_let_in(self) -> None:
        for name, password in (("bob", ""), ("eve", "other")):
            script = f"C: APOP {name} {self.digest(password)}\n{WRONG}EOF"
            self.served(Drop()).play(self.READY + script)

    def test_a_password_that_cannot_be_found_out(self) -> None:
        served = self.served(Drop())
        served.play(
            self.READY
            + "C: APOP broken 0\nS: -ERR [SYS/TEMP] the maildrop is not available\n"
            + f"C: APOP alice {self.digest()}\nS: +OK 2 messages\n"
            + QUIT
        )
        assert list(map(str, served.reported)) == ["disk"]

    @pytest.mark.parametrize(
        ("users", "timestamp"), [(Store(Drop()), None), (Users(Drop()), TIMESTAMP)]
    )
    def test_where_it_is_not_offered(self, users: Users, timestamp: bytes | None) -> None:
        served = Served(users=users, timestamp=timestamp)
        served.play(GREETING + f"C: APOP alice {self.digest()}\nS: -ERR APOP is not supported\nEOF")


class TestAuth:
    """RFC 5034, section 4."""

    MECHANISMS: Mapping[str, Callable[[], ServerMechanism]] = MappingProxyType(
        {"PLAIN": PlainServer, "LOGIN": LoginServer}
    )

    def play(self, script: str, *, insecure: bool = True, limits: Limits | None = None) -> Drop:
        drop = Drop()
        served = Served(drop, mechanisms=self.MECHANISMS, insecure=insecure, limits=limits)
        served.play(GREETING + script)
        assert served.reported == []
        return drop

    def test_an_initial_response(self) -> None:
        drop = self.play("C: auth plain AGFsaWNlAHNlY3JldA==\n" + IN + QUIT)
        assert drop.asked == ["open", "close"]

    def test_an_empty_challenge_has_its_blank(self) -> None:
        self.play("C: AUTH PLAIN\nS: +\\x20\nC: AGFsaWNlAHNlY3JldA==\n" + IN + QUIT)

    def test_a_server_that_speaks_first(self) -> None:
        self.play(
            "C: AUTH LOGIN\nS: + VXNlcm5hbWU6\nC: YWxpY2U=\nS: + UGFzc3dvcmQ6\nC: c2VjcmV0\n"
            + IN
            + QUIT
        )

    def test_it_takes_no_initial_response_then(self) -> None:
        refusal = "S: -ERR this mechanism takes no initial response\n"
        for initial in ("YWxpY2U=", "="):
            self.play(f"C: AUTH LOGIN {initial}\n{refusal}" + LOGIN + QUIT)

    def test_wrong_credentials(self) -> None:
        drop = self.play(
            "C: AUTH PLAIN AGFsaWNlAHdyb25n\nS: -ERR [AUTH] wrong name or password\n"
            "C: AUTH PLAIN AGFsaWNlAHNlY3JldA==\n" + IN + QUIT
        )
        assert drop.asked == ["open", "close"]

    def test_a_response_that_makes_no_sense(self) -> None:
        self.play("C: AUTH PLAIN AA==\nS: -ERR the response makes no sense\n" + LOGIN + QUIT)
        self.play("C: AUTH PLAIN =\nS: -ERR the response makes no sense\nEOF")

    def test_a_mechanism_that_fails(self) -> None:
        class Broken(PlainServer):
            def step(self, response: bytes) -> Credentials:
                raise RuntimeError("no more ideas")

        served = Served(Drop(), mechanisms={"BROKEN": Broken}, insecure=True)
        refusal = "S: -ERR [SYS/TEMP] the maildrop is not available\n"
        served.play(GREETING + "C: AUTH BROKEN =\n" + refusal + LOGIN + QUIT)
        assert [str(error) for error in served.reported] == ["no more ideas"]

    def test_a_mechanism_that_cannot_be_made(self) -> None:
        def make() -> ServerMechanism:
            raise RuntimeError("no module for it")

        served = Served(Drop(), mechanisms={"BROKEN": make}, insecure=True)
        refusal = "S: -ERR [SYS/TEMP] the maildrop is not available\n"
        served.play(GREETING + "C: AUTH BROKEN\n" + refusal + LOGIN + QUIT)
        assert [str(error) for error in served.reported] == ["no module for it"]

    def test_the_listing_names_what_may_be_used_now(self) -> None:
        self.play("C: AUTH\nS: +OK\nS: .\n" + QUIT, insecure=False)

    @pytest.mark.parametrize(
        ("response", "reason"),
        [
            ("*", "cancelled"),
            ("AAA", "the response is no base64"),
            ("=", "the response is no base64"),
            ("A" * 400, "the line is longer than 300 octets"),
        ],
    )
    def test_what_ends_the_exchange(self, response: str, reason: str) -> None:
        self.play(
            f"C: AUTH PLAIN\nS: +\\x20\nC: {response}\nS: -ERR {reason}\n" + LOGIN + QUIT,
            limits=Limits(sasl=300),
        )

    def test_bad_responses_are_bad_commands(self) -> None:
        step = "C: AUTH PLAIN\nS: +\\x20\nC: {}\nS: -ERR {}\n"
        cancelled = step.format("*", "cancelled")
        bad = step.format("!", "the response is no base64")
        senseless = "C: AUTH PLAIN eA==\nS: -ERR the response makes no sense\n"
        for each in (cancelled, bad, senseless):
            self.play(each * 3 + "CLOSE", limits=Limits(bad_commands=2))
        self.play(cancelled + bad + senseless + "CLOSE", limits=Limits(bad_commands=2))

    def test_an_unknown_mechanism(self) -> None:
        self.play("C: AUTH X =\nS: -ERR unknown mechanism\n" + LOGIN + QUIT)

    def test_the_mechanisms(self) -> None:
        self.play("C: AUTH\nS: +OK\nS: PLAIN\nS: LOGIN\nS: .\n" + LOGIN + QUIT)

    def test_no_password_in_plaintext(self) -> None:
        refusal = "S: -ERR no passwords in plaintext: use TLS\n"
        self.play(f"C: AUTH PLAIN AGFsaWNlAHNlY3JldA==\n{refusal}EOF", insecure=False)
        self.play(f"C: AUTH LOGIN\n{refusal}EOF", insecure=False)

    def test_end_of_input(self) -> None:
        assert self.play("C: AUTH LOGIN\nS: + VXNlcm5hbWU6\nC- YWxp\nEOF").asked == []

    def test_announced(self) -> None:
        session = Served(mechanisms=self.MECHANISMS).session
        assert session.capabilities().sasl == ("PLAIN", "LOGIN")
        assert Served().session.capabilities().sasl is None
        assert (
            Served(mechanisms=self.MECHANISMS, insecure=False).session.capabilities().sasl is None
        )


class TestNames:
    """What is nobody's name or password is asked for of nobody."""

    @dataclass
    class Strict(Store):
        def authenticate(self, name: str, password: str) -> Maildrop | None:
            assert name
            assert password
            return super().authenticate(name, password)

        def password(self, name: str) -> str | None:
            assert name
            return super().password(name)

    @pytest.mark.parametrize(
        "script",
        [
            "C: USER alice\nS: +OK\nC: PASS \n",
            "C: USER \\xff\nS: +OK\nC: PASS secret\n",
            "C: USER alice\nS: +OK\nC: PASS \\xff\n",
            "C: AUTH PLAIN AGFsaWNlAA==\n",
            "C: AUTH PLAIN AABzZWNyZXQ=\n",
            f"C: APOP \\xff {'0' * 32}\n",
            f"C: APOP \\xe2\\x80\\xa8 {'0' * 32}\n",
        ],
    )
    def test_nothing(self, script: str) -> None:
        served = Served(
            users=self.Strict(Drop()),
            mechanisms={"PLAIN": PlainServer},
            timestamp=TestApop.TIMESTAMP,
        )
        served.play(TestApop.READY + script + WRONG + "EOF")
        assert served.reported == []
        assert [attempt.ok for attempt in served.attempts] == [False]

    def test_apop_prepares_name_and_password(self) -> None:
        class Ligature(Store):
            def password(self, name: str) -> str | None:
                return {"alice": "\ufb01ne", "eve": "\u2028"}.get(name)

            def authenticate(self, name: str, password: str) -> Maildrop | None:
                return self.drop if (name, password) == ("alice", "\ufb01ne") else None

        digest = apop_digest(TestApop.TIMESTAMP, b"fine").decode()
        nothing = apop_digest(TestApop.TIMESTAMP, b"").decode()
        Served(users=Ligature(Drop()), timestamp=TestApop.TIMESTAMP).play(
            TestApop.READY
            + f"C: APOP eve {nothing}\n{WRONG}C: APOP al\\xc2\\xadice {digest}\n{IN}{QUIT}"
        )


class TestOffers:
    def test_without_user_and_pass(self) -> None:
        served = Served(user=False, mechanisms={"PLAIN": PlainServer})
        assert b"USER" not in served.session.capabilities().lines
        served.play(
            GREETING
            + "C: USER alice\nS: -ERR USER is not supported: use AUTH or APOP\n"
            + "C: PASS secret\nS: -ERR PASS is not allowed yet: send USER first\n"
            + f"C: AUTH PLAIN AGFsaWNlAHNlY3JldA==\n{IN}{QUIT}"
        )

    def test_what_shows_no_secret_needs_no_tls(self) -> None:
        mechanisms: Mapping[str, Callable[[], ServerMechanism]] = {
            "X-OPEN": lambda: Saying(Proven("alice")),
            "PLAIN": PlainServer,
        }
        served = Served(
            users=Everybody(Drop()), mechanisms=mechanisms, insecure=False, tls=TlsPolicy.STLS
        )
        assert served.session.capabilities().sasl == ("X-OPEN",)
        served.play(
            GREETING
            + "C: AUTH\nS: +OK\nS: X-OPEN\nS: .\n"
            + "C: AUTH PLAIN =\nS: -ERR no passwords in plaintext: use TLS\n"
            + "C: USER alice\nS: -ERR no passwords in plaintext: use TLS\n"
            + "C: STLS\nS: +OK begin TLS\nTLS\n"
            + "C: AUTH\nS: +OK\nS: X-OPEN\nS: PLAIN\nS: .\n"
            + f"C: AUTH X-OPEN =\n{IN}{QUIT}"
        )

    def test_external_is_for_who_has_shown_a_certificate(self) -> None:
        served = Served(users=Everybody(Drop()), mechanisms={"EXTERNAL": ExternalServer})
        assert served.session.capabilities().sasl is None
        served.play(
            GREETING
            + "C: AUTH\nS: +OK\nS: .\n"
            + "C: AUTH EXTERNAL =\nS: -ERR this mechanism needs a certificate of the client\nEOF"
        )
        assert served.attempts == []
        certificate = ClientCertificate(b"", "alice")
        mechanisms = Mechanisms({"external": ExternalServer})
        served = Served(mechanisms=mechanisms, certificate=certificate)
        assert served.session.capabilities().sasl == ("EXTERNAL",)


class Saying:
    """A mechanism that comes to a claim at once, or says one thing after the other."""

    client_first = True
    shows_secret = False

    def __init__(self, *steps: bytes | Claim) -> None:
        self._steps = list(steps)

    def step(self, response: bytes) -> bytes | Claim:
        return self._steps.pop(0)


VERIFIER = ScramVerifier("SCRAM-SHA-1", 4096, b"salt", b"stored", b"server")


@dataclass
class Everybody(Store):
    """Can do all that an authenticator can do. It has the tokens and certificates of alice, who may
    have the maildrop of bob, and lets guests in whose trace has an @."""

    asked: list[object] = field(default_factory=list[object])

    def maildrop(self, name: str) -> Maildrop | None:
        self.asked.append(("maildrop", name))
        return self.drop if name in ("alice", "bob") else None

    def mechanisms(self) -> Collection[str]:
        return ("SCRAM-SHA-1",)

    def verifier(self, name: str, mechanism: str) -> ScramVerifier | None:
        self.asked.append(("verifier", name, mechanism))
        if name == "busy":
            raise Refused("come back", SYS_TEMP)
        return VERIFIER if name == "alice" else None

    def token_holder(self, token: str) -> str | None:
        return {"good": "alice", "nobody's": "", "ghost's": "ghost"}.get(token)

    def certificate_holder(self, certificate: ClientCertificate) -> str | None:
        return certificate.common_name

    def guest(self, trace: str) -> Maildrop | None:
        return self.drop if "@" in trace else None

    def permits(self, name: str, other: str) -> bool:
        self.asked.append(("permits", name, other))
        return name == "alice" and other in ("bob", "ghost")


class TestClaims:
    """What a mechanism may come to."""

    def played(
        self,
        claim: Claim,
        said: str,
        *,
        users: Authenticator | None = None,
        certificate: ClientCertificate | None = None,
        before: tuple[bytes | Claim, ...] = (),
    ) -> Served:
        served = Served(
            users=users or Everybody(Drop()),
            mechanisms={"X": lambda: Saying(*before, claim)},
            insecure=False,
            certificate=certificate,
        )
        served.play(GREETING + f"C: AUTH X =\n{said}" + ("" if said.endswith(QUIT) else "EOF"))
        return served

    def attempt(
        self, claim: Claim, said: str, certificate: ClientCertificate | None = None
    ) -> LoginAttempt:
        (attempt,) = self.played(claim, said, certificate=certificate).attempts
        return attempt

    def test_credentials(self) -> None:
        attempt = self.attempt(Credentials("alice", "secret"), IN)
        assert attempt == LoginAttempt("alice", "", "X", ok=True, tls=False, failures=0)
        attempt = self.attempt(Credentials("alice", "wrong"), WRONG)
        assert attempt == LoginAttempt("alice", "", "X", ok=False, tls=False, failures=1)

    def test_a_digest(self) -> None:
        proofs: list[str] = []

        def proves(password: str) -> bool:
            proofs.append(password)
            return password in ("secret", "other", DECOY)

        assert self.attempt(Digest("alice", proves), IN).ok
        # Who does not exist, or has no password, is proven to be nobody; all take as long.
        for name in ("nobody", "bob", "eve"):
            assert self.attempt(Digest(name, proves), WRONG).name == name
        assert proofs == ["secret", DECOY, DECOY, "other"]

    @pytest.mark.parametrize("who", ["", "alice"])
    def test_a_token(self, who: str) -> None:
        assert self.attempt(AccessToken("good", who), IN).name == "alice"

    @pytest.mark.parametrize("token", ["bad", "nobody's", "ghost's"])
    def test_a_token_that_is_refused_without_a_word(self, token: str) -> None:
        assert self.attempt(AccessToken(token, "ghost"), WRONG).name == "ghost"

    @pytest.mark.parametrize("answer", ["", "AQ==", "*", "!", "=", "A" * 200_000])
    def test_a_token_that_is_refused(self, answer: str) -> None:
        claim = AccessToken("bad", "alice", refusal=b"{}")
        served = self.played(claim, f"S: + e30=\nC: {answer}\n{WRONG}")
        assert [attempt.name for attempt in served.attempts] == ["alice"]

    def test_a_client_that_does_not_wait_for_the_end(self) -> None:
        (attempt,) = self.played(AccessToken("bad", refusal=b"{}"), "S: + e30=\n").attempts
        assert not attempt.ok

    def test_a_certificate(self) -> None:
        alice, mallory = (ClientCertificate(b"", name) for name in ("alice", None))
        assert self.attempt(Certified(), IN, certificate=alice).name == "alice"
        assert self.attempt(Certified("alice"), WRONG, certificate=mallory).name == "alice"
        assert self.attempt(Certified(), WRONG).name == ""

    def test_a_guest(self) -> None:
        assert self.attempt(Guest("sirhc@example.org"), IN).name == ""
        assert not self.attempt(Guest("sirhc"), WRONG).ok

    def test_who_has_been_proven_to_be_somebody(self) -> None:
        assert self.attempt(Proven("alice"), IN).name == "alice"
        assert self.attempt(Proven(""), WRONG).name == ""
        assert self.attempt(Proven("ghost"), WRONG).name == "ghost"

    @pytest.mark.parametrize(
        "claim", [AccessToken("good"), Certified(), Guest("@"), Proven("alice")]
    )
    def test_an_authenticator_that_can_do_nothing_with_it(self, claim: Claim) -> None:
        served = self.played(claim, UNAVAILABLE, users=Users(Drop()))
        assert [type(error) for error in served.reported] == [TypeError]
        assert served.attempts == []

    def test_what_an_authenticator_refuses(self) -> None:
        users = Everybody(Drop(), fails=Refused("too soon", ResponseCode.of("LOGIN-DELAY")))
        claim = Credentials("alice", "secret")
        assert self.played(claim, "S: -ERR [LOGIN-DELAY] too soon\n", users=users).attempts == []

    # A verifier for SCRAM.

    def scram(
        self, name: str, said: str, users: Users | None = None
    ) -> tuple[list[object], Served]:
        known: list[object] = []

        def challenge(verifier: ScramVerifier | str | None) -> bytes:
            known.append(verifier)
            if name == "odd":
                raise ValueError("salt")
            return b"{}"

        wanted = VerifierWanted(name, challenge)
        proven = Proven(name if name == "alice" else "")
        return known, self.played(proven, said, users=users, before=(wanted,))

    def test_a_verifier_that_is_there(self) -> None:
        known, served = self.scram("alice", f"S: + e30=\nC: \n{IN}")
        assert known == [VERIFIER]
        assert [attempt.ok for attempt in served.attempts] == [True]

    @pytest.mark.parametrize(("name", "password"), [("eve", "other"), ("nobody", None)])
    def test_a_password_in_place_of_it(self, name: str, password: str | None) -> None:
        users = Everybody(Drop())
        known, served = self.scram(name, f"S: + e30=\nC: \n{WRONG}", users)
        assert known == [password]
        assert users.asked == [("verifier", name, "X")]
        # He has said his name before, and the end of it does not.
        assert [attempt.name for attempt in served.attempts] == [name]

    def test_only_passwords(self) -> None:
        known, _ = self.scram("alice", f"S: + e30=\nC: \n{IN}", Store(Drop()))
        assert known == ["secret"]

    def test_nothing_is_known_of_who_has_no_name(self) -> None:
        users = Everybody(Drop())
        known, _ = self.scram("", f"S: + e30=\nC: \n{WRONG}", users)
        assert known == [None]
        assert users.asked == []

    def test_a_verifier_that_is_refused(self) -> None:
        known, served = self.scram("busy", "S: -ERR [SYS/TEMP] come back\n")
        assert known == []
        assert served.attempts == []

    def test_a_challenge_that_cannot_be_made(self) -> None:
        for name, fault in (("odd", "salt"), ("broken", "disk")):
            _, served = self.scram(name, UNAVAILABLE)
            assert [str(error) for error in served.reported] == [fault]

    # Who goes before the end, when he may know already whether his password is right.

    @pytest.mark.parametrize(
        ("last", "step"),
        [
            ("EOF", None),
            ("C: *\nS: -ERR cancelled\nEOF", None),
            ("C: !\nS: -ERR the response is no base64\nEOF", None),
            ("C: eA==\nS: -ERR the response makes no sense\nEOF", ValueError("x")),
        ],
    )
    def test_who_has_said_his_name_and_goes(self, last: str, step: Exception | None) -> None:
        served, steps = self.leaving(step)
        served.play(GREETING + "C: AUTH X =\nS: + e30=\nC: \nS: + dg==\n" + last)
        assert steps == []
        assert served.attempts == [LoginAttempt("alice", "", "X", ok=False, tls=False, failures=1)]

    def test_who_goes_without_an_end(self) -> None:
        served, _ = self.leaving(None)
        said = [b"AUTH X =\r\n", b"\r\n"]
        gone = ConnectionResetError()

        def until_gone() -> None:
            flow = served.session.run()
            for want in flow:
                while want is Io.RECEIVE and not said:
                    want = flow.throw(gone)
                if want is Io.RECEIVE:
                    served.conn.receive_data(said.pop(0))
                elif isinstance(want, Invoke):
                    want.deliver(want.function())

        with pytest.raises(ConnectionResetError):
            until_gone()
        assert [(attempt.name, attempt.ok) for attempt in served.attempts] == [("alice", False)]

    def leaving(self, fault: Exception | None) -> tuple[Served, list[bytes | Claim | Exception]]:
        steps: list[bytes | Claim | Exception] = [VerifierWanted("alice", lambda _: b"{}"), b"v"]
        if fault:
            steps.append(fault)

        class Leaving(Saying):
            def step(self, response: bytes) -> bytes | Claim:
                step = steps.pop(0)
                if isinstance(step, Exception):
                    raise step
                return step

        return Served(users=Store(Drop()), mechanisms={"X": Leaving}), steps

    def test_who_has_not_said_his_name_and_goes(self) -> None:
        served = Served(mechanisms={"LOGIN": LoginServer})
        served.play(GREETING + "C: AUTH LOGIN\nS: + VXNlcm5hbWU6\nEOF")
        assert served.attempts == []

    # Whose maildrop is wanted.

    @pytest.mark.parametrize(
        "claim",
        [
            Credentials("alice", "secret", "bob"),
            AccessToken("good", "bob"),
            Certified("bob"),
            Proven("alice", "bob"),
        ],
    )
    def test_the_maildrop_of_somebody_else(self, claim: Claim) -> None:
        users = Everybody(Drop())
        alice = ClientCertificate(b"", "alice")
        (attempt,) = self.played(claim, IN, users=users, certificate=alice).attempts
        assert (attempt.name, attempt.authorization) == ("alice", "bob")
        assert users.asked == [("permits", "alice", "bob"), ("maildrop", "bob")]

    @pytest.mark.parametrize("other", ["alice", ""])
    def test_ones_own_needs_no_permission(self, other: str) -> None:
        users = Everybody(Drop())
        (attempt,) = self.played(Proven("alice", other), IN, users=users).attempts
        assert attempt.authorization == ""
        assert users.asked == [("maildrop", "alice")]

    @pytest.mark.parametrize(
        "claim",
        [
            Credentials("alice", "wrong", "bob"),
            Credentials("alice", "secret", "eve"),
            Credentials("alice", "secret", "ghost"),
            AccessToken("good", "eve"),
            Proven("bob", "alice"),
        ],
    )
    def test_what_is_not_permitted_is_never_ignored(self, claim: Claim) -> None:
        drop = Drop()
        served = self.played(claim, WRONG, users=Everybody(drop))
        assert drop.asked == []
        assert served.attempts[0].authorization


class TestFailures:
    """How many there may be, and who is told."""

    FAILURE = f"C: USER alice\nS: +OK\nC: PASS wrong\n{WRONG}"

    def test_too_many_end_the_session(self) -> None:
        served = Served(mechanisms={"PLAIN": PlainServer})
        plain = f"C: AUTH PLAIN AGFsaWNlAHdyb25n\n{WRONG}"
        served.play(GREETING + self.FAILURE + plain + self.FAILURE + "CLOSE")
        assert served.conn.state is State.BROKEN
        ways = [(attempt.way, attempt.failures) for attempt in served.attempts]
        assert ways == [("USER", 1), ("PLAIN", 2), ("USER", 3)]

    def test_a_success_among_them(self) -> None:
        served = Served(limits=Limits(failed_logins=2))
        served.play(GREETING + self.FAILURE + LOGIN + QUIT)
        assert [(attempt.ok, attempt.failures) for attempt in served.attempts] == [
            (False, 1),
            (True, 1),
        ]

    def test_tls_does_not_make_them_forgotten(self) -> None:
        served = Served(tls=TlsPolicy.STLS, limits=Limits(failed_logins=2))
        stls = "C: STLS\nS: +OK begin TLS\nTLS\n"
        served.play(GREETING + self.FAILURE + stls + self.FAILURE + "CLOSE")
        assert [attempt.tls for attempt in served.attempts] == [False, True]

    def test_what_is_refused_for_another_reason_is_none(self) -> None:
        drop = Drop(fails={"open": Refused("in use", ResponseCode.of("IN-USE"))})
        served = Served(drop)
        attempt = "C: USER alice\nS: +OK\nC: PASS secret\nS: -ERR [IN-USE] in use\n"
        served.play(GREETING + attempt * 5 + QUIT)
        assert served.attempts == []

    def test_who_is_told_may_take_his_time_before_the_answer(self) -> None:
        conn = ServerConnection()
        told: list[LoginAttempt] = []

        async def attempted(attempt: LoginAttempt) -> None:
            told.append(attempt)

        session = ServerSession(
            conn, AsyncUsers(AsyncDrop(Drop())), allow_insecure_auth=True, attempted=attempted
        )
        play_async(conn, session.run(), GREETING + self.FAILURE + LOGIN + QUIT)
        assert [attempt.ok for attempt in told] == [False, True]

    @pytest.mark.parametrize(("password", "reply"), [("secret", b"+OK"), ("wrong", b"-ERR")])
    def test_he_is_told_before_it_is_answered(self, password: str, reply: bytes) -> None:
        served = Served()
        order: list[object] = []
        for want in served.session.run():
            if isinstance(want, Invoke):
                want.deliver(want.function())
                order.append(want.may_block)
            elif want is Io.RECEIVE and not order:
                served.conn.receive_data(f"USER alice\r\nPASS {password}\r\n".encode())
            elif isinstance(want, Send) and order:
                assert want.data.startswith(reply)
                break
        # What an adapter does with it never blocks.
        assert order[-1] is False
        assert order.count(False) == len(served.attempts) == 1

    def test_who_is_told_and_fails(self) -> None:
        fault = RuntimeError("no disk")
        reported: list[Exception] = []

        def attempted(attempt: LoginAttempt) -> MaybeAwaitable[object]:
            raise fault

        conn = ServerConnection()
        session = ServerSession(
            conn,
            Users(Drop()),
            allow_insecure_auth=True,
            attempted=attempted,
            report=reported.append,
        )
        play(conn, session.run(), GREETING + self.FAILURE + LOGIN + QUIT)
        assert reported == [fault] * 2


class TestOpening:
    def test_a_maildrop_with_surrogates_is_told_of_utf8(self) -> None:
        class Surrogates(Drop):
            def enable_utf8(self) -> None:
                self.done("enable_utf8")

        class Announcing(Users):
            announced = Announced(utf8=True)

        drop = Surrogates()
        served = Served(users=Announcing(drop))
        served.play(GREETING + "C: UTF8\nS: +OK UTF-8 mode\n" + LOGIN + QUIT)
        assert drop.asked == ["enable_utf8", "open", "close"]

    def test_a_maildrop_that_lists_nonsense_is_closed_again(self) -> None:
        class Faulty(Drop):
            def open(self) -> Sequence[MessageEntry]:
                _ = super().open()
                return [MessageEntry(1, b"")]

        drop = Faulty()
        served = Served(drop)
        served.play(GREETING + f"C: USER alice\nS: +OK\nC: PASS secret\n{UNAVAILABLE}EOF")
        assert drop.asked == ["open", "close"]
        assert served.attempts == []
