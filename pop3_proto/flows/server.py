"""A whole session as a server holds it: the commands of a client, answered from a maildrop."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain, islice
from typing import Final

from ..answers import Answer, Answering
from ..authenticator import Authenticator, ClientCertificate, LoginAttempt
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
from ..events import EndOfStream
from ..listings import encode_lines
from ..maildrop import Announced, Announcing, MaybeAwaitable, MessageEntry, Refused
from ..policies import TlsPolicy
from ..responses import SYS_TEMP, UTF8
from ..sasl import ServerMechanism
from ..server import ServerConnection
from ..snapshot import Snapshot
from ..states import State
from ..top import TopCutter
from .core import Flow, Io, Send, invoke
from .server_bodies import TOGETHER, Bodies
from .server_end import ServerEnd, as_text
from .server_login import ServerLogin
from .server_mechanisms import Mechanisms

__all__ = ["ServerSession"]

ALWAYS: Final = ("TOP", "UIDL", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE")

MOST_BEHIND: Final = 15
"""Messages that are read together with another one, however small they are: each may hold a file
open until then."""

NO_MECHANISMS: Final[Mapping[str, Callable[[], ServerMechanism]]] = Mechanisms({})


class ServerSession:
    """One client's session over an `Authenticator` and the `Maildrop` that it gives.

    `run` is the whole conversation, `begin` and `go_on` are its halves. `close` has to be run
    behind it, however it ended. What an application raises is told to `report`; the client gets a
    temporary failure.

    What shows a secret to who listens, such as a password, is refused outside TLS unless
    `allow_insecure_auth` is set (RFC 2595, section 2.3). `mechanisms` has what makes a new
    mechanism of AUTH for each name; a `Mechanisms` serves all sessions of a server. USER and PASS
    are offered unless `user` is False, and APOP with a `timestamp`, which no session before may
    have had, where the authenticator is a `PasswordStore`. `certificate` gives that of the client,
    if TLS has verified one.

    `attempted` is told of each login that succeeds, or fails, before that is answered: the answer
    waits for what it does. Logins that are `Refused`, or not possible now, are not among them.

    `clock`, in seconds, ends the reading of several messages at a time where they come slowly; it
    is asked wherever an `Invoke` is run.
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
        user: bool = True,
        timestamp: bytes | None = None,
        certificate: Callable[[], ClientCertificate | None] = lambda: None,
        attempted: Callable[[LoginAttempt], MaybeAwaitable[object]] = lambda attempt: None,
        report: Callable[[Exception], None] = lambda error: None,
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._conn = conn
        self._end = ServerEnd(conn, report)
        self._authenticator = authenticator
        self._tls = tls
        self._greeting = greeting
        self._login = ServerLogin(
            self._end,
            authenticator,
            mechanisms if isinstance(mechanisms, Mechanisms) else Mechanisms(mechanisms),
            allow_insecure_auth=allow_insecure_auth,
            user=user,
            timestamp=timestamp,
            certificate=certificate,
            attempted=attempted,
        )
        self._bodies = Bodies(clock)
        self._unsent: list[bytes] = []
        """What is to be sent of replies with a body: those that are at hand go together."""

    def run(self) -> Flow[None]:
        """From the greeting to the end of the session."""
        yield from self.begin()
        yield from self.go_on()

    def begin(self) -> Flow[None]:
        """From the greeting to the login, which may have a time limit of its own, or to the end."""
        if self._tls is TlsPolicy.IMPLICIT:
            yield Io.START_TLS
        yield Send(self._conn.greet(self._greeting, timestamp=self._login.timestamp))
        yield from self._converse(until=State.TRANSACTION)

    def go_on(self) -> Flow[None]:
        """From where `begin` ended to the end of the session."""
        yield from self._converse(until=State.CLOSED)

    def close(self) -> Flow[None]:
        """Let go of the maildrop, whatever has happened."""
        while not self._bodies.empty:
            _ = yield from self._end.succeeds(self._bodies.leave())
        yield from self._login.close()

    def capabilities(self) -> Capabilities:
        """What is announced now (RFC 2449, section 5)."""
        announced = self._announced()
        lines = [*ALWAYS, *self._login.capabilities()]
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
        everybody, user = map(_announced_by, (self._authenticator, self._login.maildrop))
        return Announced(
            user.login_interval or everybody.login_interval,
            user.retention or everybody.retention,
            everybody.utf8,
        )

    def _takes_stls(self) -> bool:
        before_login = self._conn.state is State.AUTHORIZATION
        offered = self._tls in (TlsPolicy.STLS, TlsPolicy.OPPORTUNISTIC)
        return offered and before_login and not self._conn.tls

    def _converse(self, until: State) -> Flow[None]:
        conn = self._conn
        while conn.state not in (until, State.BROKEN):
            event = yield from self._end.next_event()
            if isinstance(event, EndOfStream):
                return
            if isinstance(event, Command):
                yield from self._answer(event)
            else:
                yield from self._end.reject(event)

    @property
    def _messages(self) -> Snapshot:
        return self._login.messages

    def _answer(self, command: Command[object]) -> Flow[None]:
        match command:
            case User() | Pass() | Apop() | Auth():
                yield from self._login.answer(command)
            case Utf8() if self._announced().utf8:
                yield self._end.reply(True, "UTF-8 mode")
            case Stls():
                yield from self._stls()
            case Capa():
                lines = self.capabilities().lines
                yield self._end.listing(b"".join(b"%b\r\n" % line for line in lines))
            case Stat():
                count, octets = self._messages.stat
                yield self._end.reply(True, f"{count} {octets}")
            case List() | Uidl():
                yield from self._list(command)
            case Retr() | Top():
                yield from self._message(command)
            case Dele():
                marked = self._messages.mark(command.number)
                yield self._end.reply(True, "marked") if marked else self._no_such_message()
            case Noop():
                yield self._end.reply(True)
            case Last():
                yield self._end.reply(True, str(self._messages.last))
            case Rset():
                self._messages.reset()
                yield self._end.reply(True)
            case Quit():
                yield from self._quit()
            case _:
                yield from self._answer_own(command)

    def _stls(self) -> Flow[None]:
        if self._takes_stls():
            yield self._end.reply(True, "begin TLS")
            yield Io.START_TLS
            self._login.forget()
        else:
            yield self._end.reply(False, "TLS is not available")

    def _list(self, command: List[object] | Uidl[object]) -> Flow[None]:
        def column(entry: MessageEntry) -> int | bytes:
            return entry.octets if isinstance(command, List) else entry.unique_id

        if command.number is None:
            listing = self._messages.listing()
            yield self._end.listing(encode_lines((n, column(entry)) for n, entry in listing))
        elif entry := self._messages.entry(command.number):
            line = encode_lines([(command.number, column(entry))])
            yield self._end.reply(True, line.decode("ascii").rstrip())
        else:
            yield self._no_such_message()

    def _message(self, command: Retr | Top) -> Flow[None]:
        number = command.number
        entry = self._messages.entry(number)
        if entry is None:
            yield self._no_such_message()
        elif self._lacks_utf8(entry):
            yield self._end.reply(False, "the message needs UTF-8 mode", UTF8)
        else:
            if self._bodies.empty:
                numbers = chain([number], self._asked_behind(entry))
                self._bodies.ask(partial(self._messages.read, asked) for asked in numbers)
            cutter = TopCutter(command.lines) if isinstance(command, Top) else None
            sent = yield from self._give_body(cutter)
            if sent and isinstance(command, Retr):
                self._messages.last = max(self._messages.last, number)

    def _lacks_utf8(self, entry: MessageEntry) -> bool:
        return entry.needs_utf8 and not self._conn.utf8

    def _asked_behind(self, entry: MessageEntry) -> Iterator[int]:
        """The messages that the client has asked for behind this one, as far as they go together
        with it."""
        octets = entry.octets
        for command in islice(self._conn.waiting(), MOST_BEHIND):
            if not isinstance(command, Retr | Top):
                break
            behind = self._messages.entry(command.number)
            if behind is None or self._lacks_utf8(behind):
                break
            octets += behind.octets
            if octets > TOGETHER:
                break
            yield command.number

    def _give_body(
        self, cutter: TopCutter | None = None, text: str = "", together: int = TOGETHER
    ) -> Flow[bool]:
        """A positive reply with a body, or a negative one where that cannot be read; whether all
        of it was sent."""
        sent = yield from self._stream(cutter, text, together)
        if self._unsent and not self._bodies.next_at_hand:
            yield self._flush()
        _ = yield from self._end.succeeds(self._bodies.leave())
        return sent

    def _stream(self, cutter: TopCutter | None, text: str, together: int) -> Flow[bool]:
        conn, bodies, unsent = self._conn, self._bodies, self._unsent
        try:
            octets = yield from bodies.next(together)
        except Exception as error:
            self._end.report(error)
            unsent.append(conn.reply(False, "the message cannot be read", code=SYS_TEMP))
            return False
        unsent.append(conn.reply(True, text))
        while True:
            unsent.append(conn.send_body(cutter.cut(octets) if cutter else octets))
            if bodies.ended or (cutter and cutter.done):
                break
            yield self._flush()
            try:
                octets = yield from bodies.next(together)
            except Exception as error:
                self._end.report(error)
                yield self._end.end("a message could not be read to its end")
                return False
        unsent.append(conn.end_body())
        return True

    def _flush(self) -> Send:
        said = b"".join(self._unsent)
        self._unsent.clear()
        return Send(said)

    def _answer_own(self, command: Command[object]) -> Flow[None]:
        answering: object = command
        if not isinstance(answering, Answering):
            yield self._end.reply(False, f"{command.verb} is not supported")
            return
        try:
            answer = yield from invoke(lambda: answering.answer(self._messages))
        except Refused as refusal:
            yield self._end.refuse(refusal)
        except Exception as error:
            self._end.report(error)
            yield self._end.reply(False, f"{command.verb} failed", SYS_TEMP)
        else:
            yield from self._give(command, answer)

    def _give(self, command: Command[object], answer: Answer) -> Flow[None]:
        if command.body is Body.NONE:
            yield self._end.reply(True, as_text(answer.text))
        else:
            # It may be one that goes on and on, and what there is of it is waited for.
            text = as_text(answer.text)
            self._bodies.ask([lambda: answer.body])
            _ = yield from self._give_body(text=text, together=1)

    def _quit(self) -> Flow[None]:
        deleted = yield from self._end.succeeds(self._delete())
        closed = yield from self._end.succeeds(self.close())
        if deleted and closed:
            yield self._end.reply(True, "bye")
        else:
            yield self._end.reply(False, "some deleted messages not removed", SYS_TEMP)

    def _delete(self) -> Flow[None]:
        maildrop, indexes = self._login.maildrop, [number - 1 for number in self._messages.marked]
        if maildrop is not None and indexes:
            yield from invoke(lambda: maildrop.delete(indexes))

    def _no_such_message(self) -> Send:
        return self._end.reply(False, "no such message")


def _announced_by(application: object) -> Announced:
    return application.announced if isinstance(application, Announcing) else Announced()
