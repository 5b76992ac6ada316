"""The README is true: its Python runs."""

import asyncio
import re
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from pop3_adapters.cli.accounts import chosen_accounts
from pop3_adapters.cli.checked_accounts import checked_orders
from pop3_adapters.cli.settings import Settings
from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_adapters.socket import connect, connect_unix, serve_unix
from pop3_proto import AuthenticationFailed, EndOfStream, TlsPolicy
from tests.interop.servers.certificates import write_certificates

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the README's blocks define, run one after the other as a reader would."""
    found: dict[str, Any] = {"__name__": "readme"}
    for block in BLOCKS:
        exec(compile(block, str(README), "exec"), found)
    return found


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """One for the server, and one that trusts it."""
    files = write_certificates(tmp_path_factory.mktemp("certificates"))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(files.server_file)
    return server, ssl.create_default_context(cafile=files.ca_file)


def test_the_machine(names: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    server = names["serve"](names["users"], allow_insecure_auth=True)
    with server, socket.create_connection(("127.0.0.1", server.port)) as sock:
        names["talk"](sock, "alice", "secret")
    said = capsys.readouterr().out
    assert said.count("\n") == 4
    assert "octets=b'1 25'" in said.splitlines()[-1]
    assert "secret" not in said


def test_the_client_and_the_server(
    names: dict[str, Any],
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
    capsys: pytest.CaptureFixture[str],
) -> None:
    with names["serve_with_tls"](contexts[0]) as server:
        options = {"port": server.port, "tls": TlsPolicy.STLS, "context": contexts[1]}
        names["print_subjects"]("localhost", "alice", "secret", **options)
    assert "1 25 Subject: hello" in capsys.readouterr().out


def test_the_client_on_an_event_loop(
    names: dict[str, Any],
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
    capsys: pytest.CaptureFixture[str],
) -> None:
    with names["serve_with_tls"](contexts[0]) as server:
        options = {"port": server.port, "tls": TlsPolicy.STLS, "context": contexts[1]}
        asyncio.run(names["print_sizes"]("localhost", "alice", "secret", **options))
    assert capsys.readouterr().out == "1 25\n"


def test_the_command_of_ones_own(names: dict[str, Any]) -> None:
    xsender = names["Xsender"]
    options = {"allow_insecure_auth": True}
    with (
        names["serve"](names["users"], commands=[xsender], **options) as server,
        connect("127.0.0.1", server.port, tls=TlsPolicy.NONE) as client,
    ):
        client.login("alice", "secret", allow_insecure_auth=True)
        assert client.request(xsender(1)) == "alice@example.org"
        assert client.request(xsender(7)) == "nobody"


def test_signing_in(
    names: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Issuer:
        def token(self, *, renew: bool) -> str:
            return "new" if renew else "old"

    class Users(Passwords):
        def token_holder(self, token: str) -> str | None:
            return "alice" if token == "new" else None

    users = Users({"alice": "secret"}, lambda _: MemoryMaildrop())
    with serve_unix(users, str(tmp_path / "socket"), failure_delay=0):
        with connect_unix(tmp_path / "socket") as client:
            names["log_in"](client, "alice", "secret")
        with connect_unix(tmp_path / "socket") as client:
            names["log_in_with_oauth"](client, "alice", Issuer())
            assert client.stat().messages == 0
        with connect_unix(tmp_path / "socket") as client, pytest.raises(AuthenticationFailed):
            names["log_in"](client, "alice", "wrong")
    way, untried = capsys.readouterr().out.splitlines()
    assert way == "SCRAM-SHA-512"
    assert "PLAIN" in untried


def test_the_trace(names: dict[str, Any], tmp_path: Path) -> None:
    trace = names["TraceFile"](tmp_path / "trace.jsonl")
    options = {"allow_insecure_auth": True}
    with (
        trace,
        names["serve"](names["users"], **options) as server,
        connect("127.0.0.1", server.port, tls=TlsPolicy.NONE, trace=trace) as client,
    ):
        client.login("alice", "secret")
        assert client.stat().messages == 1
    assert "secret" not in (tmp_path / "trace.jsonl").read_text()
    greeting, *_, end = names["replay"](tmp_path / "trace.jsonl")
    assert greeting == client.greeting
    assert isinstance(end, EndOfStream)


def test_the_file_of_accounts(tmp_path: Path) -> None:
    text = README.read_text("utf-8")
    (shown,) = re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    file = tmp_path / "accounts.toml"
    file.write_text(shown, "utf-8")
    accounts = chosen_accounts((), file, Settings())
    orders = checked_orders(accounts, trace=None)
    assert [account.name for account in accounts] == ["work", "club"]
    assert [order.place.option for order in orders] == ["maildir", "mbox"]
    assert [order.delete for order in orders] == [False, True]
    assert orders[1].url.user == "treasurer@club.example"


def test_the_two_commands_stand_at_the_top() -> None:
    top = README.read_text("utf-8")[:1200]
    assert "make demo" in top
    assert "make test" in top
