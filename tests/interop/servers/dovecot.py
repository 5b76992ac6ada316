"""Dovecot 2.3, on a port with STLS and one with TLS from the start.

By hand, with the six users of `tests.interop.accounts`, until it is interrupted:

    python -m tests.interop.servers.dovecot WORK PORT TLS_PORT [SETTING=VALUE ...]
"""

import base64
import itertools
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.interop.accounts import ACCOUNTS
from tests.interop.servers import Unavailable, namespace, packages
from tests.interop.servers.by_hand import run_by_hand
from tests.interop.servers.certificates import write_certificates
from tests.interop.servers.machine import check_machine
from tests.interop.servers.maildir import write_maildir
from tests.interop.servers.namespace import WORK
from tests.interop.servers.ports import free_ports
from tests.interop.servers.server import Server, User

MAIL_OWNER = 3000

# Dovecot looks at a file of passwords once a second at most. A file for each user is looked for
# when he logs in, so that a new user is known at once.
CONFIG = f"""
protocols = pop3
log_path = /dev/stderr
auth_verbose = yes
default_internal_user = daemon
default_internal_group = daemon
default_login_user = nobody

ssl_cert = <{WORK}/server.pem
ssl_key = <{WORK}/server.pem
disable_plaintext_auth = no
auth_mechanisms = plain login apop cram-md5 digest-md5 scram-sha-1 scram-sha-256
auth_username_chars =
auth_failure_delay = 0
mail_location = maildir:{WORK}/mail/%u
mail_max_userip_connections = 200

passdb {{
  driver = passwd-file
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

    _numbers: Iterator[int] = field(default_factory=itertools.count, repr=False)

    def new_user(
        self, messages: Iterable[bytes] = (), *, name: str = "", password: str = "secret"
    ) -> User:
        """A user whom nobody else uses, with `messages` (as on disk) in the maildrop, in order."""
        user_name = name or f"user{next(self._numbers)}"
        user = User(user_name, password, self.work / "mail" / user_name)
        write_maildir(user.maildir, messages, owner=MAIL_OWNER)
        secret = base64.b64encode(password.encode()).decode()
        file = self.work / "users" / user_name
        file.write_text(f"{user_name}:{{PLAIN.b64}}{secret}::::::\n", encoding="utf-8")
        return user


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
    server = Dovecot(work, port, tls_port, _write_work(work, port, tls_port, config), version)
    for account in ACCOUNTS:
        server.new_user(account.messages, name=account.name, password=account.password)
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


def _write_work(work: Path, port: int, tls_port: int, config: str) -> Path:
    work.mkdir(parents=True)
    work.chmod(0o755)
    (work / "users").mkdir()
    (work / "mail").mkdir()
    os.chown(work / "mail", MAIL_OWNER, MAIL_OWNER)
    listeners = LISTENERS.format(port=port, tls_port=tls_port)
    (work / "dovecot.conf").write_text(CONFIG + listeners + config)
    return write_certificates(work).ca_file


if __name__ == "__main__":
    run_by_hand(running)
