"""Our drop-in for the standard library's client."""

from pop3_adapters import poplib

from ..job import Job
from ..measure import measure


def fetch(job: Job) -> int:
    client = poplib.POP3(job.host, job.port)
    _ = client.user(job.user)
    _ = client.pass_(job.password)
    octets = sum(client.retr(number)[2] for number in job.numbers)
    _ = client.quit()
    return octets


if __name__ == "__main__":
    measure(fetch)
