"""Dovecot 2.3, on a port with STLS and one with TLS from the start.

By hand, with the six users of `tests.interop.accounts`, until it is interrupted:

    python -m tests.interop.servers.dovecot WORK PORT TLS_PORT [SETTING=VALUE ...]
"""

import base64
import itertools
import os
import secrets
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.interop.accounts import ACCOUNTS
from tests.interop.seeds import SEEDS
from tests.interop.servers import Unavailable, namespace, packages
from tests.interop.servers.by_hand import run_by_hand
from tests.interop.servers.certificates import Certificates, write_certificates
from tests.interop.servers.machine import check_machine
from tests.interop.servers.maildir import write_maildir
from tests.interop.servers.namespace import WORK
from tests.interop.servers.ports import free_ports
from tests.interop.servers.server import Server, User
from tests.interop.servers.tokens import FAR, ISSUER, OPENID_CONFIGURATION, SCOPE, signed_token

MAIL_OWNER = 3000
# Whose maildrop those see who log in by ANONYMOUS.
GUEST = "guest"

# The mechanisms that a password is for.
PASSWORDS = "plain login apop cram-md5 digest-md5 scram-sha-1 scram-sha-256"

# Dovecot looks at a file of passwords once a second at most. A file for each user is looked for
# when he logs in, so that a new user is known at once. Who shows a certificate has another one, in
# which there must not be a password.
CONFIG = f"""
protocols = pop3
log_path = /dev/stderr
auth_verbose = yes
default_internal_user = daemon
default_internal_group = daemon
default_login_user = nobody

ssl_cert = <{WORK}/server.pem
ssl_key = <{WORK}/server.pem
ssl_ca = <{WORK}/ca.pem
ssl_verify_client_cert = yes
ssl_require_crl = no
disable_plaintext_auth = no
auth_mechanisms = {PASSWORDS} external xoauth2 oauthbearer anonymous
auth_anonymous_username = {GUEST}
auth_ssl_username_from_cert = yes
auth_username_chars =
auth_failure_delay = 0
mail_location = maildir:{WORK}/mail/%u
mail_max_userip_connections = 200

passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {WORK}/oauth2
}}
passdb {{
  driver = passwd-file
  mechanisms = external
  args = username_format=%u {WORK}/certified/%u
}}
passdb {{
  driver = passwd-file
  mechanisms = {PASSWORDS}
  args = username_format=%u {WORK}/users/%u
}}
userdb {{
  driver = static
  args = uid={MAIL_OWNER} gid={MAIL_OWNER} home={WORK}/mail/%u
}}
service auth {{
  user = root
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""

OAUTH2 = f"""
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={WORK}/keys/
issuers = {ISSUER}
scope = {SCOPE}
username_attribute = sub
openid_configuration_url = {OPENID_CONFIGURATION}
"""
# Where Dovecot looks for the key of a token that does not say which one it was signed with.
TOKEN_KEY_FILE = "keys/default/HS256/default"

LISTENERS = """
service pop3-login {{
  service_count = 0
  inet_listener pop3 {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener pop3s {{
    address = 127.0.0.1
    port = {tls_port}
    ssl = yes
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Dovecot(Server):
    """A running Dovecot."""

    certificates: Certificates = field(kw_only=True)
    _token_key: bytes = field(kw_only=True, repr=False)
    _numbers: Iterator[int] = field(default_factory=itertools.count, repr=False)

    def new_user(
        self, messages: Iterable[bytes] = (), *, name: str = "", password: str = "secret"
    ) -> User:
        """A user whom nobody else uses, with `messages` (as on disk) in the maildrop, in order."""
        user_name = name or f"user{next(self._numbers)}"
        user = User(user_name, password, self.work / "mail" / user_name)
        write_maildir(user.maildir, messages, owner=MAIL_OWNER)
        secret = base64.b64encode(password.encode()).decode()
        self._write("users", f"{user_name}:{{PLAIN.b64}}{secret}::::::\n")
        self._write("certified", f"{user_name}:::::::nopassword\n")
        return user

    def _write(self, folder: str, record: str) -> None:
        name = record.partition(":")[0]
        (self.work / folder / name).write_text(record, encoding="utf-8")

    def token(self, name: str, *, expires: int = FAR) -> str:
        """An access token of the user `name`, which expires at a second since 1970."""
        return signed_token(self._token_key, name, expires=expires)


StartDovecot = Callable[[str], AbstractContextManager[Dovecot]]


@contextmanager
def running(
    work: Path, ports: tuple[int, int] | None = None, config: str = ""
) -> Generator[Dovecot]:
    """Run Dovecot until the context is left.

    Args:
        work: a folder that does not exist yet, for all that Dovecot writes.
        ports: for STLS, and for TLS from the start; two free ones by default.
        config: settings and sections in Dovecot's syntax, which override and add to `CONFIG`.

    Raises:
        Unavailable: this machine cannot run it.
        ServerFailed: Dovecot did not start.
    """
    check_machine()
    files, version = _fetch()
    port, tls_port = ports or free_ports(2)
    _write_work(work, port, tls_port, config)
    certificates = write_certificates(work)
    key = _write_token_key(work)
    server = Dovecot(
        work,
        port,
        tls_port,
        certificates.ca_file,
        version,
        certificates=certificates,
        _token_key=key,
    )
    for account in ACCOUNTS:
        server.new_user(account.messages, name=account.name, password=account.password)
    server.new_user([SEEDS["01-plain"].on_disk], name=GUEST)
    command = ["/usr/sbin/dovecot", "-F", "-c", f"{WORK}/dovecot.conf"]
    with namespace.running(command, work=work, packages=files, port=port):
        yield server


def _fetch() -> tuple[Path, str]:
    files = packages.unpacked("dovecot", ["dovecot-core", "dovecot-pop3d"])
    version = packages.version(files, "dovecot-pop3d")
    if not version.startswith("1:2.3."):
        raise Unavailable(
            f"the configuration is for Dovecot 2.3 and apt-get has {version}: "
            "use Debian 12 or Ubuntu 24.04, for example `docker run --privileged debian:12`"
        )
    return files, version


def _write_work(work: Path, port: int, tls_port: int, config: str) -> None:
    work.mkdir(parents=True)
    work.chmod(0o755)
    (work / "users").mkdir()
    (work / "certified").mkdir()
    (work / "mail").mkdir()
    os.chown(work / "mail", MAIL_OWNER, MAIL_OWNER)
    listeners = LISTENERS.format(port=port, tls_port=tls_port)
    (work / "dovecot.conf").write_text(CONFIG + listeners + config)
    (work / "oauth2").write_text(OAUTH2)


def _write_token_key(work: Path) -> bytes:
    key, file = secrets.token_bytes(32), work / TOKEN_KEY_FILE
    file.parent.mkdir(parents=True)
    file.write_bytes(base64.b64encode(key))
    return key


if __name__ == "__main__":
    run_by_hand(running)
