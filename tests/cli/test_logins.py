"""How an account is logged in to: what goes together, and what is said of what does not."""

from pathlib import Path

import pytest

from pop3_adapters.cli.logins import Login, Proof, check_login, login_for
from pop3_adapters.cli.settings import Settings
from pop3_adapters.cli.statuses import CommandError, Status
from pop3_adapters.cli.urls import server_url

from .hostile import Server
from .running import pop3

URL = "pop3s://alice@example.org"
PEM = Path("/certificate.pem")


def login(url: str = URL, settings: Settings | None = None) -> Login:
    settings = settings or Settings()
    place = server_url(url)
    found = login_for(place, settings)
    check_login(found, place, settings)
    return found


@pytest.mark.parametrize(
    ("url", "settings", "proof", "mechanism"),
    [
        (URL, Settings(), Proof.PASSWORD, None),
        ("pop3s://alice;AUTH=*@x", Settings(), Proof.PASSWORD, None),
        ("pop3s://alice;AUTH=*@x", Settings(auth="plain"), Proof.PASSWORD, "PLAIN"),
        ("pop3s://alice;auth=plain@x", Settings(), Proof.PASSWORD, "PLAIN"),
        ("pop3s://alice;AUTH=PLAIN@x", Settings(auth="Plain"), Proof.PASSWORD, "PLAIN"),
        ("pop3s://alice;AUTH=+APOP@x", Settings(), Proof.PASSWORD, "APOP"),
        ("pop3s://alice;AUTH=+APOP@x", Settings(auth="apop"), Proof.PASSWORD, "APOP"),
        (URL, Settings(auth="user", password_command="x"), Proof.PASSWORD, "USER"),
        (URL, Settings(token_command="x"), Proof.TOKEN, None),
        (URL, Settings(token_command="x", auth="XOAUTH2"), Proof.TOKEN, "XOAUTH2"),
        (URL, Settings(token_command="x", client_cert=PEM), Proof.TOKEN, None),
        (URL, Settings(client_cert=PEM), Proof.CERTIFICATE, "EXTERNAL"),
        (URL, Settings(client_cert=PEM, client_key=PEM), Proof.CERTIFICATE, "EXTERNAL"),
        (URL, Settings(client_cert=PEM, auth="EXTERNAL"), Proof.CERTIFICATE, "EXTERNAL"),
        ("pop://x", Settings(client_cert=PEM), Proof.CERTIFICATE, "EXTERNAL"),
        (URL, Settings(client_cert=PEM, password_command="x"), Proof.PASSWORD, None),
        (URL, Settings(client_cert=PEM, auth="PLAIN"), Proof.PASSWORD, "PLAIN"),
        ("pop3s://x", Settings(auth="ANONYMOUS"), Proof.NONE, "ANONYMOUS"),
        ("pop://x?tls=none", Settings(auth="ANONYMOUS"), Proof.NONE, "ANONYMOUS"),
        ("pop3s://x", Settings(auth="ANONYMOUS", client_cert=PEM), Proof.NONE, "ANONYMOUS"),
        ("pop://a;AUTH=CRAM-MD5@x?tls=none", Settings(), Proof.PASSWORD, "CRAM-MD5"),
        ("pop://a;AUTH=+APOP@x?tls=none", Settings(), Proof.PASSWORD, "APOP"),
        ("pop://a@x?tls=none", Settings(allow_insecure_auth=True), Proof.PASSWORD, None),
    ],
)
def test_what_goes_together(
    url: str, settings: Settings, proof: Proof, mechanism: str | None
) -> None:
    found = login(url, settings)
    assert (found.proof, found.mechanism) == (proof, mechanism)


