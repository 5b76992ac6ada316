"""`pop3 info`: what it tells of a server, and that it changes and shows nothing."""

import contextlib
import json
import signal
import socket
import ssl
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from pop3_adapters.cli.info import Inquiry, examine
from pop3_adapters.cli.info_report import text_of
from pop3_adapters.cli.probe import lenient_context
from pop3_adapters.cli.serve import server_context
from pop3_adapters.cli.statuses import Status
from pop3_adapters.cli.targets import StorageError
from pop3_adapters.cli.tracing import tracing
from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_adapters.socket import Timeouts, serve
from pop3_adapters.traces import read_trace
from pop3_proto import (
    ClientConnection,
    Greeting,
    TlsPolicy,
    Traced,
    TraceRecord,
    parse_url,
    replay_client,
)

from .conftest import Serving
from .hostile import OK, Answer, Server, wire
from .running import BOUND, PASSWORD, bodies, pop3, start
from .tls_server import TlsServer

EVIL = b"\x1b[2J\x1b]0;owned\x07\x9b[red]\xe2\x80\xae"
HARMLESS = {b"CAPA", b"STLS", b"USER", b"PASS", b"STAT", b"LIST", b"UIDL", b"QUIT"}


@pytest.fixture
def context(certificate: Path) -> ssl.SSLContext:
    return server_context(certificate, None)


def rows(text: str) -> dict[str, str]:
    """The names and values of a report."""
    lines = (line.strip().partition("  ") for line in text.splitlines() if line.startswith("  "))
    return {name: value.strip() for name, _, value in lines}


def test_all_of_our_server_before_inside_and_after(serving: Serving, ca_file: Path) -> None:
    with serving(MemoryMaildrop(bodies("one", "two")), TlsPolicy.STLS) as url:
        result = pop3("info", url, "--ca-file", ca_file)
    assert (result.exit_code, result.stderr) == (0, "")
    said = rows(result.stdout)
    assert said["greeting"] == "+OK POP3 server ready"
    assert said["APOP"] == "not offered"
    assert said["version"] == "TLSv1.3"
    assert said["certificate"] == "for 127.0.0.1"
    assert "days left" in said["valid until"]
    assert said["verified"] == f"yes, by the authorities in {ca_file}"
    assert said["UIDL"].startswith("each message has a name that stays")
    assert said["+ USER"] == "login with name and password (USER and PASS)"
    assert said["- STLS"] == "no longer announced"
    assert said["the same"] == "as inside TLS, before the login"
    assert (said["messages"], said["unique-ids"]) == ("2", "2")
    assert said["none"] == "nothing is wrong that can be seen"


def test_the_same_for_programs(serving: Serving, ca_file: Path) -> None:
    with serving(MemoryMaildrop(bodies("one")), TlsPolicy.STLS) as url:
        said = json.loads(pop3("info", url, "--ca-file", ca_file, "--json").stdout)
    assert (said["status"], said["error"], said["faults"]) == (0, None, [])
    assert set(said["capabilities"]) == {"plaintext", "tls", "login"}
    assert {"line": "STLS", "meaning": "TLS can be begun on this connection"} in said[
        "capabilities"
    ]["plaintext"]
    assert said["tls"]["certificate"]["names"] == ["127.0.0.1"]
    assert said["maildrop"]["messages"] == said["maildrop"]["unique_ids"] == 1
    assert (said["policy"], said["user"]) == ("stls", "alice")


def test_without_a_user_there_is_no_login(serving: Serving, ca_file: Path) -> None:
    with serving(MemoryMaildrop()) as url:
        result = pop3("info", url.replace("alice@", ""), "--ca-file", ca_file, password=None)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "Capabilities inside TLS" in result.stdout
    assert "Maildrop" not in result.stdout


def test_no_login_asks_for_no_password() -> None:
    with Server({}) as server:
        result = pop3("info", server.url, "--no-login", password=None)
    assert result.exit_code == 0
    assert server.verbs == [b"CAPA", b"QUIT"]


