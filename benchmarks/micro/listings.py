"""LIST and UIDL into typed entries, held against the standard poplib and `split`."""

import poplib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from io import BufferedReader, BytesIO
from typing import Final, TypeAlias

from pop3_proto import List, ScanListing, Uidl, UniqueId
from pop3_proto.flows.client import request

from .benchmark import EACH, Benchmark, Work, timed
from .conversations import listen
from .reads import cut
from .sessions import client_in_transaction

__all__ = ["BENCHMARKS", "list_reply", "our_list", "our_uidl", "std_list", "std_uidl", "uidl_reply"]

MESSAGES: Final = 100_000
READ: Final = 256 * 1024

Listing: TypeAlias = Sequence[Sequence[object]]


class FedPop3(poplib.POP3):
    """A client to whom a server has said something, and that nobody listens to.

    It reads from a buffer, as from a socket: but without a system call for each 8 KiB.
    """

    def __init__(self, said: bytes) -> None:
        self.set_debuglevel(0)
        self.file = BufferedReader(BytesIO(said))

    def _putline(self, line: bytes) -> None:
        pass


def list_reply(messages: int) -> bytes:
    """What a server says to LIST."""
    return _reply(b"%d %d\r\n" % (number, 4000 + number) for number in range(1, messages + 1))


def uidl_reply(messages: int) -> bytes:
    """What a server says to UIDL."""
    return _reply(b"%d %032x\r\n" % (number, number) for number in range(1, messages + 1))


def our_list(reply: bytes) -> list[ScanListing]:
    """The entries of LIST, as a client's flow gives them."""
    conn = client_in_transaction()
    return listen(conn, request(conn, List()), cut(reply, READ))


def our_uidl(reply: bytes) -> list[UniqueId]:
    """The entries of UIDL, as a client's flow gives them."""
    conn = client_in_transaction()
    return listen(conn, request(conn, Uidl()), cut(reply, READ))


def std_list(reply: bytes) -> list[list[bytes]]:
    """The columns of LIST, as one gets them from poplib; they are no numbers yet."""
    return [line.split() for line in FedPop3(reply).list()[1]]


def std_uidl(reply: bytes) -> list[list[bytes]]:
    """The columns of UIDL, as one gets them from poplib; they are no numbers yet."""
    return [line.split() for line in FedPop3(reply).uidl()[1]]


def _reply(lines: Iterable[bytes]) -> bytes:
    return b"".join((b"+OK\r\n", *lines, b".\r\n"))


def reading(parse: Callable[[bytes], Listing], write: Callable[[int], bytes], size: float) -> Work:
    """Read the reply to its end."""
    messages = max(1, int(MESSAGES * size))
    reply = write(messages)

    def run(reply: bytes) -> None:
        assert len(parse(reply)) == messages

    return timed(messages, run, lambda: reply)


DOES: Final = (
    "100,000 messages in reads of 256 KiB; against poplib, from a buffer, and split() of each line"
)

BENCHMARKS: Final = [
    Benchmark(
        "listings.list",
        DOES,
        EACH,
        partial(reading, our_list, list_reply),
        partial(reading, std_list, list_reply),
    ),
    Benchmark(
        "listings.uidl",
        DOES,
        EACH,
        partial(reading, our_uidl, uidl_reply),
        partial(reading, std_uidl, uidl_reply),
        goal=1.5,
    ),
]
