"""What passes through the two machines."""

from itertools import cycle, islice
from typing import Final

from pop3_proto import NEED_DATA, BadCommand, ClientConnection, Retr, ServerConnection

from ..bodies import body
from .benchmark import EACH, MEGABYTES, Benchmark, Work, timed
from .reads import cut
from .sessions import client_in_transaction, server_in_transaction

__all__ = ["BENCHMARKS"]

MESSAGES: Final = 5_000
SMALL: Final = 4_000
LARGE: Final = 20_000_000
READ: Final = 64 * 1024
PIPELINED_READ: Final = 256 * 1024

COMMANDS: Final = 10_000
LINES: Final = (
    b"RETR 1\r\n",
    b"DELE 1\r\n",
    b"UIDL 1\r\n",
    b"LIST\r\n",
    b"TOP 1 0\r\n",
    b"NOOP\r\n",
)


def sending(size: float) -> Work:
    """Send RETR after RETR, before any reply."""
    messages = _part(MESSAGES, size)

    def run(conn: ClientConnection) -> None:
        for number in range(1, messages + 1):
            _ = conn.send(Retr(number))

    return timed(messages, run, client_in_transaction)


def receiving(size: float) -> Work:
    """Receive the replies to them, many in one read."""
    messages = _part(MESSAGES, size)
    reads = cut(_reply(SMALL) * messages, PIPELINED_READ)
    cuts = len(reads) - 1

    def prepare() -> ClientConnection:
        conn = client_in_transaction()
        for number in range(1, messages + 1):
            _ = conn.send(Retr(number))
        return conn

    def run(conn: ClientConnection) -> None:
        # A Reply, a BodyChunk and a BodyEnd each; a read may cut one more BodyChunk in two.
        assert 0 <= _events(conn, reads) - 3 * messages <= cuts

    return timed(3 * messages, run, prepare)


def asking(size: float) -> Work:
    """The same messages, one at a time."""
    messages, reply = _part(MESSAGES, size), _reply(SMALL)

    def run(conn: ClientConnection) -> None:
        for number in range(1, messages + 1):
            _ = conn.send(Retr(number))
            assert _events(conn, [reply]) == 3

    return timed(messages, run, client_in_transaction)


def streaming(size: float) -> Work:
    """One large message."""
    reply = _reply(_part(LARGE, size))
    reads = cut(reply, READ)

    def prepare() -> ClientConnection:
        conn = client_in_transaction()
        _ = conn.send(Retr(1))
        return conn

    def run(conn: ClientConnection) -> None:
        assert _events(conn, reads) >= 3

    return timed(len(reply) / 1e6, run, prepare)


def serving(size: float) -> Work:
    """Parse commands that have arrived together, and refuse each."""
    count = _part(COMMANDS, size)
    lines = b"".join(islice(cycle(LINES), count))

    def run(conn: ServerConnection) -> None:
        conn.receive_data(lines)
        for _ in range(count):
            assert not isinstance(conn.next_event(), BadCommand)
            _ = conn.reply(False, "no such message")

    return timed(count, run, server_in_transaction)


def _part(whole: int, size: float) -> int:
    return max(1, int(whole * size))


def _reply(octets: int) -> bytes:
    return b"+OK\r\n" + body("base64", octets) + b".\r\n"


def _events(conn: ClientConnection, reads: list[bytes]) -> int:
    """How many events there are in these reads."""
    count = 0
    for read in reads:
        conn.receive_data(read)
        while conn.next_event() is not NEED_DATA:
            count += 1
    return count


BENCHMARKS: Final = [
    Benchmark("machines.send", "5,000 RETR by a client, before any reply", EACH, sending),
    Benchmark(
        "machines.pipelined",
        "events of a client from 5,000 replies of 4 kB in reads of 256 KiB",
        EACH,
        receiving,
    ),
    Benchmark("machines.one_by_one", "5,000 times RETR and a reply of 4 kB", EACH, asking),
    Benchmark(
        "machines.large", "20 MB of base64 to a client in reads of 64 KiB", MEGABYTES, streaming
    ),
    Benchmark("machines.commands", "10,000 commands to a server, and -ERR to each", EACH, serving),
]
