"""What a client wants, as whole conversations."""

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, TypeVar

from ..capabilities import Capabilities, Offer
from ..client import ClientConnection, Deletions
from ..commands import CREDENTIALS, Body, Capa, Command, Dele, Noop, Quit, Retr, Stls
from ..errors import (
    AuthenticationFailed,
    BodyTooLarge,
    CommandFailed,
    LineTooLong,
    LocalProtocolError,
    LoginDelay,
    MailboxInUse,
    PermanentFailure,
    ProtocolError,
    StlsRefused,
    TemporaryFailure,
    UnexpectedEof,
    UnsolicitedReply,
    Utf8Required,
)
from ..events import (
    NEED_DATA,
    PAUSED,
    BodyChunk,
    BodyEnd,
    Challenge,
    EndOfStream,
    Greeting,
    Reply,
    Unsolicited,
)
from ..listings import ScanListing
from ..policies import TlsPolicy
from ..responses import (
    AUTH,
    IN_USE,
    LOGIN_DELAY,
    SYS_PERM,
    SYS_TEMP,
    UTF8,
    ResponseCode,
    StatusLine,
)
from ..states import State
from .core import Flow, Io, Send
from .window import Window

__all__ = [
    "WIDEST",
    "Fetch",
    "capabilities",
    "delete",
    "failure",
    "keep_alive",
    "next_chunk",
    "next_event",
    "next_reply",
    "open_body",
    "open_session",
    "quit",
    "read_body",
    "refusal",
    "request",
    "settle",
]

T = TypeVar("T")
C = TypeVar("C", bound=Command[object])

FAILURES: Final[tuple[tuple[ResponseCode, type[CommandFailed]], ...]] = (
    (AUTH, AuthenticationFailed),
    (IN_USE, MailboxInUse),
    (LOGIN_DELAY, LoginDelay),
    (SYS_TEMP, TemporaryFailure),
    (SYS_PERM, PermanentFailure),
    (UTF8, Utf8Required),
)

ASKING: Final = (State.AUTHORIZATION, State.TRANSACTION)
"""Where a client may give commands."""

WIDEST: Final = 256
"""Commands at most that are sent ahead of their replies: a few kB, which any server takes while it
is sending itself."""

THROWN_AWAY: Final = (
    "another command was sent while messages were being fetched, so that some of them were thrown "
    "away: fetch them again, and delete them with Fetch.delete"
)


def failure(conn: ClientConnection, command: Command[object], reply: StatusLine) -> CommandFailed:
    """The exception that a negative reply becomes, by its response code (RFC 3206, section 6)."""
    kind = _kind(reply)
    blamed = conn.offer("AUTH-RESP-CODE") is not Offer.OFFERED and not reply.code
    # What would be answered with a listing, as AUTH alone, carries no credentials.
    if command.verb in CREDENTIALS and command.body is Body.NONE and blamed:
        kind = AuthenticationFailed
    return kind(str(command), reply)


def refusal(greeting: Greeting) -> CommandFailed:
    """The exception that a negative greeting becomes."""
    return _kind(greeting)("the session", greeting)


def open_session(conn: ClientConnection, policy: TlsPolicy) -> Flow[Greeting]:
    """From a fresh connection to AUTHORIZATION: greeting, TLS by policy, capabilities."""
    if policy is TlsPolicy.IMPLICIT:
        yield Io.START_TLS
    greeting = yield from _greeting(conn)
    if policy is TlsPolicy.STLS:
        yield from _start_tls(conn, required=True)
    elif policy is TlsPolicy.OPPORTUNISTIC:
        offered = yield from capabilities(conn)
        if offered is None or "STLS" in offered:
            yield from _start_tls(conn, required=False)
    if conn.capabilities is None:
        yield from capabilities(conn)
    return greeting


def capabilities(conn: ClientConnection) -> Flow[Capabilities | None]:
    """Ask for the capabilities and remember them. A refusal tells nothing: what was known before
    in this layer of security stays, and None means that nothing is known."""
    with suppress(CommandFailed):
        announced = yield from request(conn, Capa())
        conn.capabilities = announced.from_source(conn.source)
    return conn.capabilities


def request(conn: ClientConnection, command: Command[T]) -> Flow[T]:
    """Send a command and give its result; a body is collected.

    Raises CommandFailed, or one of its kinds, where the server refuses.
    """
    reply = yield from open_body(conn, command)
    if command.body is Body.NONE:
        return command.result(reply, b"")
    body = bytearray()
    yield from read_body(conn, body.extend)
    collected = bytes(body)
    if command.body is not Body.MESSAGE:
        _check_listing(conn, command, collected)
    return command.result(reply, collected)


def open_body(conn: ClientConnection, command: Command[object]) -> Flow[Reply]:
    """Send a command and give its positive reply; `next_chunk` then gives its body, if any."""
    yield from settle(conn)
    yield Send(conn.send(command))
    reply = yield from next_reply(conn)
    if not reply.ok:
        raise failure(conn, command, reply)
    return reply


