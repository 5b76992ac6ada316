"""Our server on asyncio, with a Maildir: python -m benchmarks.our_server MAILDIR

It says its port on its standard output, and takes alice with the password "secret".
"""

import asyncio
import sys

from pop3_adapters.asyncio import serve
from pop3_adapters.maildrops import MaildirMaildrop, Passwords


async def main(maildir: str) -> None:
    users = Passwords({"alice": "secret"}, lambda _: MaildirMaildrop(maildir))
    async with serve(users, allow_insecure_auth=True) as server:
        print(server.port, flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
