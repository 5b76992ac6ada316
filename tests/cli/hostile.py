"""A server that says what a test wants it to say, in plaintext and to one client after another."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Final, Self

OK: Final = b"+OK\r\n"
USUAL: Final = ("PIPELINING", "UIDL", "TOP", "USER")

Answer = bytes | None
"""What is sent; None closes the connection without an answer."""


class Server:
    """Holds `messages`, in the form of the wire, under their numbers.

    `answers` says what is different: for a verb, or for a verb with its arguments, either octets
    or a function that gives them. Behind the answers to `closes_behind` it closes the connection;
    b"" stands for the greeting. `said` is what clients have sent.
    """

    def __init__(
        self,
        messages: dict[int, bytes],
        *,
        unique_ids: dict[int, bytes] | None = None,
        capabilities: tuple[str, ...] = USUAL,
        greeting: bytes = OK,
        address: str = "127.0.0.1",
    ) -> None:
        self.messages = messages
        self.unique_ids = unique_ids or {n: b"id-%d" % n for n in messages}
        self.capabilities = capabilities
        self.greeting = greeting
        self.answers: dict[bytes, Answer | Callable[[], Answer]] = {}
        self.closes_behind: set[bytes] = set()
        self.said: list[bytes] = []
        self._marked: set[int] = set()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, 0), family=family)
        self._connection: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"pop://alice@127.0.0.1:{self.port}?tls=none"

    @property
    def verbs(self) -> list[bytes]:
        """The verbs of what was said."""
        return [line.split()[0] for line in self.said]

    def send(self, octets: bytes) -> None:
        """Send a part of an answer."""
        assert self._connection
        self._connection.sendall(octets)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        if self._connection:
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                self._connection, _ = self._listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), self._connection:
                self._serve(self._connection)

    def _serve(self, connection: socket.socket) -> None:
        self._marked.clear()
        connection.sendall(self.greeting)
        if b"" in self.closes_behind:
            return
        with connection.makefile("rb") as lines:
            for line in lines:
                self.said.append(line.rstrip())
                answer = self._answer(line.rstrip())
                if answer is None:
                    return
                connection.sendall(answer)
                verb, _, _ = line.rstrip().partition(b" ")
                if verb == b"QUIT" or self.closes_behind & {verb, line.rstrip()}:
                    break
            # What nobody reads would make the end of the connection look like a broken one.
            connection.shutdown(socket.SHUT_WR)
            lines.read()

    def _answer(self, line: bytes) -> Answer:
        verb, _, argument = line.partition(b" ")
        for key in (line, verb):
            if key in self.answers:
                special = self.answers[key]
                return special() if callable(special) else special
        number = int(argument) if argument.isdigit() else 0
        match verb:
            case b"CAPA":
                return _listing(tag.encode() for tag in self.capabilities)
            case b"UIDL":
                return _listing(b"%d %b" % entry for entry in self.unique_ids.items())
            case b"LIST":
                return _listing(b"%d %d" % (n, len(m)) for n, m in self.messages.items())
            case b"STAT":
                return b"+OK %d %d\r\n" % (
                    len(self.messages),
                    sum(map(len, self.messages.values())),
                )
            case b"RETR":
                return OK + self.messages[number] + b".\r\n"
            case b"DELE":
                self._marked.add(number)
            case b"QUIT":
                for number in self._marked:
                    del self.messages[number], self.unique_ids[number]
            case _:
                pass
        return OK


def _listing(lines: Iterator[bytes]) -> bytes:
    return OK + b"".join(line + b"\r\n" for line in lines) + b".\r\n"


def wire(*messages: bytes) -> dict[int, bytes]:
    """Messages with LF at the end of each line, as a server sends them, under their numbers."""
    return {n: message.replace(b"\n", b"\r\n") for n, message in enumerate(messages, 1)}
