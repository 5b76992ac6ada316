"""Names and passwords as octets, and back."""

from ..claims import Credentials
from ..errors import LocalProtocolError
from ..saslprep import query_or_nothing

__all__ = ["authorization_from", "from_octets", "prepared_credentials", "to_octets"]


def to_octets(text: str | bytes, what: str, *, empty: bool = False) -> bytes:
    """Text as UTF-8, octets as they are. `what` names it in the error.

    Raises LocalProtocolError for NUL, which is in no name or password (RFC 4422, section 3.4.1),
    and where there is nothing, unless it may be `empty`.
    """
    if isinstance(text, str) and any("\ud800" <= c <= "\udfff" for c in text):
        raise LocalProtocolError(f"the {what} contains surrogates: give it as bytes")
    octets = text.encode() if isinstance(text, str) else bytes(text)
    if b"\0" in octets:
        raise LocalProtocolError(f"the {what} contains NUL, which no server takes: leave it out")
    if not octets and not empty:
        raise LocalProtocolError(f"the {what} is empty, which no server takes: give one")
    return octets


def from_octets(octets: bytes) -> str:
    """What the octets say in UTF-8; ValueError, which does not repeat them, where they do not, and
    for NUL."""
    text = _decoded(octets)
    if text is None or "\0" in text:
        raise ValueError("the response is not in UTF-8, or contains NUL")
    return text


def _decoded(octets: bytes) -> str | None:
    # The error of Python has all the octets in it, and an error that is raised meanwhile has that.
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return None


def authorization_from(octets: bytes) -> str:
    """An authorization identity, by SASLprep; empty where it came so.

    Raises ValueError where it is no text, or cannot be prepared (RFC 5034, section 4).
    """
    text = from_octets(octets)
    identity = query_or_nothing(text)
    if text and not identity:
        raise ValueError("SASLprep refuses the authorization identity, or leaves nothing of it")
    return identity


def prepared_credentials(name: str, password: str, authorization: str = "") -> Credentials:
    """What is claimed, by SASLprep; nothing at all where that fails, which is no name and no
    password of anybody (RFC 4616, section 2)."""
    who, secret, other = map(query_or_nothing, (name, password, authorization))
    if not who or not secret or (authorization and not other):
        return Credentials("", "")
    return Credentials(who, secret, other)
