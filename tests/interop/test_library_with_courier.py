"""Our client against a real Courier, in every mode."""

import email
import socket
import ssl

import pytest

from pop3_adapters.socket import connect
from pop3_proto import (
    AuthenticationFailed,
    CommandFailed,
    Deletions,
    State,
    TlsPolicy,
    Utf8,
)
from tests.interop.library import connected, log_in, logged_in
from tests.interop.modes import every_mode
from tests.interop.seeds import SEEDS
from tests.interop.servers.courier import Courier, StartCourier
from tests.interop.servers.maildir import read_maildir
from tests.interop.session import Session

pytestmark = pytest.mark.interop

SECONDS = 30
ALL = [seed.on_disk for seed in SEEDS.values()]
# The message that Courier gives only to clients that asked for UTF8.
UTF8 = SEEDS["12-utf8hdr"]


@every_mode
def test_every_seed_arrives_as_the_table_says(courier: Courier, mode: TlsPolicy) -> None:
    with connected(courier, mode) as client:
        assert client.tls is (mode is not TlsPolicy.NONE)
        client.request(Utf8())
        log_in(client, mode, courier.new_user(ALL))
        assert client.stat().messages == len(SEEDS)
        messages = [message.read() for message in client.fetch(range(1, len(SEEDS) + 1))]
    assert messages == [seed.from_courier for seed in SEEDS.values()]


@every_mode
def test_without_utf8_one_message_is_replaced(courier: Courier, mode: TlsPolicy) -> None:
    expected = {name: seed.from_courier for name, seed in SEEDS.items()}
    with logged_in(courier, mode, courier.new_user(ALL)) as client:
        messages = [message.read() for message in client.fetch(range(1, len(SEEDS) + 1))]
        received = dict(zip(SEEDS, messages, strict=True))
        assert client.scan_listing(1 + list(SEEDS).index(UTF8.name)).octets == len(UTF8.on_wire)
    del expected[UTF8.name]
    surrogate = received.pop(UTF8.name)
    assert received == expected
    assert len(surrogate) > len(UTF8.on_wire)
    parsed = email.message_from_bytes(surrogate)
    assert parsed.get_content_type() == "multipart/mixed"
    parts = [part.get_content_type() for part in parsed.walk()]
    assert "message/global" in parts
    assert UTF8.on_wire in surrogate


@every_mode
def test_listings(courier: Courier, mode: TlsPolicy) -> None:
    with logged_in(courier, mode, courier.new_user(ALL)) as client:
        listings = client.scan_listings()
        assert [one.octets for one in listings] == [s.listed_by_courier for s in SEEDS.values()]
        assert client.scan_listing(4) == listings[3]
        ids = client.unique_ids()
        assert len({one.unique_id for one in ids}) == len(SEEDS)
        assert client.unique_id(4) == ids[3]


@every_mode
def test_deletion(courier: Courier, mode: TlsPolicy) -> None:
    user = courier.new_user(ALL[:4])
    with logged_in(courier, mode, user) as client:
        for message in client.fetch([1, 2]):
            _ = message.read()
            message.delete()
        client.delete(3)
        client.noop()
        with pytest.raises(CommandFailed):
            client.delete(3)
    assert client.deletions is Deletions.DONE
    courier.wait_for_logout(user)
    assert read_maildir(user.maildir) == ALL[3:4]


@every_mode
def test_nothing_is_deleted_without_quit(courier: Courier, mode: TlsPolicy) -> None:
    user = courier.new_user(ALL[:2])
    client = logged_in(courier, mode, user)
    with pytest.raises(CommandFailed), client:
        client.delete(1, 2, 99)
    assert client.deletions is Deletions.KEPT
    with logged_in(courier, mode, user) as client:
        assert client.stat().messages == 2
        client.delete(1)
        client.reset()
    assert read_maildir(user.maildir) == ALL[:2]


def test_what_follows_pass_in_one_packet_is_lost(courier: Courier) -> None:
    user = courier.new_user(ALL[:2])
    with socket.create_connection((courier.host, courier.port), SECONDS) as stream:
        session = Session(stream)
        assert session.line().startswith(b"+OK")
        assert session.ask("CAPA").startswith(b"+OK")
        assert b"PIPELINING\r\n" in session.body()
        session.send(f"USER {user.name}\r\nPASS {user.password}\r\nSTAT\r\n")
        assert session.line() == b"+OK Password required.\r\n"
        assert session.line() == b"+OK logged in.\r\n"
        assert session.ask("QUIT") == b"+OK Bye-bye.\r\n"
        assert session.line() == b""
        session.close()


@every_mode
def test_all_the_same_many_messages_are_pipelined(courier: Courier, mode: TlsPolicy) -> None:
    with logged_in(courier, mode, courier.new_user(ALL[:3] * 100)) as client:
        assert client.capabilities is not None
        assert "PIPELINING" in client.capabilities
        sizes = [len(message.read()) for message in client.fetch(range(1, 301))]
    assert sizes == [len(seed.from_courier) for seed in list(SEEDS.values())[:3]] * 100


def test_wrong_password(courier: Courier) -> None:
    user = courier.new_user(ALL[:1])
    with connected(courier, TlsPolicy.STLS) as client:
        with pytest.raises(AuthenticationFailed):
            client.login(user.name, "wrong")
        assert client.state is State.AUTHORIZATION
        log_in(client, TlsPolicy.STLS, user)
        assert client.stat().messages == 1


@pytest.mark.parametrize("mode", [TlsPolicy.STLS, TlsPolicy.IMPLICIT], ids=["stls", "implicit"])
def test_an_unknown_certificate_is_refused(courier: Courier, mode: TlsPolicy) -> None:
    port = courier.tls_port if mode is TlsPolicy.IMPLICIT else courier.port
    with pytest.raises(ssl.SSLCertVerificationError):
        _ = connect("localhost", port, tls=mode)


def test_tls_may_be_required(start_courier: StartCourier) -> None:
    with start_courier("POP3_TLS_REQUIRED=1") as courier:
        user = courier.new_user(ALL[:1])
        with connected(courier, TlsPolicy.NONE) as client, pytest.raises(CommandFailed):
            log_in(client, TlsPolicy.NONE, user)
        with logged_in(courier, TlsPolicy.STLS, user) as client:
            assert client.stat().messages == 1


def test_names_beyond_ascii(courier: Courier) -> None:
    with connected(courier, TlsPolicy.STLS) as client:
        client.login("böb", courier.users["böb"])
        assert client.stat().messages == 2


def test_a_password_with_blanks(courier: Courier) -> None:
    with connected(courier, TlsPolicy.STLS) as client:
        client.login("erin", courier.users["erin"])
        assert client.stat().messages == 1


def test_top(courier: Courier) -> None:
    with logged_in(courier, TlsPolicy.STLS, courier.new_user(ALL[:1])) as client:
        head, blank, body = SEEDS["01-plain"].from_courier.partition(b"\r\n\r\n")
        assert client.top(1).read() == head + blank
        assert client.top(1, 1).read() == head + blank + body.splitlines(keepends=True)[0]


def test_a_second_session_is_let_in(courier: Courier) -> None:
    user = courier.new_user(ALL[:2])
    with logged_in(courier, TlsPolicy.STLS, user) as one:
        with logged_in(courier, TlsPolicy.STLS, user) as other:
            other.delete(1)
        courier.wait_for_logout(user)
        assert one.stat().messages == 2
    assert read_maildir(user.maildir) == ALL[1:2]