@pytest.mark.parametrize(
    ("url", "settings", "sentence"),
    [
        ("pop3s://x", Settings(), "the URL names no user: write it as in pop3s://alice@x"),
        ("pop3s://x", Settings(token_command="x"), "the URL names no user"),
        ("pop3s://x", Settings(auth="PLAIN"), "the URL names no user"),
        (
            "pop3s://alice;AUTH=CRAM-MD5@x",
            Settings(auth="PLAIN"),
            "the URL asks for the mechanism CRAM-MD5, and --auth for PLAIN: leave one of them out",
        ),
        (URL, Settings(auth=""), 'there is no mechanism "" here: there are SCRAM-SHA-512, SCRAM'),
        (URL, Settings(auth="\x1b[2J"), r'there is no mechanism "\x1b[2J" here'),
        (URL, Settings(auth="DIGEST-MD5"), 'there is no mechanism "DIGEST-MD5" here'),
        ("pop3s://a;AUTH=+USER@x", Settings(), 'there is no mechanism "+USER" here'),
        (
            URL,
            Settings(password_command="x", token_command="x"),
            "a password or with a token: leave out --password-command or --token-command",
        ),
        (
            URL,
            Settings(token_command="x", auth="PLAIN"),
            "--token-command prints a token, and PLAIN takes a password: leave one of them out",
        ),
        (
            URL,
            Settings(token_command="x", auth="EXTERNAL", client_cert=PEM),
            "--token-command prints a token, and EXTERNAL takes a client certificate: leave one",
        ),
        (
            URL,
            Settings(password_command="x", auth="XOAUTH2"),
            "--password-command prints a password, and XOAUTH2 takes a token: leave one of",
        ),
        (
            URL,
            Settings(password_command="x", auth="ANONYMOUS"),
            "prints a password, and ANONYMOUS takes neither password nor token: leave one",
        ),
        (URL, Settings(auth="XOAUTH2"), "the command that prints it with --token-command"),
        ("pop3s://a;AUTH=XOAUTH2@x", Settings(), "the command that prints it with --token-comm"),
        (URL, Settings(auth="EXTERNAL"), "takes a client certificate: name it with --client-cert"),
        (URL, Settings(client_key=PEM), "name that with --client-cert, too"),
        ("pop://x?tls=none", Settings(client_cert=PEM), "with ?tls=none there is none: leave one"),
        ("pop://x?tls=none", Settings(auth="EXTERNAL"), "with ?tls=none there is none: leave one"),
        (
            "pop://a@x?tls=none",
            Settings(),
            "name a mechanism that hides it, as --auth SCRAM-SHA-256 does, or add --allow-insecure",
        ),
        ("pop://a@x?tls=none", Settings(auth="PLAIN"), "can read the password"),
        ("pop://a@x?tls=none", Settings(auth="USER"), "can read the password"),
        (
            "pop://a@x?tls=none",
            Settings(token_command="x"),
            "can read the token: leave it out, or add --allow-insecure-auth where nobody else can",
        ),
    ],
)
def test_what_does_not(url: str, settings: Settings, sentence: str) -> None:
    with pytest.raises(CommandError) as caught:
        login(url, settings)
    assert sentence in str(caught.value)
    assert caught.value.status is Status.USAGE


@pytest.mark.parametrize("command", ["fetch", "info"])
def test_nobody_is_connected_to_where_it_does_not(command: str, tmp_path: Path) -> None:
    place = ("--eml", tmp_path) if command == "fetch" else ()
    with Server({}) as server:
        words = (server.url, "--allow-insecure-auth", *place)
        result = pop3(command, *words, "--token-command", "x", "--auth", "PLAIN")
        assert server.said == []
    assert result.exit_code == Status.USAGE
    assert "leave one of them out" in result.stderr


@pytest.mark.parametrize(
    ("given", "others", "together"),
    [
        (Settings(token_command="t"), Settings(password_command="p"), Settings(token_command="t")),
        (
            Settings(password_command="p"),
            Settings(token_command="t", auth="PLAIN"),
            Settings(password_command="p", auth="PLAIN"),
        ),
        (
            Settings(client_cert=PEM),
            Settings(client_cert=Path("c"), client_key=Path("k")),
            Settings(client_cert=PEM),
        ),
        (
            Settings(client_key=PEM),
            Settings(client_cert=Path("c")),
            Settings(client_cert=Path("c"), client_key=PEM),
        ),
        (Settings(auth="USER"), Settings(auth="PLAIN"), Settings(auth="USER")),
    ],
)
def test_what_is_said_takes_the_place_of_what_is_said_for_all(
    given: Settings, others: Settings, together: Settings
) -> None:
    assert given.over(others) == together
