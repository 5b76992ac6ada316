r"""Flows, played by a script instead of a network.

A script is a dialogue as the RFCs print them, a line a step. What the role under test says is
expected; what the other one says arrives, each line in a read of its own. `\r` and the like are
escapes as in Python.

    C: STAT          a line of the client; `C- STAT` has no CRLF behind it
    S: +OK 2 320     a line of the server
    POLL: -ERR bye   has arrived before anything is sent
    TLS              the handshake is wanted, and succeeds
    CLOSE            closing is wanted
    EOF              the other role ends the connection
    TIMEOUT          nothing comes in time
    RESET            the connection is lost
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from inspect import isawaitable
from typing import TypeVar

from pop3_proto import ClientConnection, Pop3Error, ServerConnection
from pop3_proto.flows.core import Flow, Invoke, Io, Send, Want

T = TypeVar("T")

FAILURES = {"TIMEOUT": TimeoutError, "RESET": ConnectionResetError}


@dataclass(frozen=True, slots=True)
class Step:
    word: str
    octets: bytes


def play(conn: ClientConnection | ServerConnection, flow: Flow[T], script: str = "") -> T:
    """What the flow returns or raises, when everything goes as in the script."""
    played = _drive(flow, _Player(conn, script))
    try:
        played.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise AssertionError("something asynchronous was called: use play_async")


def play_async(conn: ClientConnection | ServerConnection, flow: Flow[T], script: str = "") -> T:
    """`play`, for an application that answers asynchronously."""
    return asyncio.run(_drive(flow, _Player(conn, script)))


async def _drive(flow: Flow[T], player: "_Player") -> T:
    failure: Exception | None = None
    while True:
        try:
            want = flow.throw(failure) if failure else next(flow)
        except StopIteration as stop:
            player.finish()
            result: T = stop.value
            return result
        except (Pop3Error, OSError):
            player.finish()
            raise
        failure = None
        try:
            if isinstance(want, Invoke):
                answer = want.function()
                want.deliver(await answer if isawaitable(answer) else answer)
            else:
                player.perform(want)
        except AssertionError:
            raise
        except Exception as error:
            failure = error


class _Player:
    def __init__(self, conn: ClientConnection | ServerConnection, script: str) -> None:
        self._conn = conn
        self._mine, self._theirs = "CS" if isinstance(conn, ClientConnection) else "SC"
        self._steps = deque(_step(line.strip()) for line in script.splitlines() if line.strip())
        self._sent = b""

    def perform(self, want: Want) -> None:
        match want:
            case Send(data):
                self._send(data)
            case Io.RECEIVE:
                self._receive()
            case Io.POLL:
                self._poll()
            case Io.START_TLS:
                self._expect("TLS", want)
                self._conn.tls_started()
            case _:
                self._expect("CLOSE", want)

    def finish(self) -> None:
        assert not self._sent, f"sent without being in the script: {self._sent!r}"
        assert not self._steps, f"the conversation is over before {self._steps[0]}"

    @property
    def _next(self) -> str:
        return self._steps[0].word if self._steps else "the end"

    def _expect(self, word: str, want: object) -> bytes:
        assert not self._sent, f"sent without being in the script: {self._sent!r}"
        assert self._next == word, f"{want} where the script goes on with {self._next}"
        return self._steps.popleft().octets

    def _send(self, data: bytes) -> None:
        if self._next == "RESET":
            raise FAILURES[self._steps.popleft().word]
        self._sent += data
        while self._sent and self._next == self._mine:
            due = self._steps[0].octets
            if len(self._sent) < len(due) and due.startswith(self._sent):
                return
            assert self._sent.startswith(due), f"sent {self._sent!r} where {due!r} was due"
            self._steps.popleft()
            self._sent = self._sent[len(due) :]
        assert not self._sent, f"sent {self._sent!r} where the script goes on with {self._next}"

    def _receive(self) -> None:
        if self._next == "EOF":
            self._expect("EOF", Io.RECEIVE)
            self._conn.receive_eof()
        elif self._next in FAILURES:
            raise FAILURES[self._steps.popleft().word]
        else:
            self._conn.receive_data(self._expect(self._theirs, Io.RECEIVE))

    def _poll(self) -> None:
        if self._next == "POLL":
            self._conn.receive_data(self._steps.popleft().octets)
        elif self._next == "EOF":
            self._receive()


def _step(line: str) -> Step:
    word, mark, rest = line.partition(" ")
    if mark and word.endswith((":", "-")):
        octets = rest.encode("latin-1").decode("unicode_escape").encode("latin-1")
        return Step(word[:-1], octets + (b"\r\n" if word.endswith(":") else b""))
    return Step(line.removesuffix(":"), b"\r\n" if line.endswith(":") else b"")
