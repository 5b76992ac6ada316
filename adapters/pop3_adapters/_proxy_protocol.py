"""The PROXY protocol, versions 1 and 2: a proxy says first for whom it has connected."""

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from ._steps import Steps

__all__ = ["Introduction", "introduction"]

SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
"""What version 2 begins with."""

LINE: Final = re.compile(
    rb"PROXY (?:UNKNOWN(?: .*)?"
    rb"|TCP(?:4 (?P<four>[\d.]+)|6 (?P<six>[\da-fA-F:.]+)) \S+ \d{1,5} \d{1,5})"
)
LONGEST_LINE: Final = 107
"""Octets of the longest line of version 1, with its CRLF."""

FIXED: Final = 16
"""Octets of version 2 before its addresses."""

MOST: Final = 4096
"""Octets behind these that are taken; addresses need 216 at most, and the rest is extensions."""

ADDRESSES: Final = {0x11: (IPv4Address, 4), 0x21: (IPv6Address, 16)}
"""What begins the addresses of TCP, by the octet that says their kind."""


class Introduction(NamedTuple):
    """Whom a proxy speaks for."""

    address: str
    """The IP address; empty where the proxy speaks for itself, or for nobody it knows."""

    rest: bytes
    """What was received behind the introduction."""


def introduction() -> Steps[Introduction]:
    """Sends nothing, and returns whom the proxy speaks for.

    Raises ValueError for anything else: who does not say it is not the proxy that is trusted.
    """
    data = b""
    while True:
        received = yield b""
        if not received:
            raise ValueError("the connection ended before the PROXY protocol was complete")
        data += received
        found = _binary(data) if data[:1] == SIGNATURE[:1] else _text(data)
        if found:
            return found


def _text(data: bytes) -> Introduction | None:
    line, end, rest = data[:LONGEST_LINE].partition(b"\r\n")
    if not end:
        if len(data) >= LONGEST_LINE or not b"PROXY ".startswith(data[:6]):
            raise ValueError(f"no PROXY protocol: {bytes(data[:40])!r}")
        return None
    parsed = LINE.fullmatch(line)
    if not parsed:
        raise ValueError(f"no PROXY protocol: {line!r}")
    rest += data[LONGEST_LINE:]
    if four := parsed["four"]:
        return Introduction(str(IPv4Address(four.decode("ascii"))), rest)
    if six := parsed["six"]:
        return Introduction(str(IPv6Address(six.decode("ascii"))), rest)
    return Introduction("", rest)


def _binary(data: bytes) -> Introduction | None:
    if not SIGNATURE.startswith(data[: len(SIGNATURE)]):
        raise ValueError(f"no PROXY protocol: {bytes(data[:40])!r}")
    if len(data) < FIXED:
        return None
    version, command = divmod(data[12], 16)
    kind, length = data[13], int.from_bytes(data[14:FIXED])
    if version != 2 or command > 1 or length > MOST:
        raise ValueError(f"no PROXY protocol that is known: {bytes(data[:FIXED])!r}")
    if len(data) < FIXED + length:
        return None
    rest = data[FIXED + length :]
    if command == 0 or kind not in ADDRESSES:
        return Introduction("", rest)
    address, size = ADDRESSES[kind]
    if length < 2 * size + 4:
        raise ValueError(f"the PROXY protocol has {length} octets for two addresses")
    return Introduction(str(address(data[FIXED : FIXED + size])), rest)
