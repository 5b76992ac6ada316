"""Verifiers of SCRAM as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto import ScramVerifier

# Of the password `pencil`, with the salt of RFC 7677.
TEXT = (
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
    "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
)


def test_the_form_that_others_write_too() -> None:
    verifier = ScramVerifier.parse(TEXT)
    assert verifier.mechanism == "SCRAM-SHA-256"
    assert verifier.iterations == 4096
    assert verifier.salt.hex() == "5b6d99689d12358eeca04b141236fa81"
    assert len(verifier.stored_key) == len(verifier.server_key) == 32
    assert verifier.stored_key != verifier.server_key
    assert str(verifier) == TEXT


@given(
    st.sampled_from(["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"]),
    st.integers(4096, 10_000_000),
    st.binary(min_size=12),
    *[st.binary(min_size=1)] * 2,
)
def test_what_is_written_is_read(
    mechanism: str, iterations: int, salt: bytes, stored_key: bytes, server_key: bytes
) -> None:
    verifier = ScramVerifier(mechanism, iterations, salt, stored_key, server_key)
    assert ScramVerifier.parse(str(verifier)) == verifier


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hunter2",
        TEXT + "\n",
        TEXT.lower(),
        TEXT.replace("SCRAM-", ""),
        TEXT.replace("4096", "04096"),
        TEXT.replace("4096", "999"),
        TEXT.replace("4096", "-4096"),
        TEXT.replace("4096", "99999999999"),
        TEXT.replace("4096", "٤٠٩٦"),
        TEXT.replace("W22Z", "W2=Z"),
        TEXT.replace("gQ==", "gQ="),
        TEXT.replace("4qY=", "4qY"),
        TEXT.rpartition(":")[0],
        TEXT.replace("W22ZaJ0SNY7soEsUEjb6gQ==", ""),
        TEXT + "$",
    ],
)
def test_what_is_no_verifier(text: str) -> None:
    with pytest.raises(ValueError, match=r"^a verifier of SCRAM has the form [^\n]* number$"):
        ScramVerifier.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("4096", "1000"),
        TEXT.replace("4096", "4095"),
        TEXT.replace("4096", "10000001"),
        TEXT.replace("W22ZaJ0SNY7soEsUEjb6gQ==", "W22ZaJ0SNY7soEs="),
    ],
)
def test_a_verifier_that_nobody_could_log_in_with(text: str) -> None:
    with pytest.raises(ValueError, match="4096 to 10000000 iterations, and a salt of at least 12"):
        ScramVerifier.parse(text)


def test_the_least_that_can_be_used() -> None:
    least = TEXT.replace("W22ZaJ0SNY7soEsUEjb6gQ==", "W22ZaJ0SNY7soEsU")
    assert str(ScramVerifier.parse(least)) == least


@given(st.text())
def test_any_text_is_a_verifier_or_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"^a verifier"):
        ScramVerifier.parse(text)


def test_the_keys_are_in_no_repr() -> None:
    shown = repr(ScramVerifier.parse(TEXT))
    assert shown == (
        "ScramVerifier(mechanism='SCRAM-SHA-256', iterations=4096, "
        r"salt=b'[m\x99h\x9d\x125\x8e\xec\xa0K\x14\x126\xfa\x81')"
    )
