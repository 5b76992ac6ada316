"""What TOP shows of a message: its headers, and the first lines of its body."""

__all__ = ["TopCutter"]


class TopCutter:
    """Cuts a message, whose lines end in CRLF, behind `lines` lines of its body.

    The blank line between headers and body is always shown (RFC 1939, section 7).
    """

    def __init__(self, lines: int) -> None:
        self._left = lines
        self._in_headers = True
        self._last = b"\r\n"
        self.done = False

    def cut(self, data: bytes) -> bytes:
        """What is shown of the next octets; once `done` is true, no more of them are."""
        start = self._behind_headers(data) if self._in_headers else 0
        if not self._in_headers:
            data = data[: self._behind_lines(data, start)]
        return data

    def _behind_headers(self, data: bytes) -> int:
        seam = self._last + data[:3]
        early = seam.find(b"\r\n\r\n")
        blank = early - len(self._last) if early >= 0 else data.find(b"\r\n\r\n")
        self._last = (self._last + data[-3:])[-3:]
        if early < 0 and blank < 0:
            return len(data)
        self._in_headers = False
        return blank + 4

    def _behind_lines(self, data: bytes, start: int) -> int:
        lines = data.count(b"\n", start)
        if lines < self._left:
            self._left -= lines
            return len(data)
        self.done = True
        for _ in range(self._left):
            start = data.index(b"\n", start) + 1
        return start
