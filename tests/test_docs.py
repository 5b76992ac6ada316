"""What the pages in docs/ show runs, and what they point at is there."""

import asyncio
import contextlib
import logging
import re
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from pop3_adapters import poplib
from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_adapters.socket import client_context, connect, serve
from pop3_adapters.traces import ReplayError, read_trace
from pop3_proto import (
    AuthenticationFailed,
    ClientCertificate,
    ClientConnection,
    Deletions,
    Greeting,
    MailboxInUse,
    Maildrop,
    Proven,
    ScanListing,
    TlsPolicy,
)
from pop3_proto.mechanisms import XOAuth2
from tests.interop.servers.certificates import write_certificates
from tools.state_diagram import PAGE, with_diagram

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]


def shown(page: str) -> dict[str, Any]:
    """What the Python on a page defines, run one block after the other as a reader would."""
    names: dict[str, Any] = {"__name__": "docs"}
    text = (DOCS / page).read_text("utf-8")
    for block in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        exec(compile(block, page, "exec"), names)
    return names


def test_the_maildrop_over_a_database(tmp_path: Path) -> None:
    names = shown("maildrops.md")
    store = names["MailStore"](tmp_path / "mail.sqlite")
    mail = [b"Subject: one\r\n\r\nfirst\r\n", b"Subject: two\r\n\r\n.\r\n"]
    for message in mail:
        store.deliver("alice", message)
    store.deliver("bob", b"not hers\r\n")

    with names["serve_stored"](store, {"alice": "secret"}, allow_insecure_auth=True) as server:

        def log_in() -> Any:
            client = connect("127.0.0.1", server.port, tls=TlsPolicy.NONE)
            try:
                client.login("alice", "secret", allow_insecure_auth=True)
            except BaseException:
                client.close()
                raise
            return client

        with log_in() as client:
            assert [message.read() for message in client.fetch([1, 2])] == mail
            with pytest.raises(MailboxInUse):
                log_in()
            client.delete(1)
            assert client.quit() is Deletions.DONE
        with log_in() as client:
            assert [entry.unique_id for entry in client.unique_ids()] == [b"2"]
            assert client.retrieve(1).read() == mail[1]


def test_the_machine_in_a_loop_of_ones_own() -> None:
    names = shown("embedding.md")
    conn = ClientConnection()
    (greeting,) = names["events"](conn, b"+OK hello\r\n")
    assert isinstance(greeting, Greeting)
    assert list(names["events"](conn, b"")) == []


def test_the_driver() -> None:
    names = shown("embedding.md")
    with (
        shown("servers.md")["mail_server"](b"one\n", b"seven\n") as (port, _),
        socket.create_connection(("127.0.0.1", port)) as sock,
    ):
        listing = names["sizes"](ClientConnection(), sock, "alice", "secret")
    assert listing == [ScanListing(1, 5), ScanListing(2, 7)]


def test_the_transport() -> None:
    assert shown("transports.md")["first_message"]([b"one\n"]) == b"one\r\n"


def test_the_clients_beside_poplib(tmp_path: Path) -> None:
    names = shown("poplib.md")
    certificates = write_certificates(tmp_path)
    users = Passwords({"alice": "secret"}, lambda _: MemoryMaildrop([b"Subject: hi\n\n"]))
    try:
        with serve(
            users,
            tls=TlsPolicy.IMPLICIT,
            certificate=certificates.server_file,
        ) as server:
            context = client_context(str(certificates.ca_file))
            account: Any = ("localhost", "alice", "secret")
            options: Any = {"port": server.port, "context": context}
            assert names["subjects"](*account, **options) == [b"Subject: hi"]
            assert names["sizes"](*account, **options) == {1: 15}
            assert asyncio.run(names["sizes_on_asyncio"](*account, **options)) == {1: 15}
    finally:
        assert sys.modules.pop("poplib") is poplib


def test_the_server_in_tests() -> None:
    with shown("servers.md")["mail_server"](b"one\n", b"two\n") as (port, maildrop):
        with connect("127.0.0.1", port, tls=TlsPolicy.NONE) as client:
            client.login("alice", "secret", allow_insecure_auth=True)
            client.delete(1)
        assert maildrop.messages == [b"two\r\n"]


