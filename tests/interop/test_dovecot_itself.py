"""The harness, before anything is tested with it: a real Dovecot, seen through bare sockets."""

import base64
import json
import os
import re
import select
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.interop.accounts import ACCOUNTS, Account
from tests.interop.seeds import SEEDS, Seed
from tests.interop.servers import ServerFailed
from tests.interop.servers.dovecot import Dovecot, StartDovecot, running
from tests.interop.servers.maildir import read_maildir
from tests.interop.servers.ports import free_ports, is_free
from tests.interop.servers.server import User
from tests.interop.servers.tokens import OVER
from tests.interop.session import Session

pytestmark = pytest.mark.interop

SECONDS = 30
# Dovecot counts a client at its own address as secured. This one is on the same machine too.
ELSEWHERE = "127.0.0.2"
ROOT = Path(__file__).parents[2]


@contextmanager
def connected(port: int, tls: ssl.SSLContext | None = None) -> Generator[Session]:
    stream = socket.create_connection(("127.0.0.1", port), SECONDS, (ELSEWHERE, 0))
    session = Session(tls.wrap_socket(stream, server_hostname="127.0.0.1") if tls else stream)
    try:
        assert session.line().startswith(b"+OK Dovecot")
        yield session
    finally:
        session.close()


@contextmanager
def logged_in(dovecot: Dovecot, user: User) -> Generator[Session]:
    with connected(dovecot.port) as session:
        assert session.log_in(user.name, user.password) == b"+OK Logged in.\r\n"
        yield session


def xoauth2(name: str, token: str) -> str:
    return "AUTH XOAUTH2 " + base64_of(f"user={name}\1auth=Bearer {token}\1\1")


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("account", ACCOUNTS, ids=lambda account: account.name)
def test_each_account_has_its_mail(dovecot: Dovecot, account: Account) -> None:
    with connected(dovecot.port) as session:
        reply = session.log_in(account.name, dovecot.users[account.name])
        assert reply == b"+OK Logged in.\r\n"
        assert session.ask("STAT").startswith(b"+OK %d " % len(account.messages))


@pytest.mark.parametrize("seed", SEEDS.values(), ids=lambda seed: seed.name)
def test_seed_is_on_the_wire_as_predicted(dovecot: Dovecot, seed: Seed) -> None:
    with logged_in(dovecot, dovecot.new_user([seed.on_disk])) as session:
        assert session.ask("LIST 1") == b"+OK 1 %d\r\n" % seed.listed_by_dovecot
        assert session.ask("RETR 1") == b"+OK %d octets\r\n" % seed.listed_by_dovecot
        assert session.body() == re.sub(rb"(?m)^\.", b"..", seed.on_wire) + b".\r\n"


