"""The servers that contenders fetch from, as a table."""

import json
import os
import poplib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Final, TypeAlias

import trustme

from tests.interop.servers import Unavailable, dovecot
from tests.interop.servers.maildir import write_maildir

from .endpoint import Endpoint, ServerFigures
from .mail import Batch, message
from .processes import running

__all__ = ["SERVERS", "Unavailable", "delayed", "ready_made"]

Start: TypeAlias = Callable[[Sequence[Batch], bool], AbstractContextManager[Endpoint]]
"""Runs a server that has this mail, with TLS or without, until the context is left."""


@contextmanager
def ready_made(drop: Sequence[Batch], tls: bool) -> Generator[Endpoint]:
    """`benchmarks.server`, in a process of its own."""
    with TemporaryDirectory() as folder:
        options, ca_file = _certificate(Path(folder)) if tls else ([], None)
        with running("benchmarks.server", *options, *map(str, drop)) as (port, said):
            yield Endpoint(port, ca_file=ca_file, figures=lambda n: _read_figures(said, n))


def _certificate(folder: Path) -> tuple[list[str], Path]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    server = authority.issue_cert("127.0.0.1")
    server.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    return ["--pem", str(folder / "server.pem")], folder / "ca.pem"


def _read_figures(said: IO[str], sessions: int) -> ServerFigures:
    each = [ServerFigures(**json.loads(line)) for line in islice(said, sessions)]
    return ServerFigures(sum(one.cpu for one in each), sum(one.fetching for one in each))


@contextmanager
def ours(drop: Sequence[Batch], tls: bool) -> Generator[Endpoint]:
    """Our server on asyncio, in a process of its own, with a Maildir such as Dovecot has."""
    assert not tls
    with TemporaryDirectory() as folder:
        maildir = Path(folder, "maildir")
        write_maildir(maildir, _stored(drop), owner=os.getuid())
        with running("benchmarks.our_server", str(maildir)) as (port, _):
            yield Endpoint(port)


def _stored(drop: Sequence[Batch]) -> Iterator[bytes]:
    # As a delivery agent leaves it, with LF at the end of each line.
    for batch in drop:
        yield from [message(batch).replace(b"\r\n", b"\n")] * batch.count


@contextmanager
def from_dovecot(drop: Sequence[Batch], tls: bool) -> Generator[Endpoint]:
    """Dovecot out of Debian's packages; its first look at new mail is not measured.

    Raises Unavailable where it cannot run.
    """
    with TemporaryDirectory() as folder, dovecot.running(Path(folder, "work")) as server:
        user = server.new_user(_stored(drop))
        client = poplib.POP3(server.host, server.port)
        _ = client.user(user.name)
        _ = client.pass_(user.password)
        _ = client.list()
        _ = client.quit()
        port, ca_file = (server.tls_port, server.ca_file) if tls else (server.port, None)
        yield Endpoint(port, user.name, user.password, ca_file)


@contextmanager
def delayed(endpoint: Endpoint, milliseconds: float) -> Generator[Endpoint]:
    """The same server, behind a relay that delays."""
    relay = running("benchmarks.relay", str(endpoint.port), str(milliseconds))
    with relay as (port, _):
        yield replace(endpoint, port=port)


SERVERS: Final[dict[str, Start]] = {"ready-made": ready_made, "ours": ours, "Dovecot": from_dovecot}
