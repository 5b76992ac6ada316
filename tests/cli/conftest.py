"""Certificates, and servers of ours."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import trustme

from pop3_adapters.cli.serve import server_context
from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_adapters.socket import serve
from pop3_proto import TlsPolicy

from .running import PASSWORD

Serving = Callable[..., AbstractContextManager[str]]


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="session")
def certificate(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1, with its key in the same file."""
    path = tmp_path_factory.mktemp("server") / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="session")
def serving(certificate: Path) -> Serving:
    """Serves a maildrop to alice, and gives the URL."""

    @contextmanager
    def serving(
        maildrop: MemoryMaildrop, tls: TlsPolicy = TlsPolicy.IMPLICIT
    ) -> Generator[str, None, None]:
        plain = tls is TlsPolicy.NONE
        with serve(
            Passwords({"alice": PASSWORD}, lambda _: maildrop),
            tls=tls,
            context=None if plain else server_context(certificate, None),
            allow_insecure_auth=plain,
            failure_delay=0,
        ) as server:
            scheme = "pop3s" if tls is TlsPolicy.IMPLICIT else "pop"
            yield f"{scheme}://alice@127.0.0.1:{server.port}{'?tls=none' if plain else ''}"

    return serving
