"""Python's poplib, by its own names: the same calls, results and exceptions.

    from pop3_adapters import poplib

What is better here, and what therefore differs, stands in docs/poplib.md. New programs are better
served by `pop3_adapters.socket`, which this module does without: it checks no state, and takes
anything for a message-number.
"""

import binascii
import contextlib
import errno
import functools
import io
import re
import select
import socket
import ssl
import sys
import warnings
from collections.abc import Callable
from typing import Final, NoReturn, TypeAlias, cast, overload

from pop3_proto.apop import apop_digest
from pop3_proto.base64 import encode_base64
from pop3_proto.body import BodyDecoder
from pop3_proto.limits import Limits
from pop3_proto.lines import breaks_line

from ._body_lines import BodyLines
from ._poplib_session import PoplibSession

__all__ = ["POP3", "POP3_SSL", "error_proto"]

POP3_PORT = 110
POP3_SSL_PORT = 995

CR = b"\r"
LF = b"\n"
CRLF = b"\r\n"

HAVE_SSL = True

_MAXLINE = 2048
"""Octets of a status line, its end included; those of a body are as long as they like."""

READ: Final = 256 * 1024

DEFAULT_TIMEOUT: Final[float] = vars(socket)["_GLOBAL_DEFAULT_TIMEOUT"]

# Named out here, because inside the class `list` is a method.
Words: TypeAlias = list[str]
LongResponse: TypeAlias = tuple[bytes, list[bytes], int]
"""The status line, the lines of the body, and its octets with the ends of its lines."""


class error_proto(Exception):  # noqa: N801 - the name of the standard module
    """A refusal, or what is no answer; its argument is the server's line, or what is wrong."""


