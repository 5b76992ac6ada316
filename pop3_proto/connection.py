"""What both roles of a connection have in common: octets in, state, and how it ends."""

from typing import Final, NoReturn

from .commands import HIDDEN
from .errors import LocalProtocolError, PlaintextAfterStls, ProtocolError
from .limits import Limits
from .lines import LineBuffer
from .states import TLS, Outcome, Session, State
from .trace import Trace, Traced, TraceRecord

__all__ = ["Connection"]

USUAL: Final = Limits()


class Connection:
    """The machine behind `ClientConnection` and `ServerConnection`.

    `trace` is told what passes through it, without the secrets.
    """

    __slots__ = ("_cut_off", "_eof", "_failure", "_input", "_session", "_trace", "limits")

    def __init__(self, *, limits: Limits | None = None, trace: Trace | None = None) -> None:
        self.limits = limits or USUAL
        self._trace = trace
        self._session = Session()
        self._input = LineBuffer()
        self._eof = False
        self._cut_off = False
        self._failure: ProtocolError | None = None

    @property
    def state(self) -> State:
        """Where the session stands."""
        return self._session.state

    @property
    def tls(self) -> bool:
        """Whether the session is inside TLS."""
        return self._session.tls

    @property
    def utf8(self) -> bool:
        """Whether the session is in UTF-8 mode (RFC 6856, section 2)."""
        return self._session.utf8

    @property
    def failure(self) -> ProtocolError | None:
        """Why the connection is BROKEN."""
        return self._failure

    def receive_data(self, data: bytes | bytearray | memoryview) -> None:
        """Take octets from the peer; `next_event` says what they mean.

        The end of input is not said by empty data but by `receive_eof`: that is a ValueError.
        Octets in plaintext where TLS has to begin raise PlaintextAfterStls.
        """
        if not data:
            raise ValueError("no data: say the end of input with receive_eof()")
        if self._eof:
            raise LocalProtocolError("data behind receive_eof(): the input was said to be over")
        if self.state is State.TLS_HANDSHAKE:
            self._fail_in_plaintext()
        if self.state not in (State.CLOSED, State.BROKEN):
            self._input.feed(bytes(data))

    def receive_eof(self, *, cut_off: bool = False) -> None:
        """The peer has ended its side; may be said more than once.

        `cut_off`: TLS was not ended before, so that somebody on the way may have done it. That
        makes no difference but in the error where something was still due.
        """
        if not self._eof:
            self._eof, self._cut_off = True, cut_off

    def tls_started(self) -> None:
        """TLS is up: after STLS, or before the greeting where TLS is implicit.

        What was learnt or said in plaintext is forgotten (RFC 2595, section 4).
        """
        if self.tls or self.state not in (State.GREETING, State.TLS_HANDSHAKE):
            raise LocalProtocolError(f"TLS cannot start in {self.state.value}: STLS comes first")
        if not self._input.empty:
            self._fail_in_plaintext()
        self._session.move(TLS, Outcome.OK)
        self._forget()
        self._record(Traced.TLS)

    def abort(self, reason: str) -> None:
        """Give the connection up, because of `reason`: it is BROKEN, and has to be closed.

        For whoever could not send all octets of a command, could not shake hands, or must not
        leave the peer with half a message.
        """
        if self.state is not State.CLOSED:
            self._break(ProtocolError(reason))

    def silence(self) -> str:
        """Nothing has come in time: says what was due, for the error of whoever waited."""
        raise NotImplementedError

    def _forget(self) -> None:
        """Forget what the role has learnt in plaintext."""

    def _record(
        self,
        what: Traced,
        octets: bytes = b"",
        *,
        last: bool = False,
        body: bool = False,
        ends: bool = False,
    ) -> None:
        if self._trace:
            unread = self._input.received - self._input.start if what is Traced.SENT else 0
            try:
                self._trace(TraceRecord(what, octets, unread, last, body, ends))
            except BaseException:
                # What is being recorded would be lost, and the next reply taken for this one.
                self.abort("its trace could not be written")
                raise

    def _record_end(self) -> None:
        self._record(Traced.CUT_OFF if self._cut_off else Traced.EOF)

    def _fail_in_plaintext(self) -> NoReturn:
        self._record(Traced.RECEIVED, HIDDEN)  # it may be a client's password
        self._fail(PlaintextAfterStls())

    def _break(self, error: ProtocolError) -> None:
        self._session.state = State.BROKEN
        self._failure = self._failure or error
        self._input.drop()

    def _fail(self, error: ProtocolError) -> NoReturn:
        self._break(error)
        raise error

    def _refuse(self, obstacle: str) -> NoReturn:
        reason = f" ({self._failure})" if self._failure else ""
        raise LocalProtocolError(f"{obstacle}{reason}")
