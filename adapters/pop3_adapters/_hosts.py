"""Names of hosts as people write them, and as the network and certificates have them."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from pop3_proto import LocalProtocolError

__all__ = ["Host", "find_host", "is_address"]

NAME: Final = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.IGNORECASE | re.ASCII)
"""What can be looked up (RFC 1123, section 2.1), and the underscore, which some names have."""


@dataclass(frozen=True, slots=True)
class Host:
    """A host in ASCII."""

    address: str
    """What is looked up and connected to: a name, or an IP address."""

    name: str
    """What the certificate has to be valid for: `address` without the zone of an IPv6 address
    (RFC 4007, section 11) and without the dot that ends an absolute name (RFC 6066, section 3)."""


def find_host(host: str) -> Host:
    """A host by its name or its IP address; an IPv6 address may stand in brackets, as in URLs.

    A name beyond ASCII becomes its A-labels (RFC 5890, section 2.3.2.1) by IDNA 2008 with the
    mapping of UTS 46. Raises LocalProtocolError where that needs a package that is not installed,
    and for what is no host.
    """
    literal = host[1:-1] if re.fullmatch(r"\[.*:.*\]", host) else host
    if is_address(literal):
        return Host(literal, literal.partition("%")[0])
    name = host if host.isascii() else _a_labels(host)
    if len(name) > 253 or not NAME.fullmatch(name):
        raise _no_host(host, "it is a name such as pop.example.org, or an IP address, without port")
    return Host(name, name.removesuffix("."))


def _a_labels(host: str) -> str:
    try:
        import idna
    except ImportError:
        raise LocalProtocolError(
            f"the host name {host!r} is not ASCII, which needs the package idna: "
            "pip install 'pop3-proto[idna]'"
        ) from None
    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise _no_host(host, str(error)) from None


def is_address(host: str) -> bool:
    """Whether it is an IP address, and no name."""
    try:
        _ = ip_address(host)
    except ValueError:
        return False
    return True


def _no_host(host: str, reason: str) -> LocalProtocolError:
    return LocalProtocolError(f"{host!r} cannot be the name of a host: {reason}")
