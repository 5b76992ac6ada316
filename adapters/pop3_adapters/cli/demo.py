"""A maildrop, fetched from a server of ours on this machine."""

import ssl
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import trustme
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from pop3_proto import Pop3Url, TlsPolicy

from ..maildrops import MemoryMaildrop, Passwords
from ..socket import client_context, serve
from .fetch import Order
from .fetch_threads import Errand, fetch_all
from .mail import make_mail
from .place import Place
from .progress import ProgressBars
from .report import Report
from .serve import server_context
from .statuses import Status

__all__ = ["demo"]

USER, PASSWORD = "alice", "correct horse battery staple"


def demo(say: Callable[[str], None], *, show_progress: bool) -> Status:
    """Serve, fetch, compare, and tell."""
    mail = list(make_mail())
    folder = Path(tempfile.mkdtemp(prefix="pop3-demo-"))
    authority = trustme.CA()
    maildrop = MemoryMaildrop(mail)
    users = Passwords({USER: PASSWORD}, lambda _: maildrop)
    with (
        serve(users, tls=TlsPolicy.IMPLICIT, context=_context(authority)) as server,
        authority.cert_pem.tempfile() as ca_file,
    ):
        url = Pop3Url(server.host, server.port, TlsPolicy.IMPLICIT, USER)
        order = Order(url, Place("maildir", folder), client_context(ca_file))
        say(f"Fetching {len(mail)} messages from a server on this machine, port {url.port}")
        report = Report(url.account, str(folder))
        bars = ProgressBars(show=show_progress)
        fetch_all([Errand(order, PASSWORD.encode(), report)], bars=bars, say=say)
    if report.error:
        say(report.error)
        return report.status
    equal = _equal(mail, folder)
    _tell(report, len(mail), equal)
    say(f"The mail is in {folder}")
    return report.status if equal == len(mail) else Status.FAILED


def _context(authority: trustme.CA) -> ssl.SSLContext:
    certificate = authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem
    with certificate.tempfile() as file:
        return server_context(Path(file), key=None)


def _equal(mail: list[bytes], folder: Path) -> int:
    """How many messages lie in the Maildir as they were: POP3 cannot say how lines ended on the
    server's disk, nor that a last line had no end."""
    expected = Counter(_as_fetched(message) for message in mail)
    found = Counter(path.read_bytes() for path in (folder / "new").iterdir())
    return (expected & found).total()


def _as_fetched(message: bytes) -> bytes:
    lines = message.replace(b"\r\n", b"\n")
    return lines if lines.endswith(b"\n") else lines + b"\n"


def _tell(report: Report, messages: int, equal: int) -> None:
    seconds = report.seconds or 1e-9
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in (
        ("Messages", f"{report.fetched} of {messages}"),
        ("Octets", f"{report.octets:,} ({decimal(report.octets)})"),
        ("Time", f"{report.seconds:.2f} s, each message synced to the disk"),
        (
            "Rate",
            f"{report.fetched / seconds:.0f} messages/s, {decimal(int(report.octets / seconds))}/s",
        ),
        ("TLS", f"{report.tls}, certificate verified"),
        ("Pipelined", "yes" if report.pipelined else "no"),
        ("Compared", f"{equal} of {messages} are equal"),
    ):
        table.add_row(name, value)
    Console().print(table)
