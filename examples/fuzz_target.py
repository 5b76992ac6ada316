"""A fuzz target: whatever arrives, a machine answers with events or with a documented error.

    python examples/fuzz_target.py [FILE ...]     # or octets on standard input

With atheris: `atheris.Setup(sys.argv, fuzz)`, then `atheris.Fuzz()`. Any exception that comes out
is a fault of the library.
"""

import sys
from contextlib import suppress
from pathlib import Path

import pop3_proto as pop3

COMMANDS = [pop3.Capa(), pop3.User("a"), pop3.Pass("b"), pop3.List(), pop3.Retr(1), pop3.Quit()]
LAST = (pop3.NEED_DATA, pop3.PAUSED, pop3.EndOfStream())


def fuzz(data: bytes) -> None:
    lines = data.splitlines(keepends=True)
    with suppress(pop3.RemoteProtocolError):
        fuzz_client(lines)
    with suppress(pop3.RemoteProtocolError):
        fuzz_server(lines)


def fuzz_client(lines: list[bytes]) -> None:
    client, commands = pop3.ClientConnection(), iter(COMMANDS)
    for line in lines:
        client.receive_data(line)
        while client.next_event() not in LAST:
            pass
        with suppress(pop3.LocalProtocolError):  # where the command is not legal here
            client.send(next(commands, pop3.Noop()))


def fuzz_server(lines: list[bytes]) -> None:
    server = pop3.ServerConnection()
    server.greet()
    for line in lines:
        server.receive_data(line)
        while (event := server.next_event()) not in LAST:
            server.reply(isinstance(event, pop3.Command))
            if server.in_body:
                server.end_body()


if __name__ == "__main__":
    for file in sys.argv[1:] or ["/dev/stdin"]:
        fuzz(Path(file).read_bytes())
        print(f"{file}: ok")
