"""What a server does besides the conversation: it stops, serves Unix sockets, brings its TLS, and
waits for maildrops without keeping others waiting."""

import resource
import select
import socket
import ssl
import stat
import threading
import time
from collections.abc import AsyncGenerator, Callable, Collection, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from cryptography.hazmat.primitives import serialization

from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_adapters.socket import ServerOptions, serve, serve_unix
from pop3_proto import ClientCertificate, LocalProtocolError, Maildrop, MessageEntry, TlsPolicy
from pop3_proto.flows.server_bodies import LONG

from .async_backends import LIBRARIES, SERVER, AsyncServers, Library
from .certificates import Certificates
from .net import NAME, PASSWORD, Net
from .wire import BOUND, LOOPBACK, Wire, dial

NOBODY = Passwords({}, lambda name: MemoryMaildrop())

# uvloop keeps a descriptor in reserve, and closes with it what it cannot take.
IN_PYTHON = ["socket", "asyncio", "trio", "anyio-asyncio", "anyio-trio"]


def log_in(wire: Wire) -> None:
    assert wire.line().startswith(b"+OK")
    assert wire.ask(f"USER {NAME}".encode()).startswith(b"+OK")
    assert wire.ask(f"PASS {PASSWORD}".encode()).startswith(b"+OK")


def wait_until_refused(port: int) -> None:
    """Nobody listens there any more."""
    while True:
        try:
            with socket.create_connection((LOOPBACK, port), BOUND) as connected:
                # Linux may forget a connection that comes while the listener is closed, and says
                # so only to those who send something.
                connected.sendall(b"NOOP\r\n")
                _ = connected.recv(100)
        except ConnectionRefusedError:
            return
        except (ConnectionResetError, BrokenPipeError):
            pass  # it was not accepted any more


# Stopping.


def test_a_session_that_quits_in_time_deletes(net: Net) -> None:
    maildrop = net.memory(b"one\n")
    server = net.serve(maildrop)
    with dial(server.port) as wire:
        log_in(wire)
        assert wire.ask(b"DELE 1").startswith(b"+OK")
        stopping = threading.Thread(target=server.running.close, args=(BOUND,))
        stopping.start()
        wait_until_refused(server.port)
        assert wire.ask(b"NOOP").startswith(b"+OK")
        assert wire.ask(b"QUIT").startswith(b"+OK")
        assert wire.rest() == b""
        stopping.join(BOUND)
        assert not stopping.is_alive()
    assert maildrop.messages == []


def test_a_session_that_does_not_quit_in_time_deletes_nothing(net: Net, tls: TlsPolicy) -> None:
    maildrop = net.memory(b"one\n")
    server = net.serve(maildrop, tls=tls, allow_insecure_auth=True)
    with dial(server.port) as wire:
        if tls is TlsPolicy.IMPLICIT:
            wire.start_tls(net.certificates.client())
        log_in(wire)
        assert wire.ask(b"DELE 1").startswith(b"+OK")
        server.running.close(0.1)
        assert wire.rest() == b""
    assert maildrop.messages == [b"one\r\n"]


def test_half_a_handshake_does_not_hold_it_up(net: Net) -> None:
    server = net.serve(net.memory(), tls=TlsPolicy.IMPLICIT)
    with dial(server.port) as silent, dial(server.port) as half, dial(server.port) as garbage:
        half.send(b"\x16\x03\x01")
        garbage.send(b"GET / HTTP/1.1\r\n\r\n")
        _ = garbage.rest()
        with dial(server.port) as last:  # who is served when the others have been accepted
            last.start_tls(net.certificates.client())
            assert last.line().startswith(b"+OK")
        server.running.close()
        assert silent.rest() == b""
        assert half.rest() == b""


def test_wait_returns_when_the_sessions_have_ended() -> None:
    server = serve(NOBODY)
    waiting = threading.Thread(target=server.wait)
    waiting.start()
    with dial(server.port) as wire:
        assert wire.line().startswith(b"+OK")
        stopping = threading.Thread(target=server.close, args=(BOUND,))
        stopping.start()
        wait_until_refused(server.port)
        assert waiting.is_alive()
        assert wire.ask(b"QUIT").startswith(b"+OK")
    for thread in (waiting, stopping):
        thread.join(BOUND)
        assert not thread.is_alive()


# Maildrops and authenticators that block, or have to be awaited.


