"""Where a server's messages come from, and who may have them."""

from .maildir import MaildirMaildrop
from .mbox import MboxMaildrop
from .memory import MemoryMaildrop
from .passwords import Passwords
from .verifiers import Verifiers

__all__ = ["MaildirMaildrop", "MboxMaildrop", "MemoryMaildrop", "Passwords", "Verifiers"]
