"""A session over a blocking stream, from its beginning to its end, for both roles."""

import time

from pop3_proto import Pop3Error
from pop3_proto.flows.client import open_session

from ._blocking import BlockingDriver
from ._client import Client, Origin
from ._keep_alive import KeepAlive
from ._opening import Opening
from ._sessions import NewSession, log
from .streams import Stream

__all__ = ["hold_session", "open_client"]


def open_client(stream: Stream, new: Opening, origin: Origin) -> Client:
    """A client's session from its first octet to AUTHORIZATION."""
    conn, link = new.begin()
    driver = BlockingDriver(stream, link, new.deadlines(time.monotonic))
    try:
        greeting = driver.run(open_session(conn, new.policy))
    except BaseException:
        driver.close()
        raise
    alive = KeepAlive(driver, conn, new.keepalive) if new.keepalive else None
    return Client(driver, conn, greeting, alive, origin)


def hold_session(stream: Stream, new: NewSession) -> None:
    """A server's session from its first octet to its last."""
    driver = BlockingDriver(stream, new.link, new.deadlines)
    try:
        driver.run(new.conversation.begin(), new.login_deadline)
        driver.run(new.conversation.go_on())
    except (OSError, Pop3Error) as error:
        log.info("a session ended early: %s", error)
    finally:
        with new.closing:
            try:
                driver.run(new.conversation.close())
            finally:
                driver.close()
