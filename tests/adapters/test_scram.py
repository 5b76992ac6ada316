"""SCRAM: our client against our server, and each against the other side of scramp."""

import base64
import hashlib
import hmac
import sys
import traceback
import unicodedata
from dataclasses import replace
from importlib import import_module

import pytest
import scramp
from hypothesis import given, settings
from hypothesis import strategies as st
from scramp.utils import ScramException, saslprep

from pop3_adapters.maildrops import MemoryMaildrop, Verifiers
from pop3_adapters.scram import MECHANISMS, Scram, ScramServer, make_verifier, verifies
from pop3_proto import (
    ClientMechanism,
    LocalProtocolError,
    Proven,
    RemoteProtocolError,
    Response,
    ScramVerifier,
    ServerMechanism,
    VerifierWanted,
)
from pop3_proto.base64 import encode_base64
from pop3_proto.saslprep import prepare_stored

PASSWORD = "hunter" + "2"
SERVER_SECRET = b"of the server"

each_mechanism = pytest.mark.parametrize("mechanism", MECHANISMS)
some = settings(max_examples=25, deadline=None)
many = settings(deadline=None)

# RFC 5802, section 5, and RFC 7677, section 3.
EXAMPLES = {
    "SCRAM-SHA-1": (
        "fyko+d2lbbFgONRv9qkxdawL",
        "3rfcNHYJY1ZVvWVs7j",
        "QSXCR+Q6sek8bf92",
        b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
        b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ),
    "SCRAM-SHA-256": (
        "rOprNGfwEbeRWgbNEkqO",
        "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        "W22ZaJ0SNY7soEsUEjb6gQ==",
        b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        (
            b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
            b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        ),
        b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ),
}


@pytest.fixture
def derivations(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, int]]:
    """Password and iterations of each derivation of a key, the one thing that takes its time."""
    done: list[tuple[bytes, int]] = []
    derive = hashlib.pbkdf2_hmac

    def counted(name: str, password: bytes, salt: bytes, iterations: int) -> bytes:
        done.append((password, iterations))
        return derive(name, password, salt, iterations)

    monkeypatch.setattr(hashlib, "pbkdf2_hmac", counted)
    return done


def wanted(server: ScramServer, first: bytes) -> VerifierWanted:
    claim = server.step(first)
    assert isinstance(claim, VerifierWanted)
    return claim


def challenge_of(server: ScramServer, first: bytes, known: ScramVerifier | str | None) -> bytes:
    return wanted(server, first).challenge(known)


def bytes_of(said: object) -> bytes:
    assert isinstance(said, bytes)
    return said


def exchange(client: Scram, server: ScramServer, known: ScramVerifier | str | None) -> Proven:
    """A whole one, the last message of the client included where it gets as far as that."""
    challenge = challenge_of(server, client.respond(b"").data, known)
    said = server.step(client.respond(challenge).data)
    if isinstance(said, bytes):
        response = client.respond(said)
        assert response == Response(b"", last=True)
        said = server.step(response.data)
    assert isinstance(said, Proven)
    return said


@pytest.mark.parametrize("mechanism", EXAMPLES)
def test_the_examples_of_the_rfcs(mechanism: str) -> None:
    nonce, more, salt, first, challenge, final, proof = EXAMPLES[mechanism]
    verifier = make_verifier(mechanism, "pencil", salt=base64.b64decode(salt))
    client = Scram(mechanism, "user", "pencil", nonce=nonce)
    server = ScramServer(mechanism, nonce=more, secret=SERVER_SECRET)

    assert client.respond(b"") == Response(first, last=False)
    claim = wanted(server, first)
    assert claim.name == "user"
    assert claim.challenge(verifier) == challenge
    assert client.respond(challenge) == Response(final, last=False)
    assert server.step(final) == proof
    assert client.respond(proof) == Response(b"", last=True)
    assert server.step(b"") == Proven("user")


@each_mechanism
def test_these_are_mechanisms(mechanism: str) -> None:
    client: ClientMechanism = Scram(mechanism, "alice", PASSWORD)
    server: ServerMechanism = ScramServer(mechanism, secret=SERVER_SECRET)
    assert client.name == mechanism
    assert client.client_first
    assert server.client_first
    assert not client.shows_secret
    assert not server.shows_secret


