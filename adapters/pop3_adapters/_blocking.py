"""The run loop for everything that blocks: does what flows want, one thing after the other."""

import inspect
import threading
from typing import TypeVar

from pop3_proto import LocalProtocolError
from pop3_proto.flows.core import Flow, Invoke, Io, Send, Want

from ._deadlines import NOT_OVER, Deadlines
from ._link import Link
from ._steps import take_steps
from .streams import Stream

__all__ = ["BlockingDriver"]

T = TypeVar("T")

PIECE = 256 * 1024


class BlockingDriver:
    """Runs flows over a stream, each step within its deadlines."""

    def __init__(self, stream: Stream, link: Link, deadlines: Deadlines) -> None:
        self.link = link
        self.deadlines = deadlines
        self._stream = stream
        self.used = deadlines.now()
        """When a flow was last run."""

        self._busy = threading.Lock()
        self._running = threading.Lock()
        self._runner: int | None = None
        self._closed = False

    def run(self, flow: Flow[T], deadline: float | None = None) -> T:
        """Run a flow to its end; `deadline` is that of an operation that began before.

        Raises LocalProtocolError while another thread runs one.
        """
        if not self._busy.acquire(False):
            raise LocalProtocolError(
                "the connection is busy with another thread's command: use one connection a thread"
            )
        deadline = deadline or self.deadlines.operation()
        try:
            if not self._running.acquire(False):
                self._wait(deadline)
            try:
                return self._run(flow, deadline)
            finally:
                self._running.release()
        except KeyboardInterrupt:
            self.link.machine.abort("it was interrupted, perhaps between two octets")
            raise
        finally:
            self._busy.release()

    def run_between(self, flow: Flow[object]) -> None:
        """Run a flow where nobody else runs one; who comes meanwhile waits for its end."""
        if not self._running.acquire(False):
            self.used = self.deadlines.now()
            return
        try:
            _ = self._run(flow, self.deadlines.operation())
        finally:
            self._running.release()

    def close(self) -> None:
        """Close the stream, without a word of POP3; a thread that waits for octets wakes up."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._runner in (None, threading.get_ident()) and (last := self.link.closing()):
                self._stream.send(last, 0.5)
        except OSError:
            pass  # the peer has gone already
        finally:
            self.link.machine.abort("it was closed")
            self._stream.close()

    def _wait(self, deadline: float | None) -> None:
        left = self.deadlines.left(None, deadline)
        if not self._running.acquire(timeout=-1 if left is None else left):
            raise TimeoutError(NOT_OVER)

    def _run(self, flow: Flow[T], deadline: float | None) -> T:
        self._runner = threading.get_ident()
        try:
            want = next(flow)
            while True:
                try:
                    self._do(want, deadline)
                except BaseException as error:
                    want = flow.throw(error)
                else:
                    want = next(flow)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            self._runner = None
            self.used = self.deadlines.now()

    def _do(self, want: Want, deadline: float | None) -> None:
        if want is Io.RECEIVE:
            self._receive(deadline)
            return
        self.deadlines.progress()
        if isinstance(want, Send):
            self._say(want.data, deadline)
        elif isinstance(want, Invoke):
            self._invoke(want)
        elif want is Io.POLL:
            self._poll(deadline)
        elif want is Io.START_TLS:
            self._start_tls(deadline)
        else:
            self.close()

    def _say(self, data: bytes, deadline: float | None) -> None:
        try:
            data = self.link.outgoing(data)
        except BaseException as error:
            self.link.machine.abort(f"something could not be encrypted: {error}")
            raise
        self._send(data, deadline)

    def _send(self, data: bytes, deadline: float | None) -> None:
        try:
            # A peer that takes a large message slowly is not silent.
            for start in range(0, len(data), PIECE):
                piece = data[start : start + PIECE]
                self._stream.send(piece, self.deadlines.left(self.deadlines.silence, deadline))
        except TimeoutError:
            self.link.machine.abort("something could not be sent whole")
            raise TimeoutError("time is up: the peer does not take what is sent") from None
        except BaseException:
            self.link.machine.abort("something could not be sent whole")
            raise

    def _receive(self, deadline: float | None) -> None:
        try:
            self._take(self.deadlines.left(self.deadlines.patience(), deadline), deadline)
        except TimeoutError:
            raise TimeoutError(f"time is up: {self.link.machine.silence()}") from None

    def _poll(self, deadline: float | None) -> None:
        try:
            self._take(0, deadline)
        except TimeoutError:
            return  # `suppress` would take 0.4 µs more

    def _take(self, timeout: float | None, deadline: float | None) -> None:
        try:
            answer = self.link.incoming(self._stream.receive(timeout))
        except TimeoutError:
            raise
        except BaseException as error:
            # What was received may be lost, so that no reply could be matched any more.
            self.link.machine.abort(f"receiving was interrupted: {error!r}")
            raise
        if answer:
            self._send(answer, deadline)

    def _start_tls(self, deadline: float | None) -> None:
        deadline = self.deadlines.handshake(deadline)
        left = self.deadlines.until(deadline)
        try:
            last = take_steps(self._stream, self.link.handshake(), left)
        except TimeoutError:
            self.link.machine.abort("the TLS handshake took too long")
            raise TimeoutError("time is up: the TLS handshake was not done") from None
        except BaseException as error:
            self.link.machine.abort(f"TLS could not be started: {error}")
            raise
        self._send(last, deadline)

    def _invoke(self, want: Invoke) -> None:
        result = want.function()
        if inspect.isawaitable(result):
            if close := getattr(result, "close", None):
                close()  # or Python would complain that nobody awaited it
            raise TypeError(
                "what is asynchronous, as a maildrop, an authenticator or a giver of tokens, needs "
                "asyncio, trio or anyio"
            )
        want.deliver(result)
