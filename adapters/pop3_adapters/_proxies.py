"""The way to a server through a proxy, which a URL names as curl has it."""

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import unquote_to_bytes

from pop3_proto import LocalProtocolError

from ._deadlines import Deadlines
from ._hosts import find_host
from ._http_connect import tunnel
from ._primed_stream import AsyncPrimedStream, PrimedStream
from ._steps import Steps, take_steps, take_steps_async
from .streams import AsyncStream, Stream

if TYPE_CHECKING:
    from python_socks import ProxyType

__all__ = ["EVER", "Route", "asked", "asked_async", "countdown", "find_route", "going_through"]

URL: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://"
    r"(?:(?P<user>[^:/?#]*?)(?::(?P<password>[^/?#]*))?@)?"
    r"(?P<host>\[[0-9a-f:.]+(?:%25[\w.~-]+)?\]|[^@:/?#%\[\]]+)"
    r"(?::(?P<port>\d{1,5}))?/?",
    re.IGNORECASE | re.ASCII,
)
SCHEMES: Final = {"socks4", "socks4a", "socks5", "socks5h", "http"}
SOCKS_PORT: Final = 1080
LONGEST: Final = 255
"""Octets of a name and of a password for SOCKS 5 (RFC 1929, section 2)."""

EVER: Final = 1_000_000.0
"""Seconds; for python-socks, no bound is one minute, and more than this overflows a socket's."""

FORMS: Final = (
    "the URL of a proxy is socks5://, socks5h://, socks4://, socks4a:// or http://, then, where "
    "it is needed, user:password@, and host:port; write @ : / ? # % in a user's name or password "
    "as %40 %3A %2F %3F %23 %25"
)


@dataclass(frozen=True, slots=True)
class Route:
    """A server and the proxy on the way to it."""

    host: str
    """What the proxy is told, or what is looked up here: a name, or an IP address."""

    port: int
    scheme: str
    proxy_host: str
    proxy_port: int
    user: bytes | None = None
    password: bytes | None = field(default=None, repr=False)

    @property
    def is_socks(self) -> bool:
        """Whether python-socks has to go it."""
        return self.scheme != "http"

    def socks(self) -> "tuple[ProxyType, str, int, str | None, str | None, bool]":
        """The proxy in the words of python-socks; the last one is whether it looks names up."""
        from python_socks import ProxyType

        return (
            ProxyType.SOCKS5 if self.scheme.startswith("socks5") else ProxyType.SOCKS4,
            self.proxy_host,
            self.proxy_port,
            None if self.user is None else self.user.decode("ascii"),
            None if self.password is None else self.password.decode("ascii"),
            self.scheme in ("socks4a", "socks5h"),
        )

    def tunnel(self) -> Generator[bytes, bytes, bytes]:
        """The conversation with a proxy that speaks HTTP."""
        credentials = None if self.user is None else self.user + b":" + (self.password or b"")
        return tunnel(_authority(self.host, self.port), credentials)

    def __str__(self) -> str:
        proxy = _authority(self.proxy_host, self.proxy_port)
        return f"connection to {_authority(self.host, self.port)} through the proxy {proxy}"


def find_route(proxy: str, host: str, port: int) -> Route:
    """The way to a host through a proxy, by the URL of the proxy.

    Raises LocalProtocolError for what is no such URL, where there is no such way, and where
    python-socks is needed and not installed. The password is in none of these errors.
    """
    parts = URL.fullmatch(proxy)
    if not parts:
        raise LocalProtocolError(FORMS)
    scheme = parts["scheme"].lower()
    if scheme == "https":
        raise LocalProtocolError(
            "a proxy that is itself reached through TLS (https://) is not supported: use one "
            "with http://; the connection to the mail server has its own TLS all the same"
        )
    if scheme not in SCHEMES:
        raise LocalProtocolError(f"{scheme}:// is no kind of proxy that is known: {FORMS}")
    route = Route(
        host.partition("%")[0],
        port,
        scheme,
        find_host(parts["host"].replace("%25", "%")).address,
        _port(parts["port"], scheme),
        _decoded(parts["user"]),
        _decoded(parts["password"]),
    )
    if route.is_socks:
        _check_socks(route)
    elif b":" in (route.user or b""):
        raise LocalProtocolError("the name of a proxy's user cannot contain a colon with http://")
    return route


