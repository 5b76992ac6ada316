"""Ends of line on the wire and on disk; whatever else is in a message stays as it is."""

from collections.abc import Iterable, Iterator

__all__ = ["to_disk", "to_wire"]


def to_wire(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Each LF without a CR before it becomes CRLF, and a last line without an end gets one.

    CRLF and bare CR are kept (RFC 1939, section 11 counts octets in this form).
    """
    last = b"\n"
    for piece in pieces:
        if not piece:
            continue
        start = 1 if last == b"\r" and piece.startswith(b"\n") else 0
        last = piece[-1:]
        # To look for CRLF takes four times as long as all else, and for CR next to nothing.
        plain = piece[start:].replace(b"\r\n", b"\n") if b"\r" in piece else piece[start:]
        yield piece[:start] + plain.replace(b"\n", b"\r\n")
    if last != b"\n":
        yield b"\r\n"


def to_disk(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Each CRLF becomes LF."""
    held = b""
    for piece in pieces:
        whole = held + piece
        held = b"\r" if whole.endswith(b"\r") else b""
        yield whole[: len(whole) - len(held)].replace(b"\r\n", b"\n")
    yield held