class Blocking(MemoryMaildrop):
    """Blocks in one of its methods until it is told to go on."""

    def __init__(self, where: str) -> None:
        super().__init__([b"one\n"])
        self.blocked, self.go_on = threading.Event(), threading.Event()
        self._where = where

    def authenticate(self, name: str, password: str) -> Maildrop | None:
        self._block("authenticate")
        return self

    def open(self) -> Sequence[MessageEntry]:
        self._block("open")
        return super().open()

    def read(self, index: int) -> Iterator[bytes]:
        self._block("read")
        yield from super().read(index)

    def delete(self, indexes: Collection[int]) -> None:
        self._block("delete")
        super().delete(indexes)

    def close(self) -> None:
        self._block("close")
        super().close()

    def _block(self, where: str) -> None:
        if where == self._where:
            self.blocked.set()
            assert self.go_on.wait(BOUND)


class Slow(MemoryMaildrop):
    """Takes longer for its first message than others have to wait for theirs, and gives its second
    one when it is told to."""

    def __init__(self) -> None:
        super().__init__([b"one\n", b"two\n"])
        self.go_on = threading.Event()

    def read(self, index: int) -> Iterator[bytes]:
        begun = time.monotonic()
        while index == 0 and time.monotonic() < begun + 2 * LONG:
            pass
        assert index == 0 or self.go_on.wait(BOUND)
        yield from super().read(index)


def test_a_message_that_is_read_slowly_is_sent_before_the_next_is_read(net: Net) -> None:
    maildrop = Slow()
    server = net.serve(maildrop)
    with dial(server.port) as wire:
        log_in(wire)
        wire.send(b"RETR 1\r\nRETR 2\r\n")
        assert [wire.line() for _ in range(3)] == [b"+OK\r\n", b"one\r\n", b".\r\n"]
        maildrop.go_on.set()
        assert [wire.line() for _ in range(3)] == [b"+OK\r\n", b"two\r\n", b".\r\n"]


@pytest.mark.parametrize("where", ["authenticate", "open", "read", "delete", "close"])
def test_while_a_maildrop_blocks_others_are_served(net: Net, where: str) -> None:
    maildrop = Blocking(where)
    server = net.serve(maildrop, authenticator=maildrop)
    with dial(server.port) as one, dial(server.port) as two:
        one.send(b"USER alice\r\nPASS x\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n")
        assert maildrop.blocked.wait(BOUND)
        assert two.line().startswith(b"+OK")
        assert two.ask(b"CAPA").startswith(b"+OK")
        maildrop.go_on.set()
        answers = one.rest().splitlines()
    assert [line[:3] for line in answers] == [
        *[b"+OK"] * 4,
        b"one",
        b".",
        b"+OK",
        b"+OK",
    ]
    assert maildrop.messages == []


class Asynchronous:
    """A maildrop whose methods have to be awaited, where they were called from."""

    def __init__(self) -> None:
        self.messages = [b"one\r\n"]
        self.threads: set[str] = set()

    async def authenticate(self, name: str, password: str) -> "Asynchronous | None":
        await self._wait()
        return self

    async def open(self) -> Sequence[MessageEntry]:
        await self._wait()
        return [MessageEntry(len(message), b"%d" % n) for n, message in enumerate(self.messages)]

    async def read(self, index: int) -> AsyncGenerator[bytes]:
        await self._wait()
        yield self.messages[index]

    async def delete(self, indexes: Collection[int]) -> None:
        await self._wait()
        for index in indexes:
            del self.messages[index]

    async def close(self) -> None:
        await self._wait()

    async def _wait(self) -> None:
        self.threads.add(threading.current_thread().name)
        await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("library", LIBRARIES)
def test_asynchronous_maildrops_are_awaited_in_the_loop(library: str) -> None:
    maildrop = Asynchronous()
    servers = AsyncServers(LIBRARIES[library])
    with servers.serve(maildrop, allow_insecure_auth=True) as server, dial(server.port) as wire:
        log_in(wire)
        assert wire.ask(b"RETR 1").startswith(b"+OK")
        assert wire.lines() == [b"one\r\n", b".\r\n"]
        assert wire.ask(b"DELE 1").startswith(b"+OK")
        assert wire.ask(b"QUIT").startswith(b"+OK")
    assert maildrop.messages == []
    assert maildrop.threads == {SERVER}


# Unix sockets.


@contextmanager
def dial_unix(path: Path) -> Generator[Wire]:
    connected = socket.socket(socket.AF_UNIX)
    connected.settimeout(BOUND)
    with connected:
        connected.connect(str(path))
        with closing(Wire(connected)) as wire:
            yield wire


