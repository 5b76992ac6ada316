"""What goes wrong before there is a session, in words and as an exit status."""

import ssl
from pathlib import Path
from socket import EAI_NONAME, create_server, gaierror

import pytest
import trustme

from pop3_adapters.cli.explain import explain
from pop3_adapters.cli.serve import server_context
from pop3_adapters.cli.statuses import Status
from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_adapters.socket import serve
from pop3_proto import Pop3Url, TlsPolicy

from .conftest import Serving
from .hostile import Server
from .running import PASSWORD, bodies, pop3

URL = Pop3Url("mail.example.org", 995, TlsPolicy.IMPLICIT, "alice")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("imap://alice@localhost", "a POP URL begins with pop:// or pop3s://"),
        ("pop3s://alice:secret@localhost", "a POP URL contains no password"),
        ("pop3s://localhost", "the URL names no user: write it as in pop3s://alice@localhost"),
        ("pop3s://alice;AUTH=KERBEROS_V4@localhost", 'there is no mechanism "KERBEROS_V4" here'),
        ("pop://alice@localhost?tls=none", "add --allow-insecure-auth where nobody else can"),
        ("pop3s://alice@" + "x" * 70, "cannot be the name of a host"),
        ("pop3s://alice@.org", "cannot be the name of a host"),
    ],
)
def test_urls_that_are_refused(url: str, sentence: str, tmp_path: Path) -> None:
    result = pop3("fetch", url, "--maildir", tmp_path / "mail")
    assert result.exit_code == Status.USAGE
    assert sentence in result.stderr
    assert "secret" not in result.output
    assert not (tmp_path / "mail").exists()


def test_a_wrong_password(serving: Serving, ca_file: Path, tmp_path: Path) -> None:
    with serving(MemoryMaildrop()) as url:
        words = ("fetch", url, "--maildir", tmp_path, "--ca-file", ca_file)
        result = pop3(*words, password="wr0ng")
    assert result.exit_code == Status.REFUSED
    assert result.stderr == (
        "pop3: the server refused AUTH SCRAM-SHA-512: -ERR [AUTH] wrong name or password; check "
        "the user's name and the password; where both are right, --auth can name another way: "
        "SCRAM-SHA-256, SCRAM-SHA-1, CRAM-MD5, PLAIN, LOGIN, USER\n"
    )


def test_another_session_has_the_maildrop(serving: Serving, ca_file: Path, tmp_path: Path) -> None:
    maildrop = MemoryMaildrop()
    maildrop.open()
    with serving(maildrop) as url:
        result = pop3("fetch", url, "--maildir", tmp_path, "--ca-file", ca_file)
    assert result.exit_code == Status.BROKEN
    assert "[IN-USE]" in result.stderr
    assert result.stderr.endswith("; try again later\n")


def test_an_unknown_authority(serving: Serving, tmp_path: Path) -> None:
    with serving(MemoryMaildrop(bodies("one"))) as url:
        result = pop3("fetch", url, "--maildir", tmp_path)
    assert result.exit_code == Status.BROKEN
    assert "the certificate of 127.0.0.1 is not trusted" in result.stderr
    assert "--ca-file" in result.stderr


@pytest.mark.parametrize(
    ("name", "expired", "remedy"),
    [
        ("elsewhere.example", False, "the URL has to name the host as the certificate does"),
        ("127.0.0.2", False, "the URL has to name the host as the certificate does"),
        ("127.0.0.1", True, "the server needs a new one, unless the clock"),
    ],
)
def test_a_certificate_that_is_no_good(
    authority: trustme.CA, ca_file: Path, tmp_path: Path, name: str, expired: bool, remedy: str
) -> None:
    from datetime import UTC, datetime

    until = datetime(2020, 1, 1, tzinfo=UTC) if expired else None
    path = tmp_path / "server.pem"
    certificate = authority.issue_cert(name, not_after=until)
    certificate.private_key_and_cert_chain_pem.write_to_path(str(path))
    context = server_context(path, None)
    users = Passwords({"alice": PASSWORD}, lambda _: MemoryMaildrop())
    with serve(users, tls=TlsPolicy.IMPLICIT, context=context) as server:
        url = f"pop3s://alice@127.0.0.1:{server.port}"
        result = pop3("fetch", url, "--maildir", tmp_path / "mail", "--ca-file", ca_file)
    assert result.exit_code == Status.BROKEN
    assert remedy in result.stderr
    assert "--ca-file" not in result.stderr