class POP3:
    """A session with a server, over a connection without TLS until `stls`.

    Message-numbers may be numbers or text. Responses are octets without the end of their line,
    and begin with `+`. Every method raises error_proto where the server refuses, ends, or says
    what is no response, ValueError for an argument that contains CR, LF or NUL, and OSError for
    what the connection raises.
    """

    encoding = "UTF-8"

    limits = Limits()
    """`message` bounds the octets of a multi-line response."""

    timestamp = re.compile(rb"\+OK.[^<]*(<.*>)")

    file: io.BufferedReader

    def __init__(
        self, host: str, port: int = POP3_PORT, timeout: float | None = DEFAULT_TIMEOUT
    ) -> None:
        self.host = host
        self.port = port
        self._tls_established = False
        sys.audit("poplib.connect", self, host, port)
        self._debugging = 0
        self._talk_over(self._create_socket(timeout))
        try:
            self.welcome = self._getresp()
        except BaseException:
            self.close()
            raise

    def _create_socket(self, timeout: float | None) -> socket.socket:
        if timeout == 0:
            raise ValueError("Non-blocking socket (timeout=0) is not supported")
        return socket.create_connection((self.host, self.port), timeout)

    def _talk_over(self, sock: socket.socket) -> None:
        self.sock = sock
        self.file = cast("io.BufferedReader", sock.makefile("rb", READ))

    @functools.cached_property
    def _session(self) -> PoplibSession:
        # Not made in __init__, which some subclasses replace.
        return PoplibSession()

    def _putline(self, line: bytes) -> None:
        if breaks_line(line):
            raise ValueError(
                "a command cannot contain CR, LF or NUL: take off the end of a line that was read "
                "from a file"
            )
        if not self._session.pending:
            self._check_step()
        if self._debugging > 1:
            print("*put*", repr(self._session.shown(line)))
        sys.audit("poplib.putline", self, line)
        send = self.sock.sendall
        whole, self._session.whole = self._session.whole, False
        send(line + CRLF)
        self._session.sent(line)
        self._session.whole = whole

    def _putcmd(self, line: str) -> None:
        octets = bytes(line, self.encoding)
        if self._debugging:
            print("*cmd*", repr(str(self._session.shown(octets), self.encoding)))
        self._putline(octets)

    def _check_step(self) -> None:
        """What was said before it was asked for would be taken for the answer."""
        if not self._session.whole:
            raise error_proto(
                "-ERR out of step: the last response was not read to its end; close this "
                "connection and open another one"
            )
        if said := self._waiting():
            line = self._session.redacted(said.partition(LF)[0])[:80]
            raise error_proto(
                f"-ERR out of step: the server had said {line!r} before it was asked; close this "
                "connection and open another one"
            )

    def _waiting(self) -> bytes:
        if self._silent() or not hasattr(self.file, "peek"):
            return b""
        timeout = self.sock.gettimeout()
        self.sock.settimeout(0)
        try:
            return self.file.peek()
        except ssl.SSLWantReadError:
            return b""
        finally:
            self.sock.settimeout(timeout)

    def _silent(self) -> bool:
        """Whether nothing waits, as far as a quarter of the time of a look can tell (0.8 µs)."""
        sock = cast("object", self.sock)  # which programs replace
        if self._session.drained is not self.file or not isinstance(sock, socket.socket):
            return False
        if isinstance(sock, ssl.SSLSocket) and sock.pending():
            return False
        descriptor = sock.fileno()
        if descriptor < 0 or not hasattr(select, "poll"):  # Windows has none
            return False
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return not poll.poll(0)

    def _getline(self) -> tuple[bytes, int]:
        # Only a status line: a look at each line of a body would copy most of it each time.
        looks = self._session.pending and hasattr(self.file, "peek")
        self._session.awaiting()
        buffered = len(self.file.peek()) if looks else -1
        line = self.file.readline(_MAXLINE + 1)
        self._session.drained = self.file if len(line) == buffered else None
        if len(line) > _MAXLINE:
            raise error_proto("line too long")
        if self._debugging > 1:
            print("*get*", repr(self._session.redacted(line)))
        if not line.endswith(LF):
            raise error_proto("-ERR EOF")
        self._session.whole = True
        if line.endswith(CRLF):
            self._session.last_eol = CRLF
            return line[:-2], len(line)
        self._session.last_eol = LF
        return line[:-1].removeprefix(CR), len(line)

    def _getresp(self) -> bytes:
        resp, _ = self._getline()
        if self._debugging > 1:
            print("*resp*", repr(self._session.redacted(resp)))
        self._session.heard(resp)
        if not self._session.learn():
            self._session.whole = False
            raise error_proto(
                f"-ERR out of step: {self._session.redacted(resp)[:80]!r} ends in a bare LF, and "
                "the server's lines end in CRLF; close this connection and open another one"
            )
        if not resp.startswith(b"+"):
            raise error_proto(resp)
        return resp

    def _getlongresp(self) -> LongResponse:
        resp = self._getresp()
        # Some subclasses look at each line.
        in_bulk = type(self)._getline is POP3._getline and hasattr(self.file, "peek")
        try:
            body = self._read_body() if in_bulk else self._read_lines()
        except BaseException:
            self._session.whole = False
            raise
        return resp, body.lines, body.octets

    def _read_body(self) -> BodyLines:
        body, decoder = BodyLines(), BodyDecoder(self._session.eol or self._session.last_eol)
        while not decoder.ended:
            octets = self.file.peek()
            if not octets:
                raise error_proto("-ERR EOF")
            piece, used = decoder.decode(octets)
            _ = self.file.read(used)
            self._session.drained = self.file if used == len(octets) else None
            body.add(piece)
            self._check_size(body)
        if self._debugging > 1:
            for line in body.lines:
                print("*get*", repr(self._session.redacted(line)))
        return body

    def _read_lines(self) -> BodyLines:
        pending, body = self._session.pending, BodyLines()
        eol = self._session.eol or self._session.last_eol
        line, octets = self._getline()
        while line != b"." or self._session.last_eol != eol:
            body.add_line(line, octets)
            self._check_size(body)
            line, octets = self._getline()
        self._session.pending = pending
        return body

    def _check_size(self, body: BodyLines) -> None:
        if body.octets > self.limits.message:
            raise error_proto(
                f"response too long: more than {self.limits.message} octets; close this "
                "connection, and set POP3.limits before the next one where that is mail"
            )

    def _shortcmd(self, line: str) -> bytes:
        self._putcmd(line)
        return self._getresp()

    def _longcmd(self, line: str) -> LongResponse:
        self._putcmd(line)
        return self._getlongresp()

    def getwelcome(self) -> bytes:
        """The greeting."""
        return self.welcome

    def set_debuglevel(self, level: int) -> None:
        """Print commands (1), or all that is said (2), without passwords and the like."""
        self._debugging = level

    def user(self, user: str) -> bytes:
        """Say who logs in (RFC 1939, section 7)."""
        return self._shortcmd(f"USER {user}")

    def pass_(self, pswd: str) -> bytes:
        """Give the password, and lock the maildrop until `quit` (RFC 1939, section 7)."""
        return self._shortcmd(f"PASS {pswd}")

    def auth(
        self,
        mechanism: str,
        authobject: Callable[[bytes], bytes | str | None] | None = None,
        initial_response: bytes | str | None = None,
    ) -> bytes:
        """Log in by a mechanism of SASL (RFC 5034, section 4).

        `authobject` gives the response to each challenge; None is an empty one, and `b"*"` gives
        up. An `initial_response` goes with the command, and the status line that it gets is the
        result, even a challenge. Neither of them is in base64. With none of the two, the result
        is the server's first challenge.

        Raises ValueError where both are given, or a challenge is no base64.
        """
        if authobject is not None and initial_response is not None:
            raise ValueError(
                "authobject and initial_response are mutually exclusive: authobject can give the "
                "first response, too"
            )
        if authobject is None:
            response = self._octets(initial_response)
            return self._shortcmd(f"AUTH {mechanism} {_base64(response)}".rstrip())
        resp = self._shortcmd(f"AUTH {mechanism}")
        for _ in range(self.limits.challenges):
            if resp.startswith(b"+OK"):
                return resp
            response = self._respond(authobject, resp)
            resp = self._shortcmd("*" if response == b"*" else _base64(response))
        raise error_proto("-ERR too many challenges; close this connection")

    def _respond(self, authobject: Callable[[bytes], bytes | str | None], resp: bytes) -> bytes:
        try:
            return self._octets(authobject(_challenge(resp)))
        except Exception:  # or the next command would be taken for the response
            with contextlib.suppress(error_proto, OSError):
                _ = self._shortcmd("*")
            raise

    def _octets(self, response: bytes | str | None) -> bytes:
        return response.encode(self.encoding) if isinstance(response, str) else response or b""

    def apop(self, user: str, password: str) -> bytes:
        """Log in by a digest of the password and of the timestamp in the greeting (RFC 1939,
        section 7).

        MD5 protects a password from nobody who can write a greeting of their own.
        """
        secret = bytes(password, self.encoding)
        match = self.timestamp.match(self.welcome)
        if not match:
            raise error_proto("-ERR APOP not supported by server")
        digest = apop_digest(match.group(1), secret)
        return self._shortcmd(f"APOP {user} {digest.decode()}")

    def rpop(self, user: str) -> bytes:
        """Log in by the name of a host that the server trusts (RFC 1081)."""
        return self._shortcmd(f"RPOP {user}")

    def stat(self) -> tuple[int, int]:
        """How many messages there are, and their size in octets (RFC 1939, section 5).

        Raises error_proto, too, where the server gives no two numbers.
        """
        words = self._shortcmd("STAT").split()
        if self._debugging:
            print("*stat*", repr([self._session.redacted(word) for word in words]))
        if len(words) < 3:
            raise error_proto("Invalid STAT response format")
        try:
            return int(words[1]), int(words[2])
        except ValueError:
            raise error_proto("Invalid STAT response data: non-numeric values") from None

    @overload
    def list(self, which: None = None) -> LongResponse: ...
    @overload
    def list(self, which: object) -> bytes: ...
    def list(self, which: object = None) -> LongResponse | bytes:
        """Number and size of each message, or of one (RFC 1939, section 5)."""
        if which is not None:
            return self._shortcmd(f"LIST {which}")
        return self._longcmd("LIST")

    def retr(self, which: object) -> LongResponse:
        """A message (RFC 1939, section 5)."""
        return self._longcmd(f"RETR {which}")

    def dele(self, which: object) -> bytes:
        """Mark a message, which `quit` then deletes (RFC 1939, section 5)."""
        return self._shortcmd(f"DELE {which}")

    def noop(self) -> bytes:
        """Nothing, but that the server answers (RFC 1939, section 5)."""
        return self._shortcmd("NOOP")

    def rset(self) -> bytes:
        """Take back all marks for deletion (RFC 1939, section 5)."""
        return self._shortcmd("RSET")

    def top(self, which: object, howmuch: object) -> LongResponse:
        """The header of a message, and so many lines of its body (RFC 1939, section 7)."""
        return self._longcmd(f"TOP {which} {howmuch}")

    @overload
    def uidl(self, which: None = None) -> LongResponse: ...
    @overload
    def uidl(self, which: object) -> bytes: ...
    def uidl(self, which: object = None) -> LongResponse | bytes:
        """Number and unique-id of each message, or of one (RFC 1939, section 7)."""
        if which is not None:
            return self._shortcmd(f"UIDL {which}")
        return self._longcmd("UIDL")

    def utf8(self) -> bytes:
        """Have the server send mail as it is, with names in UTF-8 (RFC 6856, section 2)."""
        return self._shortcmd("UTF8")

    def capa(self) -> dict[str, Words]:
        """What the server can do, each capability with its arguments (RFC 2449, section 5)."""
        try:
            lines = self._longcmd("CAPA")[1]
        except error_proto as error:
            raise error_proto("-ERR CAPA not supported by server") from error
        words = (line.decode("ascii").split() for line in lines)
        return {line[0]: line[1:] for line in words}

    def stls(self, context: ssl.SSLContext | None = None) -> bytes:
        """Go on in TLS (RFC 2595, section 4).

        Without a context the certificate is not verified, as in poplib; the first time, that is a
        warning. `ssl.create_default_context()` is one that verifies it.
        """
        if self._tls_established:
            raise error_proto("-ERR TLS session already established")
        if "STLS" not in self.capa():
            raise error_proto("-ERR STLS not supported by server")
        context = context or _default_context()
        resp = self._shortcmd("STLS")
        self._check_step()
        self._talk_over(context.wrap_socket(self.sock, server_hostname=self.host))
        self._session.tls_started()
        self._tls_established = True
        return resp

    def quit(self) -> bytes:
        """Have the marked messages deleted, and close the connection (RFC 1939, section 6)."""
        resp = self._shortcmd("QUIT")
        self.close()
        return resp

    def close(self) -> None:
        """Close the connection without a word; nothing is deleted."""
        file = cast("io.BufferedReader | None", self.file)
        sock = cast("socket.socket | None", self.sock)
        # Typed as if they were always there, so that nobody has to ask.
        self.file, self.sock = cast("io.BufferedReader", None), cast("socket.socket", None)
        try:
            if file is not None:
                file.close()
        finally:
            if sock is not None:
                _shut(sock)


