"""TLS without any I/O: two layers that shake hands in memory, and what can go wrong with that."""

import ssl
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_adapters._link import Link
from pop3_adapters._tls import TlsLayer, client_context
from pop3_proto import ClientConnection, Greeting, State, UnexpectedEof

from .certificates import Certificates

CERTIFICATES = Certificates()
SERVER = CERTIFICATES.server()
CLIENT = CERTIFICATES.client()


def pair(
    client: ssl.SSLContext = CLIENT, server: ssl.SSLContext = SERVER, host: str = "127.0.0.1"
) -> tuple[TlsLayer, TlsLayer]:
    return TlsLayer(client, host=host), TlsLayer(server, server_side=True)


def shake(client: TlsLayer, server: TlsLayer, cut: Callable[[bytes], list[bytes]]) -> None:
    """Shake hands; `cut` says how the octets are cut on their way."""
    done = [False, False]
    while not all(done):
        for at, (here, there) in enumerate(((client, server), (server, client))):
            done[at] = done[at] or here.handshake()
            for piece in cut(here.take()):
                there.feed(piece)
                done[1 - at] = done[1 - at] or there.handshake()


def whole(data: bytes) -> list[bytes]:
    return [data] if data else []


def connected() -> tuple[TlsLayer, TlsLayer]:
    client, server = pair()
    shake(client, server, whole)
    return client, server


def older(context: ssl.SSLContext) -> ssl.SSLContext:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


@given(st.lists(st.integers(1, 700), min_size=1, max_size=9))
def test_octets_may_be_cut_anywhere(sizes: list[int]) -> None:
    def cut(data: bytes) -> list[bytes]:
        return list(pieces(data, sizes))

    client, server = pair()
    shake(client, server, cut)
    received = b""
    for piece in cut(client.encrypt(b"STAT\r\n") + client.encrypt(b"LIST\r\n")):
        server.feed(piece)
        received += server.decrypt()
    assert received == b"STAT\r\nLIST\r\n"


