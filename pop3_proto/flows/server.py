"""A whole session as a server holds it: the commands of a client, answered from a maildrop."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import Final

from ..capabilities import Capabilities
from ..commands import (
    Capa,
    Command,
    Dele,
    List,
    Noop,
    Pass,
    Quit,
    Retr,
    Rset,
    Stat,
    Stls,
    Top,
    Uidl,
    User,
)
from ..events import NEED_DATA, PAUSED, BadCommand, EndOfStream
from ..listings import encode_lines, is_unique_id
from ..maildrop import Authenticator, Maildrop, MaybeAwaitable, MessageEntry, Refused
from ..policies import TlsPolicy
from ..responses import AUTH, SYS_TEMP, printable
from ..server import ServerConnection
from ..states import State
from ..top import TopCutter
from .core import Flow, Io, Send, invoke

__all__ = ["ServerSession"]

ALWAYS: Final = ("TOP", "UIDL", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE")


class ServerSession:
    """One client's session over an `Authenticator` and the `Maildrop` that it gives.

    `run` is the whole conversation, `begin` and `go_on` are its halves. `close` has to be run
    behind it, however it ended. What an application raises is told to `report`; the client gets a
    temporary failure.

    Passwords are refused outside TLS unless `allow_insecure_auth` is set (RFC 2595, section 2.3).
    """

    def __init__(
        self,
        conn: ServerConnection,
        authenticator: Authenticator,
        *,
        tls: TlsPolicy = TlsPolicy.NONE,
        allow_insecure_auth: bool = False,
        greeting: str = "POP3 server ready",
        report: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        self._conn = conn
        self._authenticator = authenticator
        self._tls = tls
        self._allow_insecure_auth = allow_insecure_auth
        self._greeting = greeting
        self._report = report
        self._name = b""
        self._maildrop: Maildrop | None = None
        self._entries: Sequence[MessageEntry] = ()
        self._octets = 0
        self._deleted: set[int] = set()
        self._deleted_octets = 0

    def run(self) -> Flow[None]:
        """From the greeting to the end of the session."""
        yield from self.begin()
        yield from self.go_on()

    def begin(self) -> Flow[None]:
        """From the greeting to the login, which may have a time limit of its own, or to the end."""
        if self._tls is TlsPolicy.IMPLICIT:
            yield Io.START_TLS
        yield Send(self._conn.greet(self._greeting))
        yield from self._converse(until=State.TRANSACTION)

    def go_on(self) -> Flow[None]:
        """From where `begin` ended to the end of the session."""
        yield from self._converse(until=State.CLOSED)

    def _converse(self, until: State) -> Flow[None]:
        conn = self._conn
        while conn.state not in (until, State.BROKEN):
            event = conn.next_event()
            if event is NEED_DATA:
                yield Io.RECEIVE
            elif event is PAUSED:
                raise RuntimeError("a command was not answered")
            elif isinstance(event, EndOfStream):
                return
            elif isinstance(event, BadCommand):
                yield Send(conn.reply(False, event.reason))
            else:
                yield from self._answer(event)

    def close(self) -> Flow[None]:
        """Unlock the maildrop, whatever has happened."""
        maildrop, self._maildrop = self._maildrop, None
        if maildrop is not None:
            yield from invoke(maildrop.close)

    def capabilities(self) -> Capabilities:
        """What is announced now (RFC 2449, section 5)."""
        lines = [*ALWAYS]
        if self._takes_passwords():
            lines.append("USER")
        if self._takes_stls():
            lines.append("STLS")
        return Capabilities.of(*lines, "IMPLEMENTATION pop3-proto")

    def _takes_passwords(self) -> bool:
        return self._conn.tls or self._allow_insecure_auth

    def _takes_stls(self) -> bool:
        before_login = self._conn.state is State.AUTHORIZATION
        offered = self._tls in (TlsPolicy.STLS, TlsPolicy.OPPORTUNISTIC)
        return offered and before_login and not self._conn.tls

    def _answer(self, command: Command[object]) -> Flow[None]:
        match command:
            case User():
                yield from self._user(command)
            case Pass():
                yield from self._pass(command)
            case Stls():
                yield from self._stls()
            case Capa():
                yield self._listing(
                    b"".join(b"%b\r\n" % line for line in self.capabilities().lines)
                )
            case Stat():
                count = len(self._entries) - len(self._deleted)
                yield self._reply(True, f"{count} {self._octets - self._deleted_octets}")
            case List() | Uidl():
                yield from self._list(command)
            case Retr() | Top():
                yield from self._message(command)
            case Dele():
                yield self._mark(command.number)
            case Noop():
                yield self._reply(True)
            case Rset():
                self._deleted.clear()
                self._deleted_octets = 0
                yield self._reply(True)
            case Quit():
                yield from self._quit()
            case _:
                yield self._reply(False, f"{command.verb} is not supported")

    def _reply(self, ok: bool, text: str = "") -> Send:
        return Send(self._conn.reply(ok, text))

    def _listing(self, lines: bytes) -> Send:
        conn = self._conn
        return Send(conn.reply(True) + conn.send_body(lines) + conn.end_body())

    def _user(self, command: User) -> Flow[None]:
        if self._takes_passwords():
            self._name = command.name
            yield self._reply(True)
        else:
            yield self._reply(False, "no passwords in plaintext: use TLS")

    def _pass(self, command: Pass) -> Flow[None]:
        conn = self._conn
        try:
            maildrop = yield from self._authenticate(self._name, command.password)
            if maildrop is not None:
                self._entries = yield from invoke(maildrop.open)
                self._maildrop = maildrop
                _check_unique_ids(self._entries)
                self._octets = sum(entry.octets for entry in self._entries)
        except Refused as refusal:
            text = printable(refusal.text.encode("utf-8", "backslashreplace"))
            yield Send(conn.reply(False, text, code=refusal.code))
            return
        except Exception as error:
            self._report(error)
            _ = yield from self._succeeds(self.close())
            yield Send(conn.reply(False, "the maildrop is not available", code=SYS_TEMP))
            return
        if maildrop is not None:
            yield self._reply(True, f"{len(self._entries)} messages")
        else:
            yield Send(conn.reply(False, "wrong name or password", code=AUTH))

    def _authenticate(self, name: bytes, password: bytes) -> Flow[Maildrop | None]:
        try:
            words = name.decode("utf-8"), password.decode("utf-8")
        except UnicodeDecodeError:
            return None
        return (yield from invoke(lambda: self._authenticator.authenticate(*words)))

    def _stls(self) -> Flow[None]:
        if self._takes_stls():
            yield self._reply(True, "begin TLS")
            yield Io.START_TLS
            self._name = b""
        else:
            yield self._reply(False, "TLS is not available")

    def _list(self, command: List[object] | Uidl[object]) -> Flow[None]:
        def column(entry: MessageEntry) -> int | bytes:
            return entry.octets if isinstance(command, List) else entry.unique_id

        if command.number is None:
            yield self._listing(encode_lines((n, column(entry)) for n, entry in self._left()))
        elif entry := self._entry(command.number):
            line = encode_lines([(command.number, column(entry))])
            yield self._reply(True, line.decode("ascii").rstrip())
        else:
            yield self._no_such_message()

    def _message(self, command: Retr | Top) -> Flow[None]:
        conn = self._conn
        if not self._entry(command.number):
            yield self._no_such_message()
            return
        assert self._maildrop is not None
        cutter = TopCutter(command.lines) if isinstance(command, Top) else None
        try:
            reader = _Reader(self._maildrop.read(command.number - 1))
            chunk = yield from reader.next()
        except Exception as error:
            self._report(error)
            yield Send(conn.reply(False, "the message cannot be read", code=SYS_TEMP))
            return
        head = conn.reply(True)
        while chunk is not None:
            yield Send(head + conn.send_body(cutter.cut(chunk) if cutter else chunk))
            head = b""
            if cutter and cutter.done:
                yield from reader.close()
                break
            try:
                chunk = yield from reader.next()
            except Exception as error:
                self._report(error)
                conn.abort("a message could not be read to its end")
                yield Io.CLOSE
                return
        yield Send(head + conn.end_body())

    def _mark(self, number: int) -> Send:
        entry = self._entry(number)
        if not entry:
            return self._no_such_message()
        self._deleted.add(number)
        self._deleted_octets += entry.octets
        return self._reply(True, "marked")

    def _quit(self) -> Flow[None]:
        conn = self._conn
        deleted = yield from self._succeeds(self._delete())
        closed = yield from self._succeeds(self.close())
        if deleted and closed:
            yield self._reply(True, "bye")
        else:
            text = "some deleted messages not removed"
            yield Send(conn.reply(False, text, code=SYS_TEMP))

    def _delete(self) -> Flow[None]:
        maildrop, indexes = self._maildrop, [number - 1 for number in sorted(self._deleted)]
        if maildrop is not None and indexes:
            yield from invoke(lambda: maildrop.delete(indexes))

    def _succeeds(self, flow: Flow[None]) -> Flow[bool]:
        try:
            yield from flow
        except Exception as error:
            self._report(error)
            return False
        return True

    def _entry(self, number: int) -> MessageEntry | None:
        if 1 <= number <= len(self._entries) and number not in self._deleted:
            return self._entries[number - 1]
        return None

    def _left(self) -> list[tuple[int, MessageEntry]]:
        entries = enumerate(self._entries, 1)
        return [(number, entry) for number, entry in entries if number not in self._deleted]

    def _no_such_message(self) -> Send:
        return self._reply(False, "no such message")


def _check_unique_ids(entries: Sequence[MessageEntry]) -> None:
    """Raise ValueError where they are none (RFC 1939, section 7), or not unique."""
    ids = {entry.unique_id for entry in entries}
    if len(ids) < len(entries):
        raise ValueError("two messages of a maildrop have the same unique-id")
    for unique_id in ids:
        if not is_unique_id(unique_id):
            raise ValueError(f"{unique_id!r} is no unique-id: 1 to 70 octets of 0x21 to 0x7E")


class _Reader:
    """The pieces of a message, plain or asynchronous."""

    def __init__(self, pieces: Iterable[bytes] | AsyncIterable[bytes]) -> None:
        self._pieces: Iterator[bytes] | AsyncIterator[bytes] = (
            aiter(pieces) if isinstance(pieces, AsyncIterable) else iter(pieces)
        )

    def next(self) -> Flow[bytes | None]:
        """The next piece, or None at the end."""
        pieces = self._pieces
        call: Callable[[], MaybeAwaitable[bytes | None]] = (
            (lambda: anext(pieces, None))
            if isinstance(pieces, AsyncIterator)
            else (lambda: next(pieces, None))
        )
        return (yield from invoke(call))

    def close(self) -> Flow[None]:
        """Let go of what the pieces come from, where they did not come to their end."""
        close = getattr(self._pieces, "aclose", None) or getattr(self._pieces, "close", None)
        if close:
            yield from invoke(close)
