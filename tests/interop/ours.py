"""Our server in a thread, and a maildrop with every seed, for clients of others."""

from collections.abc import Collection, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pop3_adapters.maildrops import MaildirMaildrop, Passwords
from pop3_adapters.socket import serve
from pop3_proto import ClientCertificate, LoginAttempt, Maildrop, TlsPolicy
from tests.interop.servers.certificates import Certificates

NAME, PASSWORD, TOKEN = "alice", "secret", "a-token.of~alice"
OTHER_NAME, OTHER_PASSWORD = "erin", "pässwörd  two "


@dataclass(frozen=True, slots=True)
class OurServer:
    """Our server as it runs, for `NAME` with `PASSWORD`, `TOKEN` or a certificate, for `OTHER_NAME`
    with `OTHER_PASSWORD`, and for guests.

    `attempts` has all logins, also those that failed.
    """

    port: int
    mode: TlsPolicy
    certificates: Certificates
    maildir: Path
    attempts: list[LoginAttempt]

    @property
    def ca_file(self) -> Path:
        return self.certificates.ca_file


class Users(Passwords):
    """Whoever is let in, by whatever he shows, has the same maildrop."""

    def __init__(self, maildir: Path) -> None:
        super().__init__(
            {NAME: PASSWORD, OTHER_NAME: OTHER_PASSWORD}, lambda name: MaildirMaildrop(maildir)
        )

    def token_holder(self, token: str) -> str | None:
        return NAME if token == TOKEN else None

    def certificate_holder(self, certificate: ClientCertificate) -> str | None:
        return certificate.common_name

    def guest(self, trace: str) -> Maildrop | None:
        return self.maildrop(NAME)


@contextmanager
def running(
    maildir: Path,
    mode: TlsPolicy,
    certificates: Certificates,
    *,
    logins: Collection[str] | None = None,
) -> Generator[OurServer]:
    """Serve `maildir` until the context is left; `logins` as in `serve`."""
    attempts: list[LoginAttempt] = []
    tls = mode is not TlsPolicy.NONE
    with serve(
        Users(maildir),
        tls=mode,
        certificate=certificates.server_file if tls else None,
        client_ca=certificates.ca_file if tls else None,
        allow_insecure_auth=not tls,
        logins=logins,
        failure_delay=0,
        on_login=lambda attempt, _: attempts.append(attempt),
    ) as server:
        yield OurServer(server.port, mode, certificates, maildir, attempts)