def test_a_unix_socket_takes_passwords_of_its_owner(net: Net, tmp_path: Path) -> None:
    path = tmp_path / "pop3"
    server = net.serve_unix(net.memory(b"one\n"), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert server.port == 0
    with dial_unix(path) as wire:
        log_in(wire)
        assert wire.ask(b"STAT").startswith(b"+OK 1 ")
    server.close()
    assert not path.exists()


def test_a_unix_socket_may_refuse_passwords(net: Net, tmp_path: Path) -> None:
    path = tmp_path / "pop3"
    _ = net.serve_unix(net.memory(), path, allow_insecure_auth=False)
    with dial_unix(path) as wire:
        assert wire.line().startswith(b"+OK")
        assert wire.ask(b"USER alice").startswith(b"-ERR")


def test_the_limits_of_a_unix_socket_are_those_in_all(net: Net, tmp_path: Path) -> None:
    path = tmp_path / "pop3"
    _ = net.serve_unix(net.memory(), path, connections=2, connections_per_address=1)
    with dial_unix(path) as one, dial_unix(path) as two, dial_unix(path) as three:
        assert one.line().startswith(b"+OK")
        assert two.line().startswith(b"+OK")
        assert three.line() == b"-ERR [SYS/TEMP] too many connections\r\n"


def test_a_file_that_was_left_behind_is_replaced(net: Net, tmp_path: Path) -> None:
    path = tmp_path / "pop3"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    _ = net.serve_unix(net.memory(), path)
    with dial_unix(path) as wire:
        assert wire.line().startswith(b"+OK")


def test_a_place_that_is_taken_stays_taken(net: Net, tmp_path: Path) -> None:
    path = tmp_path / "pop3"
    _ = net.serve_unix(net.memory(), path)
    with pytest.raises(OSError, match="another server listens there"):
        _ = net.serve_unix(net.memory(), path)
    with dial_unix(path) as wire:
        assert wire.line().startswith(b"+OK")


def test_a_file_that_is_no_socket_stays(net: Net, tmp_path: Path) -> None:
    path = tmp_path / "letter"
    path.write_bytes(b"Dear Alice\n")
    with pytest.raises(OSError, match="no socket"):
        _ = net.serve_unix(net.memory(), path)
    assert path.read_bytes() == b"Dear Alice\n"


def test_what_another_server_has_put_there_stays(net: Net, tmp_path: Path) -> None:
    path = tmp_path / "pop3"
    server = net.serve_unix(net.memory(), path)
    path.unlink()
    with serve_unix(NOBODY, path):
        server.close()
        with dial_unix(path) as wire:
            assert wire.line().startswith(b"+OK")


def test_tls_on_a_unix_socket_from_files(net: Net, tmp_path: Path, tls: TlsPolicy) -> None:
    path = tmp_path / "pop3"
    certificate, key = net.certificates.files(tmp_path)
    if tls is TlsPolicy.NONE:
        _ = net.serve_unix(net.memory(b"one\n"), path)
    else:
        _ = net.serve_unix(net.memory(b"one\n"), path, tls=tls, certificate=certificate, key=key)
    with dial_unix(path) as wire:
        if tls is TlsPolicy.IMPLICIT:
            wire.start_tls(net.certificates.client())
        assert wire.line().startswith(b"+OK")
        if tls is TlsPolicy.STLS:
            assert wire.ask(b"STLS").startswith(b"+OK")
            wire.start_tls(net.certificates.client())
        assert wire.ask(f"USER {NAME}".encode()).startswith(b"+OK")
        assert wire.ask(f"PASS {PASSWORD}".encode()).startswith(b"+OK")
        assert wire.ask(b"STAT").startswith(b"+OK 1 ")


def test_a_unix_socket_that_stops_waits_for_a_session_and_deletes_nothing_else(
    net: Net, tmp_path: Path
) -> None:
    maildrop = net.memory(b"one\n", b"two\n")
    server = net.serve_unix(maildrop, tmp_path / "pop3")
    with dial_unix(tmp_path / "pop3") as wire:
        log_in(wire)
        assert wire.ask(b"DELE 1").startswith(b"+OK")
        server.close(0.1)
        assert wire.rest() == b""
    assert len(maildrop.messages) == 2


# TLS from files.


@pytest.mark.parametrize("together", [True, False])
def test_a_certificate_from_files(
    certificates: Certificates, tmp_path: Path, together: bool
) -> None:
    certificate, key = certificates.files(tmp_path)
    if together:
        certificate.write_bytes(certificate.read_bytes() + key.read_bytes())
    server = serve(
        NOBODY, tls=TlsPolicy.IMPLICIT, certificate=certificate, key=None if together else key
    )
    with server, dial(server.port) as wire:
        wire.start_tls(certificates.client())
        assert wire.line().startswith(b"+OK")


def test_no_tls_older_than_1_2(certificates: Certificates, tmp_path: Path) -> None:
    certificate, key = certificates.files(tmp_path)
    server = serve(NOBODY, tls=TlsPolicy.IMPLICIT, certificate=certificate, key=str(key))
    context = certificates.client()
    context.set_ciphers("ALL:@SECLEVEL=0")  # or the client would not try
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with server, dial(server.port) as wire, pytest.raises(ssl.SSLError, match=r"alert.*version"):
        wire.start_tls(context)


def missing(key: Path) -> None:
    key.unlink()


def no_key(key: Path) -> None:
    key.write_bytes(b"Dear Alice\n")


@pytest.mark.parametrize("damage", [missing, no_key])
def test_files_that_cannot_be_used(
    certificates: Certificates, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    certificate, key = certificates.files(tmp_path)
    damage(key)
    with pytest.raises(ValueError, match="have to be in PEM form"):
        _ = serve(NOBODY, tls=TlsPolicy.STLS, certificate=certificate, key=key)


def test_an_encrypted_key_asks_nobody_for_a_password(
    certificates: Certificates, tmp_path: Path
) -> None:
    certificate, path = certificates.files(tmp_path)
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(*form, serialization.BestAvailableEncryption(b"secret")))
    with pytest.raises(ValueError, match="is encrypted"):
        _ = serve(NOBODY, tls=TlsPolicy.STLS, certificate=certificate, key=path)


def test_one_way_to_say_the_certificate(certificates: Certificates, tmp_path: Path) -> None:
    certificate, key = certificates.files(tmp_path)
    with pytest.raises(ValueError, match="not both"):
        _ = serve(
            NOBODY, tls=TlsPolicy.STLS, context=certificates.server(), certificate=certificate
        )
    with pytest.raises(ValueError, match="without its certificate"):
        _ = serve(NOBODY, tls=TlsPolicy.STLS, context=certificates.server(), key=key)
    with pytest.raises(ValueError, match="belong together"):
        _ = serve(NOBODY, certificate=certificate, key=key)


class Certified(Passwords):
    """Knows who has a certificate by the common name in it."""

    def __init__(self) -> None:
        super().__init__({NAME: PASSWORD}, lambda name: MemoryMaildrop())
        self.shown: list[ClientCertificate] = []

    def certificate_holder(self, certificate: ClientCertificate) -> str | None:
        self.shown.append(certificate)
        return certificate.common_name


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_certificates_of_clients_by_an_authority_in_a_file(
    certificates: Certificates, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    certificate, key = certificates.files(tmp_path)
    users = Certified()
    server = serve(
        users,
        tls=TlsPolicy.IMPLICIT,
        certificate=certificate,
        key=key,
        client_ca=certificates.authority(tmp_path),
    )

    def external(port: int, context: ssl.SSLContext) -> bytes:
        context.maximum_version = version
        with dial(port) as wire:
            wire.start_tls(context)
            assert wire.line().startswith(b"+OK")
            return wire.ask(b"AUTH EXTERNAL =")

    with server:
        named = certificates.client(own=True, common_name=NAME)
        assert external(server.port, named).startswith(b"+OK")
        unnamed = certificates.client(own=True)
        assert external(server.port, unnamed).startswith(b"-ERR [AUTH]")
        assert b"certificate" in external(server.port, certificates.client())
        strange = certificates.client(own=True, known=False, common_name=NAME)
        strange.maximum_version = version
        with dial(server.port) as wire, suppress(ssl.SSLError):
            wire.start_tls(strange)
            # With TLS 1.3, the client only hears of it after the handshake.
            assert wire.line() == b""
    assert [shown.common_name for shown in users.shown] == [NAME, None]
    assert users.shown[0].emails == ("alice@example.org",)


def test_a_context_that_asks_nobody_sees_no_certificate(certificates: Certificates) -> None:
    server = serve(Certified(), tls=TlsPolicy.IMPLICIT, context=certificates.server())
    with server, dial(server.port) as wire:
        wire.start_tls(certificates.client(own=True, common_name=NAME))
        assert wire.line().startswith(b"+OK")
        assert wire.ask(b"AUTH EXTERNAL =") == b"-ERR unknown mechanism\r\n"


def test_authorities_that_cannot_be_used(certificates: Certificates, tmp_path: Path) -> None:
    certificate, key = certificates.files(tmp_path)
    with pytest.raises(ValueError, match=f"the authorities in {tmp_path}/none cannot be used"):
        _ = serve(
            NOBODY,
            tls=TlsPolicy.STLS,
            certificate=certificate,
            key=key,
            client_ca=tmp_path / "none",
        )
    with pytest.raises(ValueError, match="client_ca belongs to a certificate"):
        _ = serve(
            NOBODY,
            tls=TlsPolicy.STLS,
            context=certificates.server(),
            client_ca=certificates.authority(tmp_path),
        )


# In an event loop; what is not said here is in test_server.py for threads.

IN_EACH_LIBRARY = pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES)


@IN_EACH_LIBRARY
def test_it_says_where_it_listens(library: Library) -> None:
    async def main() -> None:
        async with library.module.serve(NOBODY) as server:
            assert server.host == LOOPBACK
            assert 0 < server.port < 65536

    library.run(main)


@IN_EACH_LIBRARY
def test_it_listens_on_ipv6(library: Library) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here: enable it with `sysctl -w net.ipv6.conf.all.disable_ipv6=0`")

    async def main() -> None:
        async with library.module.serve(NOBODY, "::1") as server:
            with socket.create_connection(("::1", server.port)):
                pass

    library.run(main)


@IN_EACH_LIBRARY
def test_a_port_that_is_taken(library: Library) -> None:
    async def main() -> None:
        with serve(NOBODY) as server, pytest.raises(OSError, match="in use"):
            async with library.module.serve(NOBODY, port=server.port):
                pytest.fail("two servers listen there")

    library.run(main)


WRONG: dict[str, tuple[ServerOptions, str]] = {
    "autologout": ({"autologout": 599.9}, "600 s"),
    "no certificate": ({"tls": TlsPolicy.STLS}, "belong together"),
    "greeting": ({"greeting": "a\r\nb"}, "CR, LF or NUL"),
}


@IN_EACH_LIBRARY
@pytest.mark.parametrize("case", WRONG)
def test_options_that_do_not_fit_are_found_at_once(library: Library, case: str) -> None:
    options, complaint = WRONG[case]

    async def main() -> None:
        with pytest.raises((ValueError, LocalProtocolError), match=complaint):
            async with library.module.serve(NOBODY, **options):
                pytest.fail("it serves")

    library.run(main)


@IN_EACH_LIBRARY
def test_what_is_raised_in_the_block_comes_out_of_it(library: Library) -> None:
    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            await failing_beside(library)

    library.run(main)


async def failing_beside(library: Library) -> None:
    async with library.module.serve(NOBODY):
        raise ZeroDivisionError


def test_close_while_clients_keep_coming(net: Net) -> None:
    server = net.serve(net.memory())
    stop = threading.Event()

    def knock() -> None:
        while not stop.is_set():
            with suppress(OSError), dial(server.port) as wire:
                wire.send(b"NOOP\r\n")  # Linux resets what it has forgotten, when that speaks
                _ = wire.some()

    knocking = [threading.Thread(target=knock) for _ in range(3)]
    for thread in knocking:
        thread.start()
    with dial(server.port) as wire:
        assert wire.line().startswith(b"+OK")
    server.running.close()
    stop.set()
    for thread in knocking:
        thread.join(BOUND)


def test_clients_that_are_gone_before_they_are_accepted(net: Net) -> None:
    server = net.serve(net.memory())
    for _ in range(50):
        with dial(server.port) as wire:
            wire.reset()
    with dial(server.port) as wire:
        log_in(wire)


@pytest.mark.parametrize("backend", IN_PYTHON, indirect=True)
def test_without_descriptors_it_takes_no_one_and_goes_on_later(
    net: Net, caplog: pytest.LogCaptureFixture, complaints: list[str]
) -> None:
    server = net.serve(net.memory())
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as connected:
        connected.settimeout(BOUND)
        with socket.socket() as probe:
            free = probe.fileno()
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, before[1]))
        try:
            connected.connect((LOOPBACK, server.port))
            while not caplog.records:
                assert not select.select([connected], [], [], 0.1)[0]
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        log_in(Wire(connected))
    complaints.clear()


@IN_EACH_LIBRARY
def test_close_may_be_repeated_and_wait_returns_in_a_loop(library: Library) -> None:
    async def main() -> None:
        async with library.module.serve(NOBODY) as server:
            with dial(server.port) as wire:
                await server.close()
                await server.wait()
                await server.close()
                assert wire.rest() == b""

    library.run(main)