@each_mechanism
def test_our_client_and_the_server_of_scramp(mechanism: str) -> None:
    known = scramp.ScramMechanism(mechanism).make_auth_info(PASSWORD)
    server = scramp.ScramMechanism(mechanism).make_server(lambda _: known)
    client = Scram(mechanism, "alice", PASSWORD)
    server.set_client_first(client.respond(b"").data.decode())
    server.set_client_final(client.respond(server.get_server_first().encode()).data.decode())
    assert client.respond(server.get_server_final().encode()) == Response(b"", last=True)


@each_mechanism
def test_our_server_and_the_client_of_scramp(mechanism: str) -> None:
    client = scramp.ScramClient([mechanism], "alice", PASSWORD)
    server = ScramServer(mechanism, secret=SERVER_SECRET)
    client.set_server_first(
        challenge_of(server, client.get_client_first().encode(), PASSWORD).decode()
    )
    client.set_server_final(bytes_of(server.step(client.get_client_final().encode())).decode())
    assert server.step(b"") == Proven("alice")


@each_mechanism
def test_with_a_verifier_and_with_a_password(mechanism: str) -> None:
    for known in (PASSWORD, make_verifier(mechanism, PASSWORD, iterations=5000)):
        client = Scram(mechanism, "alice", PASSWORD)
        server = ScramServer(mechanism, secret=SERVER_SECRET)
        assert exchange(client, server, known) == Proven("alice")


@some
@given(st.sampled_from(MECHANISMS), st.text(min_size=1), st.text(min_size=1))
def test_any_name_and_any_password(mechanism: str, name: str, password: str) -> None:
    try:
        client = Scram(mechanism, name, password)
    except LocalProtocolError:
        return
    server = ScramServer(mechanism, secret=SERVER_SECRET)
    assert exchange(client, server, password) == Proven(prepare_stored(name))


@pytest.mark.parametrize("name", ["a,b", "a=b", "=2C", "=3D", "b\u00e4r", "\u2168", "a b"])
def test_names(name: str) -> None:
    client = Scram("SCRAM-SHA-256", name.encode(), PASSWORD.encode())
    server = ScramServer("SCRAM-SHA-256", secret=SERVER_SECRET)
    assert exchange(client, server, PASSWORD) == Proven(prepare_stored(name))


@many
@given(st.text())
def test_scramp_prepares_as_we_do(text: str) -> None:
    """What our side has let pass cannot fail in scramp, or become something else."""
    try:
        theirs = saslprep(text)
    except ScramException:
        theirs = None
    try:
        ours = prepare_stored(text)
    except ValueError:
        ours = None
    assert ours == theirs


@pytest.mark.parametrize(
    "text", ["", "\u00ad", f"{PASSWORD}\0", f"{PASSWORD}\N{GRINNING FACE}", f"{PASSWORD}\ud800"]
)
@pytest.mark.parametrize("as_octets", [False, True])
def test_what_scram_cannot_carry(text: str, as_octets: bool) -> None:
    refused = text.encode("utf-8", "surrogatepass") if as_octets else text
    for what, name, password in (("name", refused, "x"), ("password", "alice", refused)):
        with pytest.raises(LocalProtocolError) as caught:
            Scram("SCRAM-SHA-1", name, password)
        assert str(caught.value) == (
            f"SCRAM cannot carry this {what}: SASLprep (RFC 4013) refuses it, or leaves nothing of "
            "it; log in by PLAIN inside TLS"
        )
        assert PASSWORD not in repr(caught.value) + repr(caught.value.__context__)


def test_octets_that_are_no_text() -> None:
    with pytest.raises(LocalProtocolError, match="by PLAIN inside TLS"):
        Scram("SCRAM-SHA-1", "alice", b"b\xe4r")


@pytest.mark.parametrize("mechanism", ["", "SCRAM-SHA-256-PLUS", "SCRAM-MD5", "PLAIN"])
def test_other_mechanisms(mechanism: str) -> None:
    for make in (
        lambda: Scram(mechanism, "alice", PASSWORD),
        lambda: ScramServer(mechanism, secret=SERVER_SECRET),
        lambda: make_verifier(mechanism, PASSWORD),
    ):
        with pytest.raises(ValueError, match=r"^the mechanisms of SCRAM are SCRAM-SHA-512, "):
            make()


