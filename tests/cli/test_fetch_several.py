"""`pop3 fetch` of several accounts."""

import json
import shlex
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path

import pytest

from pop3_adapters.cli import fetch_threads
from pop3_adapters.cli.serve import server_context
from pop3_adapters.cli.statuses import Status
from pop3_adapters.maildrops import MemoryMaildrop, Passwords
from pop3_adapters.socket import serve
from pop3_proto import TlsPolicy

from .hostile import OK, Answer, Server, wire
from .running import BOUND, PASSWORD, bodies, delivered, files, pop3, stored
from .terminal import Terminal

PASSWORD_COMMAND = shlex.join(["echo", PASSWORD])
LOGIN = ("--password-command", PASSWORD_COMMAND, "--allow-insecure-auth")
READERS: dict[str, Callable[[Path], list[bytes]]] = {
    "maildir": stored,
    "mbox": delivered,
    "eml": lambda folder: [octets.replace(b"\r\n", b"\n") for octets in files(folder)],
}


@pytest.fixture
def household(certificate: Path) -> Generator[Callable[..., list[str]], None, None]:
    """Serves a maildrop to each of several users over TLS, and gives their URLs."""
    with ExitStack() as servers:

        def household(maildrops: dict[str, MemoryMaildrop]) -> list[str]:
            users = Passwords(dict.fromkeys(maildrops, PASSWORD), maildrops.__getitem__)
            context = server_context(certificate, None)
            server = servers.enter_context(serve(users, tls=TlsPolicy.IMPLICIT, context=context))
            return [f"pop3s://{name}@127.0.0.1:{server.port}" for name in maildrops]

        yield household


@contextmanager
def several(*messages: Sequence[bytes]) -> Generator[list[Server], None, None]:
    """Servers with these messages."""
    with ExitStack() as running:
        yield [running.enter_context(Server(wire(*each))) for each in messages]


def urls(servers: Sequence[Server]) -> list[str]:
    """A URL for each, and a user of its own."""
    return [s.url.replace("alice", f"user{n}") for n, s in enumerate(servers, 1)]


def meeting(parties: int) -> Callable[[Server], None]:
    """Servers answer the first RETR only when all of them were asked."""
    barrier = threading.Barrier(parties)

    def join(server: Server) -> None:
        def answer() -> Answer:
            barrier.wait(BOUND)
            return OK + server.messages[1] + b".\r\n"

        server.answers[b"RETR 1"] = answer

    return join


def test_several_urls(household: Callable[..., list[str]], ca_file: Path, tmp_path: Path) -> None:
    drops = {"alice": MemoryMaildrop(bodies("a", "b")), "bob": MemoryMaildrop(bodies("b", "c"))}
    words: list[str | Path] = ["fetch", *household(drops), "--maildir", tmp_path]
    words += ["--ca-file", ca_file, "--password-command", PASSWORD_COMMAND]
    result = pop3(*words)
    assert (result.exit_code, result.stderr) == (0, "")
    assert sorted(stored(tmp_path)) == bodies("a", "b", "b", "c")
    alice, bob = result.stdout.splitlines()
    assert alice.startswith("alice@127.0.0.1: Fetched 2 messages (")
    assert bob.startswith("bob@127.0.0.1: Fetched 2 messages (")

    drops["bob"].add(*bodies("d"))
    alice, bob = pop3(*words, "--delete").stdout.splitlines()
    assert alice.endswith("; 2 fetched before; 2 deleted on the server.")
    assert bob.endswith("; 2 fetched before; 3 deleted on the server.")
    assert sorted(stored(tmp_path)) == bodies("a", "b", "b", "c", "d")
    assert drops["alice"].messages == drops["bob"].messages == []


