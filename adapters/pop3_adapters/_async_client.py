"""The asynchronous client: one method a command, over any asynchronous stream."""

from collections.abc import Awaitable, Callable, Iterable
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
from pop3_proto.flows.client import Fetch
from pop3_proto.flows.core import Flow
from pop3_proto.flows.login_oauth import TokenLogin, TokenProvider

from ._async import AsyncDriver
from ._async_keep_alive import KeepAlive
from ._facts import Facts
from ._message import Arriving
from ._password_mechanisms import PASSWORD_MECHANISMS
from ._turns import Turns

__all__ = ["Client", "Fetching", "Message", "Origin"]

T = TypeVar("T")


class Message(Arriving[AsyncDriver]):
    """A message while it arrives: iterate for its octets in pieces, or `read` it as a whole.

    In an `async with` statement, what is left unread at its end is thrown away, or, where that
    would be too much (`Limits.drain`), the connection is closed.
    """

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if chunk := self._take_unread() or await self._next():
            return chunk
        raise StopAsyncIteration

    async def read(self) -> bytes:
        """The octets that have not been read yet, all of them."""
        if not self.complete:
            self._check()
            flow = flows.read_body(self._conn, self._unread.write)
            await self._driver.run(flow, self._deadline)
            self.complete = True
        return self._take_unread()

    async def delete(self) -> None:
        """Mark the message, once it has been read to its end, as deleted.

        In a fetch the server's answer is read later: the fetch raises CommandFailed at its end
        where one was negative.
        """
        await self._driver.run(self._turns.delete(self.number, read=self.complete and self._whole))

    async def _next(self) -> bytes:
        if self.complete:
            return b""
        self._check()
        chunk = await self._driver.run(flows.next_chunk(self._conn), self._deadline)
        self.complete = not self._conn.in_body
        return chunk

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Behind an exception nobody wants to wait; the next command settles it all the same.
        if error is None and not self.complete:
            await self._driver.run(self._turns.leave(self._turn))


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a client's connection leads, as far as that is known."""

    host: str = ""
    port: int = 0
    again: Callable[[], Awaitable["Client"]] | None = None
    """Opens such a connection once more."""


UNKNOWN: Final = Origin()


