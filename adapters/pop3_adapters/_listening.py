"""The sockets that a server listens on, and who comes in by them."""

import errno
import socket
from collections.abc import Iterator
from contextlib import suppress
from os import PathLike
from typing import Final, cast

from ._sessions import Sessions, log
from ._unix import forget, listen_on

__all__ = ["Listener", "listen", "listen_unix"]

BACKLOG: Final = 128

AT_A_TIME: Final = 64
"""Connections that are taken before anybody else has a turn."""

NOT_HERE: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""Why there may be no socket for an address that a name has: as for IPv6, where that is off."""


class Listener:
    """Sockets that listen; whoever is one too many is told so, and does not come in."""

    def __init__(self, sockets: list[socket.socket], sessions: Sessions) -> None:
        self.host: str
        """The address that it listens on; the path of a Unix socket."""

        self.port: int
        """The port that it listens on; 0 for a Unix socket."""

        self.host, self.port = _place(sockets[0].getsockname())
        self.sockets = sockets
        self._sessions = sessions
        for sock in sockets:
            sock.setblocking(False)

    def arrivals(self, sock: socket.socket) -> Iterator[tuple[socket.socket, str]]:
        """Those who have connected to one of the sockets, and from which address.

        For each, `leave` has to follow. Raises OSError where none can be taken.
        """
        for _ in range(AT_A_TIME):
            try:
                arrived, peer = sock.accept()
            except BlockingIOError:
                return
            except ConnectionError:
                continue  # it has gone again
            address = _address(peer)
            if self._sessions.gate.admit(address):
                yield arrived, address
            else:
                log.info("a connection from %s was refused: there are too many", address)
                _turn_away(arrived, self._sessions.refusal)

    def leave(self, address: str) -> None:
        """One who had come from there has gone."""
        self._sessions.gate.leave(address)

    def close(self) -> None:
        """Listen no more."""
        unix = self.sockets[0].family == socket.AF_UNIX
        for sock in self.sockets:
            sock.close()
        if unix:
            forget(self.host)


def listen(host: str, port: int, sessions: Sessions) -> Listener:
    """Listen on each address of a host of this machine, always on the same port.

    Port 0 takes a free one. Without a host, whoever reaches this machine can connect.
    """
    flags = socket.AI_PASSIVE
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=flags)
    sockets, missing = list[socket.socket](), list[OSError]()
    try:
        for family, _, _, _, (address, _, *scope) in dict.fromkeys(found):
            port = sockets[0].getsockname()[1] if sockets else port
            try:
                where = (address, port, *scope)
                sockets.append(socket.create_server(where, family=family, backlog=BACKLOG))
            except OSError as error:
                if error.errno not in NOT_HERE:
                    raise
                missing.append(error)
        if not sockets:
            raise missing[0]
        return Listener(sockets, sessions)
    except BaseException:
        for sock in sockets:
            sock.close()
        raise


def listen_unix(path: str | PathLike[str], sessions: Sessions) -> Listener:
    """Listen on a Unix socket."""
    return Listener([listen_on(path)], sessions)


def _place(address: object) -> tuple[str, int]:
    """Host and port in the address of a listening socket, or the path of a Unix socket and 0."""
    if isinstance(address, tuple):
        host, port, *_ = cast("tuple[str, int]", address)
        return host, port
    return str(address), 0


def _address(peer: object) -> str:
    """The host in the address of a peer; nothing where it came by a Unix socket."""
    return "" if not peer or isinstance(peer, str | bytes) else _place(peer)[0]


def _turn_away(sock: socket.socket, refusal: bytes) -> None:
    with sock, suppress(OSError):  # it may have gone already
        sock.setblocking(False)
        _ = sock.send(refusal)
