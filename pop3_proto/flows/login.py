"""How a client says who it is: USER and PASS, APOP, AUTH."""

from typing import Final

from ..apop import apop_digest, is_timestamp
from ..capabilities import Offer
from ..client import ClientConnection
from ..commands import Apop, Auth, Pass, User
from ..errors import LocalProtocolError, RemoteProtocolError
from ..events import Challenge, Reply
from ..sasl import ClientMechanism, Response
from .client import capabilities, failure, next_event, request, settle
from .core import Flow, Send

__all__ = ["authenticate", "login", "login_apop"]

LONGEST_WITH_RESPONSE: Final = 255
"""Octets of an AUTH with an initial response in it, its end included (RFC 5034, section 4)."""


def login(
    conn: ClientConnection,
    name: str | bytes,
    password: str | bytes,
    *,
    allow_insecure_auth: bool = False,
    allow_utf8_login: bool = False,
) -> Flow[None]:
    """USER and PASS; then the capabilities again where they may have changed.

    Raises LocalProtocolError before anything is sent where the password would be readable on the
    way, or is beyond ASCII and the server has not said that it takes that (RFC 6856, section 2.2).
    """
    _check_secrecy(conn, allow_insecure_auth)
    user, secret = User(name), Pass(password)
    _check_charset(conn, user.name + secret.password, allow_utf8_login)
    _ = user.line(conn.limits.command_out), secret.line(conn.limits.command_out)
    yield from request(conn, user)
    yield from request(conn, secret)
    yield from _learn(conn)


def login_apop(
    conn: ClientConnection,
    name: str | bytes,
    password: str | bytes,
    *,
    allow_utf8_login: bool = False,
) -> Flow[None]:
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
    user, secret = User(name), Pass(password)
    _check_charset(conn, user.name + secret.password, allow_utf8_login)
    yield from request(conn, Apop(user.name, apop_digest(timestamp, secret.password)))
    yield from _learn(conn)


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
    _check_secrecy(conn, allow_insecure_auth)
    first = mechanism.respond(b"") if mechanism.client_first else None
    command = _opening(conn, mechanism.name, first if initial_response else None)
    if command.initial is not None:
        first = None
    yield from settle(conn)
    yield Send(conn.send(command))
    while isinstance(event := (yield from next_event(conn)), Challenge):
        try:
            response = first or _respond(mechanism, event)
        except Exception:
            yield Send(conn.cancel())
            _ = yield from next_event(conn)
            raise
        first = None
        yield Send(conn.respond(response.data, last=response.last))
    assert isinstance(event, Reply), event
    if not event.ok:
        raise failure(conn, command, event)
    yield from _learn(conn)


def _opening(conn: ClientConnection, name: str, first: Response | None) -> Auth[object]:
    if first and conn.offer("SASL") is Offer.OFFERED:
        command = Auth(name, first.data, first.last)
        if len(command.line(conn.limits.sasl)) <= LONGEST_WITH_RESPONSE:
            return command
    return Auth(name)


def _respond(mechanism: ClientMechanism, challenge: Challenge) -> Response:
    if challenge.data is None:
        raise RemoteProtocolError(
            "the server sent a challenge that is no base64, so AUTH was cancelled: try another "
            "mechanism"
        )
    return mechanism.respond(challenge.data)


def _check_secrecy(conn: ClientConnection, allow_insecure_auth: bool) -> None:
    if not (conn.tls or allow_insecure_auth):
        raise LocalProtocolError(
            "this would send the password in plaintext: use TLS, or pass "
            "allow_insecure_auth=True where nobody else can listen"
        )


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