def pieces(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    at = turn = 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        yield data[at : at + size]
        at, turn = at + size, turn + 1


def test_one_octet_at_a_time() -> None:
    client, server = pair()
    shake(client, server, lambda data: [bytes([octet]) for octet in data])
    for octet in client.encrypt(b"NOOP\r\n"):
        assert server.decrypt() == b""
        server.feed(bytes([octet]))
    assert server.decrypt() == b"NOOP\r\n"


def test_much_at_once() -> None:
    client, server = connected()
    much = bytes(range(256)) * 40_000
    client.feed(server.encrypt(much))
    assert client.decrypt() == much


def test_nothing_decrypted_is_not_the_end() -> None:
    client, server = connected()
    client.feed(server.encrypt(b"+OK\r\n")[:-1])
    assert client.decrypt() == b""
    assert not client.ended


def test_the_tickets_of_tls_1_3_are_no_data() -> None:
    client, server = pair()
    assert not client.handshake()
    server.feed(client.take())
    assert not server.handshake()
    client.feed(server.take())
    assert client.handshake()
    server.feed(client.take())
    assert server.handshake()
    assert client.object.version() == "TLSv1.3"
    tickets = server.take()
    assert tickets
    client.feed(tickets)
    assert client.decrypt() == b""
    assert not client.ended
    assert client.take() == b""


def test_close_notify_ends_the_input_behind_what_came_before() -> None:
    client, server = connected()
    client.feed(server.encrypt(b"+OK bye\r\n") + server.close())
    assert client.decrypt() == b"+OK bye\r\n"
    assert (client.ended, client.cut_off) == (True, False)


def test_an_end_without_close_notify_ends_the_input_too() -> None:
    client, server = connected()
    client.feed(server.encrypt(b"+OK bye\r\n"))
    client.feed(b"")
    assert client.decrypt() == b"+OK bye\r\n"
    assert (client.ended, client.cut_off) == (True, True)


def test_the_end_can_be_said_after_close_notify() -> None:
    client, server = connected()
    client.feed(server.close())
    assert client.decrypt() == b""
    client.feed(b"")
    assert client.decrypt() == b""
    assert (client.ended, client.cut_off) == (True, False)


@pytest.mark.parametrize("context", [CLIENT, older(CERTIFICATES.client())], ids=["1.3", "1.2"])
def test_one_side_may_end_while_the_other_goes_on(context: ssl.SSLContext) -> None:
    client, server = pair(context)
    shake(client, server, whole)
    server.feed(client.encrypt(b"QUIT\r\n") + client.close())
    assert server.decrypt() == b"QUIT\r\n"
    assert server.ended
    assert server.encrypt(b"+OK bye\r\n") != b""


def test_the_second_close_says_nothing_more() -> None:
    client, _ = connected()
    assert client.close() != b""
    assert client.close() == b""


def test_plaintext_in_front_of_the_handshake_ends_it() -> None:
    client, server = pair()
    assert not client.handshake()
    server.feed(client.take())
    assert not server.handshake()
    client.feed(b"+OK 1 message\r\n" + server.take())
    with pytest.raises(ssl.SSLError):
        _ = client.handshake()


def test_plaintext_behind_the_handshake_is_an_error() -> None:
    client, _ = connected()
    client.feed(b"+OK 1 message\r\n")
    with pytest.raises(ssl.SSLError):
        _ = client.decrypt()


def test_a_changed_octet_is_an_error() -> None:
    client, server = connected()
    record = bytearray(server.encrypt(b"+OK\r\n"))
    record[-1] ^= 1
    client.feed(bytes(record))
    with pytest.raises(ssl.SSLError):
        _ = client.decrypt()


def test_what_came_in_front_of_a_bad_record_is_not_lost() -> None:
    client, server = connected()
    client.feed(server.encrypt(b"+OK bye\r\n") + b"garbage that is no record\r\n")
    assert client.decrypt() == b"+OK bye\r\n"
    with pytest.raises(ssl.SSLError):
        _ = client.decrypt()


@pytest.mark.parametrize(
    ("client", "server", "host", "reason"),
    [
        (CLIENT, CERTIFICATES.server(known=False), "127.0.0.1", "CERTIFICATE_VERIFY_FAILED"),
        (CLIENT, SERVER, "pop.example.org", "CERTIFICATE_VERIFY_FAILED"),
        (client_context(), SERVER, "127.0.0.1", "CERTIFICATE_VERIFY_FAILED"),
        (older(CERTIFICATES.client()), CERTIFICATES.server(), "127.0.0.1", ""),
    ],
    ids=["unknown authority", "wrong name", "default context", "TLS 1.2 is still good"],
)
def test_who_is_believed(
    client: ssl.SSLContext, server: ssl.SSLContext, host: str, reason: str
) -> None:
    here, there = pair(client, server, host)
    if not reason:
        shake(here, there, whole)
        return
    with pytest.raises(ssl.SSLCertVerificationError, match=reason):
        shake(here, there, whole)
    there.feed(here.take())
    with pytest.raises(ssl.SSLError, match=r"(?i)alert (unknown ca|bad certificate|certificate)"):
        _ = there.handshake()


def test_the_text_of_an_alert_behind_the_handshake_is_told() -> None:
    client, server = pair(server=CERTIFICATES.demanding())
    assert not client.handshake()
    server.feed(client.take())
    assert not server.handshake()
    client.feed(server.take())
    assert client.handshake()
    server.feed(client.take())
    with pytest.raises(ssl.SSLError):
        _ = server.handshake()
    client.feed(server.take())
    with pytest.raises(ssl.SSLError, match=r"(?i)alert certificate required"):
        _ = client.decrypt()


def test_data_that_came_with_the_end_of_the_handshake_is_taken_at_once() -> None:
    conn = ClientConnection()
    link = Link(conn, lambda: TlsLayer(older(CERTIFICATES.client()), host="127.0.0.1"))
    server = TlsLayer(SERVER, server_side=True)
    steps = link.handshake()
    server.feed(next(steps))
    assert not server.handshake()
    server.feed(steps.send(server.take()))
    assert server.handshake()
    # TLS 1.2 ends with the server's word, so that its greeting can come in the same packet.
    with pytest.raises(StopIteration):
        _ = steps.send(server.take() + server.encrypt(b"+OK hello\r\n"))
    assert conn.next_event() == Greeting(True, b"hello")


def test_an_end_inside_the_handshake() -> None:
    link = Link(ClientConnection(), lambda: TlsLayer(CLIENT, host="127.0.0.1"))
    steps = link.handshake()
    _ = next(steps)
    with pytest.raises(UnexpectedEof, match="during the TLS handshake"):
        _ = steps.send(b"")


def test_why_the_handshake_failed_is_told_to_the_peer() -> None:
    link = Link(ClientConnection(), lambda: TlsLayer(client_context(), host="127.0.0.1"))
    server = TlsLayer(SERVER, server_side=True)
    steps = link.handshake()
    server.feed(next(steps))
    assert not server.handshake()
    with pytest.raises(ssl.SSLCertVerificationError):
        _ = steps.send(server.take())
    assert link.machine.state is State.GREETING
    server.feed(link.closing())
    with pytest.raises(ssl.SSLError, match=r"(?i)alert unknown ca"):
        _ = server.handshake()
