"""Which target the mail goes to."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .eml_target import EmlTarget
from .maildir_target import MaildirTarget
from .mbox_target import MboxTarget
from .targets import Target

__all__ = ["Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """A target that is not open yet; `option` is the one that names it."""

    option: Literal["maildir", "mbox", "eml"]
    path: Path

    def open(self, pause: Callable[[float], None]) -> Target:
        """Open it; `pause` is called for each wait, in seconds. Raises StorageError."""
        match self.option:
            case "maildir":
                return MaildirTarget(self.path)
            case "mbox":
                return MboxTarget(self.path, pause=pause)
            case "eml":
                return EmlTarget(self.path)
