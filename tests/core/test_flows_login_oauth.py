"""How a client logs in with a token of OAuth, played by scripts."""

import pytest

from pop3_proto import (
    AuthenticationFailed,
    Capabilities,
    ClientConnection,
    LocalProtocolError,
    LoginDelay,
    LoginImpossible,
    MaybeAwaitable,
    State,
    TokenRefused,
    UnexpectedEof,
)
from pop3_proto.base64 import encode_base64
from pop3_proto.flows.login_oauth import TokenLogin
from tests.core.machines import client_in, secured_client
from tests.core.playing import play, play_async

OLD, NEW = "ya29.old", "ya29.new"
JSON = b'{"status":"401","schemes":"bearer","scope":"https://mail.example.org/"}'


def ready(*capabilities: str) -> ClientConnection:
    conn = secured_client()
    conn.capabilities = Capabilities.of("TOP", "UIDL", *capabilities)
    return conn


def xoauth2(token: str) -> str:
    line = encode_base64(f"user=alice\1auth=Bearer {token}\1\1".encode()).decode()
    return f"C: AUTH XOAUTH2\nS: + \nC: {line}\n"


def bearer(token: str) -> str:
    text = f"n,a=alice,\1host=pop.example.org\1port=995\1auth=Bearer {token}\1\1"
    return f"C: AUTH OAUTHBEARER\nS: + \nC: {encode_base64(text.encode()).decode()}\n"


REFUSED = f"S: + {encode_base64(JSON).decode()}\nC:\nS: -ERR [AUTH] no\n"


class Provider:
    """Gives tokens in turn, and notes what it is told."""

    def __init__(self, *tokens: str) -> None:
        self._tokens = list(tokens)
        self.told: list[str | None] = []

    def __call__(self, refused: str | None) -> MaybeAwaitable[str]:
        self.told.append(refused)
        return self._tokens.pop(0)


def test_in_two_steps_by_default() -> None:
    conn = ready("SASL XOAUTH2")
    assert play(conn, TokenLogin("alice", OLD).run(conn), xoauth2(OLD) + "S: +OK") == "XOAUTH2"
    assert conn.state is State.TRANSACTION


def test_in_one_line_on_request() -> None:
    conn = ready("SASL XOAUTH2")
    line = xoauth2(OLD).split()[-1]
    tries = TokenLogin("alice", OLD, initial_response=True)
    play(conn, tries.run(conn), f"C: AUTH XOAUTH2 {line}\nS: +OK")


@pytest.mark.parametrize(
    ("announced", "way"),
    [
        ("SASL XOAUTH2 OAUTHBEARER", "OAUTHBEARER"),
        ("SASL PLAIN OAUTHBEARER", "OAUTHBEARER"),
        ("SASL", "XOAUTH2"),
        ("TOP", "XOAUTH2"),
    ],
)
def test_the_better_one_that_is_offered(announced: str, way: str) -> None:
    conn = ready(announced)
    tries = TokenLogin("alice", OLD, host="pop.example.org", port=995)
    script = bearer(OLD) if way == "OAUTHBEARER" else xoauth2(OLD)
    assert play(conn, tries.run(conn), script + "S: +OK") == way


def test_the_one_that_is_named() -> None:
    conn = ready("SASL OAUTHBEARER")
    tries = TokenLogin("alice", OLD, mechanism="xoauth2")
    assert play(conn, tries.run(conn), xoauth2(OLD) + "S: +OK") == "XOAUTH2"


def test_one_that_takes_no_token() -> None:
    conn = ready("SASL PLAIN")
    with pytest.raises(LocalProtocolError, match="PLAIN takes no token"):
        play(conn, TokenLogin("alice", OLD, mechanism="PLAIN").run(conn))


@pytest.mark.parametrize("mechanism", [None, "XOAUTH2"])
def test_no_token_is_asked_for_or_sent_in_plaintext(mechanism: str | None) -> None:
    conn, provider = client_in(State.AUTHORIZATION), Provider(OLD)
    conn.capabilities = Capabilities.of("TOP", "UIDL", "SASL XOAUTH2")
    with pytest.raises(LocalProtocolError, match="allow_insecure_auth=True"):
        play(conn, TokenLogin("alice", provider, mechanism=mechanism).run(conn))
    assert provider.told == []
    tries = TokenLogin("alice", provider, mechanism=mechanism, allow_insecure_auth=True)
    play(conn, tries.run(conn), xoauth2(OLD) + "S: +OK")


def test_a_server_that_takes_none() -> None:
    conn, provider = ready("SASL PLAIN", "USER"), Provider(OLD)
    with pytest.raises(LoginImpossible, match="the server offers PLAIN, USER") as caught:
        play(conn, TokenLogin("alice", provider).run(conn))
    assert set(caught.value.obstacles) == {"OAUTHBEARER", "XOAUTH2"}
    assert provider.told == []


def test_what_the_server_says_of_a_token() -> None:
    conn = ready("SASL XOAUTH2")
    with pytest.raises(TokenRefused, match=r"status.*401|401") as caught:
        play(conn, TokenLogin("alice", OLD).run(conn), xoauth2(OLD) + REFUSED)
    refusal = caught.value.refusal
    assert (refusal.status, refusal.schemes) == ("401", "bearer")
    assert (refusal.scope, refusal.raw) == ("https://mail.example.org/", JSON)
    assert OLD not in str(caught.value)
    assert conn.state is State.AUTHORIZATION


def test_what_is_no_json_is_kept() -> None:
    conn = ready("SASL XOAUTH2")
    with pytest.raises(TokenRefused) as caught:
        play(
            conn,
            TokenLogin("alice", OLD).run(conn),
            xoauth2(OLD) + "S: + bm8gSlNPTg==\nC:\nS: -ERR",
        )
    assert caught.value.refusal.raw == b"no JSON"
    assert caught.value.refusal.status is None


