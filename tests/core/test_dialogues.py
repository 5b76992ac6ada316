"""The dialogues of the RFCs, line by line through both machines."""

import binascii
import re

import pytest

from pop3_proto import (
    Auth,
    AuthCancelled,
    AuthenticationFailed,
    AuthResponse,
    BadCommand,
    Body,
    Challenge,
    ClientConnection,
    Command,
    CommandFailed,
    Deletions,
    Greeting,
    Lang,
    LocalProtocolError,
    LoginDelay,
    MailboxInUse,
    PermanentFailure,
    Reply,
    ResponseCode,
    ServerConnection,
    State,
    Stls,
    TemporaryFailure,
    Utf8Required,
)
from pop3_proto.apop import apop_digest
from pop3_proto.flows.client import failure
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


CONTINUATION = re.compile(r"\n *+(?![CS]:)")


class Dialogue:
    """Both machines, each of which says nothing but what is in the text."""

    def __init__(self, client: ClientConnection, server: ServerConnection) -> None:
        self.client = client
        self.server = server
        self.command: Command[object] | None = None
        self.challenge = b""
        self.body = b""
        self.results: list[object] = []

    def play(self, text: str) -> None:
        # A line that is broken goes on without a word for who says it.
        for line in CONTINUATION.sub("", text.strip()).splitlines():
            # In print, the blank behind the + of an empty challenge is lost.
            who, _, octets = line.strip().encode().partition(b" ")
            if who == b"C:":
                self.client_says(octets + b"\r\n")
            elif octets == b"+":
                self.server_says(b"+ \r\n")
            else:
                self.server_says(octets + b"\r\n")

    def client_says(self, line: bytes) -> None:
        self.server.receive_data(line)
        event = self.server.next_event()
        if isinstance(event, AuthResponse):
            # Both examples of RFC 5034 and RFC 1734 end with the response to the last challenge.
            assert self.client.respond(event.data, last=True) == line
        elif isinstance(event, AuthCancelled):
            assert self.client.cancel() == line
        else:
            assert isinstance(event, Command)
            self.command = event
            if isinstance(event, Auth) and event.mechanism and event.initial is not None:
                self.command = Auth(event.mechanism, event.initial, last=True)
            assert self.client.send(self.command) == line

    def server_says(self, line: bytes) -> None:
        assert self.written(line) == line
        in_body = self.client.in_body
        self.client.receive_data(line)
        if in_body:
            self.body += joined(client_events(self.client))
            return
        event = self.client.next_event()
        if line.startswith(b"+ "):
            assert event == Challenge(self.challenge)
            return
        assert isinstance(event, Reply | Greeting)
        assert (event.ok, event.octets) == (line.startswith(b"+"), line[:-2].partition(b" ")[2])
        if isinstance(event, Reply):
            assert event.command is self.command
            if event.ok and event.command.body is Body.NONE:
                self.results.append(event.command.result(event, b""))

    def written(self, line: bytes) -> bytes:
        """What the server writes; that it is the line has to be seen."""
        if self.client.in_body:
            return self.server.end_body() if line == b".\r\n" else self.server.send_body(line)
        indicator, _, text = line[:-2].decode().partition(" ")
        if indicator == "+":
            self.challenge = binascii.a2b_base64(text)
            return self.server.challenge(self.challenge)
        if self.server.state is State.GREETING:
            return self.server.greet(text)
        code, bracket, rest = text.removeprefix("[").partition("] ")
        if bracket and text.startswith("["):
            return self.server.reply(indicator == "+OK", rest, code=ResponseCode.of(code))
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


APOP = """
    S: +OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>
    C: APOP mrose c4c9334bac560ecc979e58001b3e22fb
    S: +OK maildrop has 1 message (369 octets)
"""


def test_apop_of_rfc_1939() -> None:
    dialogue = Dialogue(ClientConnection(), ServerConnection())
    dialogue.play(APOP)
    timestamp = dialogue.client.timestamp
    assert timestamp == b"<1896.697170952@dbc.mtview.ca.us>"
    assert apop_digest(timestamp, b"tanstaaf") == b"c4c9334bac560ecc979e58001b3e22fb"
    assert dialogue.client.state is dialogue.server.state is State.TRANSACTION


