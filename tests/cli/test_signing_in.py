"""Logging in to a server of ours by each mechanism, and being refused by it."""

import json
import ssl
import subprocess
from base64 import b64encode
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from pop3_adapters.cli.statuses import Status
from pop3_adapters.maildrops import MemoryMaildrop
from pop3_adapters.socket import ServerOptions, serve
from pop3_proto import TlsPolicy

from .everybody import TOKEN, Everybody
from .hostile import OK, Server, wire
from .printing import InTurn, printing
from .running import COMMAND, PASSWORD, bodies, environment, pop3, stored
from .tls_server import TlsServer

Word = str | Path
Serving = Callable[..., AbstractContextManager[str]]

PASSWORD_MECHANISMS = (
    "SCRAM-SHA-512",
    "SCRAM-SHA-256",
    "SCRAM-SHA-1",
    "CRAM-MD5",
    "PLAIN",
    "LOGIN",
    "USER",
    "APOP",
)


@pytest.fixture
def mail() -> MemoryMaildrop:
    return MemoryMaildrop(bodies("one"))


@pytest.fixture
def users(mail: MemoryMaildrop) -> Everybody:
    return Everybody(mail)


@pytest.fixture
def everywhere(users: Everybody, certificate: Path, ca_file: Path) -> Serving:
    """Serves by all mechanisms that there are, and gives host and port."""

    @contextmanager
    def everywhere(*logins: str, tls: TlsPolicy = TlsPolicy.IMPLICIT) -> Generator[str, None, None]:
        options: ServerOptions = {"failure_delay": 0, "apop": not logins, "tls": tls}
        if logins:
            options["logins"] = logins
        if tls is TlsPolicy.NONE:
            options["allow_insecure_auth"] = True
        else:
            options |= {"certificate": certificate, "client_ca": ca_file}
        with serve(users, **options) as server:
            yield f"127.0.0.1:{server.port}"

    return everywhere