class POP3_SSL(POP3):  # noqa: N801 - the name of the standard module
    """A session in TLS from the first octet on (RFC 8314, section 3.2).

    Without a context the certificate is not verified, as in poplib; the first time, that is a
    warning. `ssl.create_default_context()` is one that verifies it.
    """

    if sys.version_info >= (3, 12):

        def __init__(
            self,
            host: str,
            port: int = POP3_SSL_PORT,
            *,
            timeout: float | None = DEFAULT_TIMEOUT,
            context: ssl.SSLContext | None = None,
        ) -> None:
            self.context = context or _default_context()
            super().__init__(host, port, timeout)

        def stls(self, context: ssl.SSLContext | None = None) -> NoReturn:
            """Raises error_proto: this is TLS already."""
            raise error_proto("-ERR TLS session already established")

    else:

        def __init__(
            self,
            host: str,
            port: int = POP3_SSL_PORT,
            keyfile: str | None = None,
            certfile: str | None = None,
            timeout: float | None = DEFAULT_TIMEOUT,
            context: ssl.SSLContext | None = None,
        ) -> None:
            for name, file in (("keyfile", keyfile), ("certfile", certfile)):
                if context is not None and file is not None:
                    raise ValueError(f"context and {name} arguments are mutually exclusive")
            if keyfile is not None or certfile is not None:
                warnings.warn(
                    "keyfile and certfile are deprecated, use a custom context instead",
                    DeprecationWarning,
                    stacklevel=2,
                )
            self.keyfile = keyfile
            self.certfile = certfile
            self.context = context or _default_context(certfile=certfile, keyfile=keyfile)
            super().__init__(host, port, timeout)

        def stls(
            self,
            context: ssl.SSLContext | None = None,
            keyfile: object = None,
            certfile: object = None,
        ) -> NoReturn:
            """Raises error_proto: this is TLS already."""
            raise error_proto("-ERR TLS session already established")

    def _create_socket(self, timeout: float | None) -> socket.socket:
        sock = super()._create_socket(timeout)
        return self.context.wrap_socket(sock, server_hostname=self.host)


