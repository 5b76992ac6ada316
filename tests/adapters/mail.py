"""Messages that have hurt somebody, and maildrops that fail."""

import re

__all__ = ["MAILS", "big", "wire_form"]

HEADERS = b"From: a@example.org\nSubject: %b\n\n"

MAILS: tuple[bytes, ...] = (
    HEADERS % b"plain" + b"one\ntwo\n",
    HEADERS % b"dots" + b".\n..\n.dot\n...\n. \nend.\n",
    HEADERS % b"no last newline" + b"cut off",
    HEADERS % b"ends in a dot" + b"\n.",
    HEADERS % b"8-bit" + bytes(range(128, 256)) + b"\n",
    HEADERS % b"NUL" + b"a\0b\n\0\n",
    (HEADERS % b"CRLF" + b"one\r\ntwo\r\n").replace(b"\n", b"\r\n").replace(b"\r\r", b"\r"),
    HEADERS % b"bare CR" + b"one\rtwo\r\r\nthree\r",
    HEADERS % b"long line" + b"x" * 70_000 + b"\n",
    HEADERS % b"smuggler" + b"\n.\n+OK not a reply\n\r.\r\r\n.\r\n-ERR neither\n",
    HEADERS % b"nothing but headers",
    b".\n",
    b"\n",
    b"",
)


def wire_form(message: bytes) -> bytes:
    """The octets of a message as RETR has to give them (RFC 1939, section 11)."""
    form = re.sub(rb"(?<!\r)\n", b"\r\n", message)
    return form if not form or form.endswith(b"\n") else form + b"\r\n"


def big(octets: int) -> bytes:
    """A message of this many octets, its lines ending in CRLF."""
    line = b"0123456789" * 7 + b"\r\n"
    return (line * (octets // len(line) + 1))[: octets - 2] + b"\r\n"
