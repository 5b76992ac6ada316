"""A server that sends ready-made replies from memory, so that the client is what is measured:

    python -m benchmarks.server [--pem FILE] COUNT:OCTETS:BODY [...]

It takes any name and password, says its port on the first line of its standard output, and behind
each session what that was like, as JSON. It is no server for anything else.
"""

import argparse
import json
import resource
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Final, TypeAlias

from .mail import Batch, message

READ: Final = 64 * 1024
BIG: Final = 128 * 1024
"""Octets of a reply that is sent by itself; smaller ones are sent together, as they were asked."""

UNSENT: Final = 256 * 1024
"""Octets that wait for the client. By default there are megabytes, which leave the processor's
cache: the bare loop took 0.19 s for 400 MB then, and 0.09 s with this."""

Wrap: TypeAlias = Callable[[socket.socket], socket.socket]
"""Starts TLS, or does nothing."""

CAPABILITIES: Final = b"+OK\r\nPIPELINING\r\nUIDL\r\nTOP\r\nUSER\r\n.\r\n"
OK: Final = b"+OK\r\n"


class Maildrop:
    """The reply to each command."""

    def __init__(self, batches: Iterable[Batch]) -> None:
        self._messages: list[bytes] = [b""]
        sizes: list[int] = []
        for batch in batches:
            octets = message(batch)
            sizes += [len(octets)] * batch.count
            self._messages += [_multi_line(octets)] * batch.count
        uids = (b"%d message-%d\r\n" % (n, n) for n, _ in enumerate(sizes, 1))
        self._replies = {
            b"CAPA": CAPABILITIES,
            b"LIST": _multi_line(b"".join(b"%d %d\r\n" % each for each in enumerate(sizes, 1))),
            b"STAT": b"+OK %d %d\r\n" % (len(sizes), sum(sizes)),
            b"UIDL": _multi_line(b"".join(uids)),
        }

    def reply(self, command: bytes) -> bytes:
        """What is sent for a command, without its CRLF."""
        if command.startswith(b"RETR "):
            return self._messages[int(command[5:])]
        return self._replies.get(command, OK)


def _multi_line(octets: bytes) -> bytes:
    stuffed = (b"\r\n" + octets).replace(b"\r\n.", b"\r\n..")
    return b"+OK" + stuffed + b".\r\n"


class Session:
    """One client; answers all commands of a read at once."""

    def __init__(self, sock: socket.socket, maildrop: Maildrop) -> None:
        self._socket = sock
        self._maildrop = maildrop
        self._first = self._last = 0.0

    def hold(self) -> None:
        """Serve until QUIT, or until the client has gone."""
        self._socket.sendall(OK)
        for commands in self._commands():
            self._note(commands)
            self._send(map(self._maildrop.reply, commands))
            if commands[-1] == b"QUIT":
                return

    def _commands(self) -> Iterator[list[bytes]]:
        rest = b""
        while data := self._socket.recv(READ):
            *commands, rest = (rest + data).split(b"\r\n")
            if commands:
                yield commands

    def _note(self, commands: list[bytes]) -> None:
        now = time.perf_counter()
        if not self._first and any(command.startswith(b"RETR") for command in commands):
            self._first = now
        if self._first and not self._last and not commands[-1].startswith(b"RETR"):
            self._last = now

    def _send(self, replies: Iterable[bytes]) -> None:
        for big, run in groupby(replies, lambda reply: len(reply) > BIG):
            for octets in run if big else [b"".join(run)]:
                self._socket.sendall(octets)

    def figures(self) -> dict[str, float]:
        """CPU seconds of this thread, and those from the first RETR until something else came,
        which is when the client had the last message."""
        return {"cpu": time.thread_time(), "fetching": self._last - self._first}


def serve(listener: socket.socket, maildrop: Maildrop, wrap: Wrap) -> None:
    """Serve each client in a thread of its own, for ever."""

    def hold(sock: socket.socket) -> None:
        with wrap(sock) as wrapped:
            session = Session(wrapped, maildrop)
            with suppress(ConnectionError):  # who measures it says what was missing
                session.hold()
        # In one piece, because others end at the same time.
        print(json.dumps(session.figures()) + "\n", end="", flush=True)

    while True:
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNSENT)
        threading.Thread(target=hold, args=[sock], daemon=True).start()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.server", description=__doc__)
    _ = parser.add_argument("batches", nargs="+", type=Batch.parse, metavar="COUNT:OCTETS:BODY")
    _ = parser.add_argument("--pem", help="key and certificate, for TLS from the first octet on")
    options = parser.parse_args(arguments)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # for thousands of idle sessions
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        maildrop = Maildrop(options.batches)
        print(listener.getsockname()[1], flush=True)
        serve(listener, maildrop, _tls(options.pem))


def _tls(pem: str | None) -> Wrap:
    if pem is None:
        return lambda sock: sock
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return lambda sock: context.wrap_socket(sock, server_side=True)


if __name__ == "__main__":
    main()
