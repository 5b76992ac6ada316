"""Every bound on what a peer can make grow, with its reason."""

from dataclasses import dataclass

from .commands import Body

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds in octets, lines or occurrences; a new object with other numbers changes them."""

    line: int = 8192
    """Octets of a status line or a line of a listing that a client reads, its end included.
    RFC 2449 allows 512; servers exceed it."""

    command: int = 2048
    """Octets of a command line that a server reads. RFC 2449 wants 255 at least; long passwords
    need more, and nobody has logged in yet."""

    command_out: int = 255
    """Octets of a command that is sent, its end included (RFC 2449, section 4). Raise it for a
    server that is known to take longer passwords."""

    sasl: int = 128 * 1024
    """Octets of a line inside AUTH, in base64, and of AUTH itself where it is read: tokens of 64
    KiB exist, and lines of SASL have no limit in POP3 (RFC 5034, section 4)."""

    challenges: int = 32
    """Challenges in one AUTH; no mechanism needs more than a few."""

    scram_iterations: int = 1_000_000
    """Iterations of SCRAM that a server may demand: about half a second of work (RFC 5802, section
    5.1)."""

    bad_commands: int = 16
    """Commands of one session that are none, or not legal, and logins that make no sense or are
    cancelled, before a server ends it."""

    failed_logins: int = 3
    """Logins of one session that fail before a server ends it: nobody tries passwords for long."""

    status_out: int = 512
    """Octets of a status line that a server sends; longer text is cut (RFC 2449, section 4)."""

    capabilities: int = 64 * 1024
    """Octets of a CAPA response: about a hundred lines of the length that is allowed."""

    listing: int = 128 * 1024 * 1024
    """Octets of a LIST or UIDL response: a million unique-ids of the greatest length fit."""

    listing_lines: int = 1_000_000
    """Lines of a listing: each becomes objects of several hundred octets."""

    message: int = 1024 * 1024 * 1024
    """Octets of one message, so that no server can fill a disk; more than any known server
    stores."""

    blank_lines: int = 16
    """Blank lines in a session that are skipped where a reply is due, one for each reply."""

    drain: int = 1024 * 1024
    """Octets of messages that were left early that are read and thrown away to keep a connection
    usable; beyond it the connection is closed."""

    def octets_of(self, body: Body) -> int:
        """How many octets a body of this kind may have."""
        if body is Body.MESSAGE:
            return self.message
        return self.listing if body is Body.LISTING else self.capabilities
