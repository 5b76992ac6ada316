"""Qt (PySide6): the signals of a QTcpSocket drive a conversation; no window is needed.

    python examples/qt_client.py HOST PORT USER PASSWORD

There is no TLS, and others may see the password on the command line: for loopback only.
"""

import sys

from PySide6.QtCore import QCoreApplication, QTimer
from PySide6.QtNetwork import QTcpSocket

from pop3_proto import ClientConnection, List, Retr, TlsPolicy
from pop3_proto.flows import client as flows
from pop3_proto.flows.core import Flow, Invoke, Io, Send
from pop3_proto.flows.login import login


def retrieve(conn: ClientConnection, user: str, password: str) -> Flow[None]:
    """Log in, print every message, and quit."""
    yield from flows.open_session(conn, TlsPolicy.NONE)
    yield from login(conn, user, password, allow_insecure_auth=True)
    for number, _ in (yield from flows.request(conn, List())):
        message = yield from flows.request(conn, Retr(number))
        print(f"{number}: {len(message)} octets, {message[:30]!r}")
    yield from flows.quit(conn)


class Driver:
    """Does what a flow wants, and quits the event loop at its end."""

    def __init__(self, sock: QTcpSocket, conn: ClientConnection, flow: Flow[None]) -> None:
        self.sock, self.conn, self.flow = sock, conn, flow
        self.error: Exception | None = None
        sock.readyRead.connect(self.receive)
        sock.errorOccurred.connect(self.fail)

    def receive(self) -> None:
        self.conn.receive_data(self.sock.readAll().data())
        self.go_on()

    def fail(self, error: QTcpSocket.SocketError) -> None:
        if error is QTcpSocket.SocketError.RemoteHostClosedError:
            self.conn.receive_eof()  # the machine knows whether something was still due
            self.go_on()
        else:
            self.end(OSError(self.sock.errorString()))

    def go_on(self) -> None:
        try:
            for want in self.flow:
                if isinstance(want, Send):
                    self.sock.write(want.data)
                elif isinstance(want, Invoke):  # a mechanism of AUTH, which is quick here
                    want.deliver(want.function())
                elif want is Io.RECEIVE:
                    return
        except Exception as error:  # Qt would print it and wait for ever
            self.end(error)
        else:
            self.end()

    def end(self, error: Exception | None = None) -> None:
        self.error = self.error or error
        self.sock.disconnectFromHost()
        QTimer.singleShot(0, QCoreApplication.quit)  # the loop may not have begun yet


def main(host: str, port: str, user: str, password: str) -> None:
    app, sock, conn = QCoreApplication(), QTcpSocket(), ClientConnection()
    driver = Driver(sock, conn, retrieve(conn, user, password))
    sock.connectToHost(host, int(port))
    app.exec()
    if driver.error:
        sys.exit(f"{type(driver.error).__name__}: {driver.error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
