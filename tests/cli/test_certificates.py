"""What is read of certificates, good ones and bad ones."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from pop3_adapters.cli.certificates import read_certificate

UNTIL = datetime(2030, 1, 2, 3, 4, tzinfo=UTC)
DER = ssl.PEM_cert_to_DER_cert(
    trustme.CA()
    .issue_cert("mail.example", "*.mail.example", "127.0.0.1", not_after=UNTIL)
    .cert_chain_pems[0]
    .bytes()
    .decode("ascii")
)


def test_names_issuer_and_time() -> None:
    certificate = read_certificate(DER)
    assert certificate
    assert certificate.names == ("mail.example", "*.mail.example", "127.0.0.1")
    assert certificate.issuer.startswith("OU=Testing CA")
    assert certificate.ends == UNTIL
    assert certificate.days_left(UNTIL - timedelta(days=3, hours=1)) == 3
    assert certificate.days_left(UNTIL + timedelta(seconds=1)) == -1


def test_without_names_it_is_the_subject() -> None:
    der = ssl.PEM_cert_to_DER_cert(
        trustme.CA(organization_name="Nobody \x1b[2J").cert_pem.bytes().decode("ascii")
    )
    certificate = read_certificate(der)
    assert certificate
    assert len(certificate.names) == 1
    assert "O=Nobody \\x1b[2J" in certificate.names[0]
    assert certificate.issuer.isprintable()


@pytest.mark.parametrize("der", [b"", b"junk", DER[:-9]])
def test_what_is_no_certificate(der: bytes) -> None:
    assert read_certificate(der) is None


@given(st.integers(0, len(DER) - 1), st.integers(0, 255))
def test_whatever_a_server_shows_is_read_or_not(place: int, octet: int) -> None:
    certificate = read_certificate(DER[:place] + bytes([octet]) + DER[place + 1 :])
    assert certificate is None or all(name.isprintable() for name in certificate.names)
