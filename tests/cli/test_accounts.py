"""A file of accounts: what it means, and what is said of one that means nothing."""

from pathlib import Path

import pytest

from pop3_adapters.cli.accounts import Account, chosen_accounts
from pop3_adapters.cli.settings import Settings
from pop3_adapters.cli.statuses import CommandError, Status

from .hostile import Server
from .running import pop3

WORK = '[account.work]\nurl = "pop3s://alice@example.org"\n'
HOME = '[account.home]\nurl = "pop3s://bob@example.net"\n'


def read(folder: Path, text: str, *names: str, given: Settings | None = None) -> list[Account]:
    file = folder / "accounts.toml"
    file.write_text(text, "utf-8")
    return list(chosen_accounts(names, file, given or Settings()))


def test_every_key_is_an_option(tmp_path: Path) -> None:
    (account,) = read(
        tmp_path,
        WORK
        + """
        maildir = "/mail"
        mbox = "/mbox"
        eml = "/eml"
        delete = true
        all = false
        auth = "PLAIN"
        password-command = "pass show work"
        token-command = "token work"
        client-cert = "/cert.pem"
        client-key = "/key.pem"
        ca-file = "/ca.pem"
        allow-insecure-auth = true
        allow-utf8-login = false
        """,
    )
    assert account.name == "work"
    assert account.settings == Settings(
        url="pop3s://alice@example.org",
        maildir=Path("/mail"),
        mbox=Path("/mbox"),
        eml=Path("/eml"),
        delete=True,
        all=False,
        auth="PLAIN",
        password_command="pass show work",
        token_command="token work",
        client_cert=Path("/cert.pem"),
        client_key=Path("/key.pem"),
        ca_file=Path("/ca.pem"),
        allow_insecure_auth=True,
        allow_utf8_login=False,
    )
    text = pop3("fetch", "--help").stdout
    for name in Settings.__dataclass_fields__:
        assert name == "url" or f"--{name.replace('_', '-')} " in text


def test_what_stands_above_counts_for_all_that_do_not_say_otherwise(tmp_path: Path) -> None:
    above = 'maildir = "/mail"\ndelete = true\n'
    work, home = read(tmp_path, above + WORK + HOME + 'mbox = "/mbox"\ndelete = false\n')
    assert (work.settings.maildir, work.settings.delete) == (Path("/mail"), True)
    assert (home.settings.maildir, home.settings.mbox) == (None, Path("/mbox"))
    assert home.settings.delete is False


def test_the_command_line_counts_most(tmp_path: Path) -> None:
    given = Settings(eml=Path("/eml"), delete=True)
    (work,) = read(tmp_path, WORK + 'mbox = "/mbox"\ndelete = false\nall = true\n', given=given)
    assert work.settings == Settings(
        url="pop3s://alice@example.org", eml=Path("/eml"), delete=True, all=True
    )


def test_paths_begin_at_the_file_or_at_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/alice")
    work, home = read(tmp_path, WORK + 'maildir = "mail"\n' + HOME + 'mbox = "~/mbox"\n')
    assert work.settings.maildir == tmp_path / "mail"
    assert home.settings.mbox == Path("/home/alice/mbox")


