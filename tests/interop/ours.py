"""Our server in a thread, and a maildrop with every seed, for clients of others."""

import ssl
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pop3_adapters.maildrops import MaildirMaildrop, Passwords
from pop3_adapters.socket import serve
from pop3_proto import TlsPolicy
from tests.interop.servers.certificates import Certificates

NAME, PASSWORD = "alice", "secret"


@dataclass(frozen=True, slots=True)
class OurServer:
    """Our server as it runs, for `NAME` with `PASSWORD`."""

    port: int
    mode: TlsPolicy
    ca_file: Path
    maildir: Path


@contextmanager
def running(maildir: Path, mode: TlsPolicy, certificates: Certificates) -> Generator[OurServer]:
    """Serve `maildir` until the context is left."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.server_file)
    plain = mode is TlsPolicy.NONE
    with serve(
        Passwords({NAME: PASSWORD}, lambda name: MaildirMaildrop(maildir)),
        tls=mode,
        context=None if plain else context,
        allow_insecure_auth=plain,
    ) as server:
        yield OurServer(server.port, mode, certificates.ca_file, maildir)
