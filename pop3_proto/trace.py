"""What has passed through a machine, without the secrets, and its form as lines of JSON."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias, cast

__all__ = ["Trace", "TraceRecord", "Traced", "parse_record", "write_record"]

FLAGS: Final = ("last", "body", "ends")


class Traced(Enum):
    """What a record is about."""

    SENT = "sent"
    RECEIVED = "received"
    TLS = "tls"
    """TLS has started."""

    EOF = "eof"
    """The peer has ended its side."""

    CUT_OFF = "cut off"
    """The peer has ended its side without ending TLS."""


@dataclass(frozen=True, slots=True)
class TraceRecord:
    """One step of a conversation, with `octets` as they were on the wire, or inside TLS.

    Passwords, digests and what AUTH carries are replaced by asterisks, in base64 where base64 has
    to be. What was received is recorded when the machine uses it: a line, or a piece of a body.
    """

    what: Traced
    octets: bytes = b""
    unread: int = 0
    """How many octets had been received and were not used yet when this was sent."""

    last: bool = False
    """Whether a mechanism has said with this all that it has to say."""

    body: bool = False
    """Whether this is a piece of a body, and no line."""

    ends: bool = False
    """Whether the response to the oldest command that waits for one ends with this."""


Trace: TypeAlias = Callable[[TraceRecord], None]
"""Is called with each record; may write it, count it or show it."""


def write_record(record: TraceRecord) -> str:
    """A record as a JSON object on one line, without its end; each octet is a character."""
    # Not above: two milliseconds of the import of the package.
    import json

    fields: dict[str, str | int] = {"what": record.what.value}
    if record.octets:
        fields["octets"] = record.octets.decode("latin-1")
    if record.unread:
        fields["unread"] = record.unread
    for flag in FLAGS:
        if getattr(record, flag):
            fields[flag] = True
    return json.dumps(fields)


def parse_record(line: str) -> TraceRecord:
    """A record as `write_record` writes it; what else the object holds does not matter.

    Raises ValueError where it is none.
    """
    import json

    entry: object = json.loads(line)
    if not isinstance(entry, dict):
        raise ValueError(f"no record of a trace: {line[:80]!r}")
    fields = cast("dict[str, object]", entry)
    octets, unread = fields.get("octets"), fields.get("unread")
    return TraceRecord(
        Traced(fields.get("what")),
        octets.encode("latin-1") if isinstance(octets, str) else b"",
        unread if isinstance(unread, int) else 0,
        **{flag: fields.get(flag) is True for flag in FLAGS},
    )
