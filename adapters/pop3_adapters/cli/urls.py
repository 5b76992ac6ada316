"""URLs as they are given to the command."""

from pop3_proto import LocalProtocolError, Pop3Url, TlsPolicy, parse_url

from .._hosts import find_host
from .statuses import CommandError

__all__ = ["login_url", "server_url"]


def server_url(text: str) -> Pop3Url:
    """A URL that one can connect to; CommandError says why another is none."""
    try:
        url = parse_url(text)
        _ = find_host(url.host)
    except (ValueError, LocalProtocolError) as error:
        raise CommandError(str(error)) from None
    return url


def login_url(text: str, *, allow_insecure_auth: bool) -> Pop3Url:
    """A URL that one can log in with; CommandError says why another is none."""
    url = server_url(text)
    if url.user is None:
        raise CommandError(f"the URL names no user: write it as in pop3s://alice@{url.host}")
    if url.auth is not None:
        raise CommandError(
            f"the URL asks for the mechanism {url.auth}, and only USER and PASS are available: "
            "leave ;AUTH= out"
        )
    if url.tls is TlsPolicy.NONE and not allow_insecure_auth:
        raise CommandError(
            "with ?tls=none everybody on the way can read the password: leave it out, or add "
            "--allow-insecure-auth where nobody else can listen"
        )
    return url
