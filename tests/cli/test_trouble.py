"""`pop3 fetch` where the server refuses, breaks off, lies or attacks."""

import json
import resource
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import Result

from .hostile import OK, USUAL, Answer, Server, wire
from .running import bodies, pop3, stored, unfinished


def fetch(server: Server, folder: Path, *words: str) -> Result:
    return pop3("fetch", server.url, "--allow-insecure-auth", "--maildir", folder, *words)


def test_a_refused_message_costs_itself_only(tmp_path: Path) -> None:
    with Server(wire(*bodies("one", "two", "three", "four"))) as server:
        server.answers[b"RETR 2"] = server.answers[b"RETR 4"] = b"-ERR no\r\n"
        result = fetch(server, tmp_path, "--delete")
        assert result.exit_code == 1
        assert stored(tmp_path) == bodies("one", "three")
        assert sorted(server.messages) == [2, 4]
        assert result.stderr == (
            "pop3: message 2 (id-2): the server refused RETR 2: -ERR no\n"
            "pop3: message 4 (id-4): the server refused RETR 4: -ERR no\n"
        )
        assert "; 2 failed; 2 deleted on the server." in result.stdout

        server.answers.clear()
        assert fetch(server, tmp_path, "--delete").exit_code == 0
        assert stored(tmp_path) == bodies("one", "three", "two", "four")
        assert server.messages == {}


def test_failures_in_json(tmp_path: Path) -> None:
    with Server(wire(*bodies("one")), unique_ids={1: b"\xff/\x1b"}) as server:
        server.answers[b"RETR 1"] = b"-ERR no\r\n"
        said = json.loads(fetch(server, tmp_path, "--json").stdout)
    reason = "the server refused RETR 1: -ERR no"
    assert said["failed"] == [{"number": 1, "unique_id": "\xff/\x1b", "reason": reason}]
    assert (said["fetched"], said["deletions"], said["status"]) == (0, None, 1)


def test_the_connection_ends_inside_a_message(tmp_path: Path) -> None:
    one, two, three = bodies("one", "two", "three")
    with Server(wire(one, two, three), capabilities=("UIDL",)) as server:
        server.answers[b"RETR 2"] = OK + server.messages[2][:9]
        server.closes_behind.add(b"RETR 2")
        result = fetch(server, tmp_path, "--delete")
        assert result.exit_code == 3
        assert "the peer ended the connection after" in result.stderr
        assert "which is incomplete; try again" in result.stderr
        assert stored(tmp_path) == [one]
        assert unfinished(tmp_path) == []
        assert b"QUIT" not in server.verbs
        assert b"DELE" not in server.verbs

        server.answers.clear()
        server.closes_behind.clear()
        result = fetch(server, tmp_path)
        assert "Fetched 2 messages" in result.stdout
        assert "1 fetched before" in result.stdout
    assert stored(tmp_path) == [one, two, three]


def test_without_unique_ids_everything_is_fetched(tmp_path: Path) -> None:
    with Server(wire(*bodies("one")), capabilities=("TOP",)) as server:
        server.answers[b"UIDL"] = b"-ERR what?\r\n"
        for _ in range(2):
            result = fetch(server, tmp_path)
            assert result.exit_code == 0
            assert "no unique-ids" in result.stderr
        assert stored(tmp_path) == bodies("one", "one")
        assert fetch(server, tmp_path, "--delete").exit_code == 0
        assert server.messages == {}


def test_unique_ids_that_fail_are_no_reason_to_fetch_everything(tmp_path: Path) -> None:
    with Server(wire(*bodies("one"))) as server:
        server.answers[b"UIDL"] = b"-ERR [SYS/TEMP] index is being rebuilt\r\n"
        result = fetch(server, tmp_path)
    assert result.exit_code == 3
    assert "try again later" in result.stderr
    assert stored(tmp_path) == []


def test_sizes_are_no_more_than_a_hint(tmp_path: Path) -> None:
    with Server(wire(*bodies("one", "two", "three"))) as server:
        server.answers[b"LIST"] = OK + b"1 9999999999999999999\r\n2 0\r\n3 -5 x\r\n.\r\n"
        assert fetch(server, tmp_path).exit_code == 0
        server.answers[b"LIST"] = b"-ERR no\r\n"
        assert fetch(server, tmp_path, "--all").exit_code == 0
    assert stored(tmp_path) == bodies("one", "two", "three") * 2


def test_without_any_listing_there_is_nothing_to_fetch(tmp_path: Path) -> None:
    with Server(wire(*bodies("one")), capabilities=("TOP",)) as server:
        server.answers[b"UIDL"] = server.answers[b"LIST"] = b"-ERR what?\r\n"
        result = fetch(server, tmp_path)
    assert result.exit_code == 3
    assert result.stderr == "pop3: the server refused LIST: -ERR what?\n"


def test_a_message_that_only_list_knows_is_fetched(tmp_path: Path) -> None:
    with Server(wire(*bodies("one", "two")), unique_ids={2: b"x"}) as server:
        assert fetch(server, tmp_path).exit_code == 0
    assert stored(tmp_path) == bodies("one", "two")


