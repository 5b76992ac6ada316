"""A session over an asynchronous stream, from its beginning to its end, for both roles."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import cast

from pop3_proto import Pop3Error
from pop3_proto.flows import client as flows

from ._async import AsyncDriver
from ._async_client import Client, Origin
from ._async_keep_alive import KeepAlive
from ._event_loop import EventLoop
from ._opening import Opening
from ._sessions import NewSession, log
from .streams import AsyncStream

__all__ = ["dialing", "hold_session", "open_client"]


@contextmanager
def dialing(host: str) -> Generator[None]:
    """What goes wrong while a host is dialled, said as the socket said it."""
    try:
        yield
    except TimeoutError:
        raise TimeoutError(f"time is up: {host} has not accepted the connection") from None
    except OSError as error:
        raise _first(error.__cause__, error) from None


async def open_client(stream: AsyncStream, new: Opening, loop: EventLoop, origin: Origin) -> Client:
    """A client's session from its first octet to AUTHORIZATION."""
    conn, link = new.begin()
    driver = AsyncDriver(stream, link, new.deadlines(loop.time), loop)
    try:
        greeting = await driver.run(flows.open_session(conn, new.policy))
    except BaseException:
        await driver.close()
        raise
    alive = KeepAlive(driver, conn, new.keepalive, loop) if new.keepalive else None
    return Client(driver, conn, greeting, alive, origin)


async def hold_session(stream: AsyncStream, new: NewSession, loop: EventLoop) -> None:
    """A server's session from its first octet to its last."""
    driver = AsyncDriver(stream, new.link, new.deadlines, loop)
    try:
        await driver.run(new.conversation.begin(), new.login_deadline)
        await driver.run(new.conversation.go_on())
    except (OSError, Pop3Error) as error:
        log.info("a session ended early: %s", error)
    except Exception:
        log.exception("a session failed")
    finally:
        with loop.shield():
            try:
                await driver.run(new.conversation.close())
            except Exception:
                log.exception("a maildrop could not be closed")
            finally:
                _close_trace(new)
                await driver.close()


def _close_trace(new: NewSession) -> None:
    try:
        new.closing.close()
    except Exception:
        log.exception("a trace could not be closed")


def _first(cause: BaseException | None, otherwise: OSError) -> OSError:
    """The first error of several addresses, where the libraries put them together."""
    if isinstance(cause, BaseExceptionGroup):
        cause = cast("BaseExceptionGroup[BaseException]", cause).exceptions[0]
    return cause if isinstance(cause, OSError) else otherwise
