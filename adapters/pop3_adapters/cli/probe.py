"""What it is that listens on a port, where it does not speak as expected."""

import ssl
from contextlib import nullcontext
from typing import Final

from pop3_proto import Pop3Url, TlsPolicy
from pop3_proto.responses import describe_foreign

from .dial import dial

__all__ = ["identify", "lenient_context"]

QUESTION: Final = b"HEAD / HTTP/1.0\r\n\r\n"
"""For whoever waits to be spoken to; it changes nothing."""


def identify(url: Pop3Url, seconds: float) -> str | None:
    """A sentence that names the protocol, with the remedy; None where it stays unknown.

    Waits for `seconds` at each of its steps, and says nothing secret.
    """
    for context in (None, lenient_context()):
        try:
            said = _listen(url, context, seconds)
        except OSError:
            continue
        if sentence := _sentence(url, said, inside=context is not None):
            return sentence
    return None


def lenient_context() -> ssl.SSLContext:
    """TLS that verifies nothing and takes any version: to look at a server, never to log in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.set_alpn_protocols(["pop3"])
    return context


def _listen(url: Pop3Url, context: ssl.SSLContext | None, seconds: float) -> bytes:
    """What is said first, or else in answer to a question; nothing where there is silence."""
    with (
        dial(url, seconds) as plain,
        context.wrap_socket(plain) if context else nullcontext(plain) as connection,
    ):
        for question in (b"", QUESTION):
            connection.sendall(question)
            try:
                return connection.recv(512)
            except TimeoutError:
                continue
    return b""


def _sentence(url: Pop3Url, said: bytes, *, inside: bool) -> str | None:
    foreign = describe_foreign(said)
    expected = url.tls is TlsPolicy.IMPLICIT
    port = f"port {url.port} of {url.host}"
    if foreign and not foreign.startswith("TLS"):
        within = " inside TLS" if inside else ""
        return f"this is no POP3 server, it speaks {foreign}{within}: check host and port"
    if said.startswith((b"+OK", b"-ERR")) and expected and not inside:
        return (
            f"{port} does not speak TLS from the first octet on, it is POP3 in plaintext: use "
            "pop:// in place of pop3s://"
        )
    if (inside or foreign) and not expected:
        return f"{port} speaks TLS from the first octet on: use pop3s:// in place of pop://"
    return None