def test_a_login_needs_a_password_and_secrecy_as_for_fetch() -> None:
    with Server({}) as server:
        open_to_all = pop3("info", server.url)
        unknown = pop3("info", server.url, "--allow-insecure-auth", password=None)
    assert open_to_all.exit_code == unknown.exit_code == Status.USAGE
    assert "--allow-insecure-auth" in open_to_all.stderr
    assert "POP3_PASSWORD" in unknown.stderr
    assert server.said == []


def test_nothing_is_changed(context: ssl.SSLContext, ca_file: Path) -> None:
    with TlsServer(wire(*bodies("one")), context, TlsPolicy.STLS) as server:
        result = pop3("info", server.url, "--ca-file", ca_file)
    assert result.exit_code == 0
    assert set(server.verbs) == HARMLESS
    assert f"PASS {PASSWORD}".encode() in server.said
    assert PASSWORD not in result.output


def test_a_password_that_is_refused() -> None:
    with Server({}) as server:
        server.answers[b"PASS"] = b"-ERR no\r\n"
        result = pop3("info", server.url, "--allow-insecure-auth")
    assert result.exit_code == Status.REFUSED
    assert "check the user's name and the password" in result.stderr
    assert "Capabilities before TLS" in result.stdout
    assert PASSWORD not in result.output


@pytest.mark.parametrize("tls", [TlsPolicy.IMPLICIT, TlsPolicy.STLS])
@pytest.mark.parametrize(
    ("name", "days", "sentence"),
    [
        ("127.0.0.1", -3, "certificate has expired): the server needs a new one, unless"),
        ("elsewhere.example", 99, "the URL has to name the host as the certificate does"),
    ],
)
def test_a_certificate_that_is_no_good(
    authority: trustme.CA,
    ca_file: Path,
    tmp_path: Path,
    tls: TlsPolicy,
    name: str,
    days: int,
    sentence: str,
) -> None:
    until = datetime.now(UTC) + timedelta(days=days)
    with TlsServer({}, issued(authority, tmp_path, name, until), tls) as server:
        result = pop3("info", server.url, "--ca-file", ca_file)
    said = rows(result.stdout)
    assert result.exit_code == Status.BROKEN
    assert sentence in said["verified"]
    assert sentence in result.stderr
    assert said["certificate"] == f"for {name}"
    assert said["issuer"].startswith("OU=Testing CA")
    assert ("ended" in said["valid until"]) is (days < 0)
    assert "PIPELINING" in result.stdout
    assert not {b"USER", b"PASS"} & set(server.verbs)


def test_an_authority_that_nobody_knows(context: ssl.SSLContext) -> None:
    with TlsServer({}, context) as server:
        said = json.loads(pop3("info", server.url, "--json").stdout)
    assert said["status"] == Status.BROKEN
    assert "--ca-file" in said["error"]
    assert said["tls"]["verified_by"] is None
    assert said["tls"]["certificate"]["names"] == ["127.0.0.1"]
    assert set(said["capabilities"]) == {"tls"}
    assert b"PASS" not in server.verbs


def test_a_certificate_of_tomorrow(authority: trustme.CA, ca_file: Path, tmp_path: Path) -> None:
    begins = datetime.now(UTC) + timedelta(days=1)
    with TlsServer({}, issued(authority, tmp_path, "127.0.0.1", None, begins)) as server:
        result = pop3("info", server.url, "--ca-file", ca_file)
    assert result.exit_code == Status.BROKEN
    assert rows(result.stdout)["valid"] == f"only from {begins:%Y-%m-%d %H:%M} UTC on"


def test_a_certificate_that_ends_soon(authority: trustme.CA, ca_file: Path, tmp_path: Path) -> None:
    until = datetime.now(UTC) + timedelta(days=3, hours=1)
    with TlsServer({}, issued(authority, tmp_path, "127.0.0.1", until)) as server:
        result = pop3("info", server.url, "--ca-file", ca_file, "--no-login")
    assert result.exit_code == 0
    assert "unsafe" in result.stdout
    assert "the certificate ends in 3 days" in result.stdout


def issued(
    authority: trustme.CA,
    folder: Path,
    name: str,
    until: datetime | None,
    begins: datetime | None = None,
) -> ssl.SSLContext:
    path = folder / "server.pem"
    certificate = authority.issue_cert(name, not_after=until, not_before=begins)
    certificate.private_key_and_cert_chain_pem.write_to_path(str(path))
    return server_context(path, None)


