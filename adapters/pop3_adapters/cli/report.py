"""What a fetch has done, in words and for programs."""

import json
from dataclasses import dataclass, field

from rich.filesize import decimal

from pop3_proto import Deletions
from pop3_proto.responses import printable

from .statuses import Status

__all__ = ["FailedMessage", "Report"]


@dataclass(frozen=True, slots=True)
class FailedMessage:
    """A message that was not fetched, or not deleted as asked."""

    number: int
    unique_id: bytes | None
    reason: str

    def __str__(self) -> str:
        name = f" ({printable(self.unique_id)})" if self.unique_id else ""
        return f"message {self.number}{name}: {self.reason}"


@dataclass(slots=True)
class Report:
    """Filled while it happens, so that it says what was done up to any end."""

    account: str
    target: str
    name: str | None = None
    """What the account is called among several."""

    messages: int | None = None
    """In the maildrop; None until it was listed."""

    fetched: int = 0
    skipped: int = 0
    octets: int = 0
    seconds: float = 0.0
    failed: list[FailedMessage] = field(default_factory=list[FailedMessage])
    marked: int = 0
    deletions: Deletions = Deletions.KEPT
    tls: str | None = None
    login: str | None = None
    """The mechanism that it took; None until then."""

    pipelined: bool = False
    error: str | None = None
    """Why the session ended early."""

    ended: Status | None = None
    """How it ended early."""

    @property
    def status(self) -> Status:
        """The exit status."""
        if self.ended is not None:
            return self.ended
        unconfirmed = self.marked and self.deletions is not Deletions.DONE
        return Status.FAILED if self.failed or unconfirmed else Status.DONE

    @property
    def deleted(self) -> int:
        """How many messages the server has confirmed to have deleted."""
        return self.marked if self.deletions is Deletions.DONE else 0

    def end(self, error: str, status: Status) -> None:
        """The session ended early."""
        self.error, self.ended = error, status

    def interrupt(self) -> None:
        """The session was ended from outside."""
        self.end("interrupted", Status.INTERRUPTED)

    def about(self, sentence: str) -> str:
        """A sentence, with whom it is about where that could be anybody else."""
        return sentence if self.name is None else f"{self.name}: {sentence}"

    def summary(self) -> str:
        """All of it in one line."""
        size = decimal(self.octets)
        parts = [f"Fetched {_count(self.fetched, 'message')} ({size}) in {self.seconds:.1f} s"]
        if self.skipped:
            parts.append(f"{self.skipped} fetched before")
        if self.failed:
            parts.append(f"{len(self.failed)} failed")
        if self.marked:
            parts.append(self._deletions())
        return "; ".join(parts) + "."

    def as_json(self) -> str:
        """All of it as one JSON object; unique-ids are Latin-1, which any octet can be."""
        return json.dumps(
            ({} if self.name is None else {"name": self.name})
            | {
                "account": self.account,
                "target": self.target,
                "messages": self.messages,
                "fetched": self.fetched,
                "skipped": self.skipped,
                "failed": [
                    {
                        "number": each.number,
                        "unique_id": each.unique_id and each.unique_id.decode("latin-1"),
                        "reason": each.reason,
                    }
                    for each in self.failed
                ],
                "marked": self.marked,
                "deleted": self.deleted,
                "deletions": self.deletions.name.lower() if self.marked else None,
                "octets": self.octets,
                "seconds": round(self.seconds, 3),
                "tls": self.tls,
                "login": self.login,
                "pipelined": self.pipelined,
                "error": self.error,
                "status": int(self.status),
            }
        )

    def _deletions(self) -> str:
        match self.deletions:
            case Deletions.DONE:
                return f"{self.marked} deleted on the server"
            case Deletions.UNKNOWN:
                return (
                    f"the server did not confirm that {self.marked} were deleted, the next "
                    "--delete looks at their unique-ids"
                )
            case Deletions.KEPT:
                return "nothing was deleted on the server"


def _count(number: int, noun: str) -> str:
    """A number of things in words."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
