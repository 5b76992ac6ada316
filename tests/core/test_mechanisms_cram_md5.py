"""CRAM-MD5."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto import Digest, LocalProtocolError, RemoteProtocolError, Response
from pop3_proto.mechanisms import CramMd5, CramMd5Server

CHALLENGE = b"<1896.697170952@postoffice.reston.mci.net>"
ANSWER = b"tim b913a602c7eda7a495b4e6e7334d3890"
PASSWORD = "tanstaaftanstaaf"

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=16)


def claim_of(response: bytes, challenge: bytes = CHALLENGE) -> Digest:
    server = CramMd5Server(challenge)
    assert server.step(b"") == challenge
    claim = server.step(response)
    assert isinstance(claim, Digest)
    return claim


# RFC 2195, section 2.
def test_the_example_of_the_rfc() -> None:
    assert CramMd5("tim", PASSWORD).respond(CHALLENGE) == Response(ANSWER, last=True)
    claim = claim_of(ANSWER)
    assert claim.name == "tim"
    assert claim.proves(PASSWORD)
    assert not claim.proves(PASSWORD + " ")
    assert not claim.proves("")


@given(texts, texts, texts, st.binary())
def test_the_server_understands_the_client(
    name: str, password: str, wrong: str, challenge: bytes
) -> None:
    claim = claim_of(CramMd5(name, password).respond(challenge).data, challenge)
    assert claim.name == name
    assert claim.proves(password)
    assert claim.proves(wrong) is (wrong == password)


def test_a_password_that_is_longer_than_a_block() -> None:
    claim = claim_of(CramMd5("alice", "x" * 65).respond(CHALLENGE).data)
    assert claim.proves("x" * 65)
    assert not claim.proves("x" * 66)


def test_digits_in_upper_case_are_taken() -> None:
    name, digest = ANSWER.split()
    assert claim_of(name + b" " + digest.upper()).proves(PASSWORD)


def test_octets_are_taken_as_they_are() -> None:
    assert CramMd5(b"b\xe4r", "x").respond(CHALLENGE).data.startswith(b"b\xe4r ")
    assert CramMd5("a", b"\xe4").respond(b"x") != CramMd5("a", "\u00e4").respond(b"x")
    assert CramMd5("a", "\u00e4".encode()).respond(b"x") == CramMd5("a", "\u00e4").respond(b"x")


def test_a_password_that_is_no_text_proves_nothing() -> None:
    assert not claim_of(ANSWER).proves("\ud800")


def test_a_second_challenge() -> None:
    client = CramMd5("alice", "secret")
    _ = client.respond(CHALLENGE)
    with pytest.raises(RemoteProtocolError, match="goes on asking"):
        client.respond(CHALLENGE)


@pytest.mark.parametrize(
    ("name", "password", "what"),
    [
        ("", "secret", "the name is empty"),
        ("alice", "", "the password is empty"),
        ("al\0ice", "secret", "the name contains NUL"),
        ("alice", "sec\0ret", "the password contains NUL"),
    ],
)
def test_what_cram_md5_cannot_carry(name: str, password: str, what: str) -> None:
    with pytest.raises(LocalProtocolError, match=what):
        CramMd5(name, password)


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"tim",
        b"tim ",
        ANSWER[4:],
        ANSWER[3:],
        ANSWER[:-1],
        ANSWER + b"0",
        ANSWER + b"\n",
        ANSWER[:-1] + b"g",
        ANSWER.replace(b" ", b"\t"),
    ],
)
def test_what_makes_no_sense(response: bytes) -> None:
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        claim_of(response)


@pytest.mark.parametrize("name", [b"\xff", b"\0"])
def test_a_name_that_is_no_text(name: bytes) -> None:
    with pytest.raises(ValueError, match="UTF-8"):
        claim_of(ANSWER.replace(b"tim", name))
