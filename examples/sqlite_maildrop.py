"""A maildrop over SQLite, and a server on it; docs/maildrops.md tells what each method has to do.

    python examples/sqlite_maildrop.py FILE PORT USER PASSWORD [MESSAGE.eml ...]

The messages are delivered first. There is no TLS, and others may see the password: for loopback.
"""

import sqlite3
import sys
import threading
from collections.abc import Collection, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from pop3_adapters.maildrops import Passwords
from pop3_adapters.socket import serve
from pop3_proto import MessageEntry, Refused, ResponseCode

# What autoincrement gives is never used again, as unique-ids have to be.
TABLE = "create table if not exists message (id integer primary key autoincrement, owner, octets)"
LIST = "select id, length(octets) from message where owner = ? order by id"


class StoredMaildrop:
    """One user's mail; one session at a time may have it open."""

    def __init__(self, file: str, owner: str) -> None:
        self.file, self.owner, self.in_use = file, owner, threading.Lock()
        with self.database() as database:
            database.execute(TABLE)

    @contextmanager
    def database(self) -> Generator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.file)) as database, database:  # all is done, or nothing
            yield database

    def deliver(self, message: bytes) -> None:
        row = (self.owner, message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        with self.database() as database:
            database.execute("insert into message (owner, octets) values (?, ?)", row)

    def open(self) -> list[MessageEntry]:
        if not self.in_use.acquire(blocking=False):
            raise Refused("another session has the maildrop", ResponseCode.of("IN-USE"))
        try:
            with self.database() as database:
                self.rows: list[tuple[int, int]] = database.execute(LIST, [self.owner]).fetchall()
            return [MessageEntry(octets, b"%d" % number) for number, octets in self.rows]
        except BaseException:
            self.close()
            raise

    def read(self, index: int) -> Iterator[bytes]:
        query = "select octets from message where id = ?"
        with self.database() as database:
            yield database.execute(query, self.rows[index][:1]).fetchone()[0]

    def delete(self, indexes: Collection[int]) -> None:
        gone = [self.rows[index][:1] for index in indexes]
        with self.database() as database:
            database.executemany("delete from message where id = ?", gone)

    def close(self) -> None:
        self.in_use.release()


def main(file: str, port: str, user: str, password: str, *messages: str) -> None:
    maildrop = StoredMaildrop(file, user)
    for message in messages:
        maildrop.deliver(Path(message).read_bytes())
    users = Passwords({user: password}, lambda name: maildrop)
    with serve(users, port=int(port), allow_insecure_auth=True) as server:
        print("port", server.port, flush=True)
        with suppress(KeyboardInterrupt):
            server.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