def test_a_number_without_a_message(tmp_path: Path) -> None:
    with Server(wire(*bodies("one"))) as server:
        server.unique_ids[9999999999999999999] = b"x"
        server.answers[b"RETR 9999999999999999999"] = b"-ERR no such message\r\n"
        result = fetch(server, tmp_path)
    assert result.exit_code == 1
    assert stored(tmp_path) == bodies("one")


def test_two_messages_with_one_unique_id(tmp_path: Path) -> None:
    with Server(wire(*bodies("one", "two")), unique_ids={1: b"x", 2: b"x"}) as server:
        server.answers[b"RETR 2"] = b"-ERR not now\r\n"
        assert fetch(server, tmp_path).exit_code == 1
        del server.answers[b"RETR 2"]
        # Which of the two is here cannot be told, and none may be lost.
        assert fetch(server, tmp_path).exit_code == 0
        assert stored(tmp_path) == bodies("one", "one", "two")
        assert "2 fetched before" in fetch(server, tmp_path).stdout


def test_empty_unique_ids_are_none(tmp_path: Path) -> None:
    with Server(wire(*bodies("one", "two")), unique_ids={1: b"", 2: b""}) as server:
        for _ in range(2):
            assert fetch(server, tmp_path).exit_code == 0
    assert stored(tmp_path) == bodies("one", "two") * 2


def test_unique_ids_of_any_octets(tmp_path: Path) -> None:
    names = {1: b"../../etc/passwd", 2: b"\xff\xfe\x1b[2J", 3: b'"]\\', 4: b"x" * 8000}
    with Server(wire(*bodies("one", "two", "three", "four")), unique_ids=names) as server:
        assert fetch(server, tmp_path).exit_code == 0
        result = fetch(server, tmp_path)
    assert "4 fetched before" in result.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"tmp", "new", "cur", "pop3-fetched"}
    assert (tmp_path / "pop3-fetched").read_bytes().isascii()


def test_what_a_server_says_moves_no_cursor(tmp_path: Path) -> None:
    evil = b"\x1b[2J\x1b]0;owned\x07\x9b[red]\xe2\x80\xae"
    with Server(wire(*bodies("one")), unique_ids={1: evil}) as server:
        server.answers[b"RETR 1"] = b"-ERR " + evil + b"\r\n"
        server.answers[b"DELE"] = b"-ERR " + evil + b"\r\n"
        result = fetch(server, tmp_path)
        server.answers[b"PASS"] = b"-ERR " + evil + b"\r\n"
        refused = fetch(server, tmp_path)
    for text in (result.output, refused.output):
        assert "[red]" in text
        assert all(c.isprintable() or c == "\n" for c in text)


def test_a_refused_deletion_is_reported(tmp_path: Path) -> None:
    with Server(wire(*bodies("one", "two", "three"))) as server:
        server.answers[b"DELE 1"] = server.answers[b"DELE 3"] = b"-ERR read-only\r\n"
        result = fetch(server, tmp_path, "--delete")
        assert sorted(server.messages) == [1, 3]
    assert result.exit_code == 1
    assert "message 1 (id-1): stored, but not deleted: the server refused DELE 1" in result.stderr
    assert "message 3 (id-3): stored, but not deleted: " in result.stderr
    assert "; 2 failed; 1 deleted on the server." in result.stdout


@pytest.mark.parametrize("answer", [None, b"-ERR some deleted messages not removed\r\n"])
def test_an_unknown_outcome_is_said_and_ids_decide_next_time(
    tmp_path: Path, answer: Answer
) -> None:
    with Server(wire(*bodies("one", "two"))) as server:
        server.answers[b"QUIT"] = answer
        result = fetch(server, tmp_path, "--delete")
        assert result.exit_code == 1
        assert "the server did not confirm that 2 were deleted" in result.stdout

        # One was deleted, and another has come: the numbers mean other messages now.
        new, two = server.messages[1].replace(b"one", b"new"), server.messages[2]
        server.messages = {1: two, 2: new}
        server.unique_ids = {1: b"id-2", 2: b"id-3"}
        server.answers.clear()
        result = fetch(server, tmp_path, "--delete")
        assert result.exit_code == 0
        assert stored(tmp_path) == bodies("one", "two", "new")
        assert server.messages == {}


