"""The run loop for everything asynchronous: does what flows want, one thing after the other."""

import inspect
from collections.abc import Callable
from typing import Final, TypeVar

from pop3_proto import LocalProtocolError
from pop3_proto.flows.core import Flow, Invoke, Io, Send, Want

from ._deadlines import NOT_OVER, Deadlines
from ._event_loop import Event, EventLoop
from ._link import Link
from ._steps import take_steps_async
from .streams import AsyncStream

__all__ = ["AsyncDriver"]

T = TypeVar("T")

PIECE = 256 * 1024

LAST_WORDS: Final = 0.5
"""Seconds for what is still to be sent when a connection is closed."""


class AsyncDriver:
    """Runs flows over a stream, each step within its deadlines."""

    __slots__ = (
        *("_busy", "_closed", "_interlude", "_loop", "_stream"),
        *("deadlines", "link", "used"),
    )

    def __init__(
        self, stream: AsyncStream, link: Link, deadlines: Deadlines, loop: EventLoop
    ) -> None:
        self.link = link
        self.deadlines = deadlines
        self._stream = stream
        self._loop = loop
        self.used = deadlines.now()
        """When a flow was last run."""

        self._busy = False
        self._interlude: Event | None = None
        self._closed = False

    async def run(self, flow: Flow[T], deadline: float | None = None) -> T:
        """Run a flow to its end; `deadline` is that of an operation that began before.

        Raises LocalProtocolError while another task runs one.
        """
        if self._busy:
            raise LocalProtocolError(
                "the connection is busy with another task's command: use one connection a task"
            )
        self._busy = True
        deadline = deadline or self.deadlines.operation()
        try:
            if self._interlude is not None:
                await self._wait(self._interlude, deadline)
            return await self._run(flow, deadline)
        except KeyboardInterrupt:
            self.link.machine.abort("it was interrupted, perhaps between two octets")
            raise
        finally:
            self._busy = False
            self.used = self.deadlines.now()

    async def run_between(self, flow: Flow[object], over: Event) -> None:
        """Run a flow where nobody else runs one; who comes meanwhile waits until it is `over`."""
        if self._busy:
            self.used = self.deadlines.now()
            return
        self._interlude = over
        try:
            _ = await self._run(flow, self.deadlines.operation())
        finally:
            self._interlude = None
            _ = over.set()
            self.used = self.deadlines.now()

    async def close(self) -> None:
        """Close the stream, without a word of POP3; a task that waits for octets wakes up."""
        await self._close(abruptly=self._busy or self._interlude is not None)

    async def _close(self, *, abruptly: bool) -> None:
        if self._closed:
            return
        self._closed = True
        last = b"" if abruptly else self.link.closing()
        self.link.machine.abort("it was closed")
        with self._loop.shield():
            try:
                if last:
                    await self._stream.send(last, LAST_WORDS)
            except OSError:
                pass  # the peer has gone already
            finally:
                await self._stream.close()

    async def _wait(self, over: Event, deadline: float | None) -> None:
        left = self.deadlines.left(None, deadline)
        if left is None:
            _ = await over.wait()
        else:
            await self._loop.wait(over, left)
        if not over.is_set():
            raise TimeoutError(NOT_OVER)

    async def _run(self, flow: Flow[T], deadline: float | None) -> T:
        try:
            want = next(flow)
            while True:
                try:
                    await self._do(want, deadline)
                except BaseException as error:
                    want = flow.throw(error)
                else:
                    want = next(flow)
        except StopIteration as stop:
            result: T = stop.value
            return result

    async def _do(self, want: Want, deadline: float | None) -> None:
        if want is Io.RECEIVE:
            await self._receive(deadline)
            return
        self.deadlines.progress()
        if isinstance(want, Send):
            await self._say(want.data, deadline)
        elif isinstance(want, Invoke):
            await self._invoke(want)
        elif want is Io.POLL:
            await self._poll(deadline)
        elif want is Io.START_TLS:
            await self._start_tls(deadline)
        else:
            await self._close(abruptly=False)

    async def _say(self, data: bytes, deadline: float | None) -> None:
        try:
            data = self.link.outgoing(data)
        except BaseException as error:
            self.link.machine.abort(f"something could not be encrypted: {error}")
            raise
        await self._send(data, deadline)

    async def _send(self, data: bytes, deadline: float | None) -> None:
        deadlines = self.deadlines
        try:
            # A peer that takes a large message slowly is not silent.
            for start in range(0, len(data), PIECE):
                piece = data[start : start + PIECE]
                await self._stream.send(piece, deadlines.left(deadlines.silence, deadline))
        except TimeoutError:
            self.link.machine.abort("something could not be sent whole")
            raise TimeoutError("time is up: the peer does not take what is sent") from None
        except BaseException:
            self.link.machine.abort("something could not be sent whole")
            raise

    async def _receive(self, deadline: float | None) -> None:
        try:
            await self._take(self.deadlines.left(self.deadlines.patience(), deadline), deadline)
        except TimeoutError:
            raise TimeoutError(f"time is up: {self.link.machine.silence()}") from None

    async def _poll(self, deadline: float | None) -> None:
        try:
            await self._take(0, deadline)
        except TimeoutError:
            return  # `suppress` would take 0.4 µs more

    async def _take(self, within: float | None, deadline: float | None) -> None:
        try:
            answer = self.link.incoming(await self._stream.receive(within))
        except TimeoutError:
            raise
        except Exception as error:  # a cancellation is none: the stream loses nothing by it
            self.link.machine.abort(f"receiving failed: {error!r}")
            raise
        if answer:
            await self._send(answer, deadline)

    async def _start_tls(self, deadline: float | None) -> None:
        deadline = self.deadlines.handshake(deadline)
        left = self.deadlines.until(deadline)
        try:
            last = await take_steps_async(self._stream, self.link.handshake(), left)
        except TimeoutError:
            self.link.machine.abort("the TLS handshake took too long")
            raise TimeoutError("time is up: the TLS handshake was not done") from None
        except BaseException as error:
            self.link.machine.abort(f"TLS could not be started: {error}")
            raise
        await self._send(last, deadline)

    async def _invoke(self, want: Invoke) -> None:
        result = await self._called(want.function) if want.may_block else want.function()
        want.deliver(await result if inspect.isawaitable(result) else result)

    async def _called(self, function: Callable[[], object]) -> object:
        results: list[object] = []  # some libraries refuse to hand over an awaitable
        _ = await self._loop.off_loop(lambda: results.append(function()))
        return results[0]