def test_what_follows_pass_in_one_packet_is_answered(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    with connected(dovecot.port) as session:
        session.send(f"USER {user.name}\r\nPASS {user.password}\r\nSTAT\r\n")
        replies = [session.line() for _ in range(3)]
    assert replies == [b"+OK\r\n", b"+OK Logged in.\r\n", b"+OK 0 0\r\n"]


def test_messages_keep_their_order(dovecot: Dovecot) -> None:
    with logged_in(dovecot, dovecot.new_user(seed.on_disk for seed in SEEDS.values())) as session:
        assert session.ask("LIST") == b"+OK %d messages:\r\n" % len(SEEDS)
        sizes = [int(line.split()[1]) for line in session.body().splitlines()[:-1]]
    assert sizes == [seed.listed_by_dovecot for seed in SEEDS.values()]


def test_new_users_are_known_at_once(dovecot: Dovecot) -> None:
    for _ in range(20):
        with logged_in(dovecot, dovecot.new_user()) as session:
            assert session.ask("STAT") == b"+OK 0 0\r\n"


def test_new_user_changes_no_maildrop_but_his_own(dovecot: Dovecot) -> None:
    messages = [SEEDS["01-plain"].on_disk, SEEDS["02-dots"].on_disk]
    user, other = dovecot.new_user(messages), dovecot.new_user(messages)
    with logged_in(dovecot, user) as session:
        assert session.ask("DELE 1").startswith(b"+OK")
        assert session.ask("QUIT").startswith(b"+OK")
    assert read_maildir(user.maildir) == messages[1:]
    assert read_maildir(other.maildir) == messages


@pytest.mark.parametrize("name", ["alice", "nobody-we-know"])
def test_wrong_password_is_refused(dovecot: Dovecot, name: str) -> None:
    with connected(dovecot.port) as session:
        assert session.log_in(name, "wrong").startswith(b"-ERR [AUTH]")


def test_a_token_is_good_until_it_expires(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    with connected(dovecot.port) as session:
        expired = dovecot.token(user.name, expires=OVER)
        assert session.ask(xoauth2(user.name, expired)).startswith(b"+ ")
        assert session.ask("").startswith(b"-ERR [AUTH]")
        token = dovecot.token(user.name)
        assert session.ask(xoauth2(user.name, token)) == b"+OK Logged in.\r\n"


def test_a_certificate_is_for_its_user_only(dovecot: Dovecot) -> None:
    user, other = dovecot.new_user(), dovecot.new_user()
    tls = ssl.create_default_context(cafile=dovecot.ca_file)
    tls.load_cert_chain(dovecot.certificates.client_file(user.name))
    with connected(dovecot.tls_port, tls) as session:
        refused = session.ask(f"AUTH EXTERNAL {base64_of(other.name)}")
        assert refused.startswith(b"-ERR [AUTH]")
        assert session.ask(f"AUTH EXTERNAL {base64_of(user.name)}") == b"+OK Logged in.\r\n"


def test_guests_have_a_maildrop(dovecot: Dovecot) -> None:
    with connected(dovecot.port) as session:
        assert session.ask("AUTH ANONYMOUS =") == b"+OK Logged in.\r\n"
        assert session.ask("STAT").startswith(b"+OK 1 ")


def test_tls_verifies_with_the_ca_file(dovecot: Dovecot) -> None:
    context = ssl.create_default_context(cafile=str(dovecot.ca_file))
    with connected(dovecot.tls_port, context) as session:
        assert session.log_in("alice", "secret-a") == b"+OK Logged in.\r\n"


def test_stls_verifies_with_the_ca_file(dovecot: Dovecot) -> None:
    with connected(dovecot.port) as session:
        session.start_tls(ssl.create_default_context(cafile=str(dovecot.ca_file)))
        assert session.log_in("alice", "secret-a") == b"+OK Logged in.\r\n"


def test_tls_fails_without_the_ca_file(dovecot: Dovecot) -> None:
    with (
        pytest.raises(ssl.SSLCertVerificationError),
        connected(dovecot.tls_port, ssl.create_default_context()),
    ):
        pass


def test_settings_of_a_test(start_dovecot: StartDovecot) -> None:
    config = "disable_plaintext_auth = yes\nservice pop3 {\n  process_limit = 7\n}\n"
    with start_dovecot(config) as dovecot, connected(dovecot.port) as session:
        assert session.ask("USER alice").startswith(b"-ERR [AUTH] Plaintext")


def test_failure_shows_the_log(start_dovecot: StartDovecot) -> None:
    with (
        pytest.raises(ServerFailed, match="Unknown setting: no_such_setting"),
        start_dovecot("no_such_setting = 1\n"),
    ):
        pass


def test_failure_when_the_port_is_taken(dovecot: Dovecot, tmp_path: Path) -> None:
    ports = dovecot.port, dovecot.tls_port
    with pytest.raises(ServerFailed, match="choose another"), running(tmp_path / "work", ports):
        pass


def test_no_process_is_left_when_the_context_is(start_dovecot: StartDovecot) -> None:
    others = set(children(os.getpid()))
    with start_dovecot("") as dovecot, logged_in(dovecot, dovecot.new_user()):
        (starter,) = set(children(os.getpid())) - others
        started = tree(starter)
    assert {"unshare", "dovecot", "pop3-login", "pop3"} <= set(started.values())
    assert not any(Path(f"/proc/{pid}").exists() for pid in started)
    assert is_free(dovecot.port)
    assert is_free(dovecot.tls_port)


@pytest.mark.usefixtures("dovecot")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_its_starter(tmp_path: Path, how: signal.Signals) -> None:
    port, tls_port = free_ports(2)
    with by_hand(tmp_path / "work", port, tls_port) as starter, connected(port) as session:
        assert session.log_in("bob", "secret-b") == b"+OK Logged in.\r\n"
        started = tree(starter.pid)
        ends = [os.pidfd_open(pid) for pid in started]
        starter.send_signal(how)
        for end in ends:
            assert select.select([end], [], [], SECONDS)[0]
            os.close(end)
    assert {"unshare", "dovecot", "pop3-login", "pop3"} <= set(started.values())


@contextmanager
def by_hand(work: Path, port: int, tls_port: int) -> Generator[subprocess.Popen[str]]:
    """Dovecot as one starts it from a shell; entered when it has said where it is."""
    command = [sys.executable, "-m", "tests.interop.servers.dovecot"]
    command += [str(work), str(port), str(tls_port)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert json.loads(process.stdout.readline())["port"] == port
            yield process
        finally:
            process.kill()


def tree(pid: int) -> dict[int, str]:
    """The names of `pid` and of all the processes that come from it, by their numbers."""
    found = {pid: Path(f"/proc/{pid}/comm").read_text().strip()}
    for child in children(pid):
        found |= tree(child)
    return found


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
