"""The dialogues of the RFCs, line by line through both machines."""

import pytest

from pop3_proto import (
    BadCommand,
    ClientConnection,
    Command,
    Deletions,
    Greeting,
    LocalProtocolError,
    Reply,
    ServerConnection,
    State,
    Stls,
)
from tests.core.machines import client_events, client_in, joined, server_in

LOGIN = """
    S: +OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>
    C: USER mrose
    S: +OK mrose is a real hoopy frood
    C: PASS secret
    S: +OK mrose's maildrop has 2 messages (320 octets)
"""

# RFC 1939, section 10, with the login of section 7 in place of APOP.
SESSION = (
    LOGIN.rstrip()
    + """
    C: STAT
    S: +OK 2 320
    C: LIST
    S: +OK 2 messages (320 octets)
    S: 1 120
    S: 2 200
    S: .
    C: RETR 1
    S: +OK 120 octets
    S: <the POP3 server sends message 1>
    S: .
    C: DELE 1
    S: +OK message 1 deleted
    C: RETR 2
    S: +OK 200 octets
    S: <the POP3 server sends message 2>
    S: .
    C: DELE 2
    S: +OK message 2 deleted
    C: QUIT
    S: +OK dewey POP3 server signing off (maildrop empty)
"""
)

# RFC 1939, sections 4 to 7.
EXAMPLES = {
    "STAT": """
        C: STAT
        S: +OK 2 320
    """,
    "LIST": """
        C: LIST 2
        S: +OK 2 200
        C: LIST 3
        S: -ERR no such message, only 2 messages in maildrop
    """,
    "DELE": """
        C: DELE 1
        S: +OK message 1 deleted
        C: DELE 2
        S: -ERR message 2 already deleted
    """,
    "NOOP": """
        C: NOOP
        S: +OK
    """,
    "RSET": """
        C: RSET
        S: +OK maildrop has 2 messages (320 octets)
    """,
    "TOP": """
        C: TOP 1 10
        S: +OK
        S: <the POP3 server sends the headers of the message, a blank line, and 10 lines>
        S: .
        C: TOP 100 3
        S: -ERR no such message
    """,
    "UIDL": """
        C: UIDL
        S: +OK
        S: 1 whqtswO00WBw418f9t5JxYwZ
        S: 2 QhdPYR:00WBw1Ph7x7
        S: .
        C: UIDL 2
        S: +OK 2 QhdPYR:00WBw1Ph7x7
        C: UIDL 3
        S: -ERR no such message, only 2 messages in maildrop
    """,
    "QUIT": """
        C: QUIT
        S: +OK dewey POP3 server signing off (2 messages left)
    """,
}

REFUSED = """
    C: USER frated
    S: -ERR sorry, no mailbox for frated here
    C: USER mrose
    S: +OK mrose is a real hoopy frood
    C: PASS secret
    S: -ERR maildrop already locked
    C: USER mrose
    S: +OK mrose is a real hoopy frood
    C: PASS secret
    S: +OK mrose's maildrop has 2 messages (320 octets)
"""


class Dialogue:
    """Both machines, each of which says nothing but what is in the text."""

    def __init__(self, client: ClientConnection, server: ServerConnection) -> None:
        self.client = client
        self.server = server
        self.command: Command[object] | None = None
        self.body = b""

    def play(self, text: str) -> None:
        for line in text.strip().splitlines():
            who, _, octets = line.strip().encode().partition(b" ")
            if who == b"C:":
                self.client_says(octets + b"\r\n")
            else:
                self.server_says(octets + b"\r\n")

    def client_says(self, line: bytes) -> None:
        self.server.receive_data(line)
        event = self.server.next_event()
        assert isinstance(event, Command)
        self.command = event
        assert self.client.send(event) == line

    def server_says(self, line: bytes) -> None:
        assert self.written(line) == line
        in_body = self.client.in_body
        self.client.receive_data(line)
        if in_body:
            self.body += joined(client_events(self.client))
            return
        event = self.client.next_event()
        assert isinstance(event, Reply | Greeting)
        assert (event.ok, event.octets) == (line.startswith(b"+"), line[:-2].partition(b" ")[2])
        if isinstance(event, Reply):
            assert event.command is self.command

    def written(self, line: bytes) -> bytes:
        """What the server writes; that it is the line has to be seen."""
        if self.client.in_body:
            return self.server.end_body() if line == b".\r\n" else self.server.send_body(line)
        indicator, _, text = line[:-2].decode().partition(" ")
        if self.server.state is State.GREETING:
            return self.server.greet(text)
        return self.server.reply(indicator == "+OK", text)


def test_session_of_rfc_1939() -> None:
    dialogue = Dialogue(ClientConnection(), ServerConnection())
    dialogue.play(SESSION)
    assert dialogue.client.marked == {1, 2}
    assert dialogue.client.deletions is Deletions.DONE
    assert dialogue.client.state is dialogue.server.state is State.CLOSED


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_examples_of_rfc_1939(example: str) -> None:
    dialogue = Dialogue(client_in(State.TRANSACTION), server_in(State.TRANSACTION))
    dialogue.play(example)
    assert dialogue.client.state is dialogue.server.state


def test_refused_logins_of_rfc_1939() -> None:
    dialogue = Dialogue(client_in(State.AUTHORIZATION), server_in(State.AUTHORIZATION))
    dialogue.play(REFUSED)
    assert dialogue.client.state is dialogue.server.state is State.TRANSACTION


# RFC 2595, section 4, and RFC 2449, section 5.
CAPABILITIES = """
    C: CAPA
    S: +OK Capability list follows
    S: TOP
    S: USER
    S: SASL CRAM-MD5 KERBEROS_V4
    S: RESP-CODES
    S: LOGIN-DELAY 900
    S: PIPELINING
    S: EXPIRE 60
    S: UIDL
    S: IMPLEMENTATION Shlemazle-Plotz-v302
    S: .
"""


def test_stls_of_rfc_2595() -> None:
    dialogue = Dialogue(client_in(State.AUTHORIZATION), server_in(State.AUTHORIZATION))
    dialogue.play(CAPABILITIES)
    dialogue.play(
        """
        C: STLS
        S: +OK Begin TLS negotiation
        """
    )
    assert dialogue.client.state is dialogue.server.state is State.TLS_HANDSHAKE
    dialogue.client.tls_started()
    dialogue.server.tls_started()
    dialogue.play(CAPABILITIES)
    assert dialogue.body.count(b"LOGIN-DELAY 900\r\n") == 2


def test_second_stls_of_rfc_2595() -> None:
    dialogue = Dialogue(client_in(State.TLS_HANDSHAKE), server_in(State.TLS_HANDSHAKE))
    dialogue.client.tls_started()
    dialogue.server.tls_started()
    with pytest.raises(LocalProtocolError, match="TLS is active already"):
        dialogue.client.send(Stls())
    dialogue.server.receive_data(b"STLS\r\n")
    assert isinstance(dialogue.server.next_event(), BadCommand)
    refusal = dialogue.server.reply(False, "Command not permitted when TLS active")
    assert refusal == b"-ERR Command not permitted when TLS active\r\n"
    assert dialogue.server.state is State.AUTHORIZATION
