"""Our client on whatever event loop has connected it."""

from collections.abc import Awaitable

from pop3_adapters.asyncio import Client

from ..job import Job

__all__ = ["fetch"]


async def fetch(connecting: Awaitable[Client], job: Job) -> int:
    """Stream the messages of a job, and count their octets."""
    octets = 0
    async with await connecting as client:
        _ = await client.login(job.user, job.password, mechanism="USER", allow_insecure_auth=True)
        async for message in client.fetch(job.wanted(await client.scan_listings())):
            async for chunk in message:
                octets += len(chunk)
    return octets
