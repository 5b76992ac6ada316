"""The fixtures of the scenarios, and the proof that each test cleans up behind itself."""

import gc
import inspect
import logging
import os
import threading
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pop3_proto import TlsPolicy

from .async_backends import LIBRARIES, AsyncClients, AsyncServers, nothing
from .backends import ClientBackend, ServerBackend
from .certificates import Certificates
from .net import Net
from .socket_backend import SocketClients, SocketServers
from .wire import BOUND

DESCRIPTORS = Path("/proc/self/fd")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a scenario in what its `net` has for a loop."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    net = arguments["net"]
    assert isinstance(net, Net)
    net.clients.run(pyfuncitem.obj(**arguments))
    return True


@pytest.fixture(scope="session", autouse=True)
def frozen() -> Generator[None]:
    """What is there before the first test does not make each collection slow.

    Event loops that keep something open for the whole process do that here.
    """
    for library in LIBRARIES.values():
        library.run(nothing)
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def nothing_is_left(certificates: Certificates, complaints: list[str]) -> Generator[None]:
    """No thread, no descriptor, and nobody had to complain.

    With -W error a ResourceWarning fails the test, too.
    """
    threads, descriptors = threads_now(), descriptors_now()
    yield
    left = threads_now() - threads
    for thread in left:
        thread.join(BOUND)  # it may be in its last step
    assert not [thread for thread in left if thread.is_alive()]
    _ = gc.collect()
    assert descriptors_now() == descriptors
    assert complaints == []


class Complaints(logging.Handler):
    """Errors that nobody could be told: of an event loop's tasks, and of our server's sessions."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != "pop3_adapters" or record.getMessage() == "a session failed":
            self.texts.append(logging.Formatter().format(record))


@pytest.fixture
def complaints() -> Generator[list[str]]:
    """What was complained of; a test that wants it so takes it out of here."""
    handler = Complaints()
    loggers = [logging.getLogger(name) for name in ("asyncio", "trio", "pop3_adapters")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield handler.texts
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


def threads_now() -> set[threading.Thread]:
    # trio keeps its worker threads for a while, for whoever needs one next.
    return {each for each in threading.enumerate() if not each.name.startswith("Trio thread")}


def descriptors_now() -> int:
    return len(os.listdir(DESCRIPTORS)) if DESCRIPTORS.exists() else 0


@pytest.fixture(scope="session")
def certificates() -> Certificates:
    return Certificates()


BACKENDS: dict[str, tuple[ClientBackend, ServerBackend]] = {
    "socket": (SocketClients(), SocketServers()),
    **{name: (AsyncClients(lib), AsyncServers(lib)) for name, lib in LIBRARIES.items()},
}


@pytest.fixture(scope="session", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> tuple[ClientBackend, ServerBackend]:
    """A library, for both ends."""
    return BACKENDS[request.param]


@pytest.fixture
def net(backend: tuple[ClientBackend, ServerBackend], certificates: Certificates) -> Generator[Net]:
    with ExitStack() as started:
        yield Net(*backend, certificates, started)


@pytest.fixture(
    params=[TlsPolicy.NONE, TlsPolicy.STLS, TlsPolicy.IMPLICIT], ids=["plain", "stls", "implicit"]
)
def tls(request: pytest.FixtureRequest) -> TlsPolicy:
    """The ways in which a session can be secured, for the scenarios that run in all of them."""
    policy: TlsPolicy = request.param
    return policy
