"""What a server's mechanism comes to: nothing in a repr with which somebody could log in."""

import pytest

from pop3_proto import (
    AccessToken,
    Certified,
    Claim,
    Credentials,
    Digest,
    Guest,
    Proven,
    VerifierWanted,
)

SECRET = "hunter" + "2"


@pytest.mark.parametrize(
    ("claim", "shown"),
    [
        (
            Credentials("alice", SECRET, "bob"),
            "Credentials(name='alice', authorization='bob')",
        ),
        (Digest("alice", SECRET.startswith), "Digest(name='alice')"),
        (
            AccessToken(SECRET, "bob", b"{}"),
            "AccessToken(authorization='bob', refusal=b'{}')",
        ),
        (Certified("bob"), "Certified(authorization='bob')"),
        (Guest("sirhc"), "Guest(trace='sirhc')"),
        (Proven("alice", "bob"), "Proven(name='alice', authorization='bob')"),
        (
            VerifierWanted("alice", lambda _: SECRET.encode()),
            "VerifierWanted(name='alice')",
        ),
    ],
)
def test_no_secret_is_in_a_repr(claim: Claim, shown: str) -> None:
    assert repr(claim) == shown


def test_nobody_elses_maildrop_is_wanted_where_that_is_not_said() -> None:
    assert Credentials("alice", SECRET).authorization == ""
    assert AccessToken(SECRET).authorization == ""
    assert Certified().authorization == ""
    assert Proven("alice").authorization == ""
