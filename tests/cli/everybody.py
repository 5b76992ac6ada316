"""An authenticator that knows alice by whatever she may show, and lets guests in."""

from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_proto import ClientCertificate

from .running import PASSWORD

TOKEN = "ya29.t0ken"


class Everybody(Passwords):
    """Has one maildrop; `seen` is who came otherwise than by a password."""

    def __init__(self, mail: MemoryMaildrop) -> None:
        super().__init__({"alice": PASSWORD}, lambda _: mail)
        self.seen: list[str] = []
        self._mail = mail

    def token_holder(self, token: str) -> str | None:
        self.seen.append(token)
        return "alice" if token == TOKEN else None

    def certificate_holder(self, certificate: ClientCertificate) -> str | None:
        self.seen.extend(certificate.emails)
        return "alice" if certificate.emails == ("alice@example.org",) else None

    def guest(self, trace: str) -> MemoryMaildrop:
        self.seen.append(f"guest {trace}")
        return self._mail
