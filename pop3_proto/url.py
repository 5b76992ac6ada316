"""POP URLs: `pop://` as RFC 2384 has them, and `pop3s://` for implicit TLS."""

from dataclasses import dataclass
from typing import Final

from .lines import breaks_line
from .listings import parse_number
from .policies import TlsPolicy

__all__ = ["Pop3Url", "parse_url"]

SCHEMES: Final = {"pop": TlsPolicy.STLS, "pop3s": TlsPolicy.IMPLICIT}


@dataclass(frozen=True, slots=True)
class Pop3Url:
    """Where a maildrop is. `auth` is the mechanism that the URL demands, or None for any."""

    host: str
    port: int
    tls: TlsPolicy
    user: str | None = None
    auth: str | None = None

    @property
    def account(self) -> str:
        """The maildrop without the way to it: what one session knows is good for the next."""
        return f"{self.user or ''}@{self.host.lower()}"


def parse_url(url: str) -> Pop3Url:
    """Read `pop://[user[;AUTH=mechanism]@]host[:port]`; ValueError says what is wrong.

    `pop://` means STLS on port 110, `pop3s://` implicit TLS on port 995 and `?tls=none` neither.
    A password in a URL is refused, and not repeated in the error (RFC 2384, section 3).
    """
    scheme, mark, rest = url.partition("://")
    if not mark or scheme.lower() not in SCHEMES:
        raise ValueError(
            "a POP URL begins with pop:// or pop3s://, as in pop3s://alice@example.org"
        )
    tls = SCHEMES[scheme.lower()]
    rest, query, options = rest.partition("?")
    if query:
        if options != "tls=none" or tls is TlsPolicy.IMPLICIT:
            raise ValueError("the only thing behind a question mark can be pop://...?tls=none")
        tls = TlsPolicy.NONE
    login, at, server = rest.removesuffix("/").rpartition("@")
    user, auth = _login(login) if at else (None, None)
    host, port = _server(server, tls.port)
    return Pop3Url(host, port, tls, user, auth)


def _login(login: str) -> tuple[str, str | None]:
    if ":" in login:
        raise ValueError("a POP URL contains no password: leave it out, it is asked for")
    if any(c in login for c in "/@#"):
        raise ValueError("write /, @ and # in the user's name of a POP URL as %2F, %40 and %23")
    name, semicolon, parameter = login.partition(";")
    if not name:
        raise ValueError("the user's name in front of the @ is missing")
    if not semicolon:
        return _decoded(name), None
    if parameter[:5].upper() != "AUTH=" or not parameter[5:]:
        raise ValueError("behind the user's name there can only be ;AUTH=mechanism")
    mechanism = _decoded(parameter[5:])
    if mechanism != "*" and not all(c.isascii() and (c.isalnum() or c in "+-_") for c in mechanism):
        raise ValueError("the mechanism behind ;AUTH= consists of letters, digits, -, _ and +")
    return _decoded(name), None if mechanism == "*" else mechanism.upper()


def _server(server: str, port: int) -> tuple[str, int]:
    if "/" in server or "#" in server:
        raise ValueError("a POP URL has no path and no fragment behind the host")
    literal, bracket, behind = server.removeprefix("[").partition("]")
    if server.startswith("[") and bracket:
        host, colon, digits = literal, behind[:1], behind[1:]
    else:
        host, colon, digits = server.partition(":")
    host = _decoded(host)
    if server.startswith("[") and not _is_ipv6(host):
        raise ValueError("the host of the POP URL is none: only an IPv6 address stands in brackets")
    if not host or any(not c.isprintable() or c in ' /@[]\\;"<>' for c in host):
        raise ValueError("the host of the POP URL is missing or is none")
    if not colon:
        return host, port
    number = parse_number(digits.encode()) if colon == ":" else None
    if number is None or not 0 < number < 65536:
        raise ValueError("the port of a POP URL is a number from 1 to 65535")
    return host, number


def _is_ipv6(host: str) -> bool:
    # Not above: a millisecond of the import of the package, as is what `_decoded` needs.
    from ipaddress import IPv6Address

    try:
        _ = IPv6Address(host)
    except ValueError:
        return False
    return True


def _decoded(text: str) -> str:
    """Percent-decoded UTF-8, without what no command can carry."""
    from urllib.parse import unquote_to_bytes

    octets = unquote_to_bytes(text)
    if breaks_line(octets):
        raise ValueError("a POP URL cannot contain CR, LF or NUL")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("what is percent-encoded in a POP URL has to be UTF-8") from None
