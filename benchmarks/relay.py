"""A relay that delays what passes, in both directions: python -m benchmarks.relay PORT MILLISECONDS

It leads to PORT of this machine, says its own port on its standard output, and adds so many
milliseconds to a round trip. What passes is delayed, and not slowed down.
"""

import socket
import sys
import threading
import time
from queue import SimpleQueue
from typing import Final

READ: Final = 256 * 1024


def carry(source: socket.socket, target: socket.socket, delay: float) -> None:
    """Carry octets until their end, each `delay` seconds behind its arrival."""
    arrived: SimpleQueue[tuple[float, bytes]] = SimpleQueue()
    threading.Thread(target=deliver, args=[arrived, target], daemon=True).start()
    data = b"."
    while data:
        try:
            data = source.recv(READ)
        except ConnectionError:
            data = b""
        arrived.put((time.monotonic() + delay, data))


def deliver(arrived: SimpleQueue[tuple[float, bytes]], target: socket.socket) -> None:
    """Send each piece when it is due."""
    while True:
        due, data = arrived.get()
        time.sleep(max(0.0, due - time.monotonic()))
        try:
            if not data:
                target.shutdown(socket.SHUT_WR)
                return
            target.sendall(data)
        except OSError:
            return  # nobody is there any more


def main(port: int, milliseconds: float) -> None:
    delay = milliseconds / 2000
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", port))
            for sock in (client, server):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for ends in ((client, server), (server, client)):
                threading.Thread(target=carry, args=[*ends, delay], daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