def _base64(response: bytes) -> str:
    return encode_base64(response).decode("ascii")


def _challenge(resp: bytes) -> bytes:
    """What a challenge carries, where padding may be missing and what is no base64 be between."""
    text = resp[1:].lstrip(b" ")
    try:
        return binascii.a2b_base64(text)
    except binascii.Error:
        return binascii.a2b_base64(text + b"=" * (-len(text) % 4))


def _default_context(**files: str | None) -> ssl.SSLContext:
    """The context that programs get who name none; some replace what makes it."""
    make: Callable[..., ssl.SSLContext] = vars(ssl)["_create_stdlib_context"]
    context = make(**files)
    if context.verify_mode is ssl.CERT_NONE:
        _warn_of_unverified_tls()
    return context


@functools.cache
def _warn_of_unverified_tls() -> None:
    warnings.warn(
        "the certificate of the server is not verified, so anybody on the way can read and change "
        "what is said: give a context, as in context=ssl.create_default_context()",
        stacklevel=4,
    )


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError as error:
        # The server may have closed the connection; Windows calls that an invalid operation.
        if error.errno != errno.ENOTCONN and getattr(error, "winerror", 0) != 10022:
            raise
    finally:
        sock.close()


def _print_mail(host: str, user: str, password: str) -> None:
    """What `python -m pop3_adapters.poplib HOST USER PASSWORD` does."""
    client = POP3(host)
    print(repr(client.getwelcome()))
    _ = client.user(user)
    _ = client.pass_(password)
    messages, _ = client.stat()
    for number in range(1, messages + 1):
        _, lines, _ = client.retr(number)
        print(f"Message {number}:")
        for line in lines:
            print("  ", line.decode("utf-8", "replace"))
        print("-----------------------")
    _ = client.quit()


if __name__ == "__main__":
    _print_mail(*sys.argv[1:4])
