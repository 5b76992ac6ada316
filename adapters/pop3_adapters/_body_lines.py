"""A body as a list of its lines, the way poplib gives it."""

__all__ = ["BodyLines"]

LF = b"\n"
CRLF = b"\r\n"


class BodyLines:
    """Lines without their ends, out of a body that comes in pieces."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.octets = 0
        """Octets of the body so far, the ends of its lines included."""

        self._unfinished: list[bytes] = []

    def add(self, piece: bytes) -> None:
        """Take the next octets of the body."""
        self.octets += len(piece)
        self._unfinished.append(piece)
        if LF not in piece:  # joined later, once: a line may be as long as the body
            return
        text = b"".join(self._unfinished)
        self._unfinished.clear()
        end = text.rfind(LF) + 1
        lines = text[:end].splitlines()
        # Most mail has no other ends of lines than CRLF, and then this is all: 1.5 times as fast as
        # `split`, which searches more slowly for two octets. A bare LF or CR takes one octet less.
        if len(b"".join(lines)) + len(CRLF) * len(lines) != end:
            lines = [_without_cr(line) for line in text[: end - 1].split(LF)]
        self.lines += lines
        self._unfinished.append(text[end:])

    def add_line(self, line: bytes, octets: int) -> None:
        """Take a line without its end, as it stands on the wire, where it has so many octets."""
        stuffed = line.startswith(b"..")
        self.lines.append(line[1:] if stuffed else line)
        self.octets += octets - stuffed


def _without_cr(line: bytes) -> bytes:
    """A line that has lost its LF, without the CR in front of that, or else at its beginning."""
    if line.endswith(b"\r"):
        return line[:-1]
    return line.removeprefix(b"\r")
