"""HTTP CONNECT: a proxy is asked to carry octets to somebody else (RFC 9110, section 9.3.6)."""

import re
from base64 import b64encode
from collections.abc import Generator
from typing import Final

from pop3_proto.responses import printable

__all__ = ["MOST", "tunnel"]

VERSION: Final = b"HTTP/1."
STATUS: Final = re.compile(rb"HTTP/1\.\d (?P<code>\d{3})(?: (?P<words>[^\r\n]*))?\r?\n")
END: Final = re.compile(rb"\r?\n\r?\n")

MOST: Final = 16 * 1024
"""Octets of an answer that are taken; what is behind them is the server's."""

SHOWN: Final = 200
"""Octets of what a proxy says that an error repeats."""


def tunnel(authority: str, credentials: bytes | None) -> Generator[bytes, bytes, bytes]:
    """Ask for a connection to `authority`, a host and a port that have been checked.

    Yields what is to be sent, is sent what is received, nothing meaning the end, and returns what
    was received behind the answer. `credentials` are name and password with a colon between them
    (RFC 7617). Raises ValueError where the proxy refuses, or answers something else than HTTP.
    """
    data = b""
    received = yield _request(authority, credentials)
    while received:
        known, data = len(data), data + received
        end = _end(data, known)
        if end:
            _check(data, has_credentials=credentials is not None)
            return data[end:]
        received = yield b""
    raise ValueError("it ended the connection instead of an answer")


def _request(authority: str, credentials: bytes | None) -> bytes:
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
    if credentials is not None:
        lines.append(f"Proxy-Authorization: Basic {b64encode(credentials).decode('ascii')}")
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("ascii")


def _end(data: bytes, known: int) -> int | None:
    """Where the answer ends; it did not within the first `known` octets."""
    if not VERSION.startswith(data[: len(VERSION)]):
        raise _no_http(data)
    # What ends it may have begun in what is known.
    found = END.search(data, max(0, known - 3), MOST)
    if not found and len(data) >= MOST:
        raise ValueError(f"its answer has no end within {MOST} octets")
    return found.end() if found else None


def _check(answer: bytes, *, has_credentials: bool) -> None:
    status = STATUS.match(answer)
    if not status:
        raise _no_http(answer)
    code = status["code"]
    if code.startswith(b"2"):
        return
    said = f"it says {_shown(code + b' ' + (status['words'] or b''))!r}"
    if code != b"407":
        raise ValueError(said)
    if has_credentials:
        raise ValueError(f"{said}: check the name and the password in its URL, sent by Basic")
    raise ValueError(
        f"{said}: put a name and a password into its URL, as in http://user:password@host:port"
    )


def _no_http(data: bytes) -> ValueError:
    return ValueError(f"it is no HTTP proxy, it says {_shown(data)!r}")


def _shown(data: bytes) -> str:
    return printable(data[:SHOWN].strip())
