"""How a connection is to be secured."""

from enum import Enum

__all__ = ["TlsPolicy"]


class TlsPolicy(Enum):
    """When TLS begins, and whether the session goes on without it (RFC 8314, RFC 2595)."""

    IMPLICIT = "implicit"
    """TLS from the first octet on, usually on port 995."""

    STLS = "stls"
    """Plaintext up to STLS, usually on port 110; no session without TLS."""

    OPPORTUNISTIC = "opportunistic"
    """STLS where the server has it, plaintext otherwise: whoever sits in between can choose."""

    NONE = "none"
    """No TLS."""

    @property
    def port(self) -> int:
        """The port that is usual for it."""
        return 995 if self is TlsPolicy.IMPLICIT else 110
