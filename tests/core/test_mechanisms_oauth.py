"""What the mechanisms for tokens share."""

import json
from collections.abc import Callable
from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto import LocalProtocolError, RemoteProtocolError, Response
from pop3_proto.mechanisms import OAuthBearer, TokenMechanism, TokenRefusal, XOAuth2
from pop3_proto.mechanisms.oauth import check_token, parse_pairs, parse_token, subject

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
KEYS = ("status", "schemes", "scope", "openid-configuration")


# RFC 7628, sections 4.3 and 4.4.
def test_the_refusals_of_the_rfc() -> None:
    raw = (
        b'{"status":"invalid_token","scope":"example_scope",'
        b'"openid-configuration":"https://example.com/.well-known/openid-configuration"}'
    )
    assert TokenRefusal.parse(raw) == TokenRefusal(
        raw,
        status="invalid_token",
        scope="example_scope",
        openid_configuration="https://example.com/.well-known/openid-configuration",
    )
    raw = b'{"status":"invalid_token","schemes":"bearer mac","scope":"https://mail.example.com/"}'
    assert TokenRefusal.parse(raw) == TokenRefusal(
        raw, status="invalid_token", schemes="bearer mac", scope="https://mail.example.com/"
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"error",
        b"null",
        b"[]",
        b'"status"',
        b"401",
        b"{}",
        b'{"status":"401"',
        b'{"status":null}',
        b'{"status":["401"]}',
        b'{"status":{"status":"401"}}',
        b'{"STATUS":"401"}',
        b'\xff{"status":"401"}',
        b'{"status":' + b"9" * 5000 + b"}",
        b"[" * 60_000,
        b'{"status":' * 10_000,
    ],
)
def test_what_is_no_json_or_says_nothing(raw: bytes) -> None:
    assert TokenRefusal.parse(raw) == TokenRefusal(raw)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"400", "400"),
        (b"true", "True"),
        (b"1e999", "inf"),
        (rb'"a\u001b[2J\r\nb"', r"a\x1b[2J\r\nb"),
        (rb'"\ud800"', r"\ud800"),
        (b'"b\xc3\xa4r"', "b\u00e4r"),
        (b'""', ""),
    ],
)
def test_members_are_fit_to_be_shown(said: bytes, status: str) -> None:
    assert TokenRefusal.parse(b'{"status":%b}' % said).status == status


@given(st.dictionaries(st.sampled_from(KEYS), JSON).map(json.dumps).map(str.encode) | st.binary())
def test_any_refusal_is_read(raw: bytes) -> None:
    refusal = TokenRefusal.parse(raw)
    assert refusal.raw == raw
    assert all(text is None or text.isprintable() for text in astuple(refusal)[1:])


def test_what_a_server_says_may_have_the_token_in_it() -> None:
    assert "hunter2" not in repr(TokenRefusal.parse(b"hunter2"))


class Mechanism(TokenMechanism):
    name = "X-TOKEN"
    acknowledgement = b"!"


def test_a_token_that_is_refused() -> None:
    client = Mechanism(b"token")
    assert client.refusal is None
    assert client.respond(b"whatever") == Response(b"token", last=True)
    assert client.respond(b'{"status":"401"}') == Response(b"!", last=False)
    assert client.refusal == TokenRefusal(b'{"status":"401"}', status="401")
    for _ in range(2):
        with pytest.raises(RemoteProtocolError, match="after it has refused the token"):
            client.respond(b'{"status":"402"}')
    assert client.refusal == TokenRefusal(b'{"status":"401"}', status="401")


@pytest.mark.parametrize("token", ["x", "vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg==", "x" * 65_536])
def test_tokens(token: str) -> None:
    assert check_token(token) == token.encode()
    assert parse_token(b"Bearer " + token.encode()) == token


@pytest.mark.parametrize(
    "token", ["", "hunter2\n", "hunter2 ", "hun ter2", "hunter\x012", "hunter2\u00e4", "x" * 65_537]
)
def test_what_is_no_token(token: str) -> None:
    with pytest.raises(LocalProtocolError, match="a token consists of 1 to 65536") as caught:
        check_token(token)
    assert "hunter" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("name", ["", "a\0", "a\1", "\1"])
def test_names_that_cannot_be_told(name: str) -> None:
    with pytest.raises(LocalProtocolError, match=r"the name (is empty|contains)"):
        subject(name)


def test_names() -> None:
    assert subject("b\u00e4r") == b"b\xc3\xa4r"
    assert subject(b"b\xe4r") == b"b\xe4r"
    assert subject("", empty=True) == b""


@given(st.dictionaries(st.from_regex(rb"[A-Za-z]+", fullmatch=True), st.binary(), min_size=1))
def test_pairs(pairs: dict[bytes, bytes]) -> None:
    pairs = {key: value.translate(None, b"\0\1") for key, value in pairs.items()}
    octets = b"".join(b"%b=%b\1" % pair for pair in pairs.items()) + b"\1"
    assert parse_pairs(octets) == pairs


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\1",
        b"\1\1",
        b"a\1\1",
        b"=b\1\1",
        b"a=b\1",
        b"a=b\1\1\1",
        b"a=b\1\1\n",
        b"a=b\1\1c=d\1\1",
        b"a=b\0\1\1",
        b"\1a=b\1\1",
        b"a-b=c\1\1",
    ],
)
def test_what_is_no_pair(octets: bytes) -> None:
    with pytest.raises(ValueError, match="keys and values"):
        parse_pairs(octets)


def test_the_scheme_may_be_written_otherwise() -> None:
    assert parse_token(b"bEARER x") == "x"


@pytest.mark.parametrize(
    "value",
    [b"", b"Bearer", b"Bearer ", b"Basic hunter2", b"hunter2", b"Bearer  hunter2", b"Bearer h\xff"],
)
def test_what_is_no_token_of_a_client(value: bytes) -> None:
    with pytest.raises(ValueError, match="no token of the kind Bearer") as caught:
        parse_token(value)
    assert "hunter2" not in str(caught.value)


def test_a_refusal_in_words() -> None:
    said = b'{"status":"401","schemes":"bearer","scope":"mail"}'
    assert str(TokenRefusal.parse(said)) == "status 401, scope mail"
    assert str(TokenRefusal.parse(b'{"scope":"mail"}')) == "scope mail"
    assert str(TokenRefusal.parse(b"no JSON")) == "nothing that can be read"


@pytest.mark.parametrize("make", [XOAuth2, OAuthBearer])
def test_a_token_that_the_server_repeats_is_not_told(
    make: Callable[[str, str], TokenMechanism],
) -> None:
    mechanism = make("alice", "ya29.secret")
    mechanism.respond(b"")
    mechanism.respond(b'{"status":"ya29.secret","scope":"not for eWEyOS5zZWNyZXQ="}')
    assert mechanism.refusal is not None
    assert (mechanism.refusal.status, mechanism.refusal.scope) == ("***", "not for ***")
    assert b"secret" not in mechanism.refusal.raw
