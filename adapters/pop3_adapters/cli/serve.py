"""Serving a Maildir or an mbox, on a port or to whoever is at the other end of a pipe."""

import asyncio
import logging
import os
import socket
import ssl
import stat
from collections.abc import Callable, Generator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

from pop3_proto import Maildrop, TlsPolicy
from pop3_proto.responses import printable

from .._mbox import is_mbox
from .._pipe_stream import PipeStream
from .._tls import server_context as tls_context
from ..asyncio import Server, serve
from ..maildrops import MaildirMaildrop, MboxMaildrop, Passwords
from ..socket import serve_stream
from ..streams import Stream
from .explain import reason
from .signals import SIGNALS, stoppable
from .statuses import CommandError, Status

__all__ = ["Service", "maildrop_at", "server_context", "standard_streams"]

GRACE: Final = 3.0
"""Seconds for the sessions that are open when the server is stopped."""


@dataclass(frozen=True, slots=True)
class Service:
    """One user's mail, and how it is to be had."""

    path: Path
    maildrop: Callable[[Path], Maildrop]
    user: str
    password: bytes = field(repr=False)
    tls: TlsPolicy
    context: ssl.SSLContext | None

    def listen(self, host: str, port: int, say: Callable[[str], None]) -> None:
        """Serve until SIGINT or SIGTERM comes."""
        with _errors_as_sentences():
            asyncio.run(self._serve(host, port, say))
        say("Stopped.")

    def speak(self, stream: Stream) -> None:
        """Serve the client at the other end of a stream."""
        users = self._users()
        with _errors_as_sentences(), suppress(KeyboardInterrupt), stoppable():
            serve_stream(
                users,
                stream,
                tls=self.tls,
                context=self.context,
                allow_insecure_auth=self.tls is TlsPolicy.NONE,
            )

    async def _serve(self, host: str, port: int, say: Callable[[str], None]) -> None:
        stopped = asyncio.Event()
        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        async with AsyncExitStack() as started:
            server = await self._start(host, port, started)
            path = printable(os.fsencode(self.path))
            url = self._url(server)
            say(f"Serving {path} on {server.host}, port {server.port}.")
            say(f"Fetch with: pop3 fetch '{url}' --maildir FOLDER{self._options()}")
            _ = await stopped.wait()
            await server.close(GRACE)

    def _users(self) -> Passwords:
        try:
            password = self.password.decode("utf-8")
        except UnicodeDecodeError:
            raise CommandError("the password of a server has to be UTF-8") from None
        return Passwords({self.user: password}, lambda _: self.maildrop(self.path))

    async def _start(self, host: str, port: int, started: AsyncExitStack) -> Server:
        users = self._users()
        try:
            return await started.enter_async_context(
                serve(
                    users,
                    host,
                    port,
                    tls=self.tls,
                    context=self.context,
                    allow_insecure_auth=self.tls is TlsPolicy.NONE,
                )
            )
        except OSError as error:
            raise CommandError(
                f"cannot listen on {host}, port {port} ({reason(error)}): --host and "
                "--port choose another place",
                Status.BROKEN,
            ) from None

    def _url(self, server: Server) -> str:
        scheme = "pop3s" if self.tls is TlsPolicy.IMPLICIT else "pop"
        everywhere = server.host in ("0.0.0.0", "::")
        host = socket.gethostname() if everywhere else server.host
        host = f"[{host}]" if ":" in host else host
        end = "?tls=none" if self.tls is TlsPolicy.NONE else ""
        return f"{scheme}://{quote(self.user, safe='')}@{host}:{server.port}{end}"

    def _options(self) -> str:
        return " --allow-insecure-auth" if self.tls is TlsPolicy.NONE else ""


def standard_streams() -> tuple[Stream, bool]:
    """What standard input and output lead to, and whether others may listen on the way.

    From then on the two themselves lead elsewhere, so that nothing else gets between the octets;
    and so does standard error where it is the same, as inetd has it. Raises CommandError.
    """
    try:
        private = not any(_is_on_a_network(descriptor) for descriptor in (0, 1))
        stream = PipeStream(os.dup(0), os.dup(1))
    except OSError:
        raise CommandError(
            "--stdio serves over standard input and output, and one of them is closed"
        ) from None
    with open(os.devnull, "r+b") as nothing:
        if any(os.path.sameopenfile(2, descriptor) for descriptor in (0, 1)):
            _ = os.dup2(nothing.fileno(), 2)
        _ = os.dup2(nothing.fileno(), 0)
    _ = os.dup2(2, 1)
    return stream, private


def _is_on_a_network(descriptor: int) -> bool:
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        return False
    with socket.socket(fileno=os.dup(descriptor)) as sock:
        return sock.family != socket.AF_UNIX


def maildrop_at(path: Path) -> Callable[[Path], Maildrop]:
    """What serves the mail there: a Maildir, or an mbox. Raises CommandError for neither."""
    if path.is_file():
        with path.open("rb") as file:
            if not is_mbox(file.fileno()):
                raise CommandError(f"{path} is no mbox: it does not begin with 'From '")
        return MboxMaildrop
    if not (path / "new").is_dir() or not (path / "cur").is_dir():
        raise CommandError(f"{path} is no Maildir: it has no folders new and cur")
    return MaildirMaildrop


def server_context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """TLS for a server, with its certificate and key from PEM files. Raises CommandError."""
    try:
        return tls_context(certificate, key)
    except (OSError, ValueError) as error:
        raise CommandError(
            f"--certificate and --key cannot be used ({reason(error)}): they have to be a "
            "certificate and its key in PEM form, the key not encrypted"
        ) from None


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
