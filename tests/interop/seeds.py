"""The messages that lie in the real servers' maildrops, and what becomes of them on the wire."""

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "seed"


@dataclass(frozen=True, slots=True)
class Seed:
    """One message, in octets; its name says what servers are known to stumble over."""

    name: str
    on_disk: bytes

    @property
    def on_wire(self) -> bytes:
        """The message as a client receives it, without dot-stuffing (RFC 1939 section 3).

        Each LF on disk is CRLF here, and so is the end of the last line, which may have had none.
        """
        text = _with_crlf(self.on_disk)
        return text if text.endswith(b"\r\n") else text + b"\r\n"

    @property
    def listed_by_dovecot(self) -> int:
        """The octets that Dovecot announces: without the CRLF that it adds to the last line."""
        return len(_with_crlf(self.on_disk))

    @property
    def from_courier(self) -> bytes:
        """The message as Courier sends it: a line that ended with CRLF on disk ends with CR CR LF.

        Whoever did not ask for UTF8 gets another message in the place of 12-utf8hdr.
        """
        text = self.on_disk.replace(b"\n", b"\r\n")
        return text if text.endswith(b"\r\n") else text + b"\r\n"

    @property
    def listed_by_courier(self) -> int:
        """The octets that Courier announces: without the CRLF that it adds to the last line."""
        return len(self.on_disk.replace(b"\n", b"\r\n"))


def _with_crlf(text: bytes) -> bytes:
    """`text` with CRLF for every LF that had no CR before it; a CR alone stays."""
    return re.sub(rb"(?<!\r)\n", b"\r\n", text)


SEEDS = {path.stem: Seed(path.stem, path.read_bytes()) for path in sorted(FOLDER.glob("*.eml"))}