def test_nothing_listens(tmp_path: Path) -> None:
    with create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    result = pop3("fetch", f"pop3s://alice@127.0.0.1:{port}", "--maildir", tmp_path)
    assert result.exit_code == Status.BROKEN
    assert f"nothing takes connections at 127.0.0.1, port {port}: check both" in result.stderr


def test_tls_where_there_is_none(tmp_path: Path) -> None:
    with Server({}) as server:
        url = server.url.replace("pop://", "pop3s://").removesuffix("?tls=none")
        result = pop3("fetch", url, "--maildir", tmp_path)
    assert result.exit_code == Status.BROKEN
    assert "pop3s:// is for ports that speak TLS from the first octet on" in result.stderr


def test_stls_where_there_is_none(tmp_path: Path) -> None:
    with Server({}) as server:
        server.answers[b"STLS"] = b"-ERR what?\r\n"
        result = pop3("fetch", server.url.removesuffix("?tls=none"), "--maildir", tmp_path)
        assert b"PASS" not in server.verbs
    assert result.exit_code == Status.BROKEN
    assert "TLS is required, try implicit TLS" in result.stderr


def test_a_password_beyond_ascii(tmp_path: Path) -> None:
    with Server({}) as server:
        words = ("fetch", server.url, "--allow-insecure-auth", "--maildir", tmp_path)
        result = pop3(*words, password="grün")
        assert result.exit_code == Status.BROKEN
        assert "pass --allow-utf8-login for a server" in result.stderr
        assert pop3(*words, "--allow-utf8-login", password="grün").exit_code == 0
    assert "PASS grün".encode() in server.said


def test_a_password_that_no_command_can_carry(tmp_path: Path) -> None:
    with Server({}) as server:
        words = ("fetch", server.url, "--allow-insecure-auth", "--maildir", tmp_path)
        result = pop3(*words, password="two\nlines")
        assert b"PASS" not in server.verbs
    assert result.exit_code == Status.BROKEN
    assert "PASS would contain CR, LF or NUL" in result.stderr
    assert "lines" not in result.stderr


def test_a_folder_that_is_no_maildir(serving: Serving, ca_file: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    with serving(MemoryMaildrop(bodies("one"))) as url:
        result = pop3("fetch", url, "--maildir", tmp_path, "--ca-file", ca_file)
    assert result.exit_code == Status.BROKEN
    assert "holds something else than a Maildir" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_ca_file_without_a_certificate(tmp_path: Path) -> None:
    words = ("fetch", "pop3s://alice@127.0.0.1", "--maildir", tmp_path)
    result = pop3(*words, "--ca-file", __file__)
    assert result.exit_code == Status.USAGE
    assert "contains no certificate in PEM form" in result.stderr


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (gaierror(EAI_NONAME, "Name or service not known"), "mail.example.org was not found (Nam"),
        (TimeoutError("time is up: the greeting was due"), "TLS from the first octet on needs"),
        (TimeoutError("timed out"), "port 995 did not answer in time (timed out); check both, and"),
        (ConnectionResetError(104, "reset by peer"), "failed (reset by peer); try again"),
        (ssl.SSLError(1, "odd"), "TLS with mail.example.org, port 995 failed"),
    ],
)
def test_what_a_network_does(error: OSError, sentence: str) -> None:
    said, status = explain(error, URL)
    assert sentence in said
    assert status is Status.BROKEN
