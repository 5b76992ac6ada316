"""The pieces in which octets arrive."""

__all__ = ["cut"]


def cut(octets: bytes, size: int) -> list[bytes]:
    """Reads of this size, and a last one."""
    return [octets[start : start + size] for start in range(0, len(octets), size)]
