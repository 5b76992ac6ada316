"""Traces in a log: a line for each line of the conversation."""

import logging
from typing import Final

from pop3_proto import Traced, TraceRecord
from pop3_proto.responses import printable

from ._speakers import Speakers

__all__ = ["LogTrace"]

WIRE: Final = logging.getLogger("pop3_adapters.wire")

EVENTS: Final = {
    Traced.TLS: "TLS has started",
    Traced.EOF: "the peer has ended its side",
    Traced.CUT_OFF: "the peer has ended its side without ending TLS",
}


class LogTrace:
    """Logs what passes through a machine, at level DEBUG; give it as `trace`, one a connection.

    `C: USER alice` is what the client says, `S: +OK` the server. No secret and no mail is in it:
    of a body there is only the number of octets that it takes on the wire, on one line when it
    ends or something else is said. Each line begins with `name`, where there is one.
    """

    def __init__(self, logger: logging.Logger = WIRE, name: str = "") -> None:
        self._logger = logger
        self._name = name
        self._speakers = Speakers()
        self._body = 0

    def __call__(self, record: TraceRecord) -> None:
        if record.body:
            self._body += len(record.octets)
        if self._body and (record.ends or not record.body):
            self._say(f"S: ({self._body} octets)")
            self._body = 0
        if record.what in EVENTS:
            self._say(f"-- {EVENTS[record.what]}")
        elif not record.body:
            speaker = "S" if self._speakers.is_server(record.what) else "C"
            text = printable(record.octets.rstrip(b"\r\n"))
            self._say(f"{speaker}: {text}")

    def _say(self, line: str) -> None:
        self._logger.debug("%s", f"{self._name} {line}" if self._name else line)
