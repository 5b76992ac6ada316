"""Courier 1.0, on a port with STLS and one with TLS from the start.

By hand, with the six users of `tests.interop.accounts`, until it is interrupted:

    python -m tests.interop.servers.courier WORK PORT TLS_PORT [SETTING=VALUE ...]
"""

import os
import subprocess
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

# Courier's database of users is built when it starts, so this is how many the tests may take.
SPARE_USERS = 500
SPARE_PASSWORD = "secret"
MAIL_OWNER = 3000
TLS_USER = 3001
SECONDS_TO_DELETE = 30

# What a user's record calls his password, and how `userdbpw` is asked for it: one for USER, PASS
# and the mechanisms that send the password, one for each that proves its knowledge.
SECRETS = {
    "systempw": "-md5",
    "hmac-md5pw": "-hmac-md5",
    "hmac-sha1pw": "-hmac-sha1",
    "hmac-sha256pw": "-hmac-sha256",
}

# As in the files pop3d and pop3d-ssl: variables of the shell.
SETTINGS = f"""
POP3AUTH="PLAIN LOGIN CRAM-MD5 CRAM-SHA1 CRAM-SHA256"
POP3AUTH_TLS="$POP3AUTH"
POP3_STARTTLS=YES
COURIERTLS=/usr/bin/couriertls
TLS_CERTFILE={WORK}/server.pem
TLS_VERIFYPEER=NONE
MIME_UNICODE_MESSAGE_TYPE=message/global
"""

# Courier greets without its authentication daemon, but lets nobody in: the daemon comes first.
# The user courier, whom an installation of the package makes, is the one who starts TLS.
START = rf"""
set -a
. {WORK}/settings
set +a

grep -q ^courier: /etc/passwd || echo courier:x:{TLS_USER}:{TLS_USER}::/: >>/etc/passwd

cd /etc/courier
rm -rf userdb
cp {WORK}/userdb userdb
chmod 600 userdb
makeuserdb

state=/run/courier/authdaemon
mkdir -p $state
printf '%s\n' authmodulelist=authuserdb daemons=2 authdaemonvar=$state >authdaemonrc
/usr/lib/courier/courier-authlib/authdaemond &
until [ -S $state/socket ]; do
    kill -0 $!
    sleep 0.01
done

exec couriertcpd -address=127.0.0.1 -maxprocs=200 -maxperip=200 -nodnslookup -noidentlookup \
    "$PORT,$TLS_PORT" /bin/sh -e {WORK}/session
"""

# What couriertcpd runs for each connection.
SESSION = """
tls=
if [ "$TCPLOCALPORT" = "$TLS_PORT" ]; then
    export POP3_TLS=1 POP3_STARTTLS=NO POP3_TLS_REQUIRED=0
    tls="$COURIERTLS -server -tcpd"
fi
programs=/usr/lib/courier/courier
exec $tls $programs/courierpop3login $programs/courierpop3d Maildir
"""


@dataclass(frozen=True, slots=True)
class Courier(Server):
    """A running Courier."""

    _numbers: Iterator[int] = field(
        default_factory=lambda: iter(range(SPARE_USERS)), repr=False, kw_only=True
    )

    def new_user(self, messages: Iterable[bytes] = ()) -> User:
        number = next(self._numbers, None)
        assert number is not None, "all users are taken: raise SPARE_USERS"
        user = User(spare_name(number), SPARE_PASSWORD, self.work / "mail" / spare_name(number))
        write_maildir(user.maildir, messages, owner=MAIL_OWNER)
        return user

    def wait_for_logout(self, user: User) -> None:
        """Wait until a session that ended with QUIT has deleted what was marked.

        Courier deletes after it has said goodbye, and says in its log when it has done so.
        """
        follow = ["timeout", str(SECONDS_TO_DELETE), "tail", "--lines=+1", "--follow"]
        with subprocess.Popen([*follow, self.log], stdout=subprocess.PIPE) as tail:
            assert tail.stdout is not None
            found = any(b"LOGOUT, user=%b," % user.name.encode() in line for line in tail.stdout)
            tail.terminate()
        assert found, f"Courier's log does not say that {user.name} has logged out"


StartCourier = Callable[[str], AbstractContextManager[Courier]]


def spare_name(number: int) -> str:
    return f"user{number}"


@contextmanager
def running(
    work: Path, ports: tuple[int, int] | None = None, config: str = ""
) -> Generator[Courier]:
    """Run Courier until the context is left.

    Args:
        work: a folder that does not exist yet, for all that is written.
        ports: for STLS, and for TLS from the start; two free ones by default.
        config: lines like those of `SETTINGS`, which override and add to them.

    Raises:
        Unavailable: this machine cannot run it.
        ServerFailed: Courier did not start.
    """
    check_machine()
    files, version = _fetch()
    port, tls_port = ports or free_ports(2)
    settings = f"PORT={port}\nTLS_PORT={tls_port}\n{SETTINGS}{config}\n"
    server = Courier(work, port, tls_port, _write_work(work, files, settings), version)
    with namespace.running(["sh", "-e", f"{WORK}/start"], work=work, packages=files, port=port):
        yield server


def _fetch() -> tuple[Path, str]:
    # courier-pop wants something that sends mail, and msmtp-mta is the smallest.
    files = packages.unpacked(
        "courier",
        [
            *("courier-pop", "courier-base", "msmtp-mta"),
            *("courier-authlib", "courier-authlib-userdb", "courier-authdaemon"),
        ],
    )
    version = packages.version(files, "courier-pop")
    if not version.startswith("1.0."):
        raise Unavailable(
            f"the configuration is for Courier 1.0 and apt-get has {version}: "
            "use Debian 12 or Ubuntu 24.04, for example `docker run --privileged debian:12`"
        )
    return files, version


def _write_work(work: Path, files: Path, settings: str) -> Path:
    work.mkdir(parents=True)
    work.chmod(0o755)
    (work / "mail").mkdir()
    os.chown(work / "mail", MAIL_OWNER, MAIL_OWNER)
    for account in ACCOUNTS:
        write_maildir(work / "mail" / account.name, account.messages, owner=MAIL_OWNER)
    (work / "userdb").write_text("".join(_records(files)), encoding="utf-8")
    (work / "settings").write_text(settings)
    (work / "start").write_text(START)
    (work / "session").write_text(SESSION)
    return write_certificates(work).ca_file


def _records(files: Path) -> Iterator[str]:
    """The lines of Courier's database of users."""
    for account in ACCOUNTS:
        yield _record(account.name, _secrets(files, account.password))
    secrets = _secrets(files, SPARE_PASSWORD)
    for number in range(SPARE_USERS):
        yield _record(spare_name(number), secrets)


def _record(name: str, secrets: str) -> str:
    maildir = f"{WORK}/mail/{name}"
    return f"{name}\tuid={MAIL_OWNER}|gid={MAIL_OWNER}|home={maildir}|mail={maildir}|{secrets}\n"


def _secrets(files: Path, password: str) -> str:
    return "|".join(f"{key}={_userdbpw(files, kind, password)}" for key, kind in SECRETS.items())


def _userdbpw(files: Path, kind: str, password: str) -> str:
    command = [str(files / "usr/sbin/userdbpw"), kind]
    entered = f"{password}\n".encode()
    done = subprocess.run(command, input=entered, stdout=subprocess.PIPE, check=True)
    return done.stdout.decode().strip()


if __name__ == "__main__":
    run_by_hand(running)
