"""Our client against a real Dovecot, in every mode."""

import ssl

import pytest

from pop3_adapters.socket import connect
from pop3_proto import (
    AuthenticationFailed,
    CommandFailed,
    Deletions,
    LocalProtocolError,
    MailboxInUse,
    State,
    TlsPolicy,
    Utf8,
)
from tests.interop.library import connected, log_in, logged_in
from tests.interop.modes import every_mode
from tests.interop.seeds import SEEDS
from tests.interop.servers.dovecot import Dovecot, StartDovecot
from tests.interop.servers.maildir import read_maildir

pytestmark = pytest.mark.interop

ALL = [seed.on_disk for seed in SEEDS.values()]


@every_mode
def test_every_seed_arrives_as_the_table_says(dovecot: Dovecot, mode: TlsPolicy) -> None:
    with logged_in(dovecot, mode, dovecot.new_user(ALL)) as client:
        assert client.tls is (mode is not TlsPolicy.NONE)
        assert client.stat().messages == len(SEEDS)
        messages = [message.read() for message in client.fetch(range(1, len(SEEDS) + 1))]
    assert messages == [seed.on_wire for seed in SEEDS.values()]


@every_mode
def test_listings(dovecot: Dovecot, mode: TlsPolicy) -> None:
    with logged_in(dovecot, mode, dovecot.new_user(ALL)) as client:
        listings = client.scan_listings()
        assert [one.octets for one in listings] == [s.listed_by_dovecot for s in SEEDS.values()]
        assert client.scan_listing(4) == listings[3]
        ids = client.unique_ids()
        assert len({one.unique_id for one in ids}) == len(SEEDS)
        assert client.unique_id(4) == ids[3]


@every_mode
def test_deletion(dovecot: Dovecot, mode: TlsPolicy) -> None:
    user = dovecot.new_user(ALL[:4])
    with logged_in(dovecot, mode, user) as client:
        for message in client.fetch([1, 2]):
            _ = message.read()
            message.delete()
        client.delete(3)
        client.noop()
        with pytest.raises(CommandFailed):
            client.delete(3)
    assert client.deletions is Deletions.DONE
    assert read_maildir(user.maildir) == ALL[3:4]


@every_mode
def test_nothing_is_deleted_without_quit(dovecot: Dovecot, mode: TlsPolicy) -> None:
    user = dovecot.new_user(ALL[:2])
    client = logged_in(dovecot, mode, user)
    with pytest.raises(CommandFailed), client:
        client.delete(1, 2, 99)
    assert client.deletions is Deletions.KEPT
    with logged_in(dovecot, mode, user) as client:
        assert client.stat().messages == 2
        client.delete(1)
        client.reset()
    assert read_maildir(user.maildir) == ALL[:2]


@every_mode
def test_wrong_password(dovecot: Dovecot, mode: TlsPolicy) -> None:
    user = dovecot.new_user(ALL[:1])
    with connected(dovecot, mode) as client:
        insecure = mode is TlsPolicy.NONE
        with pytest.raises(AuthenticationFailed):
            client.login(user.name, "wrong", allow_insecure_auth=insecure)
        assert client.state is State.AUTHORIZATION
        client.login(user.name, user.password, allow_insecure_auth=insecure)
        assert client.stat().messages == 1


@pytest.mark.parametrize("mode", [TlsPolicy.STLS, TlsPolicy.IMPLICIT], ids=["stls", "implicit"])
def test_an_unknown_certificate_is_refused(dovecot: Dovecot, mode: TlsPolicy) -> None:
    port = dovecot.tls_port if mode is TlsPolicy.IMPLICIT else dovecot.port
    with pytest.raises(ssl.SSLCertVerificationError):
        _ = connect("localhost", port, tls=mode)


def test_no_password_in_plaintext_unless_asked_for(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    client = connected(dovecot, TlsPolicy.NONE)
    with client, pytest.raises(LocalProtocolError, match="plaintext"):
        client.login(user.name, user.password, mechanism="PLAIN")


def test_user_sends_names_beyond_ascii_only_when_asked_for(dovecot: Dovecot) -> None:
    with connected(dovecot, TlsPolicy.STLS) as client:
        with pytest.raises(LocalProtocolError, match="UTF8"):
            client.login("böb", dovecot.users["böb"], mechanism="USER")
        client.login("böb", dovecot.users["böb"], mechanism="USER", allow_utf8_login=True)
        assert client.stat().messages == 2


@every_mode
def test_utf8_is_refused_and_nothing_else_is_lost(dovecot: Dovecot, mode: TlsPolicy) -> None:
    with connected(dovecot, mode) as client:
        with pytest.raises(CommandFailed):
            client.request(Utf8())
        log_in(client, mode, dovecot.new_user([SEEDS["12-utf8hdr"].on_disk]))
        assert client.retrieve(1).read() == SEEDS["12-utf8hdr"].on_wire


def test_a_password_with_blanks(dovecot: Dovecot) -> None:
    with connected(dovecot, TlsPolicy.STLS) as client:
        client.login("erin", dovecot.users["erin"])
        assert client.stat().messages == 1


def test_top(dovecot: Dovecot) -> None:
    with logged_in(dovecot, TlsPolicy.STLS, dovecot.new_user(ALL[:1])) as client:
        head, blank, body = SEEDS["01-plain"].on_wire.partition(b"\r\n\r\n")
        assert client.top(1).read() == head + blank
        assert client.top(1, 1).read() == head + blank + body.splitlines(keepends=True)[0]


def test_a_message_left_early_costs_nothing_else(dovecot: Dovecot) -> None:
    with logged_in(dovecot, TlsPolicy.STLS, dovecot.new_user(ALL)) as client:
        with client.retrieve(4) as message:
            _ = next(iter(message))
        assert client.retrieve(1).read() == SEEDS["01-plain"].on_wire


def test_a_refused_message_costs_only_itself(dovecot: Dovecot) -> None:
    with logged_in(dovecot, TlsPolicy.STLS, dovecot.new_user(ALL[:2])) as client:
        found = [(m.number, m.refusal or m.read()) for m in client.fetch([1, 99, 2])]
    assert [number for number, _ in found] == [1, 99, 2]
    assert isinstance(found[1][1], CommandFailed)
    assert found[2][1] == SEEDS["02-dots"].on_wire


def test_many_messages_pipelined(dovecot: Dovecot) -> None:
    with logged_in(dovecot, TlsPolicy.IMPLICIT, dovecot.new_user(ALL[:3] * 100)) as client:
        sizes = [len(message.read()) for message in client.fetch(range(1, 301))]
    assert sizes == [len(seed.on_wire) for seed in list(SEEDS.values())[:3]] * 100


def test_a_second_session_is_refused(start_dovecot: StartDovecot) -> None:
    with start_dovecot("pop3_lock_session = yes") as dovecot:
        user = dovecot.new_user(ALL[:2])
        with logged_in(dovecot, TlsPolicy.STLS, user) as client:
            with pytest.raises(MailboxInUse), connected(dovecot, TlsPolicy.STLS) as other:
                log_in(other, TlsPolicy.STLS, user)
            client.delete(1)
    assert read_maildir(user.maildir) == ALL[1:2]