# RFC 1460, section 5; RFC 1939 has dropped it.
LAST = """
    C: STAT
    S: +OK 4 320
    C: LAST
    S: +OK 1
    C: RETR 3
    S: +OK 120 octets
    S: <the POP3 server sends the entire message here>
    S: .
    C: LAST
    S: +OK 3
    C: DELE 2
    S: +OK message 2 deleted
    C: LAST
    S: +OK 3
    C: RSET
    S: +OK
    C: LAST
    S: +OK 0
"""


def test_last_of_rfc_1460() -> None:
    dialogue = Dialogue(client_in(State.TRANSACTION), server_in(State.TRANSACTION))
    dialogue.play(LAST)
    assert dialogue.results[0] == (4, 320)
    assert [found for found in dialogue.results if isinstance(found, int)] == [1, 3, 3, 0]
    assert dialogue.client.marked == set()


# RFC 1734, section 2.
KERBEROS = """
    S: +OK POP3 server ready
    C: AUTH KERBEROS_V4
    S: + AmFYig==
    C: BAcAQU5EUkVXLkNNVS5FRFUAOCAsho84kLN3/IJmrMG+25a4DT+nZImJjnTNHJUtxAA+o0KP
       KfHEcAFs9a3CL5Oebe/ydHJUwYFdWwuQ1MWiy6IesKvjL5rL9WjXUb9MwT9bpObYLGOKi1Qh
    S: + or//EoAADZI=
    C: DiAF5A4gA+oOIALuBkAAmw==
    S: +OK Kerberos V4 authentication successful
"""

UNKNOWN_MECHANISM = """
    C: AUTH FOOBAR
    S: -ERR Unrecognized authentication type
"""


def test_exchange_of_rfc_1734() -> None:
    dialogue = Dialogue(ClientConnection(), ServerConnection())
    dialogue.play(KERBEROS)
    assert dialogue.client.state is dialogue.server.state is State.TRANSACTION


def test_unknown_mechanism_of_rfc_1734() -> None:
    dialogue = Dialogue(client_in(State.AUTHORIZATION), server_in(State.AUTHORIZATION))
    dialogue.play(UNKNOWN_MECHANISM)
    assert dialogue.client.state is dialogue.server.state is State.AUTHORIZATION


# RFC 5034, section 6.
BEFORE_TLS = """
    S: +OK pop.example.com BlurdyBlurp POP3 server ready
    C: CAPA
    S: +OK List of capabilities follows
    S: SASL DIGEST-MD5 GSSAPI ANONYMOUS
    S: STLS
    S: IMPLEMENTATION BlurdyBlurp POP3 server
    S: .
"""

INSIDE_TLS = """
    C: CAPA
    S: +OK List of capabilities follows
    S: SASL PLAIN DIGEST-MD5 GSSAPI ANONYMOUS
    S: IMPLEMENTATION BlurdyBlurp POP3 server
    S: .
"""

EXCHANGES = {
    "PLAIN with an initial response": """
        C: AUTH PLAIN dGVzdAB0ZXN0AHRlc3Q=
        S: +OK Maildrop locked and ready
    """,
    "PLAIN without one": """
        C: AUTH PLAIN
        S: +
        C: dGVzdAB0ZXN0AHRlc3Q=
        S: +OK Maildrop locked and ready
    """,
    "DIGEST-MD5": """
        C: AUTH DIGEST-MD5
        S: + cmVhbG09ImVsd29vZC5pbm5vc29mdC5jb20iLG5vbmNlPSJPQTZNRzl0RVFHbTJoaCIscW9w
           PSJhdXRoIixhbGdvcml0aG09bWQ1LXNlc3MsY2hhcnNldD11dGYtOA==
        C: Y2hhcnNldD11dGYtOCx1c2VybmFtZT0iY2hyaXMiLHJlYWxtPSJlbHdvb2QuaW5ub3NvZnQu
           Y29tIixub25jZT0iT0E2TUc5dEVRR20yaGgiLG5jPTAwMDAwMDAxLGNub25jZT0iT0E2TUhY
           aDZWcVRyUmsiLGRpZ2VzdC11cmk9InBvcC9lbHdvb2QuaW5ub3NvZnQuY29tIixyZXNwb25z
           ZT1iMGQ1NmQyZjA1NGMyNGI2MjA3MjMyMjEwNjQ2OGRiOSxxb3A9YXV0aA==
        S: + cnNwYXV0aD0wYjk3MTQ2MmNlZjVlOGY5MzBkYjlhMzNiMDJmYzlhMA==
        C:
        S: +OK Maildrop locked and ready
    """,
}