def test_names_choose(tmp_path: Path) -> None:
    def chosen(*names: str) -> list[str | None]:
        return [account.name for account in read(tmp_path, WORK + HOME, *names)]

    assert chosen() == ["work", "home"]
    assert chosen("home") == ["home"]
    assert chosen("home", "work", "home") == ["home", "work"]
    with pytest.raises(CommandError, match='no account "pop3s://x": there are "work", "home"; a U'):
        chosen("work", "pop3s://x")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", ": there is no account: write [account.NAME]"),
        ("account = 1", ": there is no account: write [account.NAME]"),
        ('[[account]]\nurl = "pop3s://a@b"', ": there is no account: write [account.NAME]"),
        ("[account]", ": there is no account: write [account.NAME]"),
        ("[account.a", ": it is no TOML in UTF-8: Expected "),
        ('[account.a]\nurl = "\udcff"', ": it is no TOML in UTF-8: "),
        ('url = "pop3s://a@b"\n[account.a]', ": url stands above all accounts: write [account."),
        ("jobs = 3\n" + WORK, ': "jobs" means nothing here: there are url, maildir, mbox, eml, de'),
        ("[account]\na = 1", ': account "a": it is a value and no table: write [account.NAME]'),
        ("[account.a]", ': account "a": it has no url: add url = "pop3s://USER@HOST"'),
        ('[account."\\u001b"]', ': account "\\x1b": it has no url: add'),
        (WORK + "urll = 1", ': account "work": "urll" means nothing here: there are url, mail'),
        (WORK + '"\\u001b" = 1', ': account "work": "\\x1b" means nothing here: there are url'),
        (WORK + 'delete = "yes"', ': account "work": delete is either true or false, without qu'),
        (WORK + "delete = 1", ': account "work": delete is either true or false, without quotes'),
        (WORK + "mbox = true", ': account "work": mbox is a text in quotes: mbox = "..."'),
        (WORK + 'mbox = ""', ': account "work": mbox is a text in quotes: mbox = "..."'),
        (WORK + 'mbox = "\\u0000"', ': account "work": mbox is a text in quotes: mbox = "..."'),
        (WORK + 'mbox = "~nobody-here/x"', ': account "work": nobody\'s home is in "~nobody-here'),
        (
            WORK + 'token = "x"',
            ': account "work": a token does not belong in a file: name the comm',
        ),
        (WORK + 'auth = "x"\neml = "x"', ': account "work": there is no mechanism "X" here: there'),
        (WORK + 'password = "x"', ': account "work": a password does not belong in a file: name'),
        (WORK, ': account "work": the mail goes to one place: give either --maildir'),
        (WORK + 'eml = "x"\nmbox = "x"', ': account "work": the mail goes to one place: give'),
        (WORK + 'eml = "accounts.toml"', ': account "work": --eml {folder}/accounts.toml is a fi'),
        (WORK + 'maildir = "accounts.toml"', ': account "work": --maildir {folder}/accounts.toml'),
        (WORK + 'mbox = "."', ': account "work": --mbox {folder} is a folder: name a file'),
        (WORK + 'eml = "x"\nca-file = "y"', ': account "work": --ca-file {folder}/y contains no c'),
        ('[account.a]\nurl = "x"\neml = "x"', ': account "a": a POP URL begins with pop:// or po'),
        ('[account.a]\nurl = "pop://x"\neml = "x"', ': account "a": the URL names no user: write'),
    ],
)
def test_what_is_wrong_is_said_with_file_and_account(
    text: str, sentence: str, tmp_path: Path
) -> None:
    file = tmp_path / "accounts.toml"
    with Server({}) as server:
        # The one that is at fault comes last: those before it are not fetched either.
        good = f'[account.good]\nurl = "{server.url}"\nallow-insecure-auth = true\neml = "good"\n'
        whole = good + text if text.startswith("[account.") else text
        file.write_bytes(whole.encode("utf-8", "surrogateescape"))
        result = pop3("fetch", "--accounts", file)
        assert server.said == []
    assert result.exit_code == Status.USAGE
    assert result.stderr.startswith(f"pop3: {file}{sentence.format(folder=tmp_path)}")
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("one", "other", "sentence"),
    [
        ("a@x", "a@x", 'it is the maildrop of account "one" once more: leave one of them out'),
        ("a@x", "a@X:995", 'it is the maildrop of account "one" once more: leave one of them out'),
        ("a@x:1", "a@x:2", 'it is a@x, as is account "one", and in {folder}/mail it could not be'),
    ],
)
def test_one_maildrop_twice(one: str, other: str, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "accounts.toml"
    file.write_text(
        f'maildir = "mail"\n[account.one]\nurl = "pop3s://{one}"\n'
        f'[account.other]\nurl = "pop3s://{other}"\nmaildir = "x/../mail"\n'
    )
    (tmp_path / "x").mkdir()
    result = pop3("fetch", "--accounts", file)
    assert result.exit_code == Status.USAGE
    said = sentence.format(folder=tmp_path).replace("/mail it", "/x/../mail it")
    assert result.stderr.startswith(f'pop3: {file}: account "other": {said}')


def test_certificates_for_one_server_need_names(tmp_path: Path) -> None:
    file = tmp_path / "accounts.toml"
    file.write_text(
        'auth = "ANONYMOUS"\n[account.one]\nurl = "pop3s://x"\neml = "a"\n'
        '[account.other]\nurl = "pop3s://x"\neml = "b"\n'
    )
    result = pop3("fetch", "--accounts", file)
    assert result.exit_code == Status.USAGE
    assert result.stderr.endswith("leave one of them out, or name the users in both URLs\n")


def test_one_path_for_targets_of_two_kinds(tmp_path: Path) -> None:
    file = tmp_path / "accounts.toml"
    file.write_text(WORK + 'eml = "mail"\n' + HOME + 'maildir = "mail"\n')
    result = pop3("fetch", "--accounts", file)
    assert result.exit_code == Status.USAGE
    assert result.stderr == (
        f'pop3: {file}: account "home": {tmp_path}/mail is its maildir, and the eml of account '
        '"work": give one of them another place\n'
    )


@pytest.mark.parametrize(("name", "reason"), [("x", "No such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read(name: str, reason: str, tmp_path: Path) -> None:
    result = pop3("fetch", "--accounts", tmp_path / name)
    assert result.exit_code == Status.USAGE
    assert result.stderr.startswith(f"pop3: {tmp_path / name}: it cannot be read: {reason}")


def test_nothing_to_fetch() -> None:
    result = pop3("fetch")
    assert result.exit_code == Status.USAGE
    assert result.stderr == ("pop3: nothing says what to fetch: give a URL, or --accounts FILE\n")


def test_urls_are_counted_and_not_repeated(tmp_path: Path) -> None:
    words = ("pop3s://alice@example.org", "pop3s://bob:secret@example.org")
    result = pop3("fetch", *words, "--eml", tmp_path / "mail")
    assert result.exit_code == Status.USAGE
    assert result.stderr.startswith("pop3: URL 2: a POP URL contains no password: ")
    assert "secret" not in result.stderr