# The client.


def client_in(mechanism: str = "SCRAM-SHA-256") -> Scram:
    """One that has said who it is."""
    client = Scram(mechanism, "alice", PASSWORD, nonce="mine", iterations=10_000)
    assert client.respond(b"").data == b"n,,n=alice,r=mine"
    return client


def first_challenge(nonce: str = "mine+yours", iterations: str = "4096") -> bytes:
    return f"r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i={iterations}".encode()


@pytest.mark.parametrize("iterations", ["4096", "10000"])
def test_iterations_that_are_allowed(iterations: str) -> None:
    assert client_in().respond(first_challenge(iterations=iterations)).data.startswith(b"c=biws,")


@pytest.mark.parametrize("iterations", ["0", "1", "4095", "10001", "9999999999", "4096,x=1,i=1"])
def test_iterations_that_are_not(iterations: str) -> None:
    with pytest.raises(RemoteProtocolError, match=r"iterations of SCRAM, where 4096|Duplicate"):
        client_in().respond(first_challenge(iterations=iterations))


def test_what_takes_too_long_is_not_begun(derivations: list[tuple[bytes, int]]) -> None:
    """Ten million are the most that scramp allows, and take seconds."""
    with pytest.raises(RemoteProtocolError, match="asks for 10000000 iterations"):
        client_in().respond(first_challenge(iterations="10000000"))
    assert derivations == []
    _ = client_in().respond(first_challenge())
    assert derivations == [(PASSWORD.encode(), 4096)]


