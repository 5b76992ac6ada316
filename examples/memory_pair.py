"""A client machine and a server machine joined in memory: no socket, no loop, no thread.

    python examples/memory_pair.py

Both are bare, without flows: what one of them sends, the other receives. The server answers a few
commands by hand; `ServerSession` knows all of them.
"""

from typing import TypeVar

import pop3_proto as pop3

T = TypeVar("T")

MAIL = [b"Subject: one\r\n\r\nhello\r\n", b"Subject: two\r\n\r\n.a line with a dot\r\n"]


def answer(server: pop3.ServerConnection) -> bytes:
    """What the server says to the command that has arrived."""
    match server.next_event():
        case pop3.User() | pop3.Pass(password=b"secret") | pop3.Quit():
            return server.reply(True)
        case pop3.Pass():
            return server.reply(False, "wrong password", code=pop3.ResponseCode.of("AUTH"))
        case pop3.Stat():
            return server.reply(True, f"{len(MAIL)} {sum(map(len, MAIL))}")
        case pop3.Retr(number=number) if number <= len(MAIL):
            return server.reply(True) + server.send_body(MAIL[number - 1]) + server.end_body()
        case pop3.Retr():
            return server.reply(False, "no such message")
        case pop3.BadCommand(reason=reason):
            return server.reply(False, reason)
        case pop3.Command():
            return server.reply(False, "not here")
        case _:
            return b""  # there is no whole command


def ask(
    client: pop3.ClientConnection, server: pop3.ServerConnection, command: pop3.Command[T]
) -> T:
    """Give a command to the server, and its answer to the client; what that means to it."""
    server.receive_data(client.send(command))
    client.receive_data(answer(server))
    reply = client.next_event()
    assert isinstance(reply, pop3.Reply)
    if not reply.ok:
        raise pop3.CommandFailed(str(command), reply)
    body = b""
    while isinstance(event := client.next_event(), pop3.BodyChunk):
        body += event.data
    return command.result(reply, body)


def main() -> None:
    client, server = pop3.ClientConnection(), pop3.ServerConnection()
    client.receive_data(server.greet("hello"))
    print(client.next_event())
    ask(client, server, pop3.User("alice"))
    ask(client, server, pop3.Pass("secret"))
    print(ask(client, server, pop3.Stat()))
    for number in (1, 2, 3):
        try:
            print(f"{number}: {ask(client, server, pop3.Retr(number))!r}")
        except pop3.CommandFailed as error:
            print(error)
    ask(client, server, pop3.Quit())
    print(client.state, server.state)


if __name__ == "__main__":
    main()