def test_deletion_comes_last_and_after_everything_is_safe(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    def when_deleting() -> bytes:
        remembered = (tmp_path / "pop3-fetched").read_bytes().count(b"\n")
        seen.append((len(stored(tmp_path)), remembered))
        return OK

    names = [str(n) for n in range(100)]
    with Server(wire(*bodies(*names))) as server:
        server.answers[b"DELE"] = when_deleting
        assert fetch(server, tmp_path, "--delete").exit_code == 0
    assert seen == [(100, 100)] * 100
    first = server.verbs.index(b"DELE")
    assert set(server.verbs[first:]) == {b"DELE", b"QUIT"}


def test_expire_0_is_said(tmp_path: Path) -> None:
    with Server(wire(*bodies("one")), capabilities=(*USUAL, "EXPIRE 0")) as server:
        result = fetch(server, tmp_path)
    assert result.exit_code == 0
    assert "deletes by itself what has been retrieved" in result.stderr
    assert server.verbs[-1] == b"QUIT"


@contextmanager
def small_disk(octets: int) -> Generator[None, None, None]:
    """No file can become longer than this."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("capabilities", [USUAL, (*USUAL, "EXPIRE 0")])
def test_a_full_disk_ends_the_session_without_quit(
    tmp_path: Path, capabilities: tuple[str, ...]
) -> None:
    one, three = bodies("one", "three")
    big = b"x" * 70 + b"\n"
    with Server(wire(one, big * 10_000, three), capabilities=capabilities) as server:
        with small_disk(300_000):
            result = fetch(server, tmp_path, "--delete")
        assert b"QUIT" not in server.verbs
        assert b"DELE" not in server.verbs
        assert result.exit_code == 3
        assert f"cannot write to {tmp_path}: File too large" in result.stderr
        assert stored(tmp_path) == [one]
        assert unfinished(tmp_path) == []
        assert "1 fetched before" in fetch(server, tmp_path).stdout


def test_a_memory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "pop3-fetched").mkdir()
    with Server(wire(*bodies("one"))) as server:
        result = fetch(server, tmp_path, "--delete")
        assert b"DELE" not in server.verbs
    assert result.exit_code == 3
    assert "pop3-fetched: Is a directory" in result.stderr


@pytest.mark.parametrize(
    ("greeting", "sentence"),
    [
        (b"* OK ready\r\n", "this is no POP3 server, it speaks IMAP: check host and port"),
        (b"220 mx ESMTP\r\n", "it speaks SMTP or FTP"),
        (b"-ERR [SYS/TEMP] full\r\n", "the server refused the session: -ERR [SYS/TEMP] full; try"),
        (b"-ERR [IN-USE] busy\r\n", "try again later"),
        (b"", "the peer ended the connection before the greeting"),
    ],
)
def test_no_session(tmp_path: Path, greeting: bytes, sentence: str) -> None:
    with Server({}, greeting=greeting) as server:
        if not greeting:
            server.closes_behind.add(b"")
        result = fetch(server, tmp_path / "mail")
    assert result.exit_code == 3
    assert sentence in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "mail").exists()


def test_no_session_in_json(tmp_path: Path) -> None:
    with Server({}, greeting=b"* OK ready\r\n") as server:
        said = json.loads(fetch(server, tmp_path, "--json").stdout)
    assert said["status"] == 3
    assert "it speaks IMAP" in said["error"]
    assert said["messages"] is None


def test_a_reply_that_nobody_asked_for(tmp_path: Path) -> None:
    with Server(wire(*bodies("one"))) as server:
        server.answers[b"RETR 1"] = OK + b"x\r\n.\r\n+OK and more\r\n"
        result = fetch(server, tmp_path, "--delete")
        assert b"QUIT" not in server.verbs
    assert result.exit_code == 3
    assert server.messages


def test_a_listing_with_message_0(tmp_path: Path) -> None:
    with Server(wire(*bodies("one"))) as server:
        server.answers[b"UIDL"] = OK + b"0 zero\r\n1 one\r\n.\r\n"
        result = fetch(server, tmp_path)
    assert result.exit_code == 3
    assert "Traceback" not in result.stderr


LINES = st.sampled_from(
    [b"+OK", b"-ERR", b"+OK [x", b"1 1", b"0 0", b"1", b"-1 5", b"9" * 30, b".", b"..", b"\x1b[2J"]
)
ANSWERS = st.binary(max_size=40) | st.lists(LINES, max_size=5).map(
    lambda lines: b"".join(line + b"\r\n" for line in lines)
)
VERBS = (b"", b"CAPA", b"USER", b"PASS", b"UIDL", b"LIST", b"RETR 1", b"RETR 2", b"DELE 2", b"QUIT")


@settings(deadline=None)
@given(st.sampled_from(VERBS), ANSWERS)
def test_whatever_a_server_says_ends_in_words(
    tmp_path_factory: pytest.TempPathFactory, verb: bytes, answer: bytes
) -> None:
    folder = tmp_path_factory.mktemp("fetch") / "mail"
    with Server(wire(*bodies("one", "two", "three"))) as server:
        server.answers[verb] = answer
        server.closes_behind.add(verb)
        if not verb:
            server.greeting = answer
        result = fetch(server, folder, "--delete")
    assert result.exit_code in (0, 1, 3, 4)
    assert all(c.isprintable() or c == "\n" for c in result.output)
    if result.exit_code in (3, 4):
        assert result.stderr.startswith("pop3: ")
        assert b"QUIT" not in server.verbs
    if folder.exists():
        assert unfinished(folder) == []