def test_tls_of_old(certificate: Path, ca_file: Path) -> None:
    context = lenient_server_context(certificate)
    with TlsServer({}, context) as server:
        result = pop3("info", server.url, "--ca-file", ca_file)
    assert result.exit_code == Status.BROKEN
    assert "there is no TLS that both sides take (" in result.stderr
    assert "the server has to learn more than TLSv1.1 with " in result.stderr
    assert rows(result.stdout)["verified"] == "no: TLS failed before it was looked at"
    assert rows(result.stdout)["version"] == "TLSv1.1"
    assert "TLSv1.1 is broken: TLS 1.2 or newer is needed" in result.stdout
    assert b"PASS" not in server.verbs


def lenient_server_context(certificate: Path) -> ssl.SSLContext:
    """A server's TLS as it was in 2006."""
    context = server_context(certificate, None)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def test_stls_that_is_refused() -> None:
    with Server({}, capabilities=("STLS", "UIDL", "TOP")) as server:
        server.answers[b"STLS"] = b"-ERR not today\r\n"
        result = pop3("info", server.url.removesuffix("?tls=none"))
    assert result.exit_code == Status.BROKEN
    assert "TLS is required, try implicit TLS" in result.stderr
    assert "STLS is announced and refused" in result.stdout
    assert set(server.verbs) == {b"CAPA", b"STLS", b"QUIT"}


def test_a_handshake_that_is_broken_off() -> None:
    with Server({}, capabilities=("STLS", "UIDL", "TOP")) as server:

        def change() -> bytes:
            server.greeting = b"* BYE\r\n"
            return OK

        server.answers[b"STLS"] = change
        server.closes_behind.add(b"STLS")
        result = pop3("info", server.url.removesuffix("?tls=none"))
    assert result.exit_code == Status.BROKEN
    assert "during the TLS handshake; try again" in result.stderr
    assert rows(result.stdout)["greeting"] == "+OK"
    assert "Capabilities before TLS" in result.stdout


def test_a_session_that_is_refused() -> None:
    with Server({}, greeting=b"-ERR [IN-USE] busy\r\n") as server:
        result = pop3("info", server.url, "--no-login")
    assert result.exit_code == Status.BROKEN
    assert result.stderr.endswith("[IN-USE] busy; try again later\n")
    assert rows(result.stdout)["greeting"] == "-ERR [IN-USE] busy"


def test_what_was_found_before_the_end_is_told() -> None:
    with Server({}, greeting=b"+OK hello\r\n") as server:
        server.answers[b"CAPA"] = None
        result = pop3("info", server.url, "--no-login")
    assert result.exit_code == Status.BROKEN
    assert "the peer ended the connection" in result.stderr
    assert "stored" not in result.stderr
    assert rows(result.stdout)["greeting"] == "+OK hello"


def test_without_capa() -> None:
    with Server(wire(*bodies("one"))) as server:
        server.answers[b"CAPA"] = b"-ERR what?\r\n"
        result = pop3("info", server.url, "--allow-insecure-auth")
    assert result.exit_code == 0
    assert "the server refuses CAPA" in result.stdout
    assert "CAPA is refused: nobody can know what the server can do" in result.stdout
    assert rows(result.stdout)["messages"] == "1"


def test_capa_that_is_refused_behind_the_login() -> None:
    lists = [b"-ERR no\r\n", OK + b"USER\r\nUIDL\r\nTOP\r\n.\r\n"]
    with Server(wire(*bodies("one"))) as server:
        server.answers[b"CAPA"] = lambda: lists.pop() if lists else b"-ERR no\r\n"
        result = pop3("info", server.url, "--allow-insecure-auth")
    assert result.exit_code == 0
    assert rows(result.stdout)["none"] == "the server refuses CAPA"
    assert "CAPA is answered before TLS, and refused after the login" in result.stdout


def test_an_empty_list() -> None:
    with Server({}, capabilities=()) as server:
        result = pop3("info", server.url, "--no-login")
    assert rows(result.stdout)["none"] == "the list is empty"
    assert "UIDL is not there" in result.stdout


