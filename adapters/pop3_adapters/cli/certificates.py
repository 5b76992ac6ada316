"""What a certificate says, whether it was verified or not."""

import warnings
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from pop3_proto.responses import printable

__all__ = ["Certificate", "read_certificate"]


@dataclass(frozen=True, slots=True)
class Certificate:
    """The names, in a form that is fit for a terminal, and the time for which it is valid."""

    names: tuple[str, ...]
    """The hosts that it is for; the subject where it has none."""

    issuer: str
    begins: datetime
    ends: datetime

    def days_left(self, now: datetime) -> int:
        """Whole days until it ends; negative where it has ended."""
        return (self.ends - now).days


def read_certificate(der: bytes) -> Certificate | None:
    """Read it; None where its form is that of no certificate."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of what is odd, and can be read
            certificate = x509.load_der_x509_certificate(der)
            return Certificate(
                _names(certificate),
                _fit(certificate.issuer.rfc4514_string()),
                certificate.not_valid_before_utc,
                certificate.not_valid_after_utc,
            )
    except Exception:  # a hostile one is malformed in ways that have no base in common
        return None


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return (_fit(certificate.subject.rfc4514_string()),)
    addresses = map(str, found.get_values_for_type(x509.IPAddress))
    return tuple(map(_fit, (*found.get_values_for_type(x509.DNSName), *addresses)))


def _fit(text: str) -> str:
    return printable(text.encode("utf-8", "backslashreplace"))
