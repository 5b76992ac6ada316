"""What is remembered of a session of poplib's, so that replies stay with their commands."""

from typing import Final

from pop3_proto.commands import HIDDEN, redact, secrets_in

__all__ = ["PoplibSession"]

WORDS_SHOWN: Final = {b"PASS": 1, b"APOP": 2, b"AUTH": 2}
"""How many words of a command that carries a secret may be seen."""


class PoplibSession:
    """What was sent and heard, as far as what comes next depends on it."""

    def __init__(self) -> None:
        self.pending = 0
        """Commands that were sent and have not had their status line."""

        self.whole = True
        """Whether the last response was read to its end."""

        self.eol = b""
        """What the server ends its lines with, or nothing until it has said a line."""

        self._authenticating = False
        self._secrets: tuple[bytes, ...] = ()

    def sent(self, line: bytes) -> None:
        """A line has been sent."""
        self.pending += 1
        if secret := self._secret(line):
            self._secrets = (secret, *secrets_in(secret))
        if _verb(line) == b"AUTH":
            self._authenticating = True

    def awaiting(self) -> None:
        """A status line is about to be read; that of the greeting belongs to no command."""
        self.pending = max(0, self.pending - 1)
        self.whole = False

    def heard(self, status: bytes) -> None:
        """A status line has come."""
        if not status.startswith(b"+") or status.startswith(b"+OK"):
            self._authenticating = False

    def learn(self, eol: bytes) -> bool:
        """Whether a status line may end so: a server that has used CRLF once always does."""
        if self.eol != b"\r\n":
            self.eol = eol
        return self.eol == eol

    def tls_started(self) -> None:
        """What was said without TLS tells nothing of what will be said in it."""
        self.eol = b""

    def shown(self, line: bytes) -> bytes:
        """A line to be sent, without the secret in it."""
        secret = self._secret(line)
        return line[: len(line) - len(secret)] + HIDDEN if secret else line

    def redacted(self, line: bytes) -> bytes:
        """A line of the server's, without what it repeats of the last secret."""
        return redact(line, self._secrets)

    def _secret(self, line: bytes) -> bytes:
        """What of a line nobody may see: an answer inside AUTH, the arguments that prove a user."""
        if self._authenticating:
            return line
        shown = WORDS_SHOWN.get(_verb(line))
        return b" ".join(line.split(b" ")[shown:]) if shown else b""


def _verb(line: bytes) -> bytes:
    return line.partition(b" ")[0].upper()
