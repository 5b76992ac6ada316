"""Certificates made on the spot, good ones and bad ones."""

import ssl
from pathlib import Path

import trustme

__all__ = ["Certificates"]


class Certificates:
    """An authority that our clients trust, one that they do not, and what they have signed."""

    def __init__(self) -> None:
        self._trusted = trustme.CA()
        self._unknown = trustme.CA()

    def server(self, name: str = "127.0.0.1", *, known: bool = True) -> ssl.SSLContext:
        """A server's context, with a certificate for this name."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        show(context, (self._trusted if known else self._unknown).issue_cert(name))
        return context

    def files(self, folder: Path) -> tuple[Path, Path]:
        """A certificate and its key, in files of their own."""
        certificate, key = folder / "certificate.pem", folder / "key.pem"
        issued = self._trusted.issue_cert("127.0.0.1")
        certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())
        return certificate, key

    def asking(self) -> ssl.SSLContext:
        """The context of a server that would like to see a certificate of the client."""
        context = self.server()
        context.verify_mode = ssl.CERT_OPTIONAL
        self._trust(context)
        return context

    def authority(self, folder: Path) -> Path:
        """The authority that our clients trust, and have their certificates from."""
        path = folder / "authority.pem"
        path.write_bytes(self._trusted.cert_pem.bytes())
        return path

    def demanding(self) -> ssl.SSLContext:
        """The context of a server that wants to see a certificate of the client."""
        context = self.server()
        context.verify_mode = ssl.CERT_REQUIRED
        self._trust(context)
        return context

    def client(
        self,
        *,
        own: bool = False,
        known: bool = True,
        address: str = "alice@example.org",
        common_name: str | None = None,
    ) -> ssl.SSLContext:
        """The context of a client that verifies; `own`: it has a certificate to show, too."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._trust(context)
        if own:
            authority = self._trusted if known else self._unknown
            show(context, authority.issue_cert(address, common_name=common_name))
        return context

    def _trust(self, context: ssl.SSLContext) -> None:
        context.load_verify_locations(cadata=self._trusted.cert_pem.bytes().decode("ascii"))


def show(context: ssl.SSLContext, certificate: trustme.LeafCert) -> None:
    with certificate.private_key_and_cert_chain_pem.tempfile() as path:
        context.load_cert_chain(path)