@pytest.mark.parametrize("exchange", EXCHANGES.values(), ids=EXCHANGES.keys())
def test_exchanges_of_rfc_5034(exchange: str) -> None:
    dialogue = Dialogue(ClientConnection(), ServerConnection())
    dialogue.play(BEFORE_TLS)
    if "PLAIN" in exchange:
        dialogue.play("C: STLS\nS: +OK Begin TLS negotiation now")
        dialogue.client.tls_started()
        dialogue.server.tls_started()
        dialogue.play(INSIDE_TLS)
    dialogue.play(exchange)
    assert dialogue.client.state is dialogue.server.state is State.TRANSACTION


def test_cancelling_of_rfc_5034() -> None:
    """Section 4, in words only: `*`, which the server has to reject."""
    dialogue = Dialogue(client_in(State.AUTHORIZATION), server_in(State.AUTHORIZATION))
    dialogue.play(
        """
        C: AUTH PLAIN
        S: +
        C: *
        S: -ERR AUTH was cancelled
        C: AUTH PLAIN =
        S: +OK Maildrop locked and ready
        """
    )
    assert dialogue.client.state is dialogue.server.state is State.TRANSACTION


# RFC 6856, section 3.3, and UTF8 of section 2.
LANGUAGES = """
    C: USER karen
    S: +OK Hello, karen
    C: PASS password
    S: +OK karen's maildrop contains 2 messages (320 octets)
    C: LANG MUL
    S: -ERR invalid language MUL
    C: LANG
    S: +OK Language listing follows:
    S: en English
    S: en-boont English Boontling dialect
    S: de Deutsch
    S: it Italiano
    S: es Espanol
    S: sv Svenska
    S: .
    C: LANG
    S: -ERR Server is unable to list languages
    C: LANG es
    S: +OK es Idioma cambiado
    C: LANG uga
    S: -ERR es Idioma <<UGA>> no es conocido
    C: LANG sv
    S: +OK sv Kommandot "LANG" lyckades
    C: LANG *
    S: +OK es Idioma cambiado
"""


def test_languages_of_rfc_6856() -> None:
    dialogue = Dialogue(client_in(State.AUTHORIZATION), server_in(State.AUTHORIZATION))
    dialogue.play("C: UTF8\nS: +OK UTF8 enabled")
    dialogue.play(LANGUAGES)
    assert dialogue.client.utf8 is dialogue.server.utf8 is True
    assert dialogue.results[3:] == ["es", "sv", "es"]
    listing = Reply(True, b"", command=Lang())
    assert Lang().result(listing, dialogue.body) == [
        ("en", "English"),
        ("en-boont", "English Boontling dialect"),
        ("de", "Deutsch"),
        ("it", "Italiano"),
        ("es", "Espanol"),
        ("sv", "Svenska"),
    ]


# The codes of RFC 2449 (section 8.1), RFC 3206 (section 4) and RFC 6856 (section 5). Of dialogues,
# RFC 2449 has the first one, and RFC 3206 none.
REFUSALS = {
    "-ERR [IN-USE] Do you have another POP session running?": MailboxInUse,
    "-ERR [LOGIN-DELAY] minimum time between mail checks is 900 seconds": LoginDelay,
    "-ERR [SYS/TEMP] try again in a while": TemporaryFailure,
    "-ERR [SYS/PERM] the maildrop is corrupt": PermanentFailure,
    "-ERR [AUTH] the password has expired": AuthenticationFailed,
    "-ERR [UTF8] the maildrop needs UTF-8 mode": Utf8Required,
}


@pytest.mark.parametrize(("refusal", "kind"), REFUSALS.items())
def test_response_codes(refusal: str, kind: type[CommandFailed]) -> None:
    dialogue = Dialogue(client_in(State.AUTHORIZATION), server_in(State.AUTHORIZATION))
    line = refusal.encode() + b"\r\n"
    dialogue.client_says(b"APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n")
    assert dialogue.written(line) == line
    dialogue.client.receive_data(line)
    event = dialogue.client.next_event()
    assert isinstance(event, Reply)
    assert type(failure(dialogue.client, event.command, event)) is kind
    assert dialogue.client.state is dialogue.server.state is State.AUTHORIZATION
