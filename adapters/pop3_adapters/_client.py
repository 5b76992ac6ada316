"""The blocking client: one method a command, over any blocking stream."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, TypeVar

from pop3_proto import (
    Capabilities,
    ClientConnection,
    ClientMechanism,
    Command,
    Deletions,
    DeletionsUnconfirmed,
    Greeting,
    List,
    MailboxStat,
    Noop,
    Pop3Error,
    Retr,
    Rset,
    ScanListing,
    Stat,
    Top,
    Uidl,
    UniqueId,
)
from pop3_proto.flows import client as flows
from pop3_proto.flows import login as logins
from pop3_proto.flows.core import Flow
from pop3_proto.flows.login_oauth import TokenLogin, TokenProvider

from ._blocking import BlockingDriver
from ._facts import Facts
from ._keep_alive import KeepAlive
from ._message import Arriving
from ._password_mechanisms import PASSWORD_MECHANISMS
from ._turns import Turns

__all__ = ["Client", "Message", "Origin"]

T = TypeVar("T")


class Message(Arriving[BlockingDriver]):
    """A message while it arrives: iterate for its octets in pieces, or `read` it as a whole.

    In a `with` statement, what is left unread at its end is thrown away, or, where that would be
    too much (`Limits.drain`), the connection is closed.
    """

    def __iter__(self) -> Iterator[bytes]:
        if unread := self._take_unread():
            yield unread
        while not self.complete:
            self._check()
            chunk = self._driver.run(flows.next_chunk(self._conn), self._deadline)
            self.complete = not self._conn.in_body
            if chunk:
                yield chunk

    def read(self) -> bytes:
        """The octets that have not been read yet, all of them."""
        if not self.complete:
            self._check()
            flow = flows.read_body(self._conn, self._unread.write)
            self._driver.run(flow, self._deadline)
            self.complete = True
        return self._take_unread()

    def delete(self) -> None:
        """Mark the message, once it has been read to its end, as deleted.

        In a fetch the server's answer is read later: the fetch raises CommandFailed at its end
        where one was negative.
        """
        self._driver.run(self._turns.delete(self.number, read=self.complete and self._whole))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Behind an exception nobody wants to wait; the next command settles it all the same.
        if error is None and not self.complete:
            self._driver.run(self._turns.leave(self._turn))


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a client's connection leads, as far as that is known."""

    host: str = ""
    port: int = 0
    again: Callable[[], "Client"] | None = None
    """Opens such a connection once more."""


UNKNOWN: Final = Origin()