def test_a_file_of_accounts(
    household: Callable[..., list[str]], ca_file: Path, tmp_path: Path
) -> None:
    drops = {"alice": MemoryMaildrop(bodies("a")), "bob": MemoryMaildrop(bodies("b"))}
    alice, bob = household(drops)
    file = tmp_path / "accounts.toml"
    file.write_text(
        f'maildir = "mail"\nca-file = "{ca_file}"\npassword-command = "{PASSWORD_COMMAND}"\n'
        f'[account.work]\nurl = "{alice}"\ndelete = true\n'
        f'[account.home]\nurl = "{bob}"\nmbox = "deeper/mbox"\n'
    )
    result = pop3("fetch", "--accounts", file)
    assert (result.exit_code, result.stderr) == (0, "")
    assert [line[:23] for line in result.stdout.splitlines()] == [
        "work: Fetched 1 message",
        "home: Fetched 1 message",
    ]
    assert stored(tmp_path / "mail") == bodies("a")
    assert delivered(tmp_path / "deeper" / "mbox") == bodies("b")
    assert (len(drops["alice"].messages), len(drops["bob"].messages)) == (0, 1)

    result = pop3("fetch", "--accounts", file, "home", "--all")
    assert result.stdout.startswith("home: Fetched 1 message")
    assert delivered(tmp_path / "deeper" / "mbox") == bodies("b", "b")


@pytest.mark.parametrize("option", READERS)
def test_side_by_side_into_one_target(option: str, tmp_path: Path) -> None:
    mail = [bodies(*(f"{user}-{n}" for n in range(40))) for user in range(4)]
    target = tmp_path / "mail"
    with several(*mail) as servers:
        join = meeting(4)
        for server in servers:
            join(server)
        words: list[str | Path] = [
            "fetch",
            *urls(servers),
            f"--{option}",
            target,
            *LOGIN,
            "--delete",
            "--json",
        ]
        result = pop3(*words)
        assert (result.exit_code, result.stderr) == (0, "")
        assert [server.messages for server in servers] == [{}] * 4
        assert sorted(READERS[option](target)) == sorted(chain(*mail))

        # What is remembered is whole: nothing of it comes again.
        for server, messages in zip(servers, mail, strict=True):
            server.messages = wire(*messages)
            server.unique_ids = {n: b"id-%d" % n for n in server.messages}
        said = [json.loads(line) for line in pop3(*words).stdout.splitlines()]
    assert [(each["skipped"], each["fetched"], each["deleted"]) for each in said] == [
        (40, 0, 40)
    ] * 4
    assert len(READERS[option](target)) == 160


def test_one_after_the_other(tmp_path: Path) -> None:
    with several(bodies("a"), bodies("b"), bodies("c")) as servers:
        seen: list[list[bytes]] = []

        def look(number: int) -> Callable[[], Answer]:
            def answer() -> Answer:
                seen.append([verb for server in servers[number + 1 :] for verb in server.verbs])
                return OK

            return answer

        for number, server in enumerate(servers):
            server.answers[b"QUIT"] = look(number)
        result = pop3("fetch", *urls(servers), "--eml", tmp_path, *LOGIN, "--jobs", "1")
        assert (result.exit_code, result.stderr) == (0, "")
    assert seen == [[], [], []]
    assert len(files(tmp_path)) == 3


