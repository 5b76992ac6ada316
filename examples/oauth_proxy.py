"""A proxy for programs that cannot do OAuth: they log in here with USER and PASS, and it logs in
to the real server with an access token. A server of ours whose maildrop is a client of ours.

    python examples/oauth_proxy.py URL PORT TOKEN_FILE PASSWORD

The URL is the real server's, as pop3s://alice@example.org, and the token is read anew for each
session. There is no TLS towards the program, and others may see PASSWORD: for loopback only.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from pathlib import Path

import pop3_proto as pop3
from pop3_adapters.asyncio import connect, serve
from pop3_adapters.maildrops import Passwords


class Upstream:
    """One session's maildrop, on the real server."""

    def __init__(self, url: pop3.Pop3Url, token: Path) -> None:
        self.url, self.token = url, token

    async def open(self) -> list[pop3.MessageEntry]:
        url, limits = self.url, pop3.Limits(drain=1 << 30)  # TOP leaves messages early
        self.client = await connect(url.host, url.port, tls=url.tls, limits=limits)
        try:
            token = self.token.read_text("ascii").strip()
            insecure = not self.client.tls
            await self.client.login_oauth(url.user or "", token, allow_insecure_auth=insecure)
            unique_ids = dict(await self.client.unique_ids())
            sizes = {number: octets or 0 for number, octets in await self.client.scan_listings()}
        except BaseException as error:
            await self.client.close()
            if isinstance(error, pop3.AuthenticationFailed):
                raise pop3.Refused("the token is refused", pop3.ResponseCode.of("AUTH")) from error
            raise
        self.numbers = list(sizes)
        return [pop3.MessageEntry(sizes[number], unique_ids[number]) for number in sizes]

    async def read(self, index: int) -> AsyncIterator[bytes]:
        async with await self.client.retrieve(self.numbers[index]) as message:
            async for octets in message:
                yield octets

    async def delete(self, indexes: Collection[int]) -> None:
        await self.client.delete(*(self.numbers[index] for index in indexes))
        if await self.client.quit() is not pop3.Deletions.DONE:
            raise OSError("the real server has not confirmed the deletions")

    async def close(self) -> None:
        await self.client.close()


async def main(url: str, port: str, token: str, password: str) -> None:
    real = pop3.parse_url(url)
    users = Passwords({real.user or "": password}, lambda _: Upstream(real, Path(token)))
    async with serve(users, port=int(port), allow_insecure_auth=True) as server:
        print(f"port {server.port}", flush=True)
        await server.wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(*sys.argv[1:]))
