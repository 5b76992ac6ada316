"""Our client on asyncio."""

import asyncio

from pop3_adapters.asyncio import connect
from pop3_proto import TlsPolicy

from ..job import Job
from ..measure import measure
from .async_client import fetch


async def main(job: Job) -> int:
    return await fetch(connect(job.host, job.port, tls=TlsPolicy.NONE), job)


if __name__ == "__main__":
    measure(lambda job: asyncio.run(main(job)))