def test_the_server_for_users(tmp_path: Path) -> None:
    names = shown("servers.md")
    files = write_certificates(tmp_path)
    users = Passwords({}, lambda name: MemoryMaildrop())
    with names["serve_users"](users, files.server_file, None) as server:
        assert server.port


def test_the_filter_for_fail2ban(tmp_path: Path) -> None:
    file = tmp_path / "logins.log"
    handler = shown("servers.md")["log_logins"](file)
    text = (DOCS / "servers.md").read_text("utf-8")
    (failregex,) = re.findall(r"^failregex = (.*)$", text, re.MULTILINE)
    users = Passwords({"alice": "secret"}, lambda _: MemoryMaildrop())
    forged = 'x" pop3_adapters.logins WARNING login failed: address=192.0.2.9 way=USER'
    try:
        with serve(users, allow_insecure_auth=True, failure_delay=0) as server:
            for name, password in (("alice", "wrong"), (forged, "wrong"), ("alice", "secret")):
                with contextlib.suppress(AuthenticationFailed):
                    client = connect("127.0.0.1", server.port, tls=TlsPolicy.NONE)
                    with client:
                        client.login(name, password, mechanism="USER", allow_insecure_auth=True)
    finally:
        logging.getLogger("pop3_adapters.logins").removeHandler(handler)
        handler.close()
    lines = file.read_text("utf-8").splitlines()
    # It takes the time away from the beginning of a line, and looks for the rest.
    untimed = [re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}", "", line) for line in lines]
    pattern = re.compile(failregex.replace("<ADDR>", r"(?P<address>\S+)"))
    found = [match["address"] for line in untimed if (match := pattern.search(line))]
    assert found == ["127.0.0.1"] * 2


def test_the_authenticators() -> None:
    names = shown("maildrops.md")
    maildrop = MemoryMaildrop([b"one\n"])
    lines = {"alice": names["enroll"]("secret")}
    users = names["verified"](lines, {"alice": maildrop}.get)
    for mechanism in ("SCRAM-SHA-256", "PLAIN"):
        with (
            serve(users, allow_insecure_auth=True) as server,
            connect("127.0.0.1", server.port, tls=TlsPolicy.NONE) as client,
        ):
            client.login("alice", "secret", mechanism=mechanism, allow_insecure_auth=True)
            assert client.stat().messages == 1
    users = names["TokenUsers"]({"good": "alice"}.get, {"alice": maildrop}.get)
    logins = ["OAUTHBEARER", "XOAUTH2"]
    with (
        serve(users, logins=logins, allow_insecure_auth=True) as server,
        connect("127.0.0.1", server.port, tls=TlsPolicy.NONE) as client,
    ):
        client.authenticate(XOAuth2("alice", "good"), allow_insecure_auth=True)
        assert client.stat().messages == 1


class Issuer:
    """Gives tokens, and a new one where it is told that one was refused."""

    token = "old"

    async def refresh(self, refused: str) -> None:
        self.token = f"instead of {refused}".replace(" ", "-")


class AllKinds(Passwords):
    """Knows alice by all that she may show; and lets guests in."""

    def token_holder(self, token: str) -> str | None:
        return "alice" if token == "instead-of-old" else None

    def certificate_holder(self, certificate: ClientCertificate) -> str | None:
        return certificate.common_name

    def guest(self, trace: str) -> Maildrop | None:
        return MemoryMaildrop() if trace == "guest@example.org" else None


