"""The sockets that a server listens on, and who comes in by them."""

import errno
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike
from typing import Final, cast

from ._sessions import Sessions, log
from ._unix import forget, listen_on

__all__ = ["Arrival", "Listener", "listen", "listen_unix"]

BACKLOG: Final = 128

AT_A_TIME: Final = 64
"""Connections that are taken before anybody else has a turn."""

TRIES: Final = 10
"""Until a port is found that is free in both families."""

NOT_HERE: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""Why there may be no socket for an address that a name has: as for IPv6, where that is off."""


TOO_MANY: Final = "a connection from %s was refused: there are too many"


@dataclass(slots=True)
class Arrival:
    """One who has come in."""

    sock: socket.socket

    address: str
    """Where the client is, as far as that is known; empty on a Unix socket."""

    proxied: bool
    """Whether a proxy has to say first where the client is."""


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

    def arrivals(self, sock: socket.socket) -> Iterator[Arrival]:
        """Those who have connected to one of the sockets.

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
            proxied = self._sessions.is_proxy(address)
            place = "" if proxied else address
            if self._sessions.gate.admit(place):
                yield Arrival(arrived, place, proxied)
            else:
                log.info(TOO_MANY, address)
                _turn_away(arrived, self._sessions.refusal)

    def introduce(self, arrival: Arrival, address: str) -> bool:
        """A proxy has said where a client is; whether that may stay, or is one too many there."""
        if address and not self._sessions.gate.move(arrival.address, address):
            log.info(TOO_MANY, address)
            return False
        arrival.address = address
        return True

    def leave(self, arrival: Arrival) -> None:
        """One who had come has gone."""
        self._sessions.gate.leave(arrival.address)

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
    addresses = dict.fromkeys((family, address) for family, _, _, _, address in found)
    tries = TRIES if port == 0 else 1
    while True:
        tries -= 1
        try:
            return Listener(_listening(addresses, port), sessions)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not tries:
                raise


def _listening(
    addresses: Iterable[tuple[int, tuple[object, ...]]], port: int
) -> list[socket.socket]:
    sockets, missing = list[socket.socket](), list[OSError]()
    try:
        for family, (address, _, *scope) in addresses:
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
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def listen_unix(path: str | PathLike[str], sessions: Sessions) -> Listener:
    """Listen on a Unix socket. Raises ValueError where proxies are to say who connects: there, none
    has an address to be known by."""
    if sessions.has_proxies:
        raise ValueError("on a Unix socket nobody has an address: leave out proxies=")
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