class Client(Facts):
    """A session with a POP3 server, as `connect` gives it.

    In a `with` statement, QUIT is sent at its end, and nothing where an exception ends it: then
    no message is deleted. Methods raise CommandFailed or one of its kinds where the server
    refuses, RemoteProtocolError where it breaks the protocol, LocalProtocolError where something is
    not possible here, and OSError, of which TimeoutError and ssl.SSLError are kinds.
    """

    def __init__(
        self,
        driver: BlockingDriver,
        conn: ClientConnection,
        greeting: Greeting,
        alive: KeepAlive | None = None,
        origin: Origin = UNKNOWN,
    ) -> None:
        super().__init__(conn, driver.link, greeting)
        self._driver: BlockingDriver = driver
        self._origin = origin
        self._alive = alive
        self._turns: Turns = Turns(conn)

    def ask_capabilities(self) -> Capabilities | None:
        """Ask for the capabilities again (RFC 2449, section 5)."""
        return self._run(flows.capabilities(self._conn))

    def login(
        self,
        name: str | bytes,
        password: str | bytes,
        *,
        mechanism: str | None = None,
        initial_response: bool = True,
        allow_insecure_auth: bool = False,
        allow_utf8_login: bool = False,
    ) -> str:
        """Log in with a password, by the strongest way that the server offers, and say which.

        It is SCRAM (with `pip install 'pop3-proto[scram]'`), CRAM-MD5, PLAIN, LOGIN, or USER for
        USER and PASS; with `mechanism` it is that one and no other. `APOP`, which hides the
        password without TLS, if not very well, is never taken by itself. Where the server refuses,
        nothing else is tried: that locks accounts.

        Raises LocalProtocolError before anything is sent where the password would go out in
        plaintext and `allow_insecure_auth` is not set, or cannot be sent (beyond ASCII USER, PASS
        and APOP take what the server has announced, or `allow_utf8_login`); LoginImpossible where
        that is so for all that the server offers; AuthenticationFailed where the password is wrong.
        """
        return self._run(
            logins.login(
                self._conn,
                name,
                password,
                mechanism=mechanism,
                mechanisms=PASSWORD_MECHANISMS,
                initial_response=initial_response,
                allow_insecure_auth=allow_insecure_auth or self._link.private,
                allow_utf8_login=allow_utf8_login,
            )
        )

    def login_oauth(
        self,
        name: str | bytes,
        token: str | TokenProvider,
        *,
        mechanism: str | None = None,
        initial_response: bool = False,
        allow_insecure_auth: bool = False,
    ) -> str:
        """Log in with a token of OAuth, by OAUTHBEARER or XOAUTH2, and say which.

        `token` may be a function, which may take its time; it gets the token that the server
        has refused, or None. It is asked once more where the server refuses, in the same session,
        or, where the server has closed that and this client made the connection itself, in a new
        one. `initial_response` sends the token within AUTH where it is short enough; some servers
        refuse that.

        Raises LocalProtocolError before anything is asked or sent where the server takes no tokens
        (LoginImpossible), or there is no TLS and `allow_insecure_auth` is not set; TokenRefused
        where the server says what is wrong with the token, AuthenticationFailed where it does not.
        """
        tries = TokenLogin(
            name,
            token,
            mechanism=mechanism,
            host=self._origin.host,
            port=self._origin.port,
            initial_response=initial_response,
            allow_insecure_auth=allow_insecure_auth or self._link.private,
        )
        while (way := self._run(tries.run(self._conn))) is None:
            assert tries.failure
            self._begin_again(tries.failure)
        return way

    def authenticate(
        self,
        mechanism: ClientMechanism,
        *,
        initial_response: bool = True,
        allow_insecure_auth: bool = False,
    ) -> None:
        """Log in with AUTH and a mechanism of SASL (RFC 5034).

        The mechanism's first response goes with AUTH where the server announced SASL and the line
        is not too long, unless `initial_response` is False. Raises what the mechanism raises,
        RemoteProtocolError for a challenge that is no base64, AuthenticationFailed where the server
        refuses; the session can go on behind all of them.
        """
        self._run(
            logins.authenticate(
                self._conn,
                mechanism,
                initial_response=initial_response,
                allow_insecure_auth=allow_insecure_auth or self._link.private,
            )
        )

    def request(self, command: Command[T]) -> T:
        """Give any command, one of your own too, and get what its reply means.

        Raises LocalProtocolError for commands that only make sense in a conversation.
        """
        return self._driver.run(self._turns.request(command))

    def stat(self) -> MailboxStat:
        """How much the maildrop holds."""
        return self.request(Stat())

    def scan_listings(self) -> list[ScanListing]:
        """The octets of each message."""
        return self.request(List())

    def scan_listing(self, number: int) -> ScanListing:
        """The octets of one message."""
        return self.request(List(number))

    def unique_ids(self) -> list[UniqueId]:
        """The unique-id of each message."""
        return self.request(Uidl())

    def unique_id(self, number: int) -> UniqueId:
        """The unique-id of one message."""
        return self.request(Uidl(number))

    def retrieve(self, number: int) -> Message:
        """One message, to be read from what this gives before anything else is asked."""
        return self._open(Retr(number))

    def top(self, number: int, lines: int = 0) -> Message:
        """The headers of a message, and the first lines of its body."""
        return self._open(Top(number, lines))

    def fetch(
        self, messages: Iterable[int | ScanListing], *, window: int = flows.WIDEST
    ) -> Iterator[Message]:
        """Many messages, by number or scan listing, in that order, asked for ahead of time.

        Each is to be read before the next one is taken. A message that the server refuses says so
        in `refusal`; the others come all the same. Until the loop is over or left, messages are
        deleted with `Message.delete`, and other commands raise LocalProtocolError.

        Where the server announced PIPELINING, `window` messages at most are asked for ahead of
        time: large ones by twos, small ones by the hundred where their scan listings tell.
        """
        fetch = self._driver.run(self._turns.begin_fetch(messages, window))
        try:
            while True:
                deadline = self._driver.deadlines.operation()
                reply = self._driver.run(fetch.advance(), deadline)
                if reply is None:
                    return
                command = self._turns.next_message(reply)
                refusal = None if reply.ok else flows.failure(self._conn, command, reply)
                yield Message(self._driver, self._conn, self._turns, command, deadline, refusal)
        finally:
            self._turns.end_fetch(fetch)

    def delete(self, *numbers: int) -> None:
        """Mark messages as deleted; they are deleted when `quit` has been confirmed."""
        self._run(flows.delete(self._conn, numbers))

    def reset(self) -> None:
        """Take back every mark."""
        _ = self.request(Rset())

    def noop(self) -> None:
        """Ask for nothing but a reply."""
        _ = self.request(Noop())

    def quit(self) -> Deletions:
        """End the session and close the connection; says what became of the marked messages."""
        return self._driver.run(self._turns.quit())

    def close(self) -> None:
        """Close the connection without QUIT: nothing is deleted."""
        self._turns.ended = True
        self._driver.close()

    def __enter__(self) -> Self:
        if self._alive:
            self._alive.begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._leave(error)
        finally:
            if self._alive:
                self._alive.end()

    def _leave(self, error: BaseException | None) -> None:
        if error is not None:
            self.close()
            return
        if self._turns.ended:
            return
        try:
            deletions = self.quit()
        except BaseException:  # somebody else is still busy with it
            self.close()
            raise
        if deletions is not Deletions.DONE and self._conn.marked:
            sent = self.deletions is Deletions.UNKNOWN
            raise DeletionsUnconfirmed(self._conn.marked, quit_sent=sent)

    def _begin_again(self, failure: Exception) -> None:
        """The server has closed the connection because of `failure`: go on with a new one."""
        if self._origin.again is None:
            raise failure
        self._driver.close()
        try:
            other = self._origin.again()
        except (OSError, Pop3Error) as error:
            raise error from failure
        if self._turns.ended:  # by somebody who did not want to wait
            other.close()
            raise failure
        self._conn, self._link, self.greeting = other._conn, other._link, other.greeting
        self._driver, self._turns = other._driver, other._turns
        if self._alive:
            self._alive.follow(self._driver, self._conn)

    def _run(self, flow: Flow[T]) -> T:
        return self._driver.run(self._turns.take(flow))

    def _open(self, command: Retr | Top) -> Message:
        deadline = self._driver.deadlines.operation()
        opening = self._turns.take(flows.open_body(self._conn, command))
        _ = self._driver.run(opening, deadline)
        return Message(self._driver, self._conn, self._turns, command, deadline)
