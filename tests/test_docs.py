"""What the pages in docs/ show runs, and what they point at is there."""

import logging
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_adapters.socket import connect
from pop3_adapters.traces import ReplayError, read_trace
from pop3_proto import (
    AuthenticationFailed,
    ClientConnection,
    Deletions,
    Greeting,
    MailboxInUse,
    ScanListing,
    TlsPolicy,
)
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
        names["serve_traced"](users, allow_insecure_auth=True) as server,
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
        names["serve_measured"](users, allow_insecure_auth=True) as server,
        connect(server.host, server.port, tls=TlsPolicy.NONE) as client,
        pytest.raises(AuthenticationFailed),
    ):
        client.login("alice", "wrong", allow_insecure_auth=True)
    assert 'pop3_commands_total{verb="PASS"} 1\n' in names["exposition"]()
    assert 'pop3_commands_refused_total{verb="PASS"} 1\n' in names["exposition"]()
    assert 'pop3_octets_total{verb="PASS",way="received"} 10\n' in names["exposition"]()