def test_something_else_is_wrong_than_the_token() -> None:
    conn, provider = ready("SASL XOAUTH2"), Provider(OLD)
    script = xoauth2(OLD) + REFUSED.replace("[AUTH]", "[LOGIN-DELAY]")
    with pytest.raises(LoginDelay):
        play(conn, TokenLogin("alice", provider).run(conn), script)
    assert provider.told == [None]


@pytest.mark.parametrize("refusal", [REFUSED, "S: -ERR [AUTH] no\n", "S: -ERR\n"])
def test_another_token_in_the_same_session(refusal: str) -> None:
    conn, provider = ready("SASL XOAUTH2"), Provider(OLD, NEW)
    script = xoauth2(OLD) + refusal + xoauth2(NEW) + "S: +OK"
    assert play(conn, TokenLogin("alice", provider).run(conn), script) == "XOAUTH2"
    assert provider.told == [None, OLD]


def test_asynchronous_providers() -> None:
    conn = ready("SASL XOAUTH2")
    tokens = [OLD, NEW]

    async def provider(refused: str | None) -> str:
        return tokens.pop(0)

    script = xoauth2(OLD) + REFUSED + xoauth2(NEW) + "S: +OK"
    assert play_async(conn, TokenLogin("alice", provider).run(conn), script) == "XOAUTH2"


def test_the_same_token_is_not_tried_again() -> None:
    conn, provider = ready("SASL XOAUTH2"), Provider(OLD, OLD)
    with pytest.raises(TokenRefused):
        play(conn, TokenLogin("alice", provider).run(conn), xoauth2(OLD) + REFUSED)
    assert provider.told == [None, OLD]


def test_no_third_token() -> None:
    conn, provider = ready("SASL XOAUTH2"), Provider(OLD, NEW, "third")
    with pytest.raises(TokenRefused):
        play(
            conn,
            TokenLogin("alice", provider).run(conn),
            xoauth2(OLD) + REFUSED + xoauth2(NEW) + REFUSED,
        )
    assert provider.told == [None, OLD]


@pytest.mark.parametrize("end", ["EOF", "POLL: -ERR bye"])
def test_another_token_in_a_new_session(end: str) -> None:
    provider = Provider(OLD, NEW)
    tries = TokenLogin("alice", provider)
    conn = ready("SASL XOAUTH2")
    assert play(conn, tries.run(conn), xoauth2(OLD) + REFUSED + end) is None
    assert isinstance(tries.failure, TokenRefused)
    conn = ready("SASL XOAUTH2")
    assert play(conn, tries.run(conn), xoauth2(NEW) + "S: +OK") == "XOAUTH2"
    assert provider.told == [None, OLD]


def test_a_server_that_hangs_up_in_place_of_its_reply() -> None:
    """It has said before what is wrong."""
    tries = TokenLogin("alice", Provider(OLD, NEW))
    conn = ready("SASL XOAUTH2")
    script = xoauth2(OLD) + REFUSED.replace("S: -ERR [AUTH] no", "EOF")
    assert play(conn, tries.run(conn), script) is None
    assert isinstance(tries.failure, UnexpectedEof)


def test_a_server_that_hangs_up_without_a_word() -> None:
    conn, provider = ready("SASL XOAUTH2"), Provider(OLD, NEW)
    with pytest.raises(UnexpectedEof, match="AUTH XOAUTH2"):
        play(conn, TokenLogin("alice", provider).run(conn), xoauth2(OLD) + "EOF")
    assert provider.told == [None]


def test_a_new_session_is_refused_too() -> None:
    tries = TokenLogin("alice", Provider(OLD, NEW))
    conn = ready("SASL XOAUTH2")
    assert play(conn, tries.run(conn), xoauth2(OLD) + REFUSED + "EOF") is None
    conn = ready("SASL XOAUTH2")
    with pytest.raises(AuthenticationFailed):
        play(conn, tries.run(conn), xoauth2(NEW) + REFUSED)


def test_a_token_of_64_kib() -> None:
    conn, token = ready("SASL XOAUTH2"), "x" * 65_536
    assert play(conn, TokenLogin("alice", token).run(conn), xoauth2(token) + "S: +OK") == "XOAUTH2"


def test_a_provider_that_fails() -> None:
    def provider(refused: str | None) -> str:
        raise OSError("the issuer is not to be reached")

    conn = ready("SASL XOAUTH2")
    with pytest.raises(OSError, match="issuer"):
        play(conn, TokenLogin("alice", provider).run(conn))
    assert (conn.state, conn.pending) == (State.AUTHORIZATION, ())


@pytest.mark.parametrize("again", [False, True])
def test_what_was_said_of_a_token_before_the_end(again: bool) -> None:
    conn = ready("SASL XOAUTH2")
    script = xoauth2(OLD) + REFUSED.replace("S: -ERR [AUTH] no", "EOF")
    tries = TokenLogin("alice", Provider(OLD, OLD) if again else OLD)
    with pytest.raises(UnexpectedEof, match="of the token it said before: status 401") as caught:
        play(conn, tries.run(conn), script)
    assert caught.value.refusal is not None
    assert caught.value.refusal.status == "401"


def test_what_is_no_token() -> None:
    with pytest.raises(TypeError, match="a token is text, or a function"):
        TokenLogin("alice", b"token")  # type: ignore[arg-type]  # as somebody may who is not typed
    conn = ready("SASL XOAUTH2")
    tries = TokenLogin("alice", lambda refused: b"token")  # type: ignore[arg-type,return-value]
    with pytest.raises(TypeError, match="has to give text, and gave bytes"):
        play(conn, tries.run(conn))
