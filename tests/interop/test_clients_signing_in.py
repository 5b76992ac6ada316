"""curl, fetchmail, mpop and mutt sign in to our server, each by every mechanism that it has."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from pop3_proto import TlsPolicy
from tests.interop import ours
from tests.interop.ours import NAME, OTHER_NAME, OTHER_PASSWORD, PASSWORD, TOKEN
from tests.interop.programs import PROGRAMS, TOKEN_WAYS, Login
from tests.interop.seeds import SEEDS
from tests.interop.servers.certificates import Certificates
from tests.interop.servers.maildir import write_maildir

pytestmark = pytest.mark.interop

IN_PLAINTEXT = ("USER", "PLAIN", "LOGIN")
SCRAM = ("SCRAM-SHA-1", "SCRAM-SHA-256")
PASSWORD_WAYS = {
    "curl": (*IN_PLAINTEXT, "APOP", "CRAM-MD5"),
    "fetchmail": ("USER", "APOP", "CRAM-MD5"),
    "mpop": (*IN_PLAINTEXT, "APOP", "CRAM-MD5", *SCRAM),
    "mutt": (*IN_PLAINTEXT, "APOP", "CRAM-MD5", *SCRAM),
}
OTHER_WAYS = {
    "curl": (*TOKEN_WAYS, "EXTERNAL"),
    "mpop": (*TOKEN_WAYS, "EXTERNAL"),
    "mutt": (*TOKEN_WAYS, "EXTERNAL", "ANONYMOUS"),
}
# What each takes where everything is offered and it may choose.
CHOICES = {"curl": "CRAM-MD5", "fetchmail": "CRAM-MD5", "mpop": "PLAIN", "mutt": "SCRAM-SHA-256"}

Pairs: TypeAlias = list[tuple[str, str]]


def pairs(ways: dict[str, tuple[str, ...]]) -> Pairs:
    return [(program, way) for program, its in ways.items() for way in its]


PASSWORDS = pairs(PASSWORD_WAYS)
ALL = [*PASSWORDS, *pairs(OTHER_WAYS)]
# mutt shows for two seconds that it was refused: seen where it does not do as mpop does.
REFUSED = [
    (program, way)
    for program, way in ALL
    if way != "ANONYMOUS" and (program != "mutt" or way in ("USER", *TOKEN_WAYS))
]


class Fetching:
    """One message of our server, for a program to fetch."""

    def __init__(self, folder: Path, certificates: Certificates, path_of: Callable[[str], str]):
        self._maildir, self._folder = folder / "maildir", folder / "program"
        self._certificates = certificates
        self._path_of = path_of
        write_maildir(self._maildir, [SEEDS["01-plain"].on_disk], owner=os.getuid())
        self._folder.mkdir()

    def run(
        self, program: str, login: Login, *, offered: list[str] | None
    ) -> tuple[bool, list[tuple[str, bool]]]:
        """Whether it gets the message, and the ways that it tries, with their success."""
        path = self._path_of(program)
        with ours.running(
            self._maildir, TlsPolicy.STLS, self._certificates, logins=offered
        ) as server:
            fetched = PROGRAMS[program](path, server, login, self._folder)
        assert not fetched or b"\nSubject: plain" in fetched
        return bool(fetched), [(attempt.way, attempt.ok) for attempt in server.attempts]


@pytest.fixture
def fetching(
    tmp_path: Path, certificates: Certificates, request: pytest.FixtureRequest
) -> Fetching:
    return Fetching(tmp_path, certificates, request.getfixturevalue)


def login_by(way: str, certificates: Certificates, *, in_one_line: bool = False) -> Login:
    """What gets `NAME` in."""
    certificate = certificates.client_file(NAME) if way == "EXTERNAL" else None
    secret = TOKEN if way in TOKEN_WAYS else PASSWORD
    return Login(way, secret, certificate, initial_response=in_one_line)


@pytest.mark.parametrize(("program", "way"), ALL)
def test_a_way(fetching: Fetching, certificates: Certificates, program: str, way: str) -> None:
    login = login_by(way, certificates)
    assert fetching.run(program, login, offered=[way]) == (True, [(way, True)])


@pytest.mark.parametrize("way", ["PLAIN", *TOKEN_WAYS, "EXTERNAL"])
def test_curl_in_one_line(fetching: Fetching, certificates: Certificates, way: str) -> None:
    login = login_by(way, certificates, in_one_line=True)
    assert fetching.run("curl", login, offered=[way]) == (True, [(way, True)])


@pytest.mark.parametrize(("program", "way"), PASSWORDS)
def test_blanks_and_what_is_beyond_ascii(fetching: Fetching, program: str, way: str) -> None:
    login = Login(way, OTHER_PASSWORD, name=OTHER_NAME)
    assert fetching.run(program, login, offered=[way]) == (True, [(way, True)])


@pytest.mark.parametrize(("program", "way"), REFUSED)
def test_a_wrong_secret(
    fetching: Fetching, certificates: Certificates, program: str, way: str
) -> None:
    certificate = certificates.client_file("stranger") if way == "EXTERNAL" else None
    login = Login(way, "wrong", certificate)
    assert fetching.run(program, login, offered=[way]) == (False, [(way, False)])


@pytest.mark.parametrize("program", CHOICES)
def test_its_own_choice(fetching: Fetching, program: str) -> None:
    expected = True, [(CHOICES[program], True)]
    assert fetching.run(program, Login("", PASSWORD), offered=None) == expected
