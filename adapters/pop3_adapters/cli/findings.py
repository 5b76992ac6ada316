"""What an examination has found out about a server."""

from dataclasses import dataclass
from datetime import datetime

from pop3_proto import (
    Capabilities,
    Greeting,
    MailboxStat,
    Pop3Url,
    ScanListing,
    Source,
    UniqueId,
)

from .certificates import Certificate
from .choice import Choice
from .statuses import Status

__all__ = ["Announcement", "Encryption", "Findings", "Listings"]


@dataclass(frozen=True, slots=True)
class Encryption:
    """TLS, as it was agreed on."""

    version: str
    cipher: str
    alpn: str | None
    certificate: Certificate | None
    """None: it cannot be read."""

    verified_by: str | None
    """Whose authorities have vouched for the certificate; None: it was not verified."""

    distrust: str | None = None
    """Why it was not."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """What was announced at one time; None where CAPA was refused."""

    source: Source
    capabilities: Capabilities | None


@dataclass(frozen=True, slots=True)
class Listings:
    """What the server says of its maildrop; None where it does not, and then why."""

    stat: MailboxStat | None = None
    scan_listings: list[ScanListing] | None = None
    unique_ids: list[UniqueId] | None = None
    refusals: tuple[tuple[str, str], ...] = ()
    """Verbs, and what was wrong with the answer."""


@dataclass(frozen=True, slots=True)
class Findings:
    """All of it, up to where the examination ended."""

    url: Pop3Url
    time: datetime
    """When it was examined."""

    greeting: Greeting | None = None
    timestamp: bytes | None = None
    """APOP's timestamp, where the greeting has one."""

    timestamp_again: bytes | None = None
    """That of a second connection."""

    announcements: tuple[Announcement, ...] = ()
    """In the order in which they were made."""

    stls_refused: bool = False
    encryption: Encryption | None = None
    choice: Choice | None = None
    """Which way a login takes; None: it did not come so far that this could be told."""

    listings: Listings | None = None
    """None: there was no login."""

    bare_lines: int = 0
    """Lines that ended in LF without CR."""

    blank_lines: int = 0
    """Blank lines where a reply was due."""

    error: str | None = None
    """Why a session like this one fails, or ended early."""

    status: Status = Status.DONE

    def announced(self, source: Source) -> Capabilities | None:
        """What the server announced at that time, where it did."""
        lists = (each.capabilities for each in self.announcements if each.source is source)
        return next(lists, None)

    @property
    def capabilities(self) -> Capabilities | None:
        """What the server announced last."""
        lists = [each.capabilities for each in self.announcements if each.capabilities]
        return lists[-1] if lists else None
