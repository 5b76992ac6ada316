"""What is remembered of a session of poplib's, so that replies stay with their commands."""

from typing import Final

from pop3_proto.base64 import decode_base64
from pop3_proto.commands import COMMANDS, HIDDEN, redact, secrets_in

__all__ = ["PoplibSession"]

WORDS_SHOWN: Final = {b"PASS": 1, b"APOP": 2, b"AUTH": 2}
"""How many words of a command that carries a secret may be seen."""

VERBS: Final = frozenset(command.verb.encode() for command in COMMANDS)


class PoplibSession:
    """What was sent and heard, as far as what comes next depends on it."""

    def __init__(self) -> None:
        self.pending = 0
        """Commands that were sent and have not had their status line."""

        self.whole = True
        """Whether the last command was sent and its response read to the end."""

        self.eol = b""
        """What the server ends its lines with, or nothing until it has said a line."""

        self.last_eol = b""
        """What the last line that was read ended with."""

        self.drained: object = None
        """The file whose buffer is known to be empty, or None."""

        self._authenticating = False
        self._authenticated = False
        self._secrets: set[bytes] = set()

    def sent(self, line: bytes) -> None:
        """A line has been sent."""
        self.pending += 1
        if secret := self._secret(line):
            meant = decode_base64(secret) or b""
            self._secrets.update((secret, *secrets_in(secret), *secrets_in(meant)))
        if _verb(line) == b"AUTH":
            self._authenticating = self._authenticated = True

    def awaiting(self) -> None:
        """A line is about to be read; those behind a status line belong to no command."""
        self.pending = max(0, self.pending - 1)
        self.whole = False

    def heard(self, status: bytes) -> None:
        """A status line has come."""
        if not status.startswith(b"+") or status.startswith(b"+OK"):
            self._authenticating = False

    def learn(self) -> bool:
        """Whether a status line may end as the last line did: a server that has used CRLF once
        always does."""
        if self.eol != b"\r\n":
            self.eol = self.last_eol
        return self.eol == self.last_eol

    def tls_started(self) -> None:
        """What was said without TLS tells nothing of what will be said in it."""
        self.eol = b""

    def shown(self, line: bytes) -> bytes:
        """A line to be sent, without the secret in it."""
        secret = self._secret(line)
        return line[: len(line) - len(secret)] + HIDDEN if secret else line

    def redacted(self, line: bytes) -> bytes:
        """A line of the server's, without the secrets that it repeats."""
        return redact(line, self._secrets)

    def _secret(self, line: bytes) -> bytes:
        """What of a line nobody may see: the arguments that prove a user, and all that may be an
        answer inside AUTH, even where the server seems to have ended that."""
        if self._authenticating or (self._authenticated and _verb(line) not in VERBS):
            return line
        shown = WORDS_SHOWN.get(_verb(line), 0)
        return b"".join(line.split(None, shown)[shown:]) if shown else b""


def _verb(line: bytes) -> bytes:
    return b"".join(line.split(None, 1)[:1]).upper()
