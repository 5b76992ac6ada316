"""The real servers and clients as fixtures; what is not to be had is skipped, with the remedy."""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pop3_proto import TlsPolicy
from tests.interop import ours
from tests.interop.ours import OurServer
from tests.interop.seeds import SEEDS
from tests.interop.servers import Unavailable
from tests.interop.servers import courier as courier_server
from tests.interop.servers import dovecot as dovecot_server
from tests.interop.servers.certificates import Certificates, write_certificates
from tests.interop.servers.courier import Courier, StartCourier
from tests.interop.servers.dovecot import Dovecot, StartDovecot
from tests.interop.servers.maildir import write_maildir


@contextmanager
def or_skip() -> Generator[None]:
    """Skip the test where the machine cannot run the server."""
    try:
        yield
    except Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def start_dovecot(tmp_path_factory: pytest.TempPathFactory) -> StartDovecot:
    """Start one more Dovecot, with settings of the test's own: `with start_dovecot(config)`."""

    @contextmanager
    def start(config: str) -> Generator[Dovecot]:
        work = tmp_path_factory.mktemp("dovecot") / "work"
        with or_skip(), dovecot_server.running(work, config=config) as server:
            yield server

    return start


@pytest.fixture(scope="session")
def dovecot(start_dovecot: StartDovecot) -> Generator[Dovecot]:
    """The Dovecot that all tests share: a test that changes a maildrop takes a `new_user`."""
    with start_dovecot("") as server:
        yield server


@pytest.fixture(scope="session")
def start_courier(tmp_path_factory: pytest.TempPathFactory) -> StartCourier:
    """Start one more Courier, with settings of the test's own: `with start_courier(config)`."""

    @contextmanager
    def start(config: str) -> Generator[Courier]:
        work = tmp_path_factory.mktemp("courier") / "work"
        with or_skip(), courier_server.running(work, config=config) as server:
            yield server

    return start


@pytest.fixture(scope="session")
def courier(start_courier: StartCourier) -> Generator[Courier]:
    """The Courier that all tests share: a test that changes a maildrop takes a `new_user`."""
    with start_courier("") as server:
        yield server


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """For our server, and for those who are to trust it."""
    return write_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def our_server(tmp_path: Path, mode: TlsPolicy, certificates: Certificates) -> Generator[OurServer]:
    """Our server in the mode of the test, with every seed in a maildrop of the test's own."""
    maildir = tmp_path / "maildir"
    write_maildir(maildir, (seed.on_disk for seed in SEEDS.values()), owner=os.getuid())
    with ours.running(maildir, mode, certificates) as server:
        yield server


@pytest.fixture(scope="session")
def curl() -> str:
    """The path of curl."""
    return path_of("curl")


@pytest.fixture(scope="session")
def mpop() -> str:
    """The path of mpop."""
    return path_of("mpop")


@pytest.fixture(scope="session")
def fetchmail() -> str:
    """The path of fetchmail."""
    return path_of("fetchmail")


@pytest.fixture(scope="session")
def mutt() -> str:
    """The path of mutt."""
    return path_of("mutt")


def path_of(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not here: run `apt-get install {program}`")
    return path