def test_listings_that_do_not_work() -> None:
    with Server(wire(*bodies("one", "two"))) as server:
        server.answers[b"UIDL"] = b"-ERR what?\r\n"
        server.answers[b"STAT"] = b"+OK many\r\n"
        result = pop3("info", server.url, "--allow-insecure-auth")
    assert result.exit_code == 0
    assert "UIDL is announced and does not work: the server refused UIDL" in result.stdout
    assert "STAT does not work: no number at the beginning of STAT: many" in result.stdout
    assert server.verbs[-1] == b"QUIT"


@pytest.mark.parametrize("verb", [b"STAT", b"LIST", b"UIDL"])
def test_a_connection_that_ends_in_a_listing(verb: bytes) -> None:
    with Server(wire(*bodies("one"))) as server:
        server.answers[verb] = None
        result = pop3("info", server.url, "--allow-insecure-auth")
    assert result.exit_code == Status.BROKEN
    assert result.stderr == (
        f"pop3: the peer ended the connection while the reply to {verb.decode()} was due; try "
        "again\n"
    )
    assert ("messages" in rows(result.stdout)) is (verb != b"STAT")


def test_bare_lf_and_blank_lines() -> None:
    with Server({}, greeting=b"+OK\n") as server:
        server.answers[b"CAPA"] = b"\n+OK\nUIDL\nTOP\nUSER\n.\n"
        result = pop3("info", server.url, "--no-login")
    assert result.exit_code == 0
    assert "7 lines ended in LF without CR" in result.stdout
    assert "1 blank line came where an answer was due" in result.stdout


@pytest.mark.parametrize("greeting", [b"+OK <1@x>\r\n", b"+OK <one two>\r\n"])
def test_a_timestamp_that_repeats(greeting: bytes) -> None:
    with Server({}, greeting=greeting) as server:
        result = pop3("info", server.url, "--no-login")
    assert server.verbs.count(b"CAPA") == 1
    assert "is the same in two connections" in result.stdout
    assert ("there are blanks" in result.stdout) is (b"two" in greeting)


def test_a_timestamp_that_cannot_be_compared() -> None:
    with Server({}, greeting=b"+OK <1@x>\r\n") as server:

        def change() -> bytes:
            server.greeting = b"* BYE\r\n"
            return OK

        server.answers[b"QUIT"] = change
        said = json.loads(pop3("info", server.url, "--no-login", "--json").stdout)
    assert (said["status"], said["error"]) == (0, None)
    assert said["apop"] == {"timestamp": "<1@x>", "well_formed": True, "repeated": None}


def test_a_timestamp_that_is_new_each_time() -> None:
    maildrop = MemoryMaildrop()
    users = Passwords({"alice": PASSWORD}, lambda _: maildrop)
    with serve(users, allow_insecure_auth=True, apop=True) as server:
        result = pop3("info", f"pop://127.0.0.1:{server.port}?tls=none", "--json")
    said = json.loads(result.stdout)
    assert (said["apop"]["well_formed"], said["apop"]["repeated"]) == (True, False)


def test_what_a_server_says_moves_no_cursor(context: ssl.SSLContext, ca_file: Path) -> None:
    names = ("UIDL", "SASL \x1b[2J", "IMPLEMENTATION \x1b[2J", "X\x1b[2J \x1b[2J", "EXPIRE \x07")
    with TlsServer({}, context, inside=names, greeting=b"+OK <" + EVIL + b"@x>\r\n") as server:
        server.answers[b"STAT"] = b"+OK " + EVIL + b"\r\n"
        server.answers[b"UIDL"] = OK + b"1 " + EVIL + b"\r\n2 " + EVIL + b"\r\n.\r\n"
        text = pop3("info", server.url, "--ca-file", ca_file)
        said = pop3("info", server.url, "--ca-file", ca_file, "--json")
    assert "[red]" in text.stdout
    for result in (text, said):
        assert all(c.isprintable() or c == "\n" for c in result.output)


def test_being_interrupted() -> None:
    asked, over = threading.Event(), threading.Event()
    with Server({}) as server:

        def stall() -> Answer:
            asked.set()
            over.wait(BOUND)
            return None

        server.answers[b"CAPA"] = stall
        process = start("info", server.url, "--no-login")
        assert asked.wait(BOUND)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=BOUND)
        over.set()
    assert (process.returncode, stderr) == (Status.INTERRUPTED, "pop3: interrupted\n")
    assert rows(stdout)["greeting"] == "+OK"


