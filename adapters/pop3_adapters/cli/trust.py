"""Whom a client trusts."""

import os
import ssl
from pathlib import Path

from pop3_proto.responses import printable

from ..socket import client_context
from .explain import reason
from .statuses import CommandError

__all__ = ["tls_context", "trusted"]


def trusted(ca_file: Path | None) -> str:
    """Whom `tls_context` trusts, in words."""
    if ca_file is None:
        return "the authorities of this system"
    return f"the authorities in {printable(os.fsencode(ca_file))}"


def tls_context(
    ca_file: Path | None, client_cert: Path | None = None, client_key: Path | None = None
) -> ssl.SSLContext:
    """TLS that trusts the authorities in a file, or those of the system, and shows a certificate.

    Raises CommandError.
    """
    try:
        context = client_context(str(ca_file) if ca_file else None)
    except OSError:
        raise CommandError(f"--ca-file {ca_file} contains no certificate in PEM form") from None
    if client_cert:
        try:
            context.load_cert_chain(client_cert, client_key, password=_no_password)
        except (OSError, ValueError) as error:
            raise CommandError(
                f"--client-cert and --client-key cannot be used ({reason(error)}): they have to be "
                "a certificate and its key in PEM form, the key not encrypted"
            ) from None
    return context


def _no_password() -> str:
    # Without this, OpenSSL would ask on the terminal.
    raise ValueError("the key is encrypted")
