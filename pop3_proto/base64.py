"""Base64, strict as SASL wants it (RFC 5034, section 4)."""

import binascii

__all__ = ["decode_base64", "encode_base64"]


def encode_base64(data: bytes) -> bytes:
    """Base64 without line ends."""
    return binascii.b2a_base64(data, newline=False)


def decode_base64(text: bytes) -> bytes | None:
    """What base64 stands for, or None where a single octet of it is not as it has to be."""
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return None
    # Python 3.11 and 3.12 take padding behind what needs none.
    return data if len(text) == (len(data) + 2) // 3 * 4 else None
