"""The certificate that a client has shown to a server."""

import ssl
from collections.abc import Iterable
from typing import TypeAlias, cast

from pop3_proto import ClientCertificate

__all__ = ["client_certificate"]

Names: TypeAlias = Iterable[tuple[str, str]]


def client_certificate(tls: ssl.SSLObject) -> ClientCertificate | None:
    """The one that TLS has verified; None where there is none."""
    der, fields = tls.getpeercert(True), tls.getpeercert()
    if not der or not fields:  # without fields, it was not verified
        return None
    subject = cast("Iterable[Names]", fields.get("subject", ()))
    others = cast(Names, fields.get("subjectAltName", ()))
    names = [name for pairs in subject for kind, name in pairs if kind == "commonName"]
    emails = tuple(name for kind, name in others if kind == "email")
    # Of several names, none is better than the others.
    return ClientCertificate(der, names[0] if len(names) == 1 else None, emails)
