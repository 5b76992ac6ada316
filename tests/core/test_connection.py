"""What both roles have in common: octets in, state, and how it ends."""

from collections.abc import Callable

import pytest

from pop3_proto import (
    Capa,
    Capabilities,
    ClientConnection,
    Limits,
    LocalProtocolError,
    Noop,
    PlaintextAfterStls,
    ProtocolError,
    ServerConnection,
    State,
    Stls,
    Traced,
    TraceRecord,
    replay_client,
)
from pop3_proto.connection import Connection
from tests.core.machines import client_in, serve, server_in

ROLES: list[Callable[[State], Connection]] = [client_in, server_in]

role = pytest.mark.parametrize("brought_to", ROLES)


@pytest.mark.parametrize("kind", [ClientConnection, ServerConnection])
def test_a_new_one(kind: type[Connection]) -> None:
    conn = kind()
    assert conn.state is State.GREETING
    assert (conn.tls, conn.utf8, conn.failure) == (False, False, None)
    assert conn.limits == Limits()
    assert kind(limits=Limits(line=600)).limits.line == 600


@role
@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("data", [b"", bytearray(), memoryview(b"")])
def test_no_data_is_not_the_end_of_input(
    brought_to: Callable[[State], Connection], state: State, data: bytes
) -> None:
    with pytest.raises(ValueError, match=r"say the end of input with receive_eof\(\)"):
        brought_to(state).receive_data(data)


@role
def test_nothing_comes_behind_the_end(brought_to: Callable[[State], Connection]) -> None:
    conn = brought_to(State.AUTHORIZATION)
    conn.receive_eof()
    conn.receive_eof(cut_off=True)
    with pytest.raises(LocalProtocolError, match=r"data behind receive_eof\(\)"):
        conn.receive_data(b"x")


@role
@pytest.mark.parametrize("state", [State.CLOSED, State.BROKEN])
def test_what_comes_when_all_is_over_is_not_kept(
    brought_to: Callable[[State], Connection], state: State
) -> None:
    conn = brought_to(state)
    conn.receive_data(b"x" * 1000)
    assert conn.state is state


@role
def test_plaintext_where_tls_has_to_begin(brought_to: Callable[[State], Connection]) -> None:
    conn = brought_to(State.TLS_HANDSHAKE)
    with pytest.raises(PlaintextAfterStls) as caught:
        conn.receive_data(b"x")
    assert (conn.state, conn.failure) == (State.BROKEN, caught.value)


@pytest.mark.parametrize("kind", [ClientConnection, ServerConnection])
def test_plaintext_before_tls_from_the_first_octet_on(kind: type[Connection]) -> None:
    conn = kind()
    conn.receive_data(b"x")
    with pytest.raises(PlaintextAfterStls):
        conn.tls_started()
    assert (conn.state, conn.tls) == (State.BROKEN, False)


@role
def test_tls_begins_where_it_has_to(brought_to: Callable[[State], Connection]) -> None:
    for state in (State.GREETING, State.TLS_HANDSHAKE):
        conn = brought_to(state)
        conn.tls_started()
        assert conn.tls
        with pytest.raises(LocalProtocolError, match=r"TLS cannot start in .*: STLS comes first"):
            conn.tls_started()


def test_what_was_learnt_in_plaintext_is_forgotten() -> None:
    conn = client_in(State.TLS_HANDSHAKE)
    conn.capabilities = Capabilities.of("SASL PLAIN")
    conn.tls_started()
    assert conn.capabilities is None


@role
@pytest.mark.parametrize("state", [State.AUTHORIZATION, State.TRANSACTION, State.CLOSED])
def test_tls_begins_nowhere_else(brought_to: Callable[[State], Connection], state: State) -> None:
    with pytest.raises(LocalProtocolError, match=f"TLS cannot start in {state.value}"):
        brought_to(state).tls_started()


@role
def test_the_first_reason_to_give_up_stays(brought_to: Callable[[State], Connection]) -> None:
    conn = brought_to(State.TRANSACTION)
    conn.abort("the network is gone")
    conn.abort("and so is everything else")
    assert conn.state is State.BROKEN
    assert isinstance(conn.failure, ProtocolError)
    assert str(conn.failure) == "the network is gone"


@role
def test_what_is_over_cannot_be_given_up(brought_to: Callable[[State], Connection]) -> None:
    conn = brought_to(State.CLOSED)
    conn.abort("too late")
    assert (conn.state, conn.failure) == (State.CLOSED, None)


def test_what_cannot_be_done_says_what_has_happened_before() -> None:
    conn = client_in(State.TRANSACTION)
    conn.abort("the network is gone")
    with pytest.raises(LocalProtocolError, match=r"new connection \(the network is gone\)$"):
        conn.send(Noop())
    with pytest.raises(LocalProtocolError, match=r"belongs before the login$"):
        client_in(State.TRANSACTION).send(Stls())


def test_utf8() -> None:
    conn = server_in(State.AUTHORIZATION)
    serve(conn, b"UTF8")
    assert conn.utf8


def test_each_role_says_what_it_waits_for() -> None:
    with pytest.raises(NotImplementedError):
        Connection().silence()


class TestTrace:
    def test_what_has_passed(self) -> None:
        records: list[TraceRecord] = []
        conn = ClientConnection(trace=records.append)
        conn.tls_started()
        conn.receive_data(b"+OK\r\n+OK")
        conn.next_event()
        conn.send(Capa())
        conn.receive_eof(cut_off=True)
        with pytest.raises(ProtocolError):
            conn.next_event()
        assert records == [
            TraceRecord(Traced.TLS),
            TraceRecord(Traced.RECEIVED, b"+OK\r\n"),
            TraceRecord(Traced.SENT, b"CAPA\r\n", unread=3),
            TraceRecord(Traced.RECEIVED, b"+OK"),
            TraceRecord(Traced.CUT_OFF),
        ]

    def test_the_end_of_input(self) -> None:
        records: list[TraceRecord] = []
        conn = ServerConnection(trace=records.append)
        conn.greet()
        conn.receive_eof()
        conn.next_event()
        assert records == [TraceRecord(Traced.SENT, b"+OK\r\n"), TraceRecord(Traced.EOF)]


def test_a_trace_that_cannot_be_written_breaks_the_connection() -> None:
    def full(record: TraceRecord) -> None:
        if record.what is Traced.RECEIVED:
            raise OSError("no space left")

    conn = ClientConnection(trace=full)
    conn.receive_data(b"+OK\r\n")
    with pytest.raises(OSError, match="no space left"):
        conn.next_event()
    assert conn.state is State.BROKEN
    with pytest.raises(ProtocolError, match="its trace could not be written"):
        conn.next_event()


@pytest.mark.parametrize("early", [b"+OK\r\n+OK injected\r\n", b"+OK\r\n"])
def test_plaintext_behind_stls_is_in_the_trace_and_breaks_a_replay(early: bytes) -> None:
    records: list[TraceRecord] = []
    conn = ClientConnection(trace=records.append)
    conn.receive_data(b"+OK\r\n")
    conn.next_event()
    conn.send(Stls())
    conn.receive_data(early)

    def go_on() -> None:
        conn.next_event()
        conn.receive_data(b"+OK injected\r\n")

    with pytest.raises(PlaintextAfterStls):
        go_on()
    assert records[-1] == TraceRecord(Traced.RECEIVED, b"***")
    with pytest.raises(PlaintextAfterStls):
        list(replay_client(ClientConnection(), records))
