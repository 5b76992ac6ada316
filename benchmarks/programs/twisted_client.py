"""Twisted's client, which gives a message line by line."""

# Twisted is typed in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.task import react
from twisted.mail.pop3 import AdvancedPOP3Client

from ..job import Job
from ..measure import measure


class Fetcher(AdvancedPOP3Client):
    allowInsecureLogin = True

    def __init__(self) -> None:
        self.greeted: Deferred[None] = Deferred()
        self.octets = 0

    def serverGreeting(self, greeting: bytes) -> None:
        self.greeted.callback(None)

    def count(self, line: bytes) -> None:
        self.octets += len(line) + 2


def fetch(job: Job) -> int:
    fetcher = Fetcher()

    async def session(reactor: object) -> None:
        endpoint = TCP4ClientEndpoint(reactor, job.host, job.port)
        await connectProtocol(endpoint, fetcher)
        await fetcher.greeted
        _ = await fetcher.login(job.user.encode(), job.password.encode())
        for number in job.numbers:
            _ = await fetcher.retrieve(number - 1, fetcher.count)
        await fetcher.quit()

    try:
        react(session)
    except SystemExit as ended:
        if ended.code:
            raise
    return fetcher.octets


if __name__ == "__main__":
    measure(fetch)
