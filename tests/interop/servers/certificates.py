"""A certificate authority for one test run, and certificates from it for servers and clients."""

from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class Certificates:
    folder: Path
    authority: trustme.CA

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def server_file(self) -> Path:
        """The server's private key and certificate, for localhost and 127.0.0.1."""
        return self.folder / "server.pem"

    def client_file(self, name: str) -> Path:
        """The private key and certificate of a client whose common name is `name`."""
        file = self.folder / f"client-{name}.pem"
        client = self.authority.issue_cert(f"{name}@localhost", common_name=name)
        client.private_key_and_cert_chain_pem.write_to_path(file)
        return file


def write_certificates(folder: Path) -> Certificates:
    files = Certificates(folder, trustme.CA())
    files.authority.cert_pem.write_to_path(files.ca_file)
    # fetchmail wants a common name too.
    server = files.authority.issue_cert("localhost", "127.0.0.1", common_name="localhost")
    server.private_key_and_cert_chain_pem.write_to_path(files.server_file)
    return files
