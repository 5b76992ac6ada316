"""Safe by default: verified TLS, and no password where somebody could read it."""

import ssl

import pytest

from pop3_proto import (
    AuthenticationFailed,
    CommandFailed,
    Limits,
    LocalProtocolError,
    PlaintextAfterStls,
    State,
    StlsRefused,
    TlsPolicy,
)

from .net import NAME, PASSWORD, Net
from .scripts import announce, capabilities, greet, stls
from .wire import Wire, dial, scripted

SECURED = [TlsPolicy.STLS, TlsPolicy.IMPLICIT]
IDS = ["stls", "implicit"]


async def test_a_wrong_password_and_then_the_right_one(net: Net, tls: TlsPolicy) -> None:
    plain = tls is TlsPolicy.NONE
    server = net.serve(net.memory(b"one\n"), tls=tls, limits=Limits(failed_logins=5))
    async with await net.connect(server.port, tls=tls) as session:
        for name, password in ((NAME, "wrong"), ("nobody", PASSWORD), (NAME, ""), ("", "")):
            with pytest.raises(AuthenticationFailed) as caught:
                await session.login(name, password, allow_insecure_auth=plain)
            assert str(caught.value.code) == "AUTH"
            assert session.state is State.AUTHORIZATION
        await session.login(NAME, PASSWORD, allow_insecure_auth=plain)
        assert (await session.stat()).messages == 1


async def test_the_client_sends_no_password_in_plaintext_by_default(net: Net) -> None:
    def play(wire: Wire) -> None:
        greet(wire)
        assert wire.rest() == b""

    with scripted(play) as port:
        session = await net.connect(port)
        with pytest.raises(LocalProtocolError, match=r"in plaintext.*use TLS"):
            await session.login(NAME, PASSWORD)
        await session.close()


async def test_our_server_takes_no_password_in_plaintext_by_default(net: Net) -> None:
    server = net.serve(net.memory(), allow_insecure_auth=False)
    async with await net.connect(server.port) as session:
        assert session.capabilities is not None
        assert "USER" not in session.capabilities
        with pytest.raises(CommandFailed, match="use TLS"):
            await session.login(NAME, PASSWORD, mechanism="USER", allow_insecure_auth=True)


def test_our_server_takes_no_password_in_front_of_stls(net: Net) -> None:
    server = net.serve(net.memory(), tls=TlsPolicy.STLS)
    with dial(server.port) as wire:
        assert wire.line().startswith(b"+OK")
        assert wire.ask(b"USER alice").startswith(b"-ERR")
        assert wire.ask(b"PASS correct horse").startswith(b"-ERR")
        wire.send(b"CAPA\r\n")
        announced = wire.lines()
        assert b"STLS\r\n" in announced
        assert b"USER\r\n" not in announced
        assert wire.ask(b"STLS").startswith(b"+OK")
        wire.start_tls(net.certificates.client())
        wire.send(b"CAPA\r\n")
        announced = wire.lines()
        assert b"USER\r\n" in announced
        assert b"STLS\r\n" not in announced
        # What was said in plaintext is forgotten.
        assert wire.ask(b"PASS correct horse").startswith(b"-ERR")
        assert wire.ask(b"STLS").startswith(b"-ERR")
        assert wire.ask(b"USER alice").startswith(b"+OK")
        assert wire.ask(b"PASS correct horse").startswith(b"+OK")


@pytest.mark.parametrize("policy", [*SECURED, TlsPolicy.OPPORTUNISTIC], ids=[*IDS, "opportunistic"])
async def test_a_certificate_of_an_unknown_authority_is_refused(
    net: Net, policy: TlsPolicy
) -> None:
    maildrop = net.memory(b"one\n")
    bad = net.certificates.server(known=False)
    served = TlsPolicy.IMPLICIT if policy is TlsPolicy.IMPLICIT else TlsPolicy.STLS
    server = net.serve(maildrop, tls=served, context=bad)
    with pytest.raises(ssl.SSLCertVerificationError):
        _ = await net.connect(server.port, tls=policy)


@pytest.mark.parametrize("policy", SECURED, ids=IDS)
async def test_a_certificate_for_another_name_is_refused(net: Net, policy: TlsPolicy) -> None:
    other = net.certificates.server("pop.example.org")
    server = net.serve(net.memory(), tls=policy, context=other)
    with pytest.raises(ssl.SSLCertVerificationError, match=r"127\.0\.0\.1"):
        _ = await net.connect(server.port, tls=policy)


@pytest.mark.parametrize("policy", SECURED, ids=IDS)
async def test_the_name_that_was_asked_for_is_the_one_that_counts(
    net: Net, policy: TlsPolicy
) -> None:
    for_address = net.serve(net.memory(), tls=policy)
    with pytest.raises(ssl.SSLCertVerificationError, match="localhost"):
        _ = await net.connect(for_address.port, host="localhost", tls=policy)
    named = net.certificates.server("localhost")
    for_name = net.serve(net.memory(), tls=policy, context=named)
    async with await net.connect(for_name.port, host="localhost", tls=policy) as session:
        assert session.tls


@pytest.mark.parametrize("policy", SECURED, ids=IDS)
async def test_without_a_context_the_authorities_of_the_system_decide(
    net: Net, policy: TlsPolicy
) -> None:
    server = net.serve(net.memory(), tls=policy)
    with pytest.raises(ssl.SSLCertVerificationError):
        _ = await net.clients.connect(
            "127.0.0.1",
            server.port,
            tls=policy,
            context=None,
            timeouts=None,
            limits=None,
            trace=None,
        )


