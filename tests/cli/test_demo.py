"""`pop3 demo`, and the mail that it sends around."""

import ssl
from collections.abc import Iterable
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from pop3_adapters.cli import demo, place
from pop3_adapters.cli.mail import make_mail
from pop3_adapters.cli.maildir_target import MaildirTarget
from pop3_adapters.socket import client_context

from .running import pop3, start, stored


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo keeps its mail in here."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def test_all_of_it_arrives() -> None:
    result = pop3("demo", password=None)
    assert result.exit_code == 0, result.output
    words = result.stdout.split()
    for expected in ("TLSv1.3,", "verified"):
        assert expected in words
    assert "400 of 400 are equal" in result.stdout
    folder = Path(words[-1])
    assert result.stdout.endswith(f"The mail is in {folder}\n")
    assert len(stored(folder)) == 400


class Careless(MaildirTarget):
    """Loses the last octet of every message that has more than a million."""

    def store(self, pieces: Iterable[bytes]) -> None:
        whole = b"".join(pieces)
        super().store([whole if len(whole) < 1_000_000 else whole[:-3]])


def test_a_difference_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "MaildirTarget", Careless)
    result = pop3("demo", password=None)
    assert result.exit_code == 1
    assert "392 of 400 are equal" in result.stdout


def test_its_certificate_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    def others(ca_file: str) -> ssl.SSLContext:
        return client_context()

    monkeypatch.setattr(demo, "client_context", others)
    result = pop3("demo", password=None)
    assert result.exit_code == 3
    assert "the certificate of 127.0.0.1 is not trusted" in result.stdout


def test_in_a_plain_log() -> None:
    process = start("demo")
    stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert stderr == ""
    assert stdout.isascii()
    assert "\x1b" not in stdout


def test_the_mail_is_the_same_each_time() -> None:
    assert list(make_mail(60)) == list(make_mail(60))


def test_the_mail_is_hard_to_carry() -> None:
    mail = list(make_mail())
    assert len(mail) == len(set(mail)) == 400
    assert any(b"\n.\n" in message for message in mail)
    assert any(b"\n..\n" in message for message in mail)
    assert any(not message.isascii() for message in mail)
    assert any(not message.endswith(b"\n") for message in mail)
    assert any(message.endswith(b"\n\n") for message in mail)
    assert any(b"\r\n" in message for message in mail)
    assert any(max(map(len, message.splitlines())) > 50_000 for message in mail)
    assert any(len(message) > 2_000_000 for message in mail)
    for tag in (b"base64", b"quoted-printable", b"multipart/alternative", b"text/html"):
        assert any(tag in message for message in mail)


def test_the_mail_is_mail() -> None:
    for octets in make_mail(50):
        message = message_from_bytes(octets, policy=default)
        assert message["From"]
        assert message["Date"].datetime
        assert not [part.defects for part in message.walk() if part.defects]
