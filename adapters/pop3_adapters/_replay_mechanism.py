"""The mechanism of AUTH that a client took in a trace, with asterisks for its secrets."""

from collections import deque
from collections.abc import Iterable

from pop3_proto import Auth, RemoteProtocolError, Response, Traced, TraceRecord
from pop3_proto.base64 import decode_base64
from pop3_proto.commands import parse_command

__all__ = ["ReplayMechanism"]


class ReplayMechanism:
    """What a client said in the last AUTH of its trace, whatever it is asked; for `authenticate`
    on a `ReplayStream`.

    Raises ValueError where there was no AUTH with a mechanism.
    """

    shows_secret = False

    def __init__(self, records: Iterable[TraceRecord]) -> None:
        auth: Auth[object] | None = None
        said = deque[Response]()
        waiting = False
        for record in records:
            if record.what is Traced.RECEIVED:
                waiting = waiting and not record.ends
            elif record.what is Traced.SENT and (begun := _auth(record.octets)):
                auth, waiting = begun, True
                said = deque(
                    [] if begun.initial is None else [Response(begun.initial, record.last)]
                )
            elif record.what is Traced.SENT and waiting:
                response = decode_base64(record.octets.rstrip(b"\r\n"))
                said.append(Response(response or b"", record.last))
        if auth is None or auth.mechanism is None:
            raise ValueError("nobody has logged in by a mechanism of AUTH in this trace")
        self.name = auth.mechanism
        self.client_first = auth.initial is not None
        self._said = said

    def respond(self, challenge: bytes) -> Response:
        """What was said next. Raises RemoteProtocolError where that was nothing."""
        if not self._said:
            raise RemoteProtocolError("nothing more was said in AUTH")
        return self._said.popleft()


def _auth(octets: bytes) -> Auth[object] | None:
    """The AUTH that a line is, with a mechanism."""
    try:
        command = parse_command(octets.removesuffix(b"\r\n"), {b"AUTH": Auth})
    except ValueError:
        return None
    return command if isinstance(command, Auth) and command.mechanism else None
