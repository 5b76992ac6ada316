"""Both machines in TRANSACTION, where most of a session goes on."""

from pop3_proto import ClientConnection, Pass, ServerConnection, User

__all__ = ["client_in_transaction", "server_in_transaction"]


def client_in_transaction() -> ClientConnection:
    """A client that has logged in."""
    conn = ClientConnection()
    conn.receive_data(b"+OK ready\r\n")
    _ = conn.next_event()
    for command in (User("alice"), Pass("secret")):
        _ = conn.send(command)
        conn.receive_data(b"+OK\r\n")
        _ = conn.next_event()
    return conn


def server_in_transaction() -> ServerConnection:
    """A server whose client has logged in."""
    conn = ServerConnection()
    _ = conn.greet()
    conn.receive_data(b"USER alice\r\nPASS secret\r\n")
    for _ in ("USER", "PASS"):
        _ = conn.next_event()
        _ = conn.reply(True)
    return conn
