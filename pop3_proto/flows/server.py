"""A whole session as a server holds it: the commands of a client, answered from a maildrop."""

import hmac
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Final

from ..answers import Answer, Answering
from ..apop import apop_digest
from ..capabilities import Capabilities
from ..commands import (
    Apop,
    Auth,
    Body,
    Capa,
    Command,
    Dele,
    Last,
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
    Utf8,
)
from ..events import (
    NEED_DATA,
    PAUSED,
    AuthCancelled,
    AuthResponse,
    BadCommand,
    EndOfStream,
)
from ..listings import encode_lines
from ..maildrop import (
    Announced,
    Announcing,
    Authenticator,
    Maildrop,
    MaybeAwaitable,
    MessageEntry,
    PasswordStore,
    Refused,
    Utf8Aware,
)
from ..policies import TlsPolicy
from ..responses import AUTH, SYS_TEMP, UTF8, ResponseCode, printable
from ..sasl import Credentials, ServerMechanism, is_mechanism_name
from ..server import ServerConnection
from ..snapshot import Snapshot
from ..states import State
from ..top import TopCutter
from .core import Flow, Io, Send, invoke

__all__ = ["ServerSession"]

ALWAYS: Final = ("TOP", "UIDL", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE")

NO_MECHANISMS: Final[Mapping[str, Callable[[], ServerMechanism]]] = {}


class ServerSession:
    """One client's session over an `Authenticator` and the `Maildrop` that it gives.

    `run` is the whole conversation, `begin` and `go_on` are its halves. `close` has to be run
    behind it, however it ended. What an application raises is told to `report`; the client gets a
    temporary failure.

    Passwords are refused outside TLS unless `allow_insecure_auth` is set (RFC 2595, section 2.3).
    `mechanisms` has what makes a new mechanism of AUTH for each name. With a
    `timestamp`, which no session before may have had, APOP is offered where the authenticator is a
    `PasswordStore`.
    """

    def __init__(
        self,
        conn: ServerConnection,
        authenticator: Authenticator,
        *,
        tls: TlsPolicy = TlsPolicy.NONE,
        allow_insecure_auth: bool = False,
        greeting: str = "POP3 server ready",
        mechanisms: Mapping[str, Callable[[], ServerMechanism]] = NO_MECHANISMS,
        timestamp: bytes | None = None,
        report: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        self._conn = conn
        self._authenticator = authenticator
        self._tls = tls
        self._allow_insecure_auth = allow_insecure_auth
        self._greeting = greeting
        self._mechanisms = {name.upper(): make for name, make in mechanisms.items()}
        for name in self._mechanisms:
            if not is_mechanism_name(name.encode("ascii", "replace")):
                raise ValueError(
                    f"{name!r} is no name of a mechanism: 1 to 20 of A-Z, 0-9, - and _"
                )
        self._timestamp = timestamp if isinstance(authenticator, PasswordStore) else None
        self._report = report
        self._name = b""
        self._maildrop: Maildrop | None = None
        self._messages = Snapshot()
        self._reader: _Reader | None = None

    def run(self) -> Flow[None]:
        """From the greeting to the end of the session."""
        yield from self.begin()
        yield from self.go_on()

    def begin(self) -> Flow[None]:
        """From the greeting to the login, which may have a time limit of its own, or to the end."""
        if self._tls is TlsPolicy.IMPLICIT:
            yield Io.START_TLS
        yield Send(self._conn.greet(self._greeting, timestamp=self._timestamp))
        yield from self._converse(until=State.TRANSACTION)

    def go_on(self) -> Flow[None]:
        """From where `begin` ended to the end of the session."""
        yield from self._converse(until=State.CLOSED)

    def close(self) -> Flow[None]:
        """Let go of the maildrop, whatever has happened."""
        _ = yield from self._succeeds(self._close_reader())
        maildrop, self._maildrop = self._maildrop, None
        if maildrop is not None:
            yield from invoke(maildrop.close)

    def capabilities(self) -> Capabilities:
        """What is announced now (RFC 2449, section 5)."""
        announced = self._announced()
        lines = [*ALWAYS]
        if self._takes_passwords():
            lines.append("USER")
        if self._takes_passwords() and self._mechanisms:
            lines.append(" ".join(("SASL", *self._mechanisms)))
        if self._takes_stls():
            lines.append("STLS")
        if announced.utf8:
            lines.append("UTF8")
        policies = (announced.login_interval, announced.retention)
        lines += [str(policy) for policy in policies if policy is not None]
        return Capabilities.of(*lines, "IMPLEMENTATION pop3-proto")

    def _announced(self) -> Announced:
        """What the maildrop says of its user, or else the authenticator of all of them.

        What is announced before the login stays announced behind it (RFC 2449, section 5).
        """
        everybody, user = map(_announced_by, (self._authenticator, self._maildrop))
        return Announced(
            user.login_interval or everybody.login_interval,
            user.retention or everybody.retention,
            everybody.utf8,
        )

    def _takes_passwords(self) -> bool:
        return self._conn.tls or self._allow_insecure_auth

    def _takes_stls(self) -> bool:
        before_login = self._conn.state is State.AUTHORIZATION
        offered = self._tls in (TlsPolicy.STLS, TlsPolicy.OPPORTUNISTIC)
        return offered and before_login and not self._conn.tls

    def _converse(self, until: State) -> Flow[None]:
        conn = self._conn
        while conn.state not in (until, State.BROKEN):
            event = yield from self._next_event()
            if isinstance(event, EndOfStream):
                return
            if isinstance(event, Command):
                yield from self._answer(event)
            else:
                yield from self._reject(event)

    def _next_event(
        self,
    ) -> Flow[Command[object] | AuthResponse | AuthCancelled | BadCommand | EndOfStream]:
        while (event := self._conn.next_event()) is NEED_DATA:
            yield Io.RECEIVE
        if event is PAUSED:
            raise RuntimeError("a command was not answered")
        return event

    def _reject(self, event: AuthResponse | AuthCancelled | BadCommand) -> Flow[None]:
        conn = self._conn
        reason = event.reason if isinstance(event, BadCommand) else "cancelled"
        yield self._reply(False, reason)
        if conn.bad_commands > conn.limits.bad_commands:
            conn.abort("there were too many bad commands")
            yield Io.CLOSE

    def _answer(self, command: Command[object]) -> Flow[None]:
        match command:
            case User():
                yield from self._user(command)
            case Pass():
                yield from self._pass(command)
            case Apop():
                yield from self._apop(command)
            case Auth():
                yield from self._auth(command)
            case Utf8() if self._announced().utf8:
                yield self._reply(True, "UTF-8 mode")
            case Stls():
                yield from self._stls()
            case Capa():
                lines = self.capabilities().lines
                yield self._listing(b"".join(b"%b\r\n" % line for line in lines))
            case Stat():
                count, octets = self._messages.stat
                yield self._reply(True, f"{count} {octets}")
            case List() | Uidl():
                yield from self._list(command)
            case Retr() | Top():
                yield from self._message(command)
            case Dele():
                marked = self._messages.mark(command.number)
                yield self._reply(True, "marked") if marked else self._no_such_message()
            case Noop():
                yield self._reply(True)
            case Last():
                yield self._reply(True, str(self._messages.last))
            case Rset():
                self._messages.reset()
                yield self._reply(True)
            case Quit():
                yield from self._quit()
            case _:
                yield from self._answer_own(command)

    def _reply(self, ok: bool, text: str = "", code: ResponseCode | None = None) -> Send:
        return Send(self._conn.reply(ok, text, code=code))

    def _listing(self, lines: bytes) -> Send:
        conn = self._conn
        return Send(conn.reply(True) + conn.send_body(lines) + conn.end_body())

    def _user(self, command: User) -> Flow[None]:
        if self._takes_passwords():
            self._name = command.name
            yield self._reply(True)
        else:
            yield self._no_plaintext()

    def _pass(self, command: Pass) -> Flow[None]:
        try:
            credentials = Credentials(self._name.decode("utf-8"), command.password.decode("utf-8"))
        except UnicodeDecodeError:
            yield self._wrong_credentials()
        else:
            yield from self._log_in(credentials)

    def _apop(self, command: Apop) -> Flow[None]:
        store = self._authenticator
        if self._timestamp is None or not isinstance(store, PasswordStore):
            yield self._reply(False, "APOP is not supported")
            return
        name = command.name.decode("utf-8", "replace")
        try:
            password = yield from invoke(lambda: store.password(name))
            digest = apop_digest(self._timestamp, (password or "").encode("utf-8"))
        except Exception as error:
            yield from self._unavailable(error)
            return
        right = hmac.compare_digest(digest, command.digest.lower())
        if password is None or not right:
            yield self._wrong_credentials()
        else:
            yield from self._log_in(Credentials(name, password))

    def _auth(self, command: Auth[object]) -> Flow[None]:
        if command.mechanism is None:
            names = self._mechanisms if self._takes_passwords() else ()
            yield self._listing("".join(f"{name}\r\n" for name in names).encode("ascii"))
            return
        make = self._mechanisms.get(command.mechanism)
        if make is None:
            yield self._reply(False, "unknown mechanism")
        elif not self._takes_passwords():
            yield self._no_plaintext()
        else:
            yield from self._exchange(make, command.initial)

    def _exchange(self, make: Callable[[], ServerMechanism], response: bytes | None) -> Flow[None]:
        """AUTH with a mechanism (RFC 5034, section 4)."""
        try:
            mechanism = make()
        except Exception as error:
            yield from self._unavailable(error)
            return
        if response is not None and not mechanism.client_first:
            yield self._reply(False, "this mechanism takes no initial response")
            return
        if response is None and not mechanism.client_first:
            response = b""
        while True:
            try:
                step = b"" if response is None else mechanism.step(response)
            except ValueError:  # its text may quote a secret
                yield self._reply(False, "the response makes no sense")
                return
            except Exception as error:
                yield from self._unavailable(error)
                return
            if isinstance(step, Credentials):
                yield from self._log_in(step)
                return
            yield Send(self._conn.challenge(step))
            event = yield from self._next_event()
            if isinstance(event, EndOfStream | Command):
                return
            if not isinstance(event, AuthResponse):
                yield from self._reject(event)
                return
            response = event.data

    def _log_in(self, credentials: Credentials) -> Flow[None]:
        name, password = credentials.name, credentials.password
        try:
            maildrop = yield from invoke(lambda: self._authenticator.authenticate(name, password))
            if maildrop is not None:
                yield from self._open(maildrop)
        except Refused as refusal:
            yield self._reply(False, as_text(refusal.text), refusal.code)
        except Exception as error:
            yield from self._unavailable(error)
        else:
            if maildrop is None:
                yield self._wrong_credentials()
            else:
                yield self._reply(True, f"{self._messages.stat.messages} messages")

    def _open(self, maildrop: Maildrop) -> Flow[None]:
        if self._conn.utf8 and isinstance(maildrop, Utf8Aware):
            yield from invoke(maildrop.enable_utf8)
        entries = yield from invoke(maildrop.open)
        self._maildrop = maildrop
        self._messages = Snapshot(maildrop, entries)

    def _unavailable(self, error: Exception) -> Flow[None]:
        self._report(error)
        _ = yield from self._succeeds(self.close())
        yield self._reply(False, "the maildrop is not available", SYS_TEMP)

    def _wrong_credentials(self) -> Send:
        return self._reply(False, "wrong name or password", AUTH)

    def _no_plaintext(self) -> Send:
        return self._reply(False, "no passwords in plaintext: use TLS")

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
            listing = self._messages.listing()
            yield self._listing(encode_lines((n, column(entry)) for n, entry in listing))
        elif entry := self._messages.entry(command.number):
            line = encode_lines([(command.number, column(entry))])
            yield self._reply(True, line.decode("ascii").rstrip())
        else:
            yield self._no_such_message()

    def _message(self, command: Retr | Top) -> Flow[None]:
        number = command.number
        entry = self._messages.entry(number)
        if entry is None:
            yield self._no_such_message()
        elif entry.needs_utf8 and not self._conn.utf8:
            yield self._reply(False, "the message needs UTF-8 mode", UTF8)
        else:
            cutter = TopCutter(command.lines) if isinstance(command, Top) else None
            sent = yield from self._stream(lambda: self._messages.read(number), cutter)
            if sent and isinstance(command, Retr):
                self._messages.last = max(self._messages.last, number)

    def _stream(
        self,
        read: Callable[[], Iterable[bytes] | AsyncIterable[bytes]],
        cutter: TopCutter | None = None,
        text: str = "",
    ) -> Flow[bool]:
        """A positive reply with a body, or a negative one where that cannot be read; whether all
        of it was sent."""
        conn = self._conn
        try:
            reader = self._reader = _Reader(read())
            chunk = yield from reader.next()
        except Exception as error:
            self._report(error)
            yield self._reply(False, "the message cannot be read", SYS_TEMP)
            return False
        head = conn.reply(True, text)
        while chunk is not None:
            yield Send(head + conn.send_body(cutter.cut(chunk) if cutter else chunk))
            head = b""
            if cutter and cutter.done:
                break
            try:
                chunk = yield from reader.next()
            except Exception as error:
                self._report(error)
                conn.abort("a message could not be read to its end")
                yield Io.CLOSE
                return False
        yield Send(head + conn.end_body())
        _ = yield from self._succeeds(self._close_reader())
        return True

    def _close_reader(self) -> Flow[None]:
        reader, self._reader = self._reader, None
        if reader is not None:
            yield from reader.close()

    def _answer_own(self, command: Command[object]) -> Flow[None]:
        answering: object = command
        if not isinstance(answering, Answering):
            yield self._reply(False, f"{command.verb} is not supported")
            return
        try:
            answer = yield from invoke(lambda: answering.answer(self._messages))
        except Refused as refusal:
            yield self._reply(False, as_text(refusal.text), refusal.code)
        except Exception as error:
            self._report(error)
            yield self._reply(False, f"{command.verb} failed", SYS_TEMP)
        else:
            yield from self._give(command, answer)

    def _give(self, command: Command[object], answer: Answer) -> Flow[None]:
        if command.body is Body.NONE:
            yield self._reply(True, as_text(answer.text))
        else:
            _ = yield from self._stream(lambda: answer.body, text=as_text(answer.text))

    def _quit(self) -> Flow[None]:
        deleted = yield from self._succeeds(self._delete())
        closed = yield from self._succeeds(self.close())
        if deleted and closed:
            yield self._reply(True, "bye")
        else:
            yield self._reply(False, "some deleted messages not removed", SYS_TEMP)

    def _delete(self) -> Flow[None]:
        maildrop, indexes = self._maildrop, [number - 1 for number in self._messages.marked]
        if maildrop is not None and indexes:
            yield from invoke(lambda: maildrop.delete(indexes))

    def _succeeds(self, flow: Flow[None]) -> Flow[bool]:
        try:
            yield from flow
        except Exception as error:
            self._report(error)
            return False
        return True

    def _no_such_message(self) -> Send:
        return self._reply(False, "no such message")


def _announced_by(application: object) -> Announced:
    return application.announced if isinstance(application, Announcing) else Announced()


def as_text(words: str) -> str:
    """What an application says, as a reply can carry it."""
    return printable(words.encode("utf-8", "backslashreplace"))


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
