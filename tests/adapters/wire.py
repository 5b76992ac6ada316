"""The bare end of a connection, for scripts that play a peer, honest or not."""

import contextlib
import os
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Generator

__all__ = ["BOUND", "LOOPBACK", "Script", "Wire", "dial", "played", "scripted"]

BOUND = 30.0
"""Seconds after which what has not happened will not happen any more."""

LOOPBACK = "127.0.0.1"


class Wire:
    """Sends octets and expects octets; whatever else comes is an AssertionError."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._held = b""
        connected.settimeout(BOUND)
        if connected.family != socket.AF_UNIX:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def peer(self) -> object:
        """Where the other end is."""
        address: object = self._socket.getpeername()
        return address

    def send(self, data: bytes) -> None:
        """All of these octets, in one piece as far as that is in our hands."""
        self._socket.sendall(data)

    def send_past_tls(self, data: bytes) -> None:
        """The same as they are, where everything else goes through TLS."""
        _ = os.write(self._socket.fileno(), data)

    def send_until_full(self, data: bytes, most: int) -> None:
        """Send the same octets again and again, until the peer takes none for a moment.

        That it goes on taking them is an AssertionError, after `most` octets.
        """
        self._socket.settimeout(0.2)
        sent = 0
        try:
            while sent < most:
                sent += self._socket.send(data)
        except TimeoutError:
            return
        finally:
            self._socket.settimeout(BOUND)
        raise AssertionError(f"the peer holds {sent} octets that it has no use for")

    def line(self) -> bytes:
        """The next line with its end, or what there is of it where the peer has ended."""
        while b"\n" not in self._held:
            if not self._more():
                line, self._held = self._held, b""
                return line
        line, lf, self._held = self._held.partition(b"\n")
        return line + lf

    def lines(self) -> list[bytes]:
        """Lines up to the one that ends a multi-line response, or to the end of the input."""
        lines = [self.line()]
        while lines[-1] not in (b".\r\n", b""):
            lines.append(self.line())
        return lines

    def some(self) -> bytes:
        """Whatever comes next, or nothing where the peer has ended."""
        if not self._held:
            _ = self._more()
        some, self._held = self._held, b""
        return some

    def arrived(self) -> list[bytes]:
        """The whole lines that are here already."""
        if select.select([self._socket], [], [], 0)[0]:
            _ = self._more()
        whole, lf, self._held = self._held.rpartition(b"\n")
        return (whole + lf).splitlines(keepends=True)

    def nothing(self, within: float) -> None:
        """Nothing comes for so many seconds."""
        assert not self._held
        assert not select.select([self._socket], [], [], within)[0], "something has come"

    def expect(self, data: bytes) -> None:
        """Exactly these octets come next."""
        while len(self._held) < len(data) and data.startswith(self._held):
            assert self._more(), f"the peer ended after {self._held!r}, instead of {data!r}"
        assert self._held[: len(data)] == data
        self._held = self._held[len(data) :]

    def ask(self, command: bytes) -> bytes:
        """Send a command, and give the status line of its reply."""
        self.send(command + b"\r\n")
        return self.line()

    def rest(self) -> bytes:
        """Everything up to the end of the input, a reset counting as one."""
        while self._more():
            pass
        rest, self._held = self._held, b""
        return rest

    def half_close(self) -> None:
        """Send no more."""
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close; in TLS, without a word of that."""
        self._socket.close()

    def reset(self) -> None:
        """Close with a RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def start_tls(
        self, context: ssl.SSLContext, *, server_side: bool = False, host: str = LOOPBACK
    ) -> None:
        """Shake hands, with the TLS of the standard library's sockets."""
        assert not self._held, f"plaintext came where TLS had to begin: {self._held!r}"
        self._socket = context.wrap_socket(
            self._socket, server_side=server_side, server_hostname=None if server_side else host
        )

    def end_tls(self) -> None:
        """Say that TLS ends, and wait until the peer has said it too."""
        assert isinstance(self._socket, ssl.SSLSocket)
        self._socket = self._socket.unwrap()

    def _more(self) -> bool:
        try:
            data = self._socket.recv(64 * 1024)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
            return False
        self._held += data
        return bool(data)


Script = Callable[[Wire], None]


@contextlib.contextmanager
def scripted(*scripts: Script) -> Generator[int]:
    """A server that plays a script for each one who connects, in turn; gives its port.

    What goes wrong in a script is raised at the end, and tells more than what it led to.
    """
    with socket.create_server((LOOPBACK, 0)) as listener, played(listener, *scripts):
        yield listener.getsockname()[1]


@contextlib.contextmanager
def played(listener: socket.socket, *scripts: Script) -> Generator[None]:
    """A script is played for each one who connects to `listener`, in turn."""
    failures: list[BaseException] = []

    def play() -> None:
        try:
            for script in scripts:
                connected, _ = listener.accept()
                with connected, contextlib.closing(Wire(connected)) as wire:
                    script(wire)
        except BaseException as failure:
            failures.append(failure)

    listener.settimeout(BOUND)
    player = threading.Thread(target=play, name="scripted")
    player.start()
    try:
        yield
    except BaseException as error:
        listener.shutdown(socket.SHUT_RDWR)
        player.join(BOUND)
        if failures and not isinstance(failures[0], OSError):
            raise failures[0] from error
        raise
    player.join(BOUND)
    assert not player.is_alive(), "the script has not come to its end"
    if failures:
        raise failures[0]


@contextlib.contextmanager
def dial(port: int) -> Generator[Wire]:
    """A client without any knowledge of POP3."""
    connected = socket.create_connection((LOOPBACK, port), BOUND)
    with connected, contextlib.closing(Wire(connected)) as wire:
        yield wire