def _port(digits: str | None, scheme: str) -> int:
    if digits is None and scheme == "http":
        raise LocalProtocolError(
            "the URL of the proxy has no port: add it, as in http://proxy.example.org:3128"
        )
    port = SOCKS_PORT if digits is None else int(digits)
    if not 0 < port < 65536:
        raise LocalProtocolError("the port of a proxy is a number from 1 to 65535")
    return port


def _decoded(text: str | None) -> bytes | None:
    if text is None:
        return None
    octets = unquote_to_bytes(text.encode("utf-8", "surrogatepass"))
    if any(octet < 0x20 or octet == 0x7F for octet in octets):
        raise LocalProtocolError(
            "the user's name and the password of a proxy contain no CR, LF, NUL, or other control "
            "characters"
        )
    return octets


def _check_socks(route: Route) -> None:
    try:
        import python_socks as python_socks
    except ImportError:
        raise LocalProtocolError(
            "a SOCKS proxy needs the package python-socks: pip install 'pop3-proto[socks]'"
        ) from None
    given = [part for part in (route.user, route.password) if part is not None]
    if not all(part.isascii() and len(part) <= LONGEST for part in given):
        raise LocalProtocolError(
            f"the user's name and the password of a SOCKS proxy are ASCII, of {LONGEST} "
            "characters at most"
        )
    if route.scheme.startswith("socks5"):
        if given and not (route.user and route.password):
            raise LocalProtocolError(
                "SOCKS 5 takes a name and a password, both or neither: write "
                "socks5://user:password@host:port"
            )
    elif route.password is not None:
        raise LocalProtocolError(
            "SOCKS 4 has no passwords: leave it out, or use socks5:// or socks5h://"
        )
    elif ":" in route.host:
        raise LocalProtocolError("SOCKS 4 has no IPv6: use socks5://, or http://")


@contextmanager
def going_through(route: Route) -> Generator[None]:
    """What goes wrong on the way, as an OSError that says where."""
    try:
        yield
    except TimeoutError:
        raise TimeoutError(f"time is up: no {route}") from None
    except Exception as error:  # python-socks says some things in errors of its own
        first = _first(error)
        if isinstance(first, OSError) and first.strerror:
            raise OSError(first.errno, f"no {route}: {first.strerror}") from error
        raise OSError(f"no {route}: {str(first) or type(first).__name__}") from error


def _first(error: BaseException) -> BaseException:
    """What the error comes from, where the libraries have only wrapped it."""
    while (isinstance(error, OSError) or not str(error)) and error.__cause__:
        error = error.__cause__
        if isinstance(error, BaseExceptionGroup):
            error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error


def countdown(clock: Callable[[], float], within: float | None) -> Callable[[], float | None]:
    """Tells how many seconds are left of those that begin now; then, it raises TimeoutError."""
    deadlines = Deadlines(clock, silence=None, handshake=within)
    return deadlines.until(deadlines.handshake(None))


def asked(stream: Stream, steps: Steps[bytes], left: Callable[[], float | None]) -> Stream:
    """What goes on behind the conversation with a proxy; closed where that fails."""
    try:
        return PrimedStream(stream, take_steps(stream, steps, left))
    except BaseException:
        stream.close()
        raise


async def asked_async(
    stream: AsyncStream, steps: Steps[bytes], left: Callable[[], float | None]
) -> AsyncStream:
    """What goes on behind the conversation with a proxy; closed where that fails."""
    try:
        return AsyncPrimedStream(stream, await take_steps_async(stream, steps, left))
    except BaseException:
        await stream.close()
        raise


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port:d}" if ":" in host else f"{host}:{port:d}"
