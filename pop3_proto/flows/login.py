"""How a client says who it is: by a password, or by any mechanism of AUTH."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeAlias

from ..apop import apop_digest, is_timestamp
from ..capabilities import Offer
from ..client import ClientConnection
from ..commands import Apop, Auth, Pass, User
from ..errors import (
    AuthenticationFailed,
    CommandFailed,
    LocalProtocolError,
    RemoteProtocolError,
    TokenRefused,
    UnexpectedEof,
)
from ..events import Challenge, Reply
from ..limits import Limits
from ..mechanisms import CramMd5, Login, Plain
from ..mechanisms.oauth import TokenMechanism, TokenRefusal
from ..sasl import ClientMechanism, Response
from ..saslprep import prepare_query
from .choosing import USER, Way, check_secrecy, choose
from .client import capabilities, failure, next_event, request, settle
from .core import Flow, Send, invoke

__all__ = [
    "APOP",
    "PASSWORD_MECHANISMS",
    "PasswordMechanism",
    "authenticate",
    "login",
    "login_ways",
]

APOP: Final = "APOP"

LONGEST_WITH_RESPONSE: Final = 255
"""Octets of an AUTH with an initial response in it, its end included (RFC 5034, section 4)."""

Text: TypeAlias = str | bytes
"""A name or a password: text goes out in UTF-8, octets go out as they are."""


@dataclass(frozen=True, slots=True)
class PasswordMechanism:
    """A mechanism of AUTH that takes a name and a password."""

    name: str
    make: Callable[[Text, Text, Limits], ClientMechanism]
    """Raises LocalProtocolError for a name and a password that it cannot take."""

    shows_secret: bool = False
    """Whether who listens learns the password."""

    install: str | None = None
    """The command that installs what it needs, where that is missing."""


PASSWORD_MECHANISMS: Final = (
    PasswordMechanism("CRAM-MD5", lambda name, password, _: CramMd5(name, password)),
    PasswordMechanism("PLAIN", lambda name, password, _: Plain(name, password), shows_secret=True),
    PasswordMechanism("LOGIN", lambda name, password, _: Login(name, password), shows_secret=True),
)
"""Those of the core, the strongest first."""

_Said: TypeAlias = ClientMechanism | tuple[User, Pass]


def login(
    conn: ClientConnection,
    name: Text,
    password: Text,
    *,
    mechanism: str | None = None,
    mechanisms: Sequence[PasswordMechanism] = PASSWORD_MECHANISMS,
    initial_response: bool = True,
    allow_insecure_auth: bool = False,
    allow_utf8_login: bool = False,
) -> Flow[str]:
    """Log in with a password, by the strongest way that the server offers; its name is returned.

    The ways are `mechanisms`, the strongest first, and then USER and PASS. With `mechanism` it is
    that one and no other, whether it is offered or not: a name of AUTH, `USER`, or `APOP`, which is
    never taken by itself. Where the server refuses, no other way is tried, so that no account gets
    locked.

    Raises LocalProtocolError before anything is sent where the password would be readable on the
    way, or cannot be sent, and LoginImpossible where that is so for all ways.
    """
    ways = login_ways(
        conn, name, password, mechanisms=mechanisms, allow_utf8_login=allow_utf8_login
    )
    if mechanism is None:
        way, said, left = choose(conn, ways, allow_insecure_auth=allow_insecure_auth)
    elif mechanism.upper() == APOP:
        yield from _apop(conn, name, password, allow_utf8_login)
        return APOP
    else:
        way, said, left = mechanism.upper(), _named(mechanism.upper(), ways), ()
    try:
        if isinstance(said, tuple):
            yield from _user_and_pass(conn, *said, allow_insecure_auth)
        else:
            yield from authenticate(
                conn,
                said,
                initial_response=initial_response,
                allow_insecure_auth=allow_insecure_auth,
            )
    except AuthenticationFailed as error:
        error.untried = left
        raise
    return way


def login_ways(
    conn: ClientConnection,
    name: Text,
    password: Text,
    *,
    mechanisms: Sequence[PasswordMechanism] = PASSWORD_MECHANISMS,
    allow_utf8_login: bool = False,
) -> list[Way[_Said]]:
    """The ways to log in with a password, the strongest first."""

    # No partial(), whose repr() has what it was given.
    def making(mechanism: PasswordMechanism) -> Callable[[], ClientMechanism]:
        return lambda: mechanism.make(name, password, conn.limits)

    def commands() -> tuple[User, Pass]:
        return _commands(conn, name, password, allow_utf8_login)

    ways: list[Way[_Said]] = [
        Way(each.name, making(each), each.shows_secret, each.install) for each in mechanisms
    ]
    return [*ways, Way(USER, commands, shows_secret=True)]


def authenticate(
    conn: ClientConnection,
    mechanism: ClientMechanism,
    *,
    initial_response: bool = True,
    allow_insecure_auth: bool = False,
) -> Flow[None]:
    """AUTH with a mechanism (RFC 5034); then the capabilities again where they may have changed.

    The first response goes with AUTH where the client speaks first, the server announced SASL, the
    line is not too long, and `initial_response` is set. What the mechanism raises cancels the
    exchange and comes out here, and so does a challenge that is no base64, as RemoteProtocolError;
    the session can go on behind both.
    """
    if mechanism.shows_secret:
        check_secrecy(conn, allow_insecure_auth=allow_insecure_auth)
    first = (yield from _asked(mechanism, b"")) if mechanism.client_first else None
    command = _opening(conn, mechanism.name, first if initial_response else None)
    try:
        reply, challenged = yield from _exchange(conn, command, mechanism, first)
        if command.initial is not None and not challenged and _blames_the_line(conn, reply):
            reply, _ = yield from _exchange(conn, Auth(mechanism.name), mechanism, first)
    except UnexpectedEof as error:
        error.refusal = _said_of_token(mechanism)
        raise
    if not reply.ok:
        raise _refusal(conn, reply, mechanism, challenged)
    yield from _learn(conn)


def _exchange(
    conn: ClientConnection,
    command: Auth[object],
    mechanism: ClientMechanism,
    first: Response | None,
) -> Flow[tuple[Reply, bool]]:
    """AUTH, and what follows up to its reply; and whether there was a challenge."""
    challenged = False
    if command.initial is not None:
        first = None
    yield from settle(conn)
    yield Send(conn.send(command))
    while isinstance(event := (yield from next_event(conn)), Challenge):
        challenged = True
        try:
            response = first or (yield from _answer(mechanism, event))
        except Exception:
            # What went wrong is worth more than how the server takes it.
            with suppress(UnexpectedEof, OSError):
                yield Send(conn.cancel())
                _ = yield from next_event(conn)
            raise
        first = None
        yield Send(conn.respond(response.data, last=response.last))
    assert isinstance(event, Reply), event
    return event, challenged


def _opening(conn: ClientConnection, name: str, first: Response | None) -> Auth[object]:
    if first and conn.offer("SASL") is Offer.OFFERED:
        command = Auth(name, first.data, first.last)
        if len(command.line(conn.limits.sasl)) <= LONGEST_WITH_RESPONSE:
            return command
    return Auth(name)


def _answer(mechanism: ClientMechanism, challenge: Challenge) -> Flow[Response]:
    if challenge.data is None:
        raise RemoteProtocolError(
            "the server sent a challenge that is no base64, so AUTH was cancelled: try another "
            "mechanism"
        )
    return (yield from _asked(mechanism, challenge.data))


def _asked(mechanism: ClientMechanism, challenge: bytes) -> Flow[Response]:
    return (yield from invoke(lambda: mechanism.respond(challenge)))


def _blames_the_line(conn: ClientConnection, reply: Reply) -> bool:
    """Whether a server that says when a password is wrong has refused something else."""
    says = conn.offer("AUTH-RESP-CODE") is Offer.OFFERED
    return says and not reply.ok and reply.code is None


def _said_of_token(mechanism: ClientMechanism) -> TokenRefusal | None:
    return mechanism.refusal if isinstance(mechanism, TokenMechanism) else None


def _refusal(
    conn: ClientConnection, reply: Reply, mechanism: ClientMechanism, challenged: bool
) -> CommandFailed:
    error = failure(conn, reply.command, reply)
    refusal = _said_of_token(mechanism)
    if refusal and type(error) in (AuthenticationFailed, CommandFailed):
        return TokenRefused(error.command, reply, refusal)
    if isinstance(error, AuthenticationFailed) and isinstance(reply.command, Auth):
        said = reply.command.initial is not None
        error.in_one_line = said and not challenged and reply.code is None
    return error


def _user_and_pass(
    conn: ClientConnection, user: User, secret: Pass, allow_insecure_auth: bool
) -> Flow[None]:
    check_secrecy(conn, allow_insecure_auth=allow_insecure_auth)
    yield from request(conn, user)
    yield from request(conn, secret)
    yield from _learn(conn)


def _commands(
    conn: ClientConnection, name: Text, password: Text, allow_utf8_login: bool
) -> tuple[User, Pass]:
    """USER and PASS; LocalProtocolError where one of them cannot be sent."""
    user, secret = User(name), Pass(password)
    _check_charset(conn, user.name + secret.password, allow_utf8_login)
    _ = user.line(conn.limits.command_out), secret.line(conn.limits.command_out)
    return user, secret


def _apop(conn: ClientConnection, name: Text, password: Text, allow_utf8_login: bool) -> Flow[None]:
    """APOP (RFC 1939, section 7), which hides the password without TLS, if not very well.

    Raises LocalProtocolError where the server does not offer it, RemoteProtocolError where its
    timestamp is none, both before anything is sent.
    """
    timestamp = conn.timestamp
    if timestamp is None:
        raise LocalProtocolError("the server does not offer APOP: its greeting has no timestamp")
    if not is_timestamp(timestamp):
        raise RemoteProtocolError(
            "the timestamp of the greeting has not the form of a message-id: somebody on the way "
            "may have chosen it to find out the password; log in otherwise, inside TLS"
        )
    user, secret = User(_prepared(name)), Pass(_prepared(password))
    _check_charset(conn, user.name + secret.password, allow_utf8_login)
    yield from request(conn, Apop(user.name, apop_digest(timestamp, secret.password)))
    yield from _learn(conn)


def _prepared(text: Text) -> Text:
    """As SASLprep has it, where it can (RFC 6856, section 2.2)."""
    if isinstance(text, bytes) or text.isascii():
        return text
    try:
        return prepare_query(text)
    except ValueError as error:
        raise LocalProtocolError(f"name or password cannot be used with APOP: {error}") from None


def _named(name: str, ways: Sequence[Way[_Said]]) -> _Said:
    """What is said on the way that was asked for. Raises LocalProtocolError where there is none."""
    way = next((way for way in ways if way.name == name), None)
    if way is None:
        known = ", ".join((*(way.name for way in ways), APOP))
        raise LocalProtocolError(
            f"there is no way {name} to log in with a password: there are {known}; for another "
            "mechanism use authenticate()"
        )
    if way.install:
        raise LocalProtocolError(f"{name} needs what is not installed here: {way.install}")
    return way.make()


def _check_charset(conn: ClientConnection, octets: bytes, allow_utf8_login: bool) -> None:
    announced = conn.capabilities is not None and conn.capabilities.utf8_login
    if not (octets.isascii() or announced or allow_utf8_login):
        raise LocalProtocolError(
            "name or password go beyond ASCII, and the server has not announced UTF8 USER: "
            "pass allow_utf8_login=True for a server that is known to take them"
        )


def _learn(conn: ClientConnection) -> Flow[None]:
    """Ask again where the list from before the login leaves out, or may not fit, this user."""
    known = conn.capabilities
    if known is None:
        return
    by_user = (known.login_interval and known.login_interval.by_user) or (
        known.retention and known.retention.by_user
    )
    if by_user or "UIDL" not in known or "TOP" not in known:
        yield from capabilities(conn)