def test_one_that_fails_costs_itself_only(tmp_path: Path) -> None:
    mail = [bodies(name) for name in "abcd"]
    with several(*mail) as (good, wrong, broken, partly):
        wrong.answers[b"PASS"] = b"-ERR [AUTH] no\r\n"
        broken.answers[b"RETR 1"] = OK + b"Subj"
        broken.closes_behind.add(b"RETR 1")
        partly.answers[b"RETR 1"] = b"-ERR \x1b[2J\r\n"
        servers = [wrong, broken, partly, good]
        file = tmp_path / "accounts.toml"
        file.write_text(
            f'password-command = "{PASSWORD_COMMAND}"\nallow-insecure-auth = true\n'
            'delete = true\nmaildir = "mail"\n'
            + "".join(
                f'[account.{name}]\nurl = "{url}"\n'
                for name, url in zip(
                    ("wrong", "broken", "partly", "good"), urls(servers), strict=True
                )
            )
            + '[account.nobody]\nurl = "pop3s://alice@nowhere.invalid"\n'
            + f'[account.elsewhere]\nurl = "{good.url}"\nmaildir = "no"\n'
        )
        (tmp_path / "no").mkdir()
        (tmp_path / "no" / "letter.txt").touch()
        result = pop3("fetch", "--accounts", file)
        assert (good.messages, set(broken.messages)) == ({}, {1})
    assert result.exit_code == Status.REFUSED
    assert stored(tmp_path / "mail") == bodies("a")
    complaints = result.stderr.splitlines()
    assert [line.partition(": ")[2].partition(": ")[0] for line in complaints] == [
        "wrong",
        "broken",
        "partly",
        "nobody",
        "elsewhere",
    ]
    assert complaints[0].startswith("pop3: wrong: the server refused PASS: -ERR [AUTH] no; check")
    assert "partly: message 1 (id-1): the server refused RETR 1: -ERR \\x1b[2J" in complaints[2]
    assert "the host nowhere.invalid was not found" in complaints[3]
    assert "holds something else than a Maildir" in complaints[4]
    assert "good: Fetched 1 message" in result.stdout


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ({}, Status.DONE),
        ({b"RETR 1": b"-ERR no\r\n"}, Status.FAILED),
        ({b"LIST": None, b"UIDL": None}, Status.BROKEN),
        ({b"PASS": b"-ERR no\r\n"}, Status.REFUSED),
    ],
)
def test_the_status_is_that_of_the_worst(
    answers: dict[bytes, Answer], status: Status, tmp_path: Path
) -> None:
    with several(bodies("a"), bodies("b")) as servers:
        servers[0].answers.update(answers)
        result = pop3("fetch", *urls(servers), "--eml", tmp_path, *LOGIN)
    assert result.exit_code == status
    assert b"b" in files(tmp_path)[-1]


def test_json_is_an_object_for_each(tmp_path: Path) -> None:
    with several(bodies("a"), bodies("b", "c")) as servers:
        one, other = urls(servers)
        file = tmp_path / "accounts.toml"
        file.write_text(f'[account.a]\nurl = "{one}"\n[account.b]\nurl = "{other}"\n')
        words = ("--accounts", file, "--eml", tmp_path / "mail", *LOGIN)
        result = pop3("fetch", *words, "--json")
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        assert [(each["name"], each["account"], each["fetched"]) for each in lines] == [
            ("a", "user1@127.0.0.1", 1),
            ("b", "user2@127.0.0.1", 2),
        ]
        assert pop3("fetch", *words, "--quiet").output == ""


def test_ports_do_not_tell_what_is_remembered_apart(tmp_path: Path) -> None:
    with several(bodies("a"), bodies("b")) as servers:
        words = (server.url for server in servers)
        result = pop3("fetch", *words, "--eml", tmp_path, *LOGIN)
        assert result.exit_code == Status.USAGE
        assert result.stderr.startswith("pop3: URL 2: it is alice@127.0.0.1, as is URL 1, and in")
        assert [server.said for server in servers] == [[], []]

        file = tmp_path / "accounts.toml"
        file.write_text(
            f'[account.a]\nurl = "{servers[0].url}"\neml = "a"\n'
            f'[account.b]\nurl = "{servers[1].url}"\neml = "b"\n'
        )
        assert pop3("fetch", "--accounts", file, *LOGIN).exit_code == 0
    assert [len(files(tmp_path / name)) for name in "ab"] == [1, 1]


def test_what_is_worth_a_line_has_the_name_in_front(tmp_path: Path) -> None:
    with several(bodies("a"), bodies("b")) as servers:
        servers[1].answers[b"UIDL"] = b"-ERR what?\r\n"
        servers[1].capabilities = ()
        result = pop3("fetch", *urls(servers), "--eml", tmp_path, *LOGIN)
    assert result.exit_code == 0
    assert result.stderr.startswith("user2@127.0.0.1: the server has no unique-ids (UIDL)")
    assert result.stderr.count("\n") == 1