async def test_stls_that_is_refused_ends_it(net: Net) -> None:
    server = net.serve(net.memory())
    with pytest.raises(StlsRefused, match="TLS is required, try implicit TLS"):
        _ = await net.connect(server.port, tls=TlsPolicy.STLS)


async def test_stls_is_asked_for_even_if_nobody_announces_it(net: Net) -> None:
    def play(wire: Wire) -> None:
        stls(wire, net.certificates.server())
        capabilities(wire)
        wire.expect(b"QUIT\r\n")
        wire.send(b"+OK\r\n")
        wire.end_tls()

    with scripted(play) as port:
        async with await net.connect(port, tls=TlsPolicy.STLS) as session:
            assert session.tls


async def test_an_opportunistic_client_takes_tls_where_it_can(net: Net) -> None:
    server = net.serve(net.memory(), tls=TlsPolicy.STLS)
    async with await net.connect(server.port, tls=TlsPolicy.OPPORTUNISTIC) as session:
        assert session.tls
        await session.login(NAME, PASSWORD)


async def test_an_opportunistic_client_goes_on_without_tls_but_shows_no_password(
    net: Net,
) -> None:
    server = net.serve(net.memory(), logins=["USER"])
    async with await net.connect(server.port, tls=TlsPolicy.OPPORTUNISTIC) as session:
        assert not session.tls
        with pytest.raises(LocalProtocolError, match="plaintext"):
            await session.login(NAME, PASSWORD)
        await session.login(NAME, PASSWORD, allow_insecure_auth=True)


async def test_an_opportunistic_client_whose_stls_is_refused_goes_on(net: Net) -> None:
    def play(wire: Wire) -> None:
        greet(wire, "STLS")
        wire.expect(b"STLS\r\n")
        wire.send(b"-ERR not today\r\n")
        wire.expect(b"QUIT\r\n")
        wire.send(b"+OK\r\n")

    with scripted(play) as port:
        async with await net.connect(port, tls=TlsPolicy.OPPORTUNISTIC) as session:
            assert not session.tls


async def test_what_was_announced_in_plaintext_is_forgotten(net: Net) -> None:
    def play(wire: Wire) -> None:
        greet(wire, "STLS", "X-INJECTED")
        wire.expect(b"STLS\r\n")
        wire.send(b"+OK\r\n")
        wire.start_tls(net.certificates.server(), server_side=True)
        wire.expect(b"CAPA\r\n")
        wire.send(b"-ERR I have none\r\n")
        wire.expect(b"QUIT\r\n")
        wire.send(b"+OK\r\n")
        wire.end_tls()

    with scripted(play) as port:
        async with await net.connect(port, tls=TlsPolicy.OPPORTUNISTIC) as session:
            assert session.tls
            assert session.capabilities is None


async def test_octets_behind_the_reply_to_stls_in_the_same_packet(net: Net) -> None:
    def play(wire: Wire) -> None:
        wire.send(b"+OK\r\n")
        wire.expect(b"STLS\r\n")
        wire.send(b"+OK\r\n" + announce("X-INJECTED"))
        assert wire.rest() == b""

    with scripted(play) as port, pytest.raises(PlaintextAfterStls):
        _ = await net.connect(port, tls=TlsPolicy.STLS)


async def test_octets_behind_the_reply_to_stls_in_a_later_packet(net: Net) -> None:
    def play(wire: Wire) -> None:
        wire.send(b"+OK\r\n")
        wire.expect(b"STLS\r\n")
        wire.send(b"+OK\r\n")
        hello = wire.line()[:1]
        assert hello == b"\x16"
        wire.send(announce("X-INJECTED"))
        _ = wire.rest()

    with scripted(play) as port, pytest.raises(ssl.SSLError):
        _ = await net.connect(port, tls=TlsPolicy.STLS)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("policy", SECURED, ids=IDS)
async def test_both_versions_of_tls(net: Net, policy: TlsPolicy, version: ssl.TLSVersion) -> None:
    context = net.certificates.server()
    context.minimum_version = context.maximum_version = version
    server = net.serve(net.memory(b"one\n"), tls=policy, context=context)
    async with await net.login(server) as session:
        assert await (await session.retrieve(1)).read() == b"one\r\n"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("policy", SECURED, ids=IDS)
async def test_a_client_without_the_certificate_that_the_server_wants(
    net: Net, policy: TlsPolicy, version: ssl.TLSVersion
) -> None:
    context = net.certificates.demanding()
    context.minimum_version = context.maximum_version = version
    server = net.serve(net.memory(), tls=policy, context=context)
    # Under TLS 1.3 the client has done its handshake when it is told.
    with pytest.raises(ssl.SSLError, match=r"(?i)alert (handshake failure|certificate required)"):
        _ = await net.connect(server.port, tls=policy)


@pytest.mark.parametrize("policy", SECURED, ids=IDS)
async def test_a_client_with_the_certificate_that_the_server_wants(
    net: Net, policy: TlsPolicy
) -> None:
    server = net.serve(net.memory(), tls=policy, context=net.certificates.demanding())
    mine = net.certificates.client(own=True)
    async with await net.connect(server.port, tls=policy, context=mine) as session:
        assert session.tls
