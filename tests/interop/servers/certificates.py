"""A certificate authority for one test run, and a server's certificate from it."""

from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class Certificates:
    ca_file: Path
    server_file: Path
    """The server's private key and certificate, for localhost and 127.0.0.1."""


def write_certificates(folder: Path) -> Certificates:
    files = Certificates(folder / "ca.pem", folder / "server.pem")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(files.ca_file)
    # fetchmail wants a common name too.
    server = authority.issue_cert("localhost", "127.0.0.1", common_name="localhost")
    server.private_key_and_cert_chain_pem.write_to_path(files.server_file)
    return files
