"""Our client on trio."""

import trio

from pop3_adapters.trio import connect
from pop3_proto import TlsPolicy

from ..job import Job
from ..measure import measure
from .async_client import fetch


async def main(job: Job) -> int:
    return await fetch(connect(job.host, job.port, tls=TlsPolicy.NONE), job)


if __name__ == "__main__":
    measure(lambda job: trio.run(main, job))
