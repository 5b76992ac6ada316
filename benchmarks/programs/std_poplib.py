"""The standard library's client."""

import poplib
import ssl

from ..job import Job
from ..measure import measure


def fetch(job: Job) -> int:
    client = _connect(job)
    _ = client.user(job.user)
    _ = client.pass_(job.password)
    octets = sum(client.retr(number)[2] for number in job.numbers)
    _ = client.quit()
    return octets


def _connect(job: Job) -> poplib.POP3:
    if job.ca_file is None:
        return poplib.POP3(job.host, job.port)
    context = ssl.create_default_context(cafile=job.ca_file)
    return poplib.POP3_SSL(job.host, job.port, context=context)


if __name__ == "__main__":
    measure(fetch)
