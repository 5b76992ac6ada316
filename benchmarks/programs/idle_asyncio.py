"""Our client on asyncio, with many sessions in one process that wait: what memory they take."""

import asyncio
import resource
import sys
import time
from pathlib import Path
from typing import Final

from pop3_adapters.asyncio import Client, connect
from pop3_proto import TlsPolicy

from ..job import Job, Result

AT_A_TIME: Final = 50
"""How many connect at the same time."""


async def hold(job: Job) -> int:
    """Octets that all sessions take together."""
    clients = [await open_session(job)]  # what is loaded only now is not theirs
    before = resident()
    while (left := job.count + 1 - len(clients)) > 0:
        # Few tasks, because their memory stays with the process.
        clients += await asyncio.gather(*(open_session(job) for _ in range(min(left, AT_A_TIME))))
    taken = resident() - before
    for client in clients:
        _ = await client.quit()
    return taken


async def open_session(job: Job) -> Client:
    client = await connect(job.host, job.port, tls=TlsPolicy.NONE)
    _ = await client.login(job.user, job.password, mechanism="USER", allow_insecure_auth=True)
    return client


def resident() -> int:
    """Octets of memory that this process has now, as Linux tells."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def main() -> None:
    job = Job.from_json(sys.argv[1])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    wall, cpu = time.perf_counter(), time.process_time()
    taken = asyncio.run(hold(job))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(Result(wall, cpu, taken, sessions=job.count + 1).to_json())


if __name__ == "__main__":
    main()
