"""Whom a client trusts."""

import os
import ssl
from pathlib import Path

from pop3_proto.responses import printable

from ..socket import client_context
from .statuses import CommandError

__all__ = ["tls_context", "trusted"]


def trusted(ca_file: Path | None) -> str:
    """Whom `tls_context` trusts, in words."""
    if ca_file is None:
        return "the authorities of this system"
    return f"the authorities in {printable(os.fsencode(ca_file))}"


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """TLS that trusts the authorities in a file, or those of the system. Raises CommandError."""
    try:
        return client_context(str(ca_file) if ca_file else None)
    except OSError:
        raise CommandError(f"--ca-file {ca_file} contains no certificate in PEM form") from None