def next_chunk(conn: ClientConnection) -> Flow[bytes]:
    """The next octets of the body that is being read; empty where it has ended.

    Its end is taken together with its last octets, so that `in_body` tells it.
    """
    if not conn.in_body:
        return b""
    event = yield from next_event(conn)
    if isinstance(event, BodyEnd):
        return b""
    assert isinstance(event, BodyChunk), event
    if conn.body_read:
        _ = conn.next_event()
    return event.data


def read_body(conn: ClientConnection, keep: Callable[[bytes], object]) -> Flow[None]:
    """What is left of the body that is being read, given to `keep` piece by piece."""
    while conn.in_body:
        _ = keep((yield from next_chunk(conn)))


def settle(conn: ClientConnection) -> Flow[None]:
    """Read the rest of what is under way, so that the next reply belongs to the next command.

    Whatever was interrupted is read and thrown away, up to `Limits.drain` octets; beyond that
    the connection is given up. Where nothing is under way, what the server said unasked is found.
    """
    left = conn.limits.drain
    while conn.owed:
        if conn.challenged:
            yield Send(conn.cancel())
        event = yield from next_event(conn)
        if isinstance(event, BodyChunk):
            left -= len(event.data)
        if left < 0:
            conn.abort(
                f"a message was left early, and more than {conn.limits.drain} octets were still "
                "to come"
            )
            yield Io.CLOSE
            return
    if conn.state in ASKING:
        yield Io.POLL
        unasked = conn.next_event()
        if isinstance(unasked, Unsolicited):
            raise UnsolicitedReply(unasked)
        if isinstance(unasked, EndOfStream):
            raise UnexpectedEof("while nothing was asked of it")


def keep_alive(conn: ClientConnection) -> Flow[None]:
    """NOOP, which keeps the server from ending the session (RFC 1939, section 3): in TRANSACTION,
    and where nothing is under way. What it answers does not matter."""
    if conn.state is State.TRANSACTION and not conn.owed:
        with suppress(CommandFailed):
            yield from request(conn, Noop())


def delete(conn: ClientConnection, numbers: Iterable[int], window: int = 64) -> Flow[None]:
    """Mark messages as deleted, pipelined where the server announced it.

    Raises CommandFailed for the first that the server refuses, when all have been answered.
    """
    waiting = _sendable(conn, map(Dele, numbers))
    yield from settle(conn)
    refused: CommandFailed | None = None
    while waiting or conn.owed:
        most = _window(conn, window)
        if waiting and conn.owed <= most // 2:
            count = min(most - conn.owed, len(waiting))
            yield from _send(conn, [waiting.popleft() for _ in range(count)])
        reply = yield from next_reply(conn)
        if not reply.ok:
            refused = refused or failure(conn, reply.command, reply)
    if refused:
        raise refused


class Fetch:
    """Many messages, one after the other, asked for ahead of time.

    `advance` gives the reply to the next RETR, in the order of `messages`; `next_chunk` the octets
    of its body. A negative reply costs that message only. Messages are asked for ahead of time
    where the server announced PIPELINING: `window` of them at most, so that neither side ever
    waits for the other to read, and by the sizes in their scan listings no more octets than
    `Limits.drain`, so that the fetch can be left; but always two. Where the server has sent blank
    lines, no more is asked for ahead of time.
    """

    def __init__(
        self,
        conn: ClientConnection,
        messages: Iterable[int | ScanListing],
        window: int = WIDEST,
    ) -> None:
        self._conn = conn
        self._window = Window(messages, conn.limits.drain)
        self._most = max(1, window)
        self._started = False
        self._expected = 0
        self._refused: CommandFailed | None = None
        self._failure: LocalProtocolError | None = None

    def advance(self) -> Flow[Reply | None]:
        """The next reply, or None when all messages have been answered.

        At the end, raises CommandFailed for the first `delete` that the server refused.
        """
        conn = self._conn
        if self._failure:
            raise self._failure
        if not self._started:
            yield from settle(conn)
            self._started = True
        while True:
            while conn.in_body:
                _ = yield from next_event(conn)
            if conn.owed < self._expected:
                raise LocalProtocolError(THROWN_AWAY)
            if conn.owed <= self._most // 2:
                yield from self._ask()
            if not conn.owed:
                break
            reply = yield from next_reply(conn)
            self._note(reply)
            if isinstance(reply.command, Retr):
                return reply
        if self._refused:
            raise self._refused
        return None

    def delete(self, number: int) -> Flow[None]:
        """Mark a message whose body has ended as deleted; the reply is read by `advance`.

        Raises LocalProtocolError while a body is being read, and where messages that are under way
        would have to be waited for: if the server has sent blank lines, so that a missing reply
        could not be told, or if very many commands are pending.
        """
        conn = self._conn
        if conn.in_body:
            raise LocalProtocolError(
                f"cannot send DELE {number}: read the message to its end first"
            )
        while self._is_full() and conn.owed and not isinstance(conn.pending[0], Retr):
            self._note((yield from next_reply(conn)))
        if self._is_full():
            raise LocalProtocolError(
                f"cannot send DELE {number} while messages are under way: delete behind the fetch"
            )
        yield from _send(conn, [Dele(number)])
        self._expected += 1

    def _is_full(self) -> bool:
        """Whether no DELE can be sent ahead of the replies that are due."""
        pipelined = _window(self._conn, self._most) > 1
        return self._conn.owed >= (2 * WIDEST if pipelined else 1)

    def _note(self, reply: Reply) -> None:
        if isinstance(reply.command, Retr):
            self._expected -= 1
            self._window.answered()
        elif isinstance(reply.command, Dele):
            self._expected -= 1
            if not reply.ok:
                self._refused = self._refused or failure(self._conn, reply.command, reply)

    def _ask(self) -> Flow[None]:
        conn = self._conn
        asked = conn.owed
        most = _window(conn, self._most)
        if asked <= most // 2:
            batch = self._batch(most - asked)
            if batch:
                yield from _send(conn, batch)
            self._expected += len(batch)

    def _batch(self, most: int) -> deque[Retr]:
        try:
            return _sendable(self._conn, self._window.take(most))
        except LocalProtocolError as error:
            self._failure = error  # numbers before the bad one were taken, and are not asked for
            raise


