"""Machines brought to where a test wants them, what they report, and how input is cut."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from hypothesis import strategies as st

from pop3_proto import (
    NEED_DATA,
    PAUSED,
    Auth,
    BodyChunk,
    ClientConnection,
    ClientEvent,
    Command,
    EndOfStream,
    Limits,
    Pass,
    ProtocolError,
    Quit,
    ServerConnection,
    State,
    Stls,
    Trace,
    User,
)

Client = ClientEvent | ProtocolError


def client_in(
    state: State, *, limits: Limits | None = None, trace: Trace | None = None
) -> ClientConnection:
    """A client that has come to `state` on the shortest way."""
    conn = ClientConnection(limits=limits, trace=trace)
    if state is State.BROKEN:
        conn.abort("a test has broken it")
    if state in (State.GREETING, State.BROKEN):
        return conn
    hear(conn, b"+OK\r\n")
    if state is State.TLS_HANDSHAKE:
        exchange(conn, Stls())
    if state is State.AUTHENTICATING:
        conn.send(Auth("PLAIN"))
        hear(conn, b"+ \r\n")
    if state in (State.AUTHORIZATION, State.AUTHENTICATING, State.TLS_HANDSHAKE):
        return conn
    exchange(conn, User("alice"), Pass("secret"))
    if state is not State.TRANSACTION:
        conn.send(Quit())
    if state is State.CLOSED:
        hear(conn, b"+OK\r\n")
    return conn


def server_in(
    state: State, *, limits: Limits | None = None, trace: Trace | None = None
) -> ServerConnection:
    """A server that has come to `state` on the shortest way."""
    conn = ServerConnection(limits=limits, trace=trace)
    if state is State.BROKEN:
        conn.abort("a test has broken it")
    if state in (State.GREETING, State.BROKEN):
        return conn
    conn.greet()
    if state is State.TLS_HANDSHAKE:
        serve(conn, b"STLS")
    if state is State.AUTHENTICATING:
        conn.receive_data(b"AUTH PLAIN\r\n")
        conn.next_event()
        conn.challenge()
    if state in (State.AUTHORIZATION, State.AUTHENTICATING, State.TLS_HANDSHAKE):
        return conn
    serve(conn, b"USER alice", b"PASS secret")
    if state is State.TRANSACTION:
        return conn
    conn.receive_data(b"QUIT\r\n")
    conn.next_event()
    if state is State.CLOSED:
        conn.reply(True)
    return conn


def secured_client() -> ClientConnection:
    """A client in AUTHORIZATION, inside TLS from the first octet on."""
    conn = ClientConnection()
    conn.tls_started()
    hear(conn, b"+OK\r\n")
    return conn


def exchange(conn: ClientConnection, *commands: Command[object]) -> None:
    """Send commands, each of which gets `+OK`."""
    for command in commands:
        conn.send(command)
        hear(conn, b"+OK\r\n")


def serve(conn: ServerConnection, *lines: bytes) -> None:
    """Receive commands, each of which gets `+OK`."""
    for line in lines:
        conn.receive_data(line + b"\r\n")
        conn.next_event()
        conn.reply(True)


def hear(conn: ClientConnection, octets: bytes) -> list[Client]:
    """Give octets to a client, and take everything that it then reports."""
    conn.receive_data(octets)
    return client_events(conn)


def client_events(conn: ClientConnection) -> list[Client]:
    """What a client reports until it waits; how it ended is the last of it."""
    events: list[Client] = []
    try:
        while (event := conn.next_event()) is not NEED_DATA and event is not PAUSED:
            events.append(event)
            if isinstance(event, EndOfStream):
                break
    except ProtocolError as error:
        events.append(error)
    return events


def pieces(octets: bytes, cuts: Iterable[int]) -> list[bytes]:
    """The octets, cut at these positions; nothing in it is empty."""
    edges = sorted({0, len(octets), *(cut % (len(octets) + 1) for cut in cuts)})
    return [octets[start:end] for start, end in pairwise(edges)]


def cut_anywhere(octets: bytes) -> st.SearchStrategy[list[bytes]]:
    """The same octets in pieces; now and then each in a piece of its own."""
    single = st.just([octets[i : i + 1] for i in range(len(octets))])
    cuts = st.lists(st.integers(0, max(1, len(octets))), max_size=12)
    return single | cuts.map(lambda positions: pieces(octets, positions))


def joined(events: Sequence[object]) -> bytes:
    """The octets of the bodies in a sequence of events."""
    return b"".join(event.data for event in events if isinstance(event, BodyChunk))
