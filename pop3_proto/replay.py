"""A conversation that was traced, through a machine again."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from .base64 import decode_base64
from .body import BodyDecoder
from .client import ClientConnection
from .commands import COMMANDS, Auth, Command, parse_command
from .connection import Connection
from .events import NEED_DATA, PAUSED, ClientEvent, EndOfStream, ServerEvent
from .exchange import CANCEL
from .responses import parse_status
from .server import ServerConnection
from .states import State
from .trace import Traced, TraceRecord

__all__ = ["replay_client", "replay_server"]

Vocabulary: TypeAlias = Mapping[bytes, type[Command[object]]]


def replay_client(
    conn: ClientConnection,
    records: Iterable[TraceRecord],
    commands: Iterable[type[Command[object]]] = COMMANDS,
) -> Iterator[ClientEvent]:
    """The events of a conversation that a client has traced, from a new machine.

    `commands` has the classes of what was sent. Raises what the machine raised then, and
    ValueError or LocalProtocolError where the records do not come from a machine.
    """
    vocabulary = {command.verb.encode("ascii"): command for command in commands}
    for record in _arriving(conn, list(records)):
        if record.what is Traced.SENT:
            _send(conn, record, vocabulary)
            continue
        while (event := conn.next_event()) is not NEED_DATA and event is not PAUSED:
            yield event
            if isinstance(event, EndOfStream):
                return


def replay_server(conn: ServerConnection, records: Iterable[TraceRecord]) -> Iterator[ServerEvent]:
    """The events of a conversation that a server has traced, from a new machine.

    Own commands have to be known to the machine. Raises what the machine raised then, and
    ValueError or LocalProtocolError where the records do not come from a machine.
    """
    decoder = BodyDecoder(b"\r\n")
    for record in _arriving(conn, list(records)):
        if record.what is Traced.SENT:
            decoder = _answer(conn, record.octets, decoder)
            continue
        while (event := conn.next_event()) is not NEED_DATA and event is not PAUSED:
            yield event
            if isinstance(event, EndOfStream):
                return


def _arriving(conn: Connection, records: list[TraceRecord]) -> Iterator[TraceRecord]:
    """The records in their order, when the machine has got what it had got then.

    Octets that were unread when something was sent had arrived before it, although the machine
    used them, and recorded them, later.
    """
    unread = _unread(records)
    given = [0] * len(records)
    ahead = later = 0
    for index, record in enumerate(records):
        if record.what is Traced.SENT:
            later = max(later, index)
            while ahead < unread[index] and later < len(records):
                received = records[later].what is Traced.RECEIVED
                rest = records[later].octets[given[later] :] if received else b""
                octets = rest[: unread[index] - ahead]
                _feed(conn, octets)
                given[later] += len(octets)
                ahead += len(octets)
                later += len(octets) == len(rest)
        elif record.what is Traced.RECEIVED:
            _feed(conn, record.octets[given[index] :])
            ahead -= given[index]
        elif record.what is Traced.TLS:
            conn.tls_started()
        else:
            conn.receive_eof(cut_off=record.what is Traced.CUT_OFF)
        yield record


def _unread(records: list[TraceRecord]) -> list[int]:
    """How many octets of what was recorded had arrived when each record was made.

    A secret is recorded shorter than it was, so that what the records themselves say may be too
    much: no more had arrived than was used by the next one, and what was unread then.
    """
    unread = [record.unread for record in records]
    most = max(unread, default=0)
    for index, record in reversed(list(enumerate(records))):
        if record.what is Traced.RECEIVED:
            most += len(record.octets)
        elif record.what is Traced.SENT:
            unread[index] = most = min(most, record.unread)
    return unread


def _feed(conn: Connection, octets: bytes) -> None:
    if octets:
        conn.receive_data(octets)


def _send(conn: ClientConnection, record: TraceRecord, vocabulary: Vocabulary) -> None:
    line = record.octets.removesuffix(b"\r\n")
    if conn.challenged and line == CANCEL:
        _ = conn.cancel()
    elif conn.challenged:
        _ = conn.respond(decode_base64(line) or b"", last=record.last)
    else:
        verb = line.partition(b" ")[0].upper()
        if verb not in vocabulary:
            raise ValueError(f"{verb!r} is in the trace: give its class in `commands`")
        command = parse_command(line, vocabulary)
        if isinstance(command, Auth) and command.mechanism:
            command = Auth(command.mechanism, command.initial, record.last)
        _ = conn.send(command)


def _answer(conn: ServerConnection, octets: bytes, decoder: BodyDecoder) -> BodyDecoder:
    """What a server sent: the greeting, a reply, a piece of a body, or a challenge."""
    if conn.in_body:
        return _give_body(conn, octets, decoder)
    line = octets.removesuffix(b"\r\n")
    status = parse_status(line, any_code=True)
    if status is None:
        _ = conn.challenge(decode_base64(line[2:]) or b"")
    elif conn.state is State.GREETING:
        _ = conn.greet(status.text, ok=status.ok, code=status.code)
    else:
        _ = conn.reply(status.ok, status.text, code=status.code)
    return decoder


def _give_body(conn: ServerConnection, octets: bytes, decoder: BodyDecoder) -> BodyDecoder:
    data, _ = decoder.decode(octets)
    _ = conn.send_body(data)
    if not decoder.ended:
        return decoder
    _ = conn.end_body()
    return BodyDecoder(b"\r\n")
