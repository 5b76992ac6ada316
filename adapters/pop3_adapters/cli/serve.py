"""Serving a Maildir."""

import logging
import os
import socket
import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from pop3_proto import TlsPolicy
from pop3_proto.responses import printable

from .. import socket as sockets
from ..maildrops import MaildirMaildrop, Passwords
from .signals import stoppable
from .statuses import CommandError, Status

__all__ = ["Service", "server_context"]


@dataclass(frozen=True, slots=True)
class Service:
    """One user's Maildir, and where and how it is to be had."""

    folder: Path
    user: str
    password: bytes = field(repr=False)
    host: str
    port: int
    tls: TlsPolicy
    context: ssl.SSLContext | None

    def run(self, say: Callable[[str], None]) -> None:
        """Serve until SIGINT or SIGTERM comes."""
        try:
            with stoppable(), _errors_as_sentences(), self._start() as server:
                folder = printable(os.fsencode(self.folder))
                url = self._url(server)
                say(f"Serving {folder} on {server.host}, port {server.port}.")
                say(f"Fetch with: pop3 fetch '{url}' --maildir FOLDER{self._options()}")
                server.wait()
        except KeyboardInterrupt:
            say("Stopped.")

    def _start(self) -> sockets.Server:
        try:
            password = self.password.decode("utf-8")
        except UnicodeDecodeError:
            raise CommandError("the password of a server has to be UTF-8") from None
        users = Passwords({self.user: password}, lambda _: MaildirMaildrop(self.folder))
        try:
            return sockets.serve(
                users,
                self.host,
                self.port,
                tls=self.tls,
                context=self.context,
                allow_insecure_auth=self.tls is TlsPolicy.NONE,
            )
        except OSError as error:
            raise CommandError(
                f"cannot listen on {self.host}, port {self.port} ({error.strerror}): --host and "
                "--port choose another place",
                Status.BROKEN,
            ) from None

    def _url(self, server: sockets.Server) -> str:
        scheme = "pop3s" if self.tls is TlsPolicy.IMPLICIT else "pop"
        everywhere = server.host in ("0.0.0.0", "::")
        host = socket.gethostname() if everywhere else server.host
        host = f"[{host}]" if ":" in host else host
        end = "?tls=none" if self.tls is TlsPolicy.NONE else ""
        return f"{scheme}://{quote(self.user, safe='')}@{host}:{server.port}{end}"

    def _options(self) -> str:
        return " --allow-insecure-auth" if self.tls is TlsPolicy.NONE else ""


def server_context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """TLS for a server, with its certificate and key from PEM files. Raises CommandError."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:
        raise CommandError(
            f"--certificate and --key cannot be used ({error.strerror or error}): they have to be "
            "a certificate and its key in PEM form"
        ) from None
    return context


class _Sentences(logging.Formatter):
    """What the disk refuses in one line; a traceback for what ought not to happen."""

    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, OSError):
            return f"pop3: {record.getMessage()}: {error}"
        return super().format(record)


@contextmanager
def _errors_as_sentences() -> Generator[None, None, None]:
    log = logging.getLogger("pop3_adapters")
    handler = logging.StreamHandler()
    handler.setFormatter(_Sentences())
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
