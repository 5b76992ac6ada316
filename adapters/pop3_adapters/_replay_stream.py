"""A trace as a transport: what was received comes again, and what is sent has to be the same."""

from collections.abc import Iterable
from typing import Final, NoReturn

from pop3_proto import COMMANDS, TraceRecord
from pop3_proto.commands import parse_command
from pop3_proto.responses import printable

from ._replay_script import Script

__all__ = ["AsyncReplayStream", "ReplayError", "ReplayStream"]

PIECE: Final = 256 * 1024

LONGEST_QUOTE: Final = 80

VOCABULARY: Final = {command.verb.encode("ascii"): command for command in COMMANDS}


class ReplayError(Exception):
    """A program does not do what was recorded."""

    def __init__(self, record: int, reason: str) -> None:
        super().__init__(f"record {record}: {reason}")
        self.record = record
        """Which record, from 1 on: the line of the file."""


class ReplayStream:
    """A blocking stream that plays the recorded peer of a trace, for `connect_stream` or
    `serve_stream`.

    A program that says what was said then hears what was heard then. Where it says something
    else, or waits although something was said, ReplayError tells at which record; `check` tells
    it again, and what was not said at all. Where the recording ends and the peer had not ended
    its side, it is silent: TimeoutError, at once. Time is not replayed.

    There is no TLS on the way, whatever there was: where it had started, the greeting and what
    came inside TLS are played. A client connects with `tls=TlsPolicy.NONE` then, and logs in with
    `allow_insecure_auth=True`, which a server of course takes too. Where STLS was refused, the
    policy is that of then.

    Asterisks in a trace stand for a secret. What is sent in their place may be anything, and what
    was received is the asterisks: a server's program has to take `***` for the password.

    Challenges are asterisks, too: where a client logged in by a mechanism, as SCRAM, to which they
    have to make sense, it takes `authenticate(ReplayMechanism(records))` in place of that. What
    cannot be replayed: the digest of APOP and AUTH at a server, a handshake that failed, and how a
    connection was reset or TLS cut off.
    """

    def __init__(self, records: Iterable[TraceRecord]) -> None:
        self._script = Script(records)
        self._given = 0
        self._unmatched = b""
        self._failure: ReplayError | None = None

    def send(self, data: bytes, within: float | None) -> None:
        """Compare octets with what was sent then. Raises ReplayError."""
        self._raise_failure()
        self._unmatched += data
        due = self._script.due
        while self._unmatched:
            if not due:
                self._fail(self._script.length, f"nothing was sent behind it, and now {self._now}")
            matched = due[0].match(self._unmatched)
            if matched is None:
                self._fail(due[0].number, f"{due[0]} was sent, and now {self._now}")
            if matched == 0:
                break
            self._unmatched = self._unmatched[matched:]
            if not due[0].octets:
                _ = due.popleft()

    def receive(self, within: float | None) -> bytes:
        """The next octets that were received then, or none at their end.

        Raises ReplayError where something was sent before they came, and TimeoutError where
        nothing more came.
        """
        self._raise_failure()
        script, due = self._script, self._script.due
        until = due[0].arrived if due else len(script.received)
        piece = script.received[self._given : min(until, self._given + PIECE)]
        self._given += len(piece)
        if piece or (script.ended and not due):
            return piece
        if due and within != 0:
            self._fail(due[0].number, f"{due[0]} was sent, and now the peer is waited for")
        raise TimeoutError("nothing more was received")

    def close(self) -> None:
        """There is nothing to let go of."""

    def check(self) -> None:
        """Raise ReplayError where something else was sent, or less."""
        self._raise_failure()
        if due := self._script.due:
            self._fail(due[0].number, f"{due[0]} was sent, and now nothing")

    @property
    def _now(self) -> str:
        """What is sent now, for an error: commands without their secrets."""
        line = self._unmatched.partition(b"\n")[0].rstrip(b"\r")
        if self._script.is_server:
            return printable(line)[:LONGEST_QUOTE]
        try:
            return str(parse_command(line, VOCABULARY))[:LONGEST_QUOTE]
        except ValueError:
            return "something else"  # which may be a secret

    def _fail(self, record: int, reason: str) -> NoReturn:
        self._failure = ReplayError(record, reason)
        raise self._failure

    def _raise_failure(self) -> None:
        if self._failure:
            raise self._failure.with_traceback(None)


class AsyncReplayStream:
    """The same for `pop3_adapters.asyncio`, `.trio` and `.anyio`; see `ReplayStream`."""

    def __init__(self, records: Iterable[TraceRecord]) -> None:
        self._stream = ReplayStream(records)

    async def send(self, data: bytes, within: float | None) -> None:
        """Compare octets with what was sent then. Raises ReplayError."""
        self._stream.send(data, within)

    async def receive(self, within: float | None) -> bytes:
        """The next octets that were received then, or none at their end, as in `ReplayStream`."""
        return self._stream.receive(within)

    async def close(self) -> None:
        """There is nothing to let go of."""
        self._stream.close()

    def check(self) -> None:
        """Raise ReplayError where something else was sent, or less."""
        self._stream.check()
