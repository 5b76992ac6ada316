"""URLs as they are given to the command."""

from pop3_proto import LocalProtocolError, Pop3Url, parse_url

from .._hosts import find_host
from .statuses import CommandError

__all__ = ["server_url"]


def server_url(text: str) -> Pop3Url:
    """A URL that one can connect to; CommandError says why another is none."""
    try:
        url = parse_url(text)
        _ = find_host(url.host)
    except (ValueError, LocalProtocolError) as error:
        raise CommandError(str(error)) from None
    return url
