"""Our client over blocking sockets."""

from pop3_adapters.socket import Client, client_context, connect
from pop3_proto import TlsPolicy

from ..job import Job
from ..measure import measure


def fetch(job: Job) -> int:
    tls = TlsPolicy.IMPLICIT if job.ca_file else TlsPolicy.NONE
    context = client_context(job.ca_file) if job.ca_file else None
    with connect(job.host, job.port, tls=tls, context=context) as client:
        _ = client.login(job.user, job.password, mechanism="USER", allow_insecure_auth=True)
        return STYLES[job.style](client, job)


def streamed(client: Client, job: Job) -> int:
    messages = client.fetch(job.wanted(client.scan_listings()))
    return sum(len(chunk) for message in messages for chunk in message)


def one_at_a_time(client: Client, job: Job) -> int:
    return sum(len(chunk) for number in job.numbers for chunk in client.retrieve(number))


def collected(client: Client, job: Job) -> int:
    return sum(len(client.retrieve(number).read()) for number in job.numbers)


STYLES = {"streamed": streamed, "one at a time": one_at_a_time, "collected": collected}

if __name__ == "__main__":
    measure(fetch)
