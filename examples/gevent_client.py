"""gevent: the blocking client over a socket of gevent's. Each maildrop has its greenlet, one
thread runs them all, and nothing has to be monkey-patched.

    python examples/gevent_client.py HOST PORT PASSWORD USER [USER ...]

There is no TLS, and others may see the password on the command line: for loopback only. For TLS
say `host=host` instead of `tls=` and `allow_insecure_auth=`.
"""

import sys

import gevent
from gevent.socket import create_connection

from pop3_adapters.socket import connect_stream
from pop3_proto import Pop3Error, TlsPolicy


def retrieve(host: str, port: int, user: str, password: str) -> str | None:
    """Print what is in one maildrop; what went wrong, if anything."""
    try:
        with connect_stream(create_connection((host, port)), tls=TlsPolicy.NONE) as client:
            client.login(user, password, allow_insecure_auth=True)
            for message in client.fetch(client.scan_listings()):
                octets = message.read()
                print(f"{user} {message.number}: {len(octets)} octets, {octets[:30]!r}")
    except (OSError, Pop3Error) as error:
        return f"{user}: {type(error).__name__}: {error}"
    return None


def main(host: str, port: str, password: str, *users: str) -> None:
    greenlets: list[gevent.Greenlet[..., str | None]] = [
        gevent.spawn(retrieve, host, int(port), user, password) for user in users
    ]
    errors = [greenlet.get() for greenlet in greenlets]
    sys.exit("\n".join(filter(None, errors)) or 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
