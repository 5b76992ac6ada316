"""A client that is nothing but a socket: what it says and hears is what is on the wire."""

import socket
import ssl


class Session:
    """Commands, status lines and bodies as they are on the wire."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._input = connected.makefile("rb")

    def close(self) -> None:
        self._input.close()
        self._socket.close()

    def line(self) -> bytes:
        return self._input.readline()

    def send(self, text: str) -> None:
        self._socket.sendall(text.encode())

    def ask(self, command: str) -> bytes:
        self.send(f"{command}\r\n")
        return self.line()

    def body(self) -> bytes:
        """What follows a status line, with the dot-stuffing and the terminator."""
        lines = [self.line()]
        while lines[-1] not in (b".\r\n", b""):
            lines.append(self.line())
        return b"".join(lines)

    def log_in(self, name: str, password: str) -> bytes:
        assert self.ask(f"USER {name}") == b"+OK\r\n"
        return self.ask(f"PASS {password}")

    def start_tls(self, context: ssl.SSLContext) -> None:
        assert self.ask("STLS").startswith(b"+OK")
        self._input.close()
        self._socket = context.wrap_socket(self._socket, server_hostname="localhost")
        self._input = self._socket.makefile("rb")
