"""The bare machine on a `selectors` loop: logs in, lists the maildrop, retrieves every message.

    python examples/selectors_client.py HOST PORT USER PASSWORD

There is no TLS, and others may see the password on the command line: for loopback only.
"""

import sys
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from socket import create_connection

import pop3_proto as pop3


class Retrieval:
    """What to say next, decided from what has just happened."""

    def __init__(self, user: str, password: str) -> None:
        self.conn = pop3.ClientConnection()
        self.listing = pop3.List()
        self.then: list[pop3.Command[object]] = [pop3.User(user), pop3.Pass(password), self.listing]
        self.unsent = b""

    def receive(self, data: bytes) -> None:
        self.conn.receive_data(data) if data else self.conn.receive_eof()
        while (event := self.conn.next_event()) not in (pop3.NEED_DATA, pop3.EndOfStream()):
            self.handle(event)

    def handle(self, event: pop3.ClientEvent) -> None:
        match event:
            case pop3.Greeting(ok=False):
                sys.exit(f"the server refused the session: {event.text}")
            case pop3.Reply(ok=False):
                sys.exit(f"the server refused {event.command}: {event.text}")
            case pop3.Reply() if event.command.body is not pop3.Body.NONE:
                self.reply, self.body = event, bytearray()
            case pop3.BodyChunk():
                self.body += event.data
            case pop3.BodyEnd():
                self.use(self.reply, bytes(self.body))
                self.say_next()
            case pop3.Greeting() | pop3.Reply() if self.then:
                self.say_next()
            case _:
                pass  # what the server said unasked is raised by the next next_event()

    def say_next(self) -> None:
        self.unsent += self.conn.send(self.then.pop(0))

    def use(self, reply: pop3.Reply, body: bytes) -> None:
        if reply.command is self.listing:
            numbers = [number for number, _ in self.listing.result(reply, body)]
            self.then += [*map(pop3.Retr, numbers), pop3.Quit()]
        else:
            print(f"{reply.command}: {len(body)} octets, {body[:30]!r}")


def main(host: str, port: str, user: str, password: str) -> None:
    retrieval = Retrieval(user, password)
    with create_connection((host, int(port))) as sock, DefaultSelector() as selector:
        sock.setblocking(False)
        selector.register(sock, EVENT_READ)
        while retrieval.conn.state is not pop3.State.CLOSED:
            selector.modify(sock, EVENT_READ | EVENT_WRITE if retrieval.unsent else EVENT_READ)
            if not (ready := selector.select(60)):
                sys.exit(f"a minute has passed, and {retrieval.conn.silence()}")
            for _, events in ready:
                if events & EVENT_WRITE:
                    sent = sock.send(retrieval.unsent)
                    retrieval.unsent = retrieval.unsent[sent:]
                if events & EVENT_READ:
                    retrieval.receive(sock.recv(65536))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (OSError, pop3.Pop3Error) as error:
        sys.exit(f"{type(error).__name__}: {error}")
