"""Programs of others that fetch mail, each told which way to log in, inside TLS."""

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tests.interop.ours import NAME, OurServer

SECONDS = 30
TOKEN_WAYS = ("OAUTHBEARER", "XOAUTH2")


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs in, how, and with what."""

    way: str
    """`USER`, `APOP`, or a mechanism of AUTH; empty where the program may choose."""

    secret: str
    """A password, or a token where the way takes that."""

    certificate: Path | None = None
    name: str = NAME
    initial_response: bool = False
    """Whether all is to go in one line, where the program can be told so."""

    @property
    def token(self) -> str | None:
        return self.secret if self.way in TOKEN_WAYS else None


Fetch: TypeAlias = Callable[[str, OurServer, Login, Path], bytes]
"""Runs the program of a path in a folder, and gives all mail that it has fetched."""


def fetch_with_curl(path: str, server: OurServer, login: Login, folder: Path) -> bytes:
    way = {"": "*", "APOP": "+APOP"}.get(login.way, login.way)
    # It takes EXTERNAL only where there is no password. It has no word for USER, and of two ways
    # for a token it takes the better one, whatever it is told: the server offers nothing else then.
    password = "" if login.token or login.certificate else login.secret
    command = [path, "--silent", "--max-time", str(SECONDS), "--ssl-reqd"]
    command += ["--cacert", str(server.ca_file), "--user", f"{login.name}:{password}"]
    command += ["--sasl-ir"] if login.initial_response else []
    command += [] if way == "USER" else ["--login-options", f"AUTH={way}"]
    command += ["--oauth2-bearer", login.token] if login.token else []
    command += ["--cert", str(login.certificate)] if login.certificate else []
    return output(*command, f"pop3://localhost:{server.port}/1")


def fetch_with_mpop(path: str, server: OurServer, login: Login, folder: Path) -> bytes:
    for part in ("cur", "new", "tmp"):
        (folder / part).mkdir()
    config = f"""
        account default
        host localhost
        port {server.port}
        user {login.name}
        auth {login.way.lower() or "on"}
        password "{login.secret}"
        tls on
        tls_trust_file {server.ca_file}
        uidls_file {folder}/uidls
        delivery maildir {folder}
        keep on
    """
    if login.certificate:
        config += f"tls_cert_file {login.certificate}\ntls_key_file {login.certificate}\n"
    _ = output(path, f"--file={private(folder / 'config', config)}", "--quiet")
    return b"".join(file.read_bytes() for file in (folder / "new").iterdir())


def fetch_with_mutt(path: str, server: OurServer, login: Login, folder: Path) -> bytes:
    spool = private(folder / "spool", "")
    token = private(folder / "token", login.token or "")
    config = f"""
        set pop_host="pop://{login.name}@localhost:{server.port}"
        set pop_authenticators="{login.way.lower()}" pop_pass="{login.secret}"
        set spoolfile="{spool}" folder="{folder}" mbox_type=mbox
        set pop_delete=no move=no quit=yes sleep_time=0
        set ssl_starttls=yes ssl_force_tls=yes ssl_usesystemcerts=no
        set ssl_ca_certificates_file="{server.ca_file}" certificate_file="{folder}/trusted"
        push "<fetch-mail><quit>"
    """
    if login.token:
        config += f'set pop_oauth_refresh_command="cat {token}"\n'
    if login.certificate:
        config += f'set ssl_client_cert="{login.certificate}"\n'
    command = f"{path} -n -F {private(folder / 'config', config)}"
    # It wants a terminal.
    _ = output("script", "--quiet", "--command", command, "/dev/null", home=folder)
    return spool.read_bytes()


def fetch_with_fetchmail(path: str, server: OurServer, login: Login, folder: Path) -> bytes:
    ways = {"": ("pop3", "any"), "USER": ("pop3", "password"), "APOP": ("apop", "any")}
    protocol, auth = ways.get(login.way, ("pop3", login.way.lower()))
    config = f"""
        poll localhost protocol {protocol} service {server.port} auth {auth}
        user {login.name} password "{login.secret}" keep
        sslproto 'auto' sslcertfile {server.ca_file} sslcertck
        mda "cat >>{folder}/mail"
    """
    command = [path, "--fetchmailrc", str(private(folder / "config", config)), "--nosyslog"]
    _ = output(*command, home=folder)
    mail = folder / "mail"
    return mail.read_bytes() if mail.exists() else b""


def output(*command: str, home: Path | None = None) -> bytes:
    """What a program says. None of its exit statuses is a surprise: what it has fetched counts."""
    environment = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    if home:
        environment |= {"HOME": str(home), "FETCHMAILHOME": str(home)}
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=environment,
        timeout=SECONDS,
        check=False,
    ).stdout


def private(file: Path, text: str) -> Path:
    file.write_text(text)
    file.chmod(0o600)
    return file


PROGRAMS: dict[str, Fetch] = {
    "curl": fetch_with_curl,
    "fetchmail": fetch_with_fetchmail,
    "mpop": fetch_with_mpop,
    "mutt": fetch_with_mutt,
}
