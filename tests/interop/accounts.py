"""The users whom every real server knows from the start, and the mail that waits for them."""

from dataclasses import dataclass

from tests.interop.seeds import SEEDS

_ALL = tuple(seed.on_disk for seed in SEEDS.values())


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    password: str
    messages: tuple[bytes, ...]


ACCOUNTS = (
    Account("alice", "secret-a", _ALL),
    Account("bob", "secret-b", _ALL[:3]),
    Account("carol", "secret-c", ()),
    Account("dave", "secret-d", _ALL[:3]),
    Account("erin", "pass word  two", _ALL[:1]),
    Account("böb", "pässwörd", _ALL[:2]),
)