@pytest.fixture(scope="session")
def client_files(
    authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A certificate of alice, and its key."""
    folder = tmp_path_factory.mktemp("client")
    issued = authority.issue_cert("alice@example.org")
    issued.cert_chain_pems[0].write_to_path(str(folder / "certificate.pem"))
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    return folder / "certificate.pem", folder / "key.pem"


@pytest.mark.parametrize("mechanism", PASSWORD_MECHANISMS)
@pytest.mark.parametrize("in_url", [True, False])
def test_a_password_by_the_mechanism_that_is_named(
    mechanism: str, in_url: bool, everywhere: Serving, ca_file: Path, tmp_path: Path
) -> None:
    with everywhere() as place:
        auth = "+APOP" if mechanism == "APOP" else mechanism
        url = f"pop3s://alice;AUTH={auth}@{place}" if in_url else f"pop3s://alice@{place}"
        words: list[Word] = [url, "--ca-file", ca_file]
        words += [] if in_url else ["--auth", mechanism.lower()]
        result = pop3("fetch", *words, "--maildir", tmp_path)
        assert (result.exit_code, result.stderr) == (0, "")
        assert stored(tmp_path) == bodies("one")
        said = json.loads(pop3("info", *words, "--json").stdout)
        assert said["login"] == {"way": mechanism, "why": "it was asked for", "obstacles": {}}
        assert (said["status"], said["maildrop"]["messages"]) == (0, 1)
        result = pop3("fetch", *words, "--maildir", tmp_path, password="wr0ng")
    assert result.exit_code == Status.REFUSED
    verb = {"USER": "PASS", "APOP": "APOP alice"}.get(mechanism, f"AUTH {mechanism}")
    assert result.stderr == (
        f"pop3: the server refused {verb}: -ERR [AUTH] wrong name or password; check the user's "
        "name and the password\n"
    )


@pytest.mark.parametrize("mechanism", PASSWORD_MECHANISMS[:-1])
def test_without_a_name_it_is_the_strongest(
    mechanism: str, everywhere: Serving, ca_file: Path, tmp_path: Path
) -> None:
    offered = PASSWORD_MECHANISMS[PASSWORD_MECHANISMS.index(mechanism) : -1]
    stronger = PASSWORD_MECHANISMS[: PASSWORD_MECHANISMS.index(mechanism)]
    with everywhere(*offered) as place:
        words = (f"pop3s://alice@{place}", "--ca-file", ca_file)
        said = json.loads(pop3("info", *words, "--json").stdout)
        unknown = json.loads(pop3("info", f"pop3s://{place}", *words[1:], "--json").stdout)
        result = pop3("fetch", *words, "--maildir", tmp_path, password="wr0ng")
    assert (
        said["login"]
        == unknown["login"]
        == {
            "way": mechanism,
            "why": "it is the strongest that the server offers, and that can be taken",
            "obstacles": dict.fromkeys(stronger, "the server does not offer it"),
        }
    )
    assert (said["status"], unknown["maildrop"]) == (0, None)
    verb = "PASS" if mechanism == "USER" else f"AUTH {mechanism}"
    assert f"the server refused {verb}: -ERR [AUTH] wrong name or password; " in result.stderr
    others = f"; where both are right, --auth can name another way: {', '.join(offered[1:])}\n"
    assert result.stderr.endswith(others if offered[1:] else "the password\n")


@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
@pytest.mark.parametrize("named", [True, False])
def test_a_token(
    mechanism: str, named: bool, everywhere: Serving, ca_file: Path, tmp_path: Path
) -> None:
    auth = ("--auth", mechanism) if named else ()
    with everywhere("PLAIN", mechanism) as place:
        words = (f"pop3s://alice@{place}", "--ca-file", ca_file, *auth)
        words += ("--token-command", printing(TOKEN.encode()))
        result = pop3("fetch", *words, "--maildir", tmp_path, password=None)
        assert (result.exit_code, result.stderr) == (0, "")
        assert stored(tmp_path) == bodies("one")
        said = json.loads(pop3("info", *words, "--json", password=None).stdout)
    assert (said["status"], said["login"]["way"]) == (0, mechanism)
    assert set(said["login"]["obstacles"]) == (
        {"OAUTHBEARER"} if mechanism == "XOAUTH2" and not named else set()
    )


@pytest.mark.parametrize("command", ["fetch", "info"])
def test_a_token_that_is_refused_is_asked_for_once_more(
    command: str, everywhere: Serving, users: Everybody, ca_file: Path, tmp_path: Path
) -> None:
    turns = InTurn(tmp_path, "stale", TOKEN, "never asked for")
    with everywhere() as place:
        words: list[Word] = [f"pop3s://alice@{place}", "--ca-file", ca_file]
        words += ["--maildir", tmp_path / "mail"] if command == "fetch" else []
        result = pop3(command, *words, "--token-command", turns.command, password=None)
    assert (result.exit_code, result.stderr) == (0, "")
    assert users.seen == ["stale", TOKEN]
    assert turns.left == ["never asked for"]


@pytest.mark.parametrize(
    ("printed", "tried"),
    [(("one", "two", "three"), ["one", "two"]), (("one", "one", "two"), ["one"])],
)
@pytest.mark.parametrize("command", ["fetch", "info"])
def test_tokens_that_are_refused(
    command: str,
    printed: tuple[str, ...],
    tried: list[str],
    everywhere: Serving,
    users: Everybody,
    ca_file: Path,
    tmp_path: Path,
) -> None:
    turns = InTurn(tmp_path, *printed)
    with everywhere() as place:
        words: list[Word] = [f"pop3s://alice@{place}", "--ca-file", ca_file]
        words += ["--maildir", tmp_path / "mail"] if command == "fetch" else []
        result = pop3(command, *words, "--token-command", turns.command, password=None)
    assert result.exit_code == Status.REFUSED
    assert result.stderr.startswith(
        "pop3: the server refused AUTH OAUTHBEARER: -ERR [AUTH] wrong name or password; of the "
    )
    assert result.stderr.endswith("check the user's name, and what --token-command prints\n")
    assert users.seen == tried
    assert turns.left == list(printed[2:])


def test_a_token_command_that_fails_later_on(
    everywhere: Serving, ca_file: Path, tmp_path: Path
) -> None:
    turns = InTurn(tmp_path, "stale")
    with everywhere() as place:
        words = (f"pop3s://alice@{place}", "--ca-file", ca_file, "--token-command", turns.command)
        fetched = pop3("fetch", *words, "--maildir", tmp_path / "mail", password=None)
        (tmp_path / "left").write_text("stale\n")
        examined = pop3("info", *words, password=None)
    assert fetched.exit_code == examined.exit_code == Status.USAGE
    assert fetched.stderr == examined.stderr
    assert fetched.stderr.startswith("pop3: the command for the token printed none: a token")


@pytest.mark.parametrize("command", ["fetch", "info"])
def test_a_server_that_hangs_up_on_a_token(
    command: str, certificate: Path, ca_file: Path, tmp_path: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    turns = InTurn(tmp_path, "stale", "fresh")
    with TlsServer(wire(*bodies("one")), context, inside=("SASL XOAUTH2", "UIDL", "TOP")) as server:
        answers = iter([b"-ERR [AUTH] no\r\n", OK])
        server.answers[b"AUTH"] = b"+ \r\n"
        for token in ("stale", "fresh"):
            server.answers[response(token)] = lambda: next(answers)
        server.closes_behind.add(response("stale"))
        words: list[Word] = [server.url, "--ca-file", ca_file]
        words += ["--maildir", tmp_path / "mail"] if command == "fetch" else []
        result = pop3(command, *words, "--token-command", turns.command, password=None)
    assert (result.exit_code, result.stderr) == (0, "")
    assert [line for line in server.said if line in (response("stale"), response("fresh"))] == [
        response("stale"),
        response("fresh"),
    ]
    assert server.verbs.count(b"AUTH") == 2


def response(token: str) -> bytes:
    """What XOAUTH2 says for alice."""
    return b64encode(f"user=alice\1auth=Bearer {token}\1\1".encode())


@pytest.mark.parametrize("tls", [TlsPolicy.IMPLICIT, TlsPolicy.STLS])
@pytest.mark.parametrize("user", ["alice@", ""])
def test_a_certificate(
    tls: TlsPolicy,
    user: str,
    everywhere: Serving,
    users: Everybody,
    client_files: tuple[Path, Path],
    ca_file: Path,
    tmp_path: Path,
) -> None:
    certificate, key = client_files
    scheme = "pop3s" if tls is TlsPolicy.IMPLICIT else "pop"
    with everywhere(tls=tls) as place:
        words: list[Word] = [f"{scheme}://{user}{place}", "--ca-file", ca_file]
        words += ["--client-cert", certificate, "--client-key", key]
        result = pop3("fetch", *words, "--maildir", tmp_path, password=None)
        assert (result.exit_code, result.stderr) == (0, "")
        assert stored(tmp_path) == bodies("one")
        said = json.loads(pop3("info", *words, "--json", password=None).stdout)
        users.seen.clear()
        with_password = pop3("info", *words, "--json", "--auth", "PLAIN", "--no-login")
    assert said["login"] == {"way": "EXTERNAL", "why": "it was asked for", "obstacles": {}}
    assert (said["status"], said["maildrop"]["messages"]) == (0, 1)
    assert json.loads(with_password.stdout)["login"]["way"] == "PLAIN"
    assert users.seen == []


def test_a_certificate_of_somebody_else(
    everywhere: Serving, client_files: tuple[Path, Path], ca_file: Path, tmp_path: Path
) -> None:
    certificate, key = client_files
    with everywhere() as place:
        words = (f"pop3s://bob@{place}", "--ca-file", ca_file, "--maildir", tmp_path)
        result = pop3("fetch", *words, "--client-cert", certificate, "--client-key", key)
    assert result.exit_code == Status.REFUSED
    assert (
        "check that the server knows the certificate of --client-cert, and the u" in result.stderr
    )


def test_a_certificate_and_a_password(
    everywhere: Serving, users: Everybody, client_files: tuple[Path, Path], ca_file: Path
) -> None:
    certificate, key = client_files
    with everywhere() as place:
        words: list[Word] = [f"pop3s://alice@{place}", "--ca-file", ca_file]
        words += ["--client-cert", certificate, "--client-key", key]
        words += ["--password-command", printing(PASSWORD.encode())]
        said = json.loads(pop3("info", *words, "--json").stdout)
    assert (said["status"], said["login"]["way"]) == (0, "SCRAM-SHA-512")
    assert users.seen == []


@pytest.mark.parametrize("command", ["fetch", "info"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_wants_a_certificate(
    command: str, version: ssl.TLSVersion, certificate: Path, ca_file: Path, tmp_path: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.load_verify_locations(ca_file)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = version
    with TlsServer({}, context) as server:
        words: list[Word] = [server.url, "--ca-file", ca_file]
        words += ["--maildir", tmp_path / "mail"] if command == "fetch" else []
        result = pop3(command, *words)
    assert result.exit_code == Status.BROKEN
    assert "which --client-cert names" in result.stderr or "with --client-cert" in result.stderr


@pytest.mark.parametrize("command", ["fetch", "info"])
def test_files_that_hold_no_certificate(
    command: str, client_files: tuple[Path, Path], ca_file: Path, tmp_path: Path
) -> None:
    certificate, key = client_files
    place: tuple[Word, ...] = ("--maildir", tmp_path) if command == "fetch" else ()
    for words in (
        ("--client-cert", __file__),
        ("--client-cert", certificate),
        ("--client-cert", key),
        ("--client-cert", certificate, "--client-key", ca_file),
        ("--client-cert", certificate, "--client-key", encrypted(key, tmp_path)),
    ):
        result = pop3(command, "pop3s://alice@127.0.0.1", *words, *place)
        assert result.exit_code == Status.USAGE
        assert "pop3: --client-cert and --client-key cannot be used (" in result.stderr


def encrypted(key: Path, folder: Path) -> Path:
    """The same key, for which one has to know a password."""
    known = serialization.load_pem_private_key(key.read_bytes(), None)
    file = folder / "encrypted.pem"
    file.write_bytes(
        known.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"password"),
        )
    )
    return file


@pytest.mark.parametrize("user", ["guest@", ""])
@pytest.mark.parametrize("tls", [TlsPolicy.IMPLICIT, TlsPolicy.NONE])
def test_a_guest(
    user: str, tls: TlsPolicy, everywhere: Serving, users: Everybody, ca_file: Path, tmp_path: Path
) -> None:
    with everywhere("PLAIN", "ANONYMOUS", tls=tls) as place:
        url = f"pop3s://{user}{place}" if tls is not tls.NONE else f"pop://{user}{place}?tls=none"
        words = (url, "--ca-file", ca_file, "--auth", "ANONYMOUS")
        result = pop3("fetch", *words, "--maildir", tmp_path, password=None)
        assert (result.exit_code, result.stderr) == (0, "")
        assert stored(tmp_path) == bodies("one")
        said = json.loads(pop3("info", *words, "--json", password=None).stdout)
    assert said["login"] == {"way": "ANONYMOUS", "why": "it was asked for", "obstacles": {}}
    assert (said["status"], said["maildrop"]["messages"]) == (0, 1)
    assert users.seen == [f"guest {user.removesuffix('@')}"] * 2


def test_a_guest_who_is_not_let_in(tmp_path: Path) -> None:
    with Server({}) as server:
        server.answers[b"AUTH"] = b"-ERR no\r\n"
        words = (server.url, "--auth", "ANONYMOUS")
        result = pop3("fetch", *words, "--maildir", tmp_path, password=None)
        text = pop3("info", *words, password=None).stdout
    assert result.exit_code == Status.REFUSED
    assert "guests may not be allowed in, --auth can name another mechanism" in result.stderr
    assert "ANONYMOUS: it was asked for, although the server does not offer it\n" in text


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "CRAM-MD5", "APOP"])
def test_what_hides_the_password_needs_no_tls(
    mechanism: str, everywhere: Serving, tmp_path: Path
) -> None:
    with everywhere(mechanism, tls=TlsPolicy.NONE) as place:
        words = (f"pop://alice@{place}?tls=none", "--auth", mechanism, "--maildir", tmp_path)
        result = pop3("fetch", *words)
    assert (result.exit_code, result.stderr) == (0, "")


WITHOUT_SCRAMP = """
import sys
sys.modules["scramp"] = None
from pop3_adapters.cli import main
main()
"""


def without_scramp(*words: Word) -> "subprocess.CompletedProcess[str]":
    """The command where scramp is not installed."""
    command = [*COMMAND[:-2], "-c", WITHOUT_SCRAMP, *map(str, words)]
    return subprocess.run(
        command, env=environment(PASSWORD), capture_output=True, text=True, check=False
    )


def test_what_is_not_installed(everywhere: Serving, ca_file: Path, tmp_path: Path) -> None:
    install = "it needs what is not installed here: pip install 'pop3-proto[scram]'"
    with everywhere("SCRAM-SHA-256", "CRAM-MD5") as place:
        words = (f"pop3s://alice@{place}", "--ca-file", ca_file)
        named = without_scramp("fetch", *words, "--maildir", tmp_path, "--auth", "SCRAM-SHA-256")
        told = without_scramp("info", *words, "--json")
        asked = without_scramp("info", *words, "--json", "--auth", "SCRAM-SHA-256", "--no-login")
    assert named.returncode == Status.USAGE
    assert named.stderr == f"pop3: SCRAM-SHA-256 {install.removeprefix('it ')}\n"
    said = json.loads(told.stdout)["login"]
    assert said["way"] == "CRAM-MD5"
    assert said["obstacles"]["SCRAM-SHA-256"] == install
    assert json.loads(asked.stdout)["login"] == {
        "way": None,
        "why": "SCRAM-SHA-256 was asked for, and cannot be taken",
        "obstacles": {"SCRAM-SHA-256": install},
    }


@pytest.mark.parametrize("command", ["fetch", "info"])
@pytest.mark.parametrize(
    ("offered", "words", "remedy"),
    [
        ("XOAUTH2", [], "for a token it has XOAUTH2: name a command that prints one with --token-"),
        ("EXTERNAL", [], "for a client certificate it has EXTERNAL: name one with --client-cert"),
        ("ANONYMOUS", [], "for guests it has ANONYMOUS: --auth ANONYMOUS makes one of you"),
        (
            "PLAIN",
            ["--token-command", "echo x"],
            "for a password it has PLAIN: leave out what says",
        ),
        (
            "GSSAPI",
            [],
            "there is no way to log in: the server offers GSSAPI, and nothing that is known here\n",
        ),
    ],
)
def test_what_a_server_takes_instead(
    command: str, offered: str, words: list[str], remedy: str, tmp_path: Path
) -> None:
    place: tuple[Word, ...] = ("--maildir", tmp_path) if command == "fetch" else ()
    with Server({}, capabilities=(f"SASL {offered}", "UIDL", "TOP")) as server:
        result = pop3(command, server.url, "--allow-insecure-auth", *place, *words)
        assert not {b"USER", b"AUTH"} & set(server.verbs)
    assert result.exit_code == Status.BROKEN
    assert remedy in result.stderr
    if command == "info" and offered != "GSSAPI":
        way = "none: there is none that the server offers and that can be taken; for "
        assert way in result.stdout


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "USER"])
def test_a_mechanism_that_there_is_not(
    mechanism: str, everywhere: Serving, ca_file: Path, tmp_path: Path
) -> None:
    with everywhere("CRAM-MD5") as place:
        words = (f"pop3s://alice@{place}", "--ca-file", ca_file, "--auth", mechanism)
        result = pop3("fetch", *words, "--maildir", tmp_path)
        said = json.loads(pop3("info", *words, "--json").stdout)
    assert result.exit_code == said["status"] == Status.BROKEN
    assert ("check the user's name" in result.stderr) is (mechanism == "USER")
    assert result.stderr.endswith(
        "log in another way: --auth can name one, and pop3 info says what is offered\n"
    )
    assert said["login"]["why"] == "it was asked for, although the server does not offer it"


def test_what_is_said_of_apop(tmp_path: Path) -> None:
    for greeting, obstacle in (
        (b"+OK\r\n", "the server does not offer it: its greeting has no timestamp"),
        (b"+OK <x>\r\n", "the timestamp of the greeting is malformed, somebody on the way may"),
    ):
        with Server({}, greeting=greeting) as server:
            words = (server.url, "--auth", "APOP")
            fetched = pop3("fetch", *words, "--maildir", tmp_path)
            said = json.loads(pop3("info", *words, "--json").stdout)
            assert not {b"USER", b"APOP"} & set(server.verbs)
        assert fetched.exit_code == said["status"] == Status.BROKEN
        assert said["login"]["way"] is None
        assert said["login"]["obstacles"]["APOP"].startswith(obstacle)


def test_what_would_go_out_in_plaintext(tmp_path: Path) -> None:
    with Server({}, capabilities=("SASL PLAIN CRAM-MD5", "USER")) as server:
        told = pop3("info", server.url, "--no-login", "--json").stdout
        named = pop3("info", server.url, "--no-login", "--json", "--auth", "plain").stdout
        server.capabilities = ("SASL PLAIN", "USER")
        none = pop3("info", server.url, "--no-login").stdout
    assert json.loads(told)["login"]["way"] == "CRAM-MD5"
    assert "this would send a password" in json.loads(named)["login"]["obstacles"]["PLAIN"]
    assert "not       PLAIN, USER: this would send a password" in " ".join(none.split("\n"))
    assert "--allow-insecure-auth" in none


def test_where_nothing_is_announced() -> None:
    with Server({}, capabilities=("UIDL", "TOP")) as server:
        said = json.loads(
            pop3("info", server.url, "--no-login", "--allow-insecure-auth", "--json").stdout
        )
    assert said["login"] == {
        "way": "USER",
        "why": "the server has not said what it takes, and most take this",
        "obstacles": {},
    }


def test_no_secret_is_told(everywhere: Serving, ca_file: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    plain, xoauth2 = b"\0alice\0s3cret", b"user=alice\1auth=Bearer s3cret\1\1"
    encoded = [b64encode(each) for each in (b"s3cret", plain, xoauth2)]
    with everywhere() as place:
        for mechanism in (*PASSWORD_MECHANISMS, "OAUTHBEARER", "XOAUTH2"):
            words: list[Word] = [f"pop3s://alice@{place}", "--ca-file", ca_file, "--trace", trace]
            words += ["--auth", mechanism]
            if "AUTH" in mechanism:
                words += ["--token-command", printing(b"s3cret")]
            result = pop3("info", *words, password="s3cret")
            assert result.exit_code == Status.REFUSED
            written = result.output + trace.read_text()
            for secret in (b"s3cret", b"s3cret".hex().encode(), *encoded):
                assert secret.decode().rstrip("=") not in written
            trace.unlink()


def test_a_password_is_prepared_where_the_mechanism_wants_that(
    everywhere: Serving, ca_file: Path, tmp_path: Path
) -> None:
    with everywhere() as place:
        words = (f"pop3s://alice@{place}", "--ca-file", ca_file, "--auth", "APOP")
        result = pop3("info", *words, password=PASSWORD.replace(" ", "\xa0"))
    assert (result.exit_code, result.stderr) == (0, "")


def test_a_password_that_is_no_text_goes_out_as_it_is(tmp_path: Path) -> None:
    with Server({}, capabilities=("SASL PLAIN", "UIDL", "TOP")) as server:
        words = (server.url, "--allow-insecure-auth", "--password-command", printing(b"\xff"))
        result = pop3("fetch", *words, "--maildir", tmp_path)
        assert b"AUTH PLAIN " + b64encode(b"\0alice\0\xff") in server.said
    assert (result.exit_code, result.stderr) == (0, "")


def test_what_this_password_cannot_take(tmp_path: Path) -> None:
    with Server({}) as server:
        words = (server.url, "--allow-insecure-auth", "--json")
        said = json.loads(pop3("info", *words, password="grün").stdout)
        unknown = json.loads(pop3("info", *words, "--no-login").stdout)
    assert (said["status"], said["login"]["way"]) == (Status.BROKEN, None)
    assert "pass --allow-utf8-login for a server" in said["login"]["obstacles"]["USER"]
    assert unknown["login"]["way"] == "USER"


def test_nobody_logs_in_to_a_server_that_is_not_trusted(everywhere: Serving) -> None:
    with everywhere() as place:
        said = json.loads(pop3("info", f"pop3s://alice@{place}", "--json").stdout)
    assert said["login"] == {
        "way": None,
        "why": "the server's TLS cannot be trusted",
        "obstacles": {},
    }


def test_a_list_that_is_longer_inside_tls(everywhere: Serving, ca_file: Path) -> None:
    with everywhere(tls=TlsPolicy.STLS) as place:
        text = pop3("info", f"pop://{place}", "--ca-file", ca_file).stdout
    assert "  + SASL " in text
    assert "  - SASL " not in text