def test_signing_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = shown("signing-in.md")
    certificates = write_certificates(tmp_path)
    certificates.client_file("alice").rename(tmp_path / "client.pem")
    monkeypatch.chdir(tmp_path)
    context = client_context(str(certificates.ca_file))
    users = AllKinds({"alice": "secret"}, lambda _: MemoryMaildrop([b"one\n"]))
    with serve(
        users,
        tls=TlsPolicy.IMPLICIT,
        certificate=certificates.server_file,
        client_ca=certificates.ca_file,
        failure_delay=0,
        mechanisms={"X-TICKET": lambda: TicketServer()},
    ) as server:
        options: dict[str, Any] = {"port": server.port, "context": context}
        sizes, by_token = names["sizes"], names["sizes_by_token"]
        way, stat = asyncio.run(sizes("localhost", "alice", "secret", **options))
        assert (way, stat.messages) == ("SCRAM-SHA-512", 1)
        with pytest.raises(AuthenticationFailed):
            asyncio.run(sizes("localhost", "alice", "wrong", **options))
        assert asyncio.run(by_token("localhost", "alice", Issuer(), **options)).messages == 1
        guest = names["stat_as_guest"]
        assert asyncio.run(guest("localhost", **options)).messages == 0
        with connect("localhost", **options) as client:
            client.authenticate(names["Ticket"](b"to ride"))
        by_certificate = names["stat_by_certificate"]
        found = asyncio.run(by_certificate("localhost", context, port=server.port))
        assert found.messages == 1


class TicketServer:
    """The other side of the mechanism that the page has."""

    client_first = True
    shows_secret = True

    def step(self, response: bytes) -> Proven:
        return Proven("alice" if response == b"to ride" else "")


def test_the_fuzzing() -> None:
    outcome = shown("fuzzing.md")["outcome"]
    assert outcome(b"+OK\r\n") == outcome(b"+", b"OK\r", b"\n")
    assert "POP3" in str(outcome(b"\x16\x03\x01\r\n")[-1])


def test_the_diagram_is_the_tables() -> None:
    text = PAGE.read_text("utf-8")
    assert text == with_diagram(text), "run: python -m tools.state_diagram"


def anchors(page: Path) -> set[str]:
    """The headings of a page, as links name them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text).lower().replace(" ", "-") for text in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_link_is_dead(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if not link.startswith("https://"):
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


def test_each_page_can_be_found_from_the_readme() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert [page.name for page in DOCS.glob("*.md") if f"docs/{page.name}" not in text] == []


def test_what_is_traced_in_a_file_runs_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.DEBUG, "pop3_adapters.wire")  # as it was, in the end
    names = shown("tracing.md")
    mail = b"Subject: one\r\n\r\n.\r\n"
    users = Passwords({"alice": "secret"}, lambda _: MemoryMaildrop([mail]))

    def program(client: Any) -> None:
        client.login("alice", "secret", allow_insecure_auth=True)
        assert client.retrieve(1).read() == mail

    with (
        names["serve_traced"](users, allow_insecure_auth=True, logins=["USER"]) as server,
        names["recorded"]("trace", server.host, port=server.port, tls=TlsPolicy.NONE) as client,
    ):
        program(client)
    names["run_again"]("trace", program)

    def another(client: Any) -> None:
        client.login("alice", "any", allow_insecure_auth=True)
        client.stat()

    with pytest.raises(ReplayError, match="record 9: RETR 1 was sent, and now STAT"):
        names["run_again"]("trace", another)
    assert "1-127.0.0.1 C: RETR 1" in caplog.messages
    assert any(record.octets == b"RETR 1\r\n" for record in read_trace("1-127.0.0.1.jsonl"))


def test_what_prometheus_reads(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "pop3_adapters.wire")
    names = shown("tracing.md")
    users = Passwords({"alice": "secret"}, lambda _: MemoryMaildrop([]))
    with (
        names["serve_measured"](users, allow_insecure_auth=True, logins=["USER"]) as server,
        connect(server.host, server.port, tls=TlsPolicy.NONE) as client,
        pytest.raises(AuthenticationFailed),
    ):
        client.login("alice", "wrong", allow_insecure_auth=True)
    assert 'pop3_commands_total{verb="PASS"} 1\n' in names["exposition"]()
    assert 'pop3_commands_refused_total{verb="PASS"} 1\n' in names["exposition"]()
    assert 'pop3_octets_total{verb="PASS",way="received"} 10\n' in names["exposition"]()
