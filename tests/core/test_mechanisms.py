"""What holds for all mechanisms."""

import traceback
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto import ClientMechanism, Pop3Error, RemoteProtocolError, Response, ServerMechanism
from pop3_proto.base64 import encode_base64
from pop3_proto.mechanisms import (
    Anonymous,
    AnonymousServer,
    CramMd5,
    CramMd5Server,
    External,
    ExternalServer,
    Login,
    LoginServer,
    OAuthBearer,
    OAuthBearerServer,
    Plain,
    PlainServer,
    XOAuth2,
    XOAuth2Server,
)
from pop3_proto.sasl import is_mechanism_name

SECRET = "hunter" + "2"

MakeClient = Callable[[], ClientMechanism]
MakeServer = Callable[[], ServerMechanism]

# The names are those of the registry: https://www.iana.org/assignments/sasl-mechanisms.
PAIRS: dict[str, tuple[MakeClient, MakeServer]] = {
    "ANONYMOUS": (lambda: Anonymous("sirhc"), AnonymousServer),
    "CRAM-MD5": (lambda: CramMd5("alice", SECRET), lambda: CramMd5Server(b"<1@a>")),
    "EXTERNAL": (lambda: External("alice"), ExternalServer),
    "LOGIN": (lambda: Login("alice", SECRET), LoginServer),
    "OAUTHBEARER": (lambda: OAuthBearer("alice", SECRET), OAuthBearerServer),
    "PLAIN": (lambda: Plain("alice", SECRET), PlainServer),
    "XOAUTH2": (lambda: XOAuth2("alice", SECRET), XOAuth2Server),
}

# What somebody might send who has mistaken the mechanism, or the grammar.
SAID = st.sampled_from(
    [
        b"",
        b"\1",
        b"\0alice\0hunter2",
        b"alice 0123456789abcdef0123456789abcdef",
        b"user=alice\1auth=Bearer hunter2\1\1",
        b"n,a=alice,\1auth=Bearer hunter2\1\1",
        b"n,,n=alice,r=nonce",
        b'{"status":"401"}',
    ]
)
OCTETS = st.binary() | SAID | st.tuples(SAID, st.binary(max_size=2)).map(b"".join)

each_pair = pytest.mark.parametrize(("name", "pair"), PAIRS.items(), ids=PAIRS)


@each_pair
def test_both_sides_agree(name: str, pair: tuple[MakeClient, MakeServer]) -> None:
    client, server = pair[0](), pair[1]()
    assert client.name == name
    assert is_mechanism_name(name.encode())
    assert client.client_first is server.client_first
    assert client.shows_secret is server.shows_secret
    assert client.shows_secret is (name in {"LOGIN", "OAUTHBEARER", "PLAIN", "XOAUTH2"})
    assert client.client_first is (name not in {"CRAM-MD5", "LOGIN"})


@each_pair
def test_a_whole_exchange(name: str, pair: tuple[MakeClient, MakeServer]) -> None:
    """The client is done when the server is."""
    client, server = pair[0](), pair[1]()
    said = b"" if server.client_first else server.step(b"")
    for _ in range(3):
        assert isinstance(said, bytes)
        response = client.respond(said)
        said = server.step(response.data)
        assert response.last is not isinstance(said, bytes)
        if response.last:
            return
    pytest.fail(f"{name} does not end")


@pytest.mark.parametrize("make", [make for _, make in PAIRS.values()], ids=PAIRS)
@given(responses=st.lists(OCTETS, max_size=4))
def test_a_server_survives_any_responses(make: MakeServer, responses: list[bytes]) -> None:
    server = make()
    for response in responses:
        with suppress(ValueError):
            _ = server.step(response)


@pytest.mark.parametrize("make", [make for make, _ in PAIRS.values()], ids=PAIRS)
@given(challenges=st.lists(OCTETS, max_size=4))
def test_a_client_survives_any_challenges(make: MakeClient, challenges: list[bytes]) -> None:
    client = make()
    for challenge in challenges:
        try:
            assert type(client.respond(challenge)) is Response
        except RemoteProtocolError:
            return
        assert SECRET not in repr(client)


@pytest.mark.parametrize("make", [make for _, make in PAIRS.values()], ids=PAIRS)
@given(before=OCTETS, behind=OCTETS)
def test_an_error_of_a_server_has_no_secret_in_it(
    make: MakeServer, before: bytes, behind: bytes
) -> None:
    response = before.replace(b"hunter2", b"") + SECRET.encode() + behind
    server = make()
    for _ in range(3):
        try:
            said = server.step(response)
        except ValueError as error:
            shown = "".join(traceback.format_exception(error)) + repr(error.__context__)
            assert SECRET not in shown
            assert encode_base64(response).decode() not in shown
            return
        assert SECRET not in repr(server)
        if not isinstance(said, bytes):
            return


@pytest.mark.parametrize(
    "make",
    [
        lambda: Plain("alice", SECRET + "\0"),
        lambda: Plain("alice", SECRET + "\ud800"),
        lambda: Login("alice", SECRET + "\0"),
        lambda: CramMd5("alice", SECRET.encode() + b"\0"),
        lambda: XOAuth2("alice", SECRET + "\n"),
        lambda: OAuthBearer("alice", SECRET + " "),
    ],
)
def test_an_error_of_a_client_has_no_secret_in_it(make: MakeClient) -> None:
    with pytest.raises(Pop3Error) as caught:
        make()
    assert SECRET not in str(caught.value) + repr(caught.value) + repr(caught.value.__context__)