@pytest.mark.parametrize(
    ("challenge", "why"),
    [
        (b"", "Malformed"),
        (b"\xff\xff", "Malformed"),
        (b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", "Malformed"),
        (first_challenge(nonce="mine"), "longer than the client nonce"),
        (first_challenge(nonce="yours"), "nonce doesn't match"),
        (first_challenge(iterations="4096."), "ASCII digits"),
        (first_challenge(iterations="04096"), "zero"),
        (first_challenge(iterations="99999999999"), "10000000"),
        (first_challenge().replace(b"W22Z", b"W2-Z"), "base 64"),
        (first_challenge().replace(b"W22ZaJ0SNY7soEsUEjb6gQ", b""), "base 64"),
        (b"m=x," + first_challenge(), "'m' attribute"),
    ],
)
def test_a_server_that_does_not_keep_to_scram(challenge: bytes, why: str) -> None:
    client = client_in()
    with pytest.raises(RemoteProtocolError, match=f"does not keep to SCRAM: .*{why}") as caught:
        client.respond(challenge)
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
    with pytest.raises(RemoteProtocolError, match="goes on asking"):
        client.respond(first_challenge())


@pytest.mark.parametrize("signature", [b"v=" + encode_base64(bytes(32)), b"v=AAAA", b"v=%", b""])
def test_a_server_that_does_not_know_the_password(signature: bytes) -> None:
    client = client_in()
    _ = client.respond(first_challenge())
    with pytest.raises(RemoteProtocolError, match="does not keep to SCRAM"):
        client.respond(signature)


@pytest.mark.parametrize("error", [b"e=invalid-proof", b"e=other-error", b"e=what nobody knows"])
def test_a_server_that_tells_of_an_error_says_err_next(error: bytes) -> None:
    early, late = client_in(), client_in()
    _ = late.respond(first_challenge())
    for client in (early, late):
        assert client.respond(error) == Response(b"", last=False)
        with pytest.raises(RemoteProtocolError, match="goes on asking"):
            client.respond(error)


def test_a_challenge_after_the_end() -> None:
    client, server = client_in(), ScramServer("SCRAM-SHA-256", secret=SERVER_SECRET)
    final = client.respond(challenge_of(server, b"n,,n=alice,r=mine", PASSWORD)).data
    assert client.respond(bytes_of(server.step(final))).last
    with pytest.raises(RemoteProtocolError, match="goes on asking"):
        client.respond(b"")


# Hypothesis finds the grammar by itself in no reasonable time.
CHALLENGES = st.binary() | st.sampled_from(
    [
        first_challenge(),
        first_challenge(iterations="1"),
        first_challenge(nonce="yours"),
        b"v=AAAA",
        b"v=",
        b"e=invalid-proof",
        b"e=",
    ]
)


@some
@given(st.lists(CHALLENGES, max_size=4), st.binary(max_size=2))
def test_a_client_survives_any_challenges(challenges: list[bytes], behind: bytes) -> None:
    client = Scram("SCRAM-SHA-256", "alice", PASSWORD, nonce="mine")
    for challenge in challenges:
        try:
            response = client.respond(challenge + behind)
        except RemoteProtocolError:
            return
        assert type(response) is Response
        assert not response.last
        assert PASSWORD not in repr(client)


# The server.


def server_in(mechanism: str = "SCRAM-SHA-256", *, secret: bytes = SERVER_SECRET) -> ScramServer:
    return ScramServer(mechanism, nonce="yours", secret=secret)


FIRST = b"n,,n=alice,r=mine"


@each_mechanism
@pytest.mark.parametrize("known", ["wrong", None, "", "\x07", "\N{GRINNING FACE}"])
def test_a_wrong_proof(mechanism: str, known: str | None) -> None:
    client, server = Scram(mechanism, "alice", PASSWORD), server_in(mechanism)
    assert exchange(client, server, known) == Proven("")
    with pytest.raises(ValueError, match="SCRAM is over"):
        server.step(b"")


def test_a_wrong_verifier() -> None:
    client, server = Scram("SCRAM-SHA-1", "alice", PASSWORD), server_in("SCRAM-SHA-1")
    assert exchange(client, server, make_verifier("SCRAM-SHA-1", "wrong")) == Proven("")


@each_mechanism
def test_who_is_not_known_looks_like_who_is(mechanism: str) -> None:
    """And stays the same when asked again, or by another session, but not for another server."""
    password = challenge_of(server_in(mechanism), FIRST, PASSWORD)
    nobody = challenge_of(server_in(mechanism), FIRST, None)
    assert password == nobody
    verifier = make_verifier(mechanism, PASSWORD)
    shape = challenge_of(server_in(mechanism), FIRST, verifier)
    assert len(shape) == len(nobody)
    assert shape.partition(b",s=")[0] == nobody.partition(b",s=")[0]
    assert challenge_of(server_in(mechanism, secret=b"other"), FIRST, None) != nobody
    assert challenge_of(server_in(mechanism), FIRST.replace(b"alice", b"bob"), None) != nobody


def test_each_mechanism_has_a_salt_of_its_own() -> None:
    challenges = {challenge_of(server_in(mechanism), FIRST, None) for mechanism in MECHANISMS}
    assert len(challenges) == len(MECHANISMS)


@pytest.mark.parametrize("known", [None, PASSWORD, "", make_verifier("SCRAM-SHA-256", PASSWORD)])
def test_the_same_work_for_everybody(
    known: ScramVerifier | str | None, derivations: list[tuple[bytes, int]]
) -> None:
    _ = challenge_of(server_in(), FIRST, known)
    assert [iterations for _, iterations in derivations] == [4096]


@pytest.mark.parametrize("known", [None, "", "\x07"])
def test_nobody_can_know_the_password_of_who_has_none(
    known: str | None, derivations: list[tuple[bytes, int]]
) -> None:
    for first in (FIRST, FIRST.replace(b"alice", b"bob")):
        for secret in (SERVER_SECRET, b"other"):
            _ = challenge_of(server_in(secret=secret), first, known)
    passwords = {password for password, _ in derivations}
    assert len(passwords) == 4
    assert all(len(password) == 16 for password in passwords)


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What scramp prepares, in the form in which it looks up each character in its tables."""
    done: list[str] = []

    def noted(text: str) -> str:
        done.append(unicodedata.ucd_3_2_0.normalize("NFKC", text))
        return saslprep(text)

    monkeypatch.setattr("scramp.core.saslprep", noted)
    return done


@pytest.mark.parametrize("known", [None, PASSWORD, "", make_verifier("SCRAM-SHA-256", PASSWORD)])
def test_no_password_is_prepared_character_by_character(
    known: ScramVerifier | str | None, prepared: list[str]
) -> None:
    _ = challenge_of(server_in(), FIRST, known)
    assert prepared == ["alice", "alice"]


LIGATURE = "\ufdfa"  # 18 characters in NFKC


@pytest.mark.parametrize(
    "name", ["x" * 256, "=2C" * 86, LIGATURE * 15, LIGATURE * 1000, "\u00e4" * 300, "x" * 4000]
)
@pytest.mark.parametrize("start", ["n,,n=", "y,,n=", "n,a=bob,n="])
def test_a_name_that_would_take_too_long(start: str, name: str, prepared: list[str]) -> None:
    with pytest.raises(ValueError, match="a name has 255 characters at most"):
        server_in().step(f"{start}{name},r=mine".encode())
    assert prepared == []


@pytest.mark.parametrize("first", ["n,,x=1,n={},r=mine", "n,,,n={},r=mine", "n,,r=mine,n={}"])
def test_a_name_where_none_belongs(first: str, prepared: list[str]) -> None:
    with pytest.raises(ValueError, match="Malformed"):
        server_in().step(first.format(LIGATURE * 1000).encode())
    assert prepared == []


@pytest.mark.parametrize("name", ["x" * 255, LIGATURE * 14])
def test_the_longest_name(name: str, prepared: list[str]) -> None:
    assert wanted(server_in(), f"n,,n={name},r=mine".encode()).name
    assert max(map(len, prepared)) <= 255


def test_nonces_are_never_the_same() -> None:
    servers = [ScramServer("SCRAM-SHA-1", secret=SERVER_SECRET) for _ in range(2)]
    first, second = (challenge_of(server, FIRST, None) for server in servers)
    assert first != second
    assert Scram("SCRAM-SHA-1", "a", "b").respond(b"") != Scram("SCRAM-SHA-1", "a", "b").respond(
        b""
    )


@pytest.mark.parametrize(
    ("first", "why"),
    [
        (b"", "malformed"),
        (b"alice", "malformed"),
        (b"n,,", "Malformed"),
        (b"n,,n=alice", "Malformed"),
        (b"n,,n=,r=mine", "Malformed"),
        (b"n,,n=alice,r=", "Malformed"),
        (b"n,,n=a=b,r=mine", "'='"),
        (b"n,,n=\x07,r=mine", "SASLprep prohibits"),
        (b"n,,n=\xc2\xad,r=mine", "empty"),
        (b"n,,n=alice,r=m\xc3\xa4h", "Nonce"),
        (b"n,a=b=b,n=alice,r=mine", "authzid must be empty"),
        (b"n,a=,n=alice,r=mine", "authzid must be empty"),
        (b"n,a=\x07,n=alice,r=mine", "authorization identity"),
        (b"p=tls-unique,,n=alice,r=mine", "channel binding"),
        (b"x,,n=alice,r=mine", "GS2 flag"),
        (b"n,,m=x,n=alice,r=mine", "'m' attribute"),
        (b"n,,n=al\xffice,r=mine", "UTF-8"),
        (b"n,,n=al\0ice,r=mine", "NUL"),
        (b"n,,n=" + b"x" * 4096 + b",r=mine", "4096 octets"),
    ],
)
def test_a_first_message_that_makes_no_sense(first: bytes, why: str) -> None:
    server = server_in()
    with pytest.raises(ValueError, match=why) as caught:
        server.step(first)
    assert type(caught.value) is ValueError


class Asking:
    """The header of a client that names whose maildrop it wants."""

    def __init__(self, identity: str) -> None:
        self._header = f"n,a={identity},"

    def __str__(self) -> str:
        return self._header

    def make_cbind_input(self, _: object) -> bytes:
        return self._header.encode()


@pytest.mark.parametrize(
    ("sent", "identity"),
    [("alice", "alice"), ("bob", "bob"), ("a=2Cb=3D", "a,b="), ("\u2168", "IX")],
)
def test_a_client_that_says_whose_maildrop_it_wants(sent: str, identity: str) -> None:
    client = scramp.ScramClient(["SCRAM-SHA-256"], "alice", PASSWORD)
    client.gs2_header = Asking(sent)
    server = server_in()
    first = client.get_client_first()
    assert first.startswith(f"n,a={sent},n=alice,r=")
    client.set_server_first(challenge_of(server, first.encode(), PASSWORD).decode())
    client.set_server_final(bytes_of(server.step(client.get_client_final().encode())).decode())
    assert server.step(b"") == Proven("alice", identity)


def test_the_last_message_repeats_whose_maildrop_it_is() -> None:
    client = scramp.ScramClient(["SCRAM-SHA-256"], "alice", PASSWORD)
    client.gs2_header = Asking("alice")
    server = server_in()
    first = client.get_client_first().encode()
    client.set_server_first(challenge_of(server, first, PASSWORD).decode())
    client.gs2_header = Asking("bob")
    with pytest.raises(ValueError, match="channel bindings"):
        server.step(client.get_client_final().encode())


def test_the_flag_y_is_taken() -> None:
    assert wanted(server_in(), b"y,,n=alice,r=mine").name == "alice"


def final_message() -> bytes:
    client = Scram("SCRAM-SHA-256", "alice", PASSWORD, nonce="mine")
    _ = client.respond(b"")
    return client.respond(challenge_of(server_in(), FIRST, PASSWORD)).data


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"c=biws,", b"", "Malformed"),
        (b"biws", b"eSws", "channel bindings"),
        (b"biws", b"%", r"base 64|encoded"),
        (b"r=mine", b"r=thine", "nonce doesn't match"),
        (b",p=", b",p=%", "base 64"),
        (b",p=", b",p=\0", "NUL"),
    ],
)
def test_a_last_message_that_makes_no_sense(old: bytes, new: bytes, why: str) -> None:
    server = server_in()
    _ = challenge_of(server, FIRST, PASSWORD)
    with pytest.raises(ValueError, match=why):
        server.step(final_message().replace(old, new))
    with pytest.raises(ValueError, match="SCRAM is over"):
        server.step(final_message())


def test_a_proof_of_another_length_is_a_wrong_one() -> None:
    server = server_in()
    _ = challenge_of(server, FIRST, PASSWORD)
    proof = final_message().partition(b",p=")[0] + b",p=AAAA"
    assert server.step(proof) == Proven("")


def test_the_end_is_empty() -> None:
    server = server_in()
    _ = challenge_of(server, FIRST, PASSWORD)
    assert bytes_of(server.step(final_message())).startswith(b"v=")
    with pytest.raises(ValueError, match="is empty"):
        server.step(b"x")


def test_nothing_goes_on_before_the_verifier_is_asked_for() -> None:
    server = server_in()
    _ = wanted(server, FIRST)
    with pytest.raises(ValueError, match="has not been asked for"):
        server.step(final_message())


@pytest.mark.parametrize(
    ("verifier", "why"),
    [
        (make_verifier("SCRAM-SHA-1", PASSWORD), "not for SCRAM-SHA-256"),
        (replace(make_verifier("SCRAM-SHA-256", PASSWORD), salt=b"x"), "at least 12"),
        (replace(make_verifier("SCRAM-SHA-256", PASSWORD), iterations=1), "4096"),
    ],
)
def test_a_verifier_that_is_of_no_use(verifier: ScramVerifier, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        challenge_of(server_in(), FIRST, verifier)


RESPONSES = st.binary() | st.sampled_from(
    [FIRST, b"y,,n=a=2Cb,r=mine", b"p=tls-unique,,n=a,r=b", b"n,,n==,r=x", b"c=biws,r=mineyours,p="]
)


@some
@given(st.lists(RESPONSES, max_size=4), st.binary(max_size=2))
def test_a_server_survives_any_responses(responses: list[bytes], behind: bytes) -> None:
    server = server_in()
    for response in responses:
        try:
            said = server.step(response + behind)
        except ValueError as error:
            assert type(error) is ValueError  # noqa: PT017 - what else is raised fails by itself
            continue
        if isinstance(said, VerifierWanted):
            assert said.challenge(None)
        else:
            assert said == Proven("")


# Verifiers.


@each_mechanism
def test_verifiers(mechanism: str) -> None:
    verifier = make_verifier(mechanism, PASSWORD)
    assert (verifier.mechanism, verifier.iterations, len(verifier.salt)) == (mechanism, 4096, 16)
    assert verifier != make_verifier(mechanism, PASSWORD)
    assert verifier == make_verifier(mechanism, PASSWORD, salt=verifier.salt)
    assert verifies(verifier, PASSWORD)
    assert not verifies(verifier, "wrong")
    assert not verifies(replace(verifier, salt=verifier.salt + b"x"), PASSWORD)
    assert not verifies(replace(verifier, iterations=4097), PASSWORD)
    assert ScramVerifier.parse(str(verifier)) == verifier


def test_a_verifier_is_that_of_the_prepared_password() -> None:
    verifier = make_verifier("SCRAM-SHA-256", "\u2168")
    assert verifies(verifier, "I\u00adX")


# RFC 5802, section 3.
@pytest.mark.parametrize("iterations", [4096, 5000])
def test_a_verifier_is_made_as_the_rfc_has_it(iterations: int) -> None:
    verifier = make_verifier("SCRAM-SHA-512", PASSWORD, iterations=iterations)
    salted = hashlib.pbkdf2_hmac("sha512", PASSWORD.encode(), verifier.salt, iterations)
    key = hmac.digest(salted, b"Client Key", "sha512")
    assert verifier.stored_key == hashlib.sha512(key).digest()
    assert verifier.server_key == hmac.digest(salted, b"Server Key", "sha512")


@pytest.mark.parametrize(
    ("password", "iterations", "salt", "why"),
    [
        ("", 4096, None, "leaves nothing of it"),
        (f"{PASSWORD}\x07", 4096, None, "SASLprep refuses the password"),
        (PASSWORD, 4095, None, "4096"),
        (PASSWORD, 10_000_001, None, "10000000"),
        (PASSWORD, 4096, b"x" * 11, "at least 12"),
    ],
)
def test_what_is_no_basis_of_a_verifier(
    password: str, iterations: int, salt: bytes | None, why: str
) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        make_verifier("SCRAM-SHA-1", password, iterations=iterations, salt=salt)
    assert PASSWORD not in str(caught.value) + repr(caught.value.__context__)


@pytest.mark.parametrize(
    ("mechanism", "iterations", "salt", "password"),
    [
        ("SCRAM-MD5", 4096, bytes(16), PASSWORD),
        ("SCRAM-SHA-1", 1, bytes(16), PASSWORD),
        ("SCRAM-SHA-1", 9_999_999_999, bytes(16), PASSWORD),
        ("SCRAM-SHA-1", 4096, b"", PASSWORD),
        ("SCRAM-SHA-1", 4096, bytes(16), ""),
        ("SCRAM-SHA-1", 4096, bytes(16), "\ud800"),
    ],
)
def test_what_cannot_be_verified_is_not(
    mechanism: str, iterations: int, salt: bytes, password: str
) -> None:
    assert not verifies(ScramVerifier(mechanism, iterations, salt, b"", b""), password)


@each_mechanism
def test_nothing_secret_is_in_a_repr(mechanism: str) -> None:
    client, server = Scram(mechanism, "alice", PASSWORD), server_in(mechanism)
    claim = wanted(server, client.respond(b"").data)
    response = client.respond(claim.challenge(PASSWORD))
    shown = "".join(map(repr, (client, server, claim, response)))
    shown += repr(make_verifier(mechanism, PASSWORD))
    for form in (PASSWORD, encode_base64(PASSWORD.encode()).decode(), PASSWORD.encode().hex()):
        assert form not in shown


def test_without_scramp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scramp", None)
    monkeypatch.delitem(sys.modules, "pop3_adapters.scram")
    with pytest.raises(ImportError, match="SCRAM needs scramp: pip install") as caught:
        import_module("pop3_adapters.scram")
    assert caught.value.__suppress_context__
    with pytest.raises(ImportError, match="SCRAM needs scramp: pip install"):
        _ = Verifiers({}, lambda name: MemoryMaildrop())


def test_with_a_scramp_that_lacks_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scramp.utils", None)
    monkeypatch.delitem(sys.modules, "pop3_adapters.scram")
    with pytest.raises(ImportError, match=r"scramp\.utils"):
        import_module("pop3_adapters.scram")