# Wrong protocols.


@contextmanager
def listening(first: bytes, answer: bytes = b"") -> Generator[int, None, None]:
    """Says `first`, and `answer` to whatever is said; gives the port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.settimeout(BOUND)
            with connection:
                try:
                    connection.sendall(first)
                    if connection.recv(4096):
                        connection.sendall(answer)
                except OSError:
                    continue

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(BOUND)
        listener.close()


def told(
    url: str,
    *,
    silence: float = BOUND,
    probing: float = BOUND,
    context: ssl.SSLContext | None = None,
) -> str:
    """The error of an examination that waits for so many seconds."""
    inquiry = Inquiry(
        parse_url(url),
        context or ssl.create_default_context(),
        "somebody",
        timeouts=Timeouts(connect=BOUND, tls=BOUND, silence=silence),
        probing=probing,
    )
    findings = examine(inquiry)
    assert findings.status is Status.BROKEN
    assert findings.error
    assert text_of(findings, None).startswith("Server\n")
    return findings.error


FOREIGN = [
    (b"* OK ready\r\n", "IMAP"),
    (b"220 mx ESMTP\r\n", "SMTP or FTP"),
    (b"SSH-2.0-x\r\n", "SSH"),
]


@pytest.mark.parametrize("scheme", ["pop", "pop3s"])
@pytest.mark.parametrize(("first", "name"), FOREIGN)
def test_another_protocol_is_named(scheme: str, first: bytes, name: str) -> None:
    with listening(first) as port:
        sentence = told(f"{scheme}://127.0.0.1:{port}")
    assert sentence == f"this is no POP3 server, it speaks {name}: check host and port"


@pytest.mark.parametrize("scheme", ["pop", "pop3s"])
def test_one_that_has_to_be_asked_is_named(scheme: str) -> None:
    with listening(b"", b"HTTP/1.0 400 Bad Request\r\n\r\n") as port:
        sentence = told(f"{scheme}://127.0.0.1:{port}", silence=0.2, probing=1.0)
    assert sentence == "this is no POP3 server, it speaks HTTP: check host and port"


def test_plaintext_where_tls_is_expected() -> None:
    with Server({}) as server:
        sentence = told(server.url.replace("pop:", "pop3s:").removesuffix("?tls=none"))
        assert server.verbs.count(b"USER") == 0
    assert "does not speak TLS from the first octet on" in sentence
    assert "use pop:// in place of pop3s://" in sentence


def test_tls_where_plaintext_is_expected(context: ssl.SSLContext) -> None:
    with TlsServer({}, context) as server:
        sentence = told(server.url.replace("pop3s:", "pop:"), silence=0.2, probing=1.0)
    assert "speaks TLS from the first octet on: use pop3s:// in place of pop://" in sentence


def test_silence_stays_silence() -> None:
    with listening(b"") as port:
        assert "did not answer in time" in told(f"pop://127.0.0.1:{port}", silence=0.1, probing=0.1)


def test_another_protocol_inside_tls_that_is_not_trusted(context: ssl.SSLContext) -> None:
    with TlsServer({}, context, greeting=b"* OK ready\r\n") as server:
        result = pop3("info", server.url)
    assert result.exit_code == Status.BROKEN
    assert result.stderr == ("pop3: this is no POP3 server, it speaks IMAP: check host and port\n")
    assert "is not trusted" in rows(result.stdout)["verified"]


def test_silence_inside_tls(context: ssl.SSLContext) -> None:
    with TlsServer({}, context, greeting=b"") as server:
        assert "did not answer in time" in told(
            server.url, silence=0.1, probing=0.1, context=lenient_context()
        )


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert "nothing takes connections at" in told(f"pop3s://127.0.0.1:{port}")


# Traces.


def test_the_trace_of_an_examination(
    context: ssl.SSLContext, ca_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "trace"
    greeting = b"+OK <1@x>\r\n"
    with TlsServer(wire(*bodies("one")), context, TlsPolicy.STLS, greeting=greeting) as server:
        result = pop3("info", server.url, "--ca-file", ca_file, "--trace", path)
    assert result.exit_code == 0
    assert PASSWORD not in path.read_text()
    events = list(replay_client(ClientConnection(), read_trace(path)))
    assert [type(event) for event in events].count(Greeting) == 1


def test_the_trace_is_of_the_conversation_that_is_told(
    context: ssl.SSLContext, tmp_path: Path
) -> None:
    path = tmp_path / "trace"
    with TlsServer({}, context, TlsPolicy.STLS) as server:
        result = pop3("info", server.url, "--trace", path)
    assert result.exit_code == Status.BROKEN
    events = list(replay_client(ClientConnection(), read_trace(path)))
    assert [type(event) for event in events].count(Greeting) == 1
    assert b"PIPELINING" in b"".join(record.octets for record in read_trace(path))


def test_a_trace_of_a_fetch(serving: Serving, ca_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "trace"
    with serving(MemoryMaildrop(bodies("one"))) as url:
        words = ("--ca-file", ca_file, "--maildir", tmp_path / "mail", "--trace", path)
        assert pop3("fetch", url, *words).exit_code == 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in path.read_text()
    assert b"RETR 1\r\n" in [record.octets for record in read_trace(path)]


@pytest.mark.parametrize("name", [".", "missing/trace"])
def test_a_trace_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    with Server(wire(*bodies("one"))) as server:
        told = pop3("info", server.url, "--no-login", "--trace", tmp_path / name)
        words = ("--allow-insecure-auth", "--maildir", tmp_path / "mail")
        fetched = pop3("fetch", server.url, *words, "--trace", tmp_path / name)
    for result in (told, fetched):
        assert result.exit_code in (Status.BROKEN, Status.USAGE)
        assert "trace" in result.stderr
    assert server.said == []


def test_a_disk_that_is_full() -> None:
    with Server(wire(*bodies("one"))) as server:
        result = pop3("info", server.url, "--no-login", "--trace", "/dev/full")
    assert result.exit_code == Status.BROKEN
    assert result.stderr == "pop3: cannot write to /dev/full: No space left on device\n"


def test_what_the_disk_refuses_is_no_fault_of_the_connection() -> None:
    seen: list[str] = []
    with contextlib.suppress(StorageError), tracing(Path("/dev/full")) as trace:
        assert trace
        try:
            trace(TraceRecord(Traced.TLS))
        except StorageError as error:
            seen.append(str(error))
    assert seen == ["cannot write to /dev/full: No space left on device"]


# How it looks.


def test_lines_are_no_longer_than_the_terminal_is_wide() -> None:
    with Server({}) as server:
        url = parse_url(server.url)
        findings = examine(Inquiry(replace(url, user=None), ssl.create_default_context(), "x"))
    narrow, wide = text_of(findings, 60), text_of(findings, None)
    assert max(map(len, narrow.splitlines())) <= 60
    assert narrow.split() == wide.split()
    assert all(line == line.rstrip() for line in (narrow + wide).splitlines())


LINES = st.sampled_from(
    [b"+OK", b"-ERR", b"+OK <x", b"1 1", b"0 0", b"1", b"SASL", b"EXPIRE", b"", b".", b"\x1b[2J"]
)
ANSWERS = st.binary(max_size=40) | st.lists(LINES, max_size=5).map(
    lambda lines: b"".join(line + b"\r\n" for line in lines)
)
VERBS = (b"", b"CAPA", b"USER", b"PASS", b"STAT", b"LIST", b"UIDL", b"QUIT")


@settings(deadline=None)
@given(st.sampled_from(VERBS), ANSWERS, st.booleans())
def test_whatever_a_server_says_ends_in_words(verb: bytes, answer: bytes, as_json: bool) -> None:
    with Server(wire(*bodies("one", "two"))) as server:
        server.answers[verb] = answer
        server.closes_behind.add(verb)
        if not verb:
            server.greeting = answer
        words = ["--json"] if as_json else []
        result = pop3("info", server.url, "--allow-insecure-auth", *words)
    assert result.exit_code in (0, 3, 4)
    assert all(c.isprintable() or c == "\n" for c in result.output)
    assert (result.stderr == "") is (result.exit_code == 0)
    if as_json:
        assert json.loads(result.stdout)["status"] == result.exit_code