def test_no_server_sees_the_password_of_another(tmp_path: Path) -> None:
    with several(bodies("a"), bodies("b")) as servers:
        words: list[str | Path] = [*urls(servers), "--eml", tmp_path, "--allow-insecure-auth"]
        result = pop3("fetch", *words, password=PASSWORD)
        assert [server.said for server in servers] == [[], []]
    assert result.exit_code == Status.USAGE
    first, second = result.stderr.splitlines()
    assert first.startswith("pop3: user1@127.0.0.1: there is no terminal to ask for the password")
    assert first.endswith("give it a password-command in a file of accounts, see --accounts")
    assert second.startswith("pop3: user2@127.0.0.1: ")


def test_a_password_that_is_missing_costs_its_account_only(tmp_path: Path) -> None:
    with several(bodies("a"), bodies("b")) as servers:
        one, other = urls(servers)
        file = tmp_path / "accounts.toml"
        file.write_text(
            f'[account.a]\nurl = "{one}"\npassword-command = "false"\n'
            f'[account.b]\nurl = "{other}"\npassword-command = "{PASSWORD_COMMAND}"\n'
        )
        words = ("--accounts", file, "--eml", tmp_path, "--allow-insecure-auth")
        result = pop3("fetch", *words)
        assert servers[0].said == []
        assert len(files(tmp_path)) == 1
        assert result.exit_code == Status.USAGE
        assert result.stderr == (
            "pop3: a: the command for the password, false, failed with status 1\n"
        )
        # Where it is the only one, the environment has its password as for one URL.
        file.write_text(f'[account.a]\nurl = "{one}"\n')
        assert pop3("fetch", *words).exit_code == 0
        assert f"PASS {PASSWORD}".encode() in servers[0].said


def test_a_trace_is_of_one(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    with several(bodies("a"), bodies("b")) as servers:
        one, other = urls(servers)
        file = tmp_path / "accounts.toml"
        file.write_text(f'[account.a]\nurl = "{one}"\n[account.b]\nurl = "{other}"\n')
        words = ("--accounts", file, "--eml", tmp_path, *LOGIN, "--trace", trace)
        result = pop3("fetch", *words)
        assert result.exit_code == Status.USAGE
        assert "--trace writes down one conversation" in result.stderr
        assert not trace.exists()
        assert pop3("fetch", *words, "b").exit_code == 0
        assert servers[0].said == []
    assert trace.read_text().count("RETR") == 1


def test_a_fault_of_ours_is_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def divide(*words: object, **options: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(fetch_threads, "fetch", divide)
    with pytest.raises(ZeroDivisionError):
        pop3("fetch", "pop3s://alice@127.0.0.1", "--eml", tmp_path)


def test_all_passwords_are_asked_for_before_anything_is_fetched(tmp_path: Path) -> None:
    with several(bodies("a"), bodies("b")) as servers:
        words: list[str | Path] = [*urls(servers), "--eml", tmp_path, "--allow-insecure-auth"]
        terminal = Terminal("fetch", *words, password=PASSWORD)
        terminal.wait_for(b"Password for user1@127.0.0.1: ")
        terminal.type(b"first\n")
        terminal.wait_for(b"Password for user2@127.0.0.1: ")
        assert servers[0].said == []
        terminal.type(b"second\n")
        assert terminal.end() == 0, terminal.shown
        assert b"PASS first" in servers[0].said
        assert b"PASS second" in servers[1].said


def test_a_bar_for_each_and_one_for_all(tmp_path: Path) -> None:
    seen = threading.Event()
    with several(bodies("a"), bodies("b", "c")) as servers:

        def stall(server: Server) -> Callable[[], Answer]:
            def answer() -> Answer:
                seen.wait(BOUND)
                return OK + server.messages[1] + b".\r\n"

            return answer

        for server in servers:
            server.answers[b"RETR 1"] = stall(server)
        terminal = Terminal("fetch", *urls(servers), "--eml", tmp_path, *LOGIN, password=None)
        for text in (b"0/2 accounts", b"0/3 messages", b"user1@127.0.0.1", b"user2@127.0.0.1"):
            terminal.wait_for(text)
        seen.set()
        assert terminal.end() == 0, terminal.shown
    assert b"user1@127.0.0.1: Fetched 1 message (" in terminal.shown
    assert terminal.shown.rindex(b"\x1b[?25h") > terminal.shown.rindex(b"\x1b[?25l")
