"""The octets of a multi-line response: dot-stuffing and back, in bulk (RFC 1939, section 3)."""

__all__ = ["BodyDecoder", "BodyEncoder"]

CRLF = b"\r\n"


class BodyDecoder:
    """Finds the end of a body and takes out the stuffed dots; no other octet is changed.

    `eol` is what the peer ends its lines with. Where that is CRLF, a bare LF ends nothing: a mail
    that contains `LF . LF` would otherwise be able to write the server's next replies.

    A line that begins with a single dot keeps it: servers that do not stuff are common, and no
    octet of a mail may be lost to them.
    """

    __slots__ = (
        *("_empty", "_eol", "_fresh", "_held", "_stuffed", "_terminator", "_unstuffed"),
        "ended",
    )

    def __init__(self, eol: bytes = CRLF) -> None:
        self._eol = eol
        self._empty = b"." + eol
        self._terminator = eol + b"." + eol
        self._stuffed = eol + b".."
        self._unstuffed = eol + b"."
        self._held = b""
        self._fresh = True
        self.ended = False

    def decode(self, data: bytes, position: int = 0) -> tuple[bytes, int]:
        """Decode from `position` on: the octets of the body, and where reading has to go on.

        Octets that may turn out to belong to the terminator are held back until they are decided.
        Once `ended` is true, the position is behind the terminator and the decoder is used up.
        """
        held = self._held
        if not held:
            return self._decode(data, position)
        self._held = b""
        body, end = self._decode(held + data[position:], 0)
        return body, end + position - len(held)

    def _decode(self, buffer: bytes, start: int) -> tuple[bytes, int]:
        if self._fresh:
            if buffer.startswith(self._empty, start):
                self.ended = True
                return b"", start + len(self._empty)
            if len(buffer) - start < len(self._empty) and self._empty.startswith(buffer[start:]):
                return b"", self._hold(buffer, start)
            if buffer.startswith(b"..", start):
                start += 1
        dotted = self._first_dotted_line(buffer, start)
        self._fresh = False
        if dotted < 0:
            stop = self._undecided(buffer, start)
            return buffer[start:stop], self._hold(buffer, stop)
        end = buffer.find(self._terminator, dotted)
        if end < 0:
            stop = self._undecided(buffer, start)
            body, used = buffer[start:stop], self._hold(buffer, stop)
        else:
            self.ended = True
            body = buffer[start : end + len(self._terminator) - len(self._empty)]
            used = end + len(self._terminator)
            if end == dotted:
                return body, used
        # A third faster than `replace`, which searches more slowly.
        return self._unstuffed.join(body.split(self._stuffed)), used

    def _first_dotted_line(self, buffer: bytes, start: int) -> int:
        """Where the end of line is that the first dot at the beginning of a line follows, or -1.

        Most of what is large has no dot at all, and one octet is found 15 times as fast as three;
        or none behind an end of line, and `rfind` says so in two thirds of the time of `find`.
        """
        dot = buffer.find(b".", start)
        # Behind the beginning of a small message, the other ones follow.
        if dot < 0 or not (self._fresh or buffer.rfind(self._unstuffed, start) >= 0):
            return -1
        return buffer.find(self._unstuffed, max(start, dot - len(self._eol)))

    def _undecided(self, buffer: bytes, start: int) -> int:
        """Where the octets begin that may be the beginning of the terminator."""
        for length in range(len(self._terminator) - 1, 0, -1):
            if buffer.endswith(self._terminator[:length], start):
                return len(buffer) - length
        return len(buffer)

    def _hold(self, buffer: bytes, start: int) -> int:
        self._held = buffer[start:]
        return len(buffer)


class BodyEncoder:
    """Stuffs a dot at the beginning of the body and behind each CRLF; changes nothing else."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = CRLF

    def encode(self, data: bytes) -> bytes:
        """The wire form of the next octets of the body, cut wherever the caller likes."""
        if not data:
            return b""
        lead, last = b"", self._last
        self._last = data[-2:] if len(data) > 1 else last[-1:] + data
        if b"." not in data:
            return data
        if last == CRLF and data.startswith(b"."):
            lead = b"."
        elif last.endswith(b"\r") and data.startswith(b"\n."):
            lead, data = b"\n.", data[1:]
        # `rfind` says that there is none in two thirds of the time that `split` takes; that is
        # half as fast again as `replace`, which searches more slowly.
        if data.rfind(b"\r\n.") >= 0:
            data = b"\r\n..".join(data.split(b"\r\n."))
        return lead + data

    def end(self) -> bytes:
        """The terminator, behind a CRLF where the body did not end in one."""
        return b".\r\n" if self._last == CRLF else b"\r\n.\r\n"