def quit(conn: ClientConnection) -> Flow[Deletions]:
    """End the session, and say what has become of the messages that were marked as deleted.

    A reply to QUIT that is lost, late or negative leaves it unknown (RFC 1939, section 6), and
    where QUIT cannot be sent nothing is deleted; none of that is an error here.
    """
    try:
        yield from settle(conn)
        if conn.state in ASKING:
            yield Send(conn.send(Quit()))
            while conn.owed:
                _ = yield from next_event(conn)
    except (OSError, ProtocolError):
        pass
    return conn.deletions


def _greeting(conn: ClientConnection) -> Flow[Greeting]:
    greeting = yield from next_event(conn)
    assert isinstance(greeting, Greeting), greeting
    if not greeting.ok:
        raise refusal(greeting)
    return greeting


def _kind(reply: StatusLine) -> type[CommandFailed]:
    code = reply.code
    return next((kind for known, kind in FAILURES if code and code.within(known)), CommandFailed)


def _start_tls(conn: ClientConnection, *, required: bool) -> Flow[None]:
    try:
        yield from request(conn, Stls())
    except CommandFailed as error:
        if not required:
            return
        raise StlsRefused("STLS", error.reply) from None
    yield Io.START_TLS


def next_event(
    conn: ClientConnection,
) -> Flow[Greeting | Reply | Challenge | BodyChunk | BodyEnd | EndOfStream]:
    """What happens next, waited for."""
    while (event := conn.next_event()) is NEED_DATA:
        yield Io.RECEIVE
    if event is PAUSED:
        raise LocalProtocolError("TLS has to be started before anything else is read")
    if isinstance(event, Unsolicited):
        raise UnsolicitedReply(event)
    return event


def next_reply(conn: ClientConnection) -> Flow[Reply]:
    """The next reply, where no body is being read."""
    event = yield from next_event(conn)
    if isinstance(event, EndOfStream):
        raise UnexpectedEof("without a reply to QUIT")
    assert isinstance(event, Reply), event
    return event


def _check_listing(conn: ClientConnection, command: Command[object], body: bytes) -> None:
    limits = conn.limits
    if body.count(b"\n") > limits.listing_lines:
        raise BodyTooLarge(str(command), limits.listing_lines, "lines")
    start = 0
    while len(body) - start > limits.line:
        end = body.rfind(b"\n", start, start + limits.line)
        if end < 0:
            raise LineTooLong(limits.line)
        start = end + 1


def _sendable(conn: ClientConnection, commands: Iterable[C]) -> deque[C]:
    """Commands that can all be sent: within a batch it would be too late to find that out."""
    waiting = deque(commands)
    for command in waiting:
        _ = command.line(conn.limits.command_out)
    return waiting


def _send(conn: ClientConnection, commands: Iterable[Command[object]]) -> Flow[None]:
    """Send commands ahead of replies that are due; where none is, look for unasked ones first."""
    if not conn.owed:
        yield from settle(conn)
    yield Send(b"".join(map(conn.send, commands)))


def _window(conn: ClientConnection, most: int) -> int:
    """How many commands may be pending: one where pipelining is not offered or not safe."""
    pipelines = conn.offer("PIPELINING") is Offer.OFFERED and not conn.blank_lines
    return max(1, min(most, WIDEST)) if pipelines else 1