class Client(Facts):
    """A session with a POP3 server, as `connect` gives it.

    In an `async with` statement, QUIT is sent at its end, and nothing where an exception ends it:
    then no message is deleted. Methods raise CommandFailed or one of its kinds where the server
    refuses, RemoteProtocolError where it breaks the protocol, LocalProtocolError where something is
    not possible here, and OSError, of which TimeoutError and ssl.SSLError are kinds.
    """

    def __init__(
        self,
        driver: AsyncDriver,
        conn: ClientConnection,
        greeting: Greeting,
        alive: KeepAlive | None = None,
        origin: Origin = UNKNOWN,
    ) -> None:
        super().__init__(conn, driver.link, greeting)
        self._driver: AsyncDriver = driver
        self._origin = origin
        self._alive = alive
        self._turns: Turns = Turns(conn)

    async def ask_capabilities(self) -> Capabilities | None:
        """Ask for the capabilities again (RFC 2449, section 5)."""
        return await self._run(flows.capabilities(self._conn))

    async def login(
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
        return await self._run(
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

    async def login_oauth(
        self,
        name: str | bytes,
        token: str | TokenProvider,
        *,
        mechanism: str | None = None,
        initial_response: bool = False,
        allow_insecure_auth: bool = False,
    ) -> str:
        """Log in with a token of OAuth, by OAUTHBEARER or XOAUTH2, and say which.

        `token` may be a function, which may be asynchronous; it gets the token that the server
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
        while (way := await self._run(tries.run(self._conn))) is None:
            assert tries.failure
            await self._begin_again(tries.failure)
        return way

    async def authenticate(
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
        await self._run(
            logins.authenticate(
                self._conn,
                mechanism,
                initial_response=initial_response,
                allow_insecure_auth=allow_insecure_auth or self._link.private,
            )
        )

    async def request(self, command: Command[T]) -> T:
        """Give any command, one of your own too, and get what its reply means.

        Raises LocalProtocolError for commands that only make sense in a conversation.
        """
        return await self._driver.run(self._turns.request(command))

    async def stat(self) -> MailboxStat:
        """How much the maildrop holds."""
        return await self.request(Stat())

    async def scan_listings(self) -> list[ScanListing]:
        """The octets of each message."""
        return await self.request(List())

    async def scan_listing(self, number: int) -> ScanListing:
        """The octets of one message."""
        return await self.request(List(number))

    async def unique_ids(self) -> list[UniqueId]:
        """The unique-id of each message."""
        return await self.request(Uidl())

    async def unique_id(self, number: int) -> UniqueId:
        """The unique-id of one message."""
        return await self.request(Uidl(number))

    async def retrieve(self, number: int) -> Message:
        """One message, to be read from what this gives before anything else is asked."""
        return await self._open(Retr(number))

    async def top(self, number: int, lines: int = 0) -> Message:
        """The headers of a message, and the first lines of its body."""
        return await self._open(Top(number, lines))

    def fetch(
        self, messages: Iterable[int | ScanListing], *, window: int = flows.WIDEST
    ) -> "Fetching":
        """Many messages, by number or scan listing, in that order, asked for ahead of time.

        Each is to be read before the next one is taken. A message that the server refuses says so
        in `refusal`; the others come all the same. Until the loop is over or left, messages are
        deleted with `Message.delete`, and other commands raise LocalProtocolError.

        Where the server announced PIPELINING, `window` messages at most are asked for ahead of
        time: large ones by twos, small ones by the hundred where their scan listings tell.
        """
        return Fetching(self._driver, self._conn, self._turns, messages, window)

    async def delete(self, *numbers: int) -> None:
        """Mark messages as deleted; they are deleted when `quit` has been confirmed."""
        await self._run(flows.delete(self._conn, numbers))

    async def reset(self) -> None:
        """Take back every mark."""
        _ = await self.request(Rset())

    async def noop(self) -> None:
        """Ask for nothing but a reply."""
        _ = await self.request(Noop())

    async def quit(self) -> Deletions:
        """End the session and close the connection; says what became of the marked messages."""
        return await self._driver.run(self._turns.quit())

    async def close(self) -> None:
        """Close the connection without QUIT: nothing is deleted."""
        self._turns.ended = True
        await self._driver.close()

    async def __aenter__(self) -> Self:
        if self._alive:
            await self._alive.begin()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._leave(error)
        finally:
            if self._alive:
                await self._alive.end(error)

    async def _leave(self, error: BaseException | None) -> None:
        if error is not None:
            await self.close()
            return
        if self._turns.ended:
            return
        try:
            deletions = await self.quit()
        except BaseException:  # somebody else is still busy with it
            await self.close()
            raise
        if deletions is not Deletions.DONE and self._conn.marked:
            sent = self.deletions is Deletions.UNKNOWN
            raise DeletionsUnconfirmed(self._conn.marked, quit_sent=sent)

    async def _begin_again(self, failure: Exception) -> None:
        """The server has closed the connection because of `failure`: go on with a new one."""
        if self._origin.again is None:
            raise failure
        await self._driver.close()
        try:
            other = await self._origin.again()
        except (OSError, Pop3Error) as error:
            raise error from failure
        if self._turns.ended:  # by somebody who did not want to wait
            await other.close()
            raise failure
        self._conn, self._link, self.greeting = other._conn, other._link, other.greeting
        self._driver, self._turns = other._driver, other._turns
        if self._alive:
            self._alive.follow(self._driver, self._conn)

    async def _run(self, flow: Flow[T]) -> T:
        return await self._driver.run(self._turns.take(flow))

    async def _open(self, command: Retr | Top) -> Message:
        deadline = self._driver.deadlines.operation()
        opening = self._turns.take(flows.open_body(self._conn, command))
        _ = await self._driver.run(opening, deadline)
        return Message(self._driver, self._conn, self._turns, command, deadline)


class Fetching:
    """A fetch that is under way; it is over when the loop is, however that was left."""

    def __init__(
        self,
        driver: AsyncDriver,
        conn: ClientConnection,
        turns: Turns,
        messages: Iterable[int | ScanListing],
        window: int,
    ) -> None:
        self._driver = driver
        self._conn = conn
        self._turns = turns
        self._messages = messages
        self._window = window
        self._fetch: Fetch | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        deadline = self._driver.deadlines.operation()
        if self._fetch is None:
            begin = self._turns.begin_fetch(self._messages, self._window)
            self._fetch = await self._driver.run(begin)
        reply = await self._driver.run(self._fetch.advance(), deadline)
        if reply is None:
            self._end()
            raise StopAsyncIteration
        command = self._turns.next_message(reply)
        refusal = None if reply.ok else flows.failure(self._conn, command, reply)
        return Message(self._driver, self._conn, self._turns, command, deadline, refusal)

    async def aclose(self) -> None:
        """The loop is left; what is under way is thrown away by the next command."""
        self._end()

    def __del__(self) -> None:
        self._end()

    def _end(self) -> None:
        if self._fetch:
            self._turns.end_fetch(self._fetch)
