"""What the pages in docs/ show runs."""

import re
from pathlib import Path
from typing import Any

import pytest

from pop3_adapters.socket import connect
from pop3_proto import Deletions, MailboxInUse, TlsPolicy

DOCS = Path(__file__).parents[1] / "docs"


def shown(page: str) -> dict[str, Any]:
    """What the Python on a page defines, run one block after the other as a reader would."""
    names: dict[str, Any] = {"__name__": "docs"}
    text = (DOCS / page).read_text("utf-8")
    for block in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        exec(compile(block, page, "exec"), names)
    return names


def test_the_maildrop_over_a_database(tmp_path: Path) -> None:
    names = shown("maildrops.md")
    store = names["MailStore"](tmp_path / "mail.sqlite")
    mail = [b"Subject: one\r\n\r\nfirst\r\n", b"Subject: two\r\n\r\n.\r\n"]
    for message in mail:
        store.deliver("alice", message)
    store.deliver("bob", b"not hers\r\n")

    with names["serve_stored"](store, {"alice": "secret"}, allow_insecure_auth=True) as server:

        def log_in() -> Any:
            client = connect("127.0.0.1", server.port, tls=TlsPolicy.NONE)
            try:
                client.login("alice", "secret", allow_insecure_auth=True)
            except BaseException:
                client.close()
                raise
            return client

        with log_in() as client:
            assert [message.read() for message in client.fetch([1, 2])] == mail
            with pytest.raises(MailboxInUse):
                log_in()
            client.delete(1)
            assert client.quit() is Deletions.DONE
        with log_in() as client:
            assert [entry.unique_id for entry in client.unique_ids()] == [b"2"]
            assert client.retrieve(1).read() == mail[1]
