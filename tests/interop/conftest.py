"""The real servers and clients as fixtures; what is not to be had is skipped, with the remedy."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from tests.interop.servers import Unavailable
from tests.interop.servers import dovecot as dovecot_server
from tests.interop.servers.dovecot import Dovecot, StartDovecot


@pytest.fixture(scope="session")
def start_dovecot(tmp_path_factory: pytest.TempPathFactory) -> StartDovecot:
    """Start one more Dovecot, with settings of the test's own: `with start_dovecot(config)`."""

    @contextmanager
    def start(config: str) -> Generator[Dovecot]:
        work = tmp_path_factory.mktemp("dovecot") / "work"
        try:
            with dovecot_server.running(work, config=config) as server:
                yield server
        except Unavailable as reason:
            pytest.skip(str(reason))

    return start


@pytest.fixture(scope="session")
def dovecot(start_dovecot: StartDovecot) -> Generator[Dovecot]:
    """The Dovecot that all tests share: a test that changes a maildrop takes a `new_user`."""
    with start_dovecot("") as server:
        yield server


@pytest.fixture(scope="session")
def curl() -> str:
    """The path of curl."""
    path = shutil.which("curl")
    if path is None:
        pytest.skip("curl is not here: run `apt-get install curl`")
    return path
