"""The cases, as a table."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from .case import Case
from .contender import Contender
from .goals import FLOOR
from .mail import Batch

__all__ = ["CASES"]

STREAMED: Final = Contender("blocking", "ours_blocking", "streamed")
ONE_AT_A_TIME: Final = Contender("blocking", "ours_blocking", "one at a time")
COLLECTED: Final = Contender("blocking, collected", "ours_blocking", "collected")
DROP_IN: Final = Contender("drop-in", "ours_poplib")
ASYNCIO: Final = Contender("asyncio", "ours_asyncio")
TRIO: Final = Contender("trio", "ours_trio")
ANYIO: Final = Contender("anyio", "ours_anyio")
POPLIB: Final = Contender("poplib", "std_poplib")
TWISTED: Final = Contender("Twisted", "twisted_client")
CURL: Final = Contender("curl", "curl")
MPOP: Final = Contender("mpop", "mpop")
BARE: Final = Contender(FLOOR, "bare_loop")

MB: Final = 1_000_000


def at(server: str, *contenders: Contender) -> tuple[Contender, ...]:
    """The same contenders, with another server."""
    return tuple(replace(contender, server=server) for contender in contenders)


def large(body: str, count: int = 20) -> tuple[Batch, ...]:
    return (Batch(body, count, 20 * MB),)


def small(count: int) -> tuple[Batch, ...]:
    return (Batch("html", count, 4000),)


def _cases() -> Iterable[Case]:
    yield Case(
        "large",
        "large messages in base64, streamed",
        (STREAMED,),
        (POPLIB, TWISTED, CURL, BARE),
        large("base64"),
        large("base64", 10),
    )
    yield Case(
        "dots",
        "large messages, a dot at the beginning of each line",
        (STREAMED,),
        (POPLIB,),
        large("dots", 10),
        large("dots", 4),
    )
    yield Case(
        "html",
        "large messages in HTML: dots in nearly all lines, and at the beginning of none",
        (STREAMED,),
        (POPLIB,),
        large("html", 10),
        large("html", 4),
    )
    yield Case(
        "styled",
        "large messages in HTML, a dot at the beginning of each thousandth line",
        (STREAMED,),
        (POPLIB,),
        large("styled", 10),
        large("styled", 4),
    )
    yield Case(
        "small",
        "small messages, pipelined by those that can",
        (STREAMED,),
        (POPLIB, TWISTED, CURL, MPOP, BARE),
        small(5000),
        small(2000),
    )
    yield Case(
        "single",
        "small messages, one at a time",
        (ONE_AT_A_TIME,),
        (POPLIB, CURL),
        small(5000),
        small(2000),
    )
    yield Case(
        "delay",
        "small messages, over 50 ms of delay",
        (STREAMED,),
        (POPLIB, MPOP),
        small(200),
        small(200),
        delay=50,
    )
    yield Case(
        "tls",
        "large messages in base64, inside TLS",
        (STREAMED,),
        (POPLIB,),
        large("base64", 10),
        large("base64", 5),
        tls=True,
    )
    yield Case(
        "loops",
        "large messages in base64, on event loops",
        (ASYNCIO, TRIO, ANYIO),
        (STREAMED,),
        large("base64"),
        large("base64", 10),
    )
    yield Case(
        "drop-in-large",
        "large messages in base64, as lines",
        (DROP_IN,),
        (POPLIB,),
        large("base64"),
        large("base64", 4),
    )
    yield Case(
        "drop-in-small",
        "small messages, one at a time, as lines",
        (DROP_IN,),
        (POPLIB,),
        small(5000),
        small(2000),
    )
    yield Case(
        "memory",
        "memory for a large message",
        (STREAMED, COLLECTED),
        (Contender("blocking, 20 MB", "ours_blocking", "streamed", batch=1), POPLIB, CURL),
        (Batch("base64", 1, 200 * MB), Batch("base64", 1, 20 * MB)),
        (Batch("base64", 1, 200 * MB), Batch("base64", 1, 20 * MB)),
    )
    yield Case(
        "dovecot-large",
        "large messages in base64, streamed from Dovecot",
        at("Dovecot", STREAMED),
        at("Dovecot", POPLIB, CURL, BARE),
        large("base64"),
        large("base64", 4),
    )
    yield Case(
        "dovecot-small",
        "small messages from Dovecot, pipelined by those that can",
        at("Dovecot", STREAMED),
        at("Dovecot", POPLIB, CURL, MPOP, BARE),
        small(5000),
        small(2000),
    )
    yield Case(
        "idle",
        "idle sessions of one client, and what memory they take",
        (Contender("asyncio", "idle_asyncio"),),
        (),
        small(5000),
        small(1000),
    )
    yield serving("server-large", "large messages in base64 to curl", "curl", large("base64", 10))
    yield serving("server-small", "small messages to mpop, pipelined", "mpop", small(5000))
    yield serving("server-logins", "300 logins by AUTH PLAIN", "logins", small(1))


def serving(name: str, title: str, program: str, drop: tuple[Batch, ...]) -> Case:
    """Our server on asyncio against Dovecot, with the same client."""
    contenders = (
        Contender("our server", program, server="ours"),
        Contender("Dovecot", program, server="Dovecot"),
    )
    return Case(name, title, contenders[:1], contenders[1:], drop, drop)


CASES: Final = {case.name: case for case in _cases()}
