"""What a host's name becomes before it is looked up, and what is no host."""

import sys

import pytest

from pop3_adapters._hosts import Host, find_host
from pop3_proto import LocalProtocolError


@pytest.mark.parametrize(
    "host",
    [
        "pop.example.org",
        "POP.Example.org",
        "localhost",
        "my_host",
        "xn--mnchen-3ya.example",
        "127.0.0.1",
        "::1",
        "2001:DB8::1",
        "a" * 63,
    ],
)
def test_ascii_stays_as_it_is(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "idna", None)  # importing it fails
    assert find_host(host) == Host(host, host)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("MÜNCHEN.example", "xn--mnchen-3ya.example"),
        ("mu\u0308nchen.example", "xn--mnchen-3ya.example"),
        ("münchen。example", "xn--mnchen-3ya.example"),
        # IDNA 2003 made another name of it: strasse.
        ("straße.example", "xn--strae-oqa.example"),
        ("مثال.إختبار", "xn--mgbh0fb.xn--kgbechtv"),
        ("\uff4cocalhost", "localhost"),
    ],
)
def test_an_international_name_becomes_its_a_labels(host: str, address: str) -> None:
    assert find_host(host) == Host(address, address)


@pytest.mark.parametrize(
    ("host", "address", "name"),
    [
        ("[::1]", "::1", "::1"),
        ("fe80::1%eth0", "fe80::1%eth0", "fe80::1"),
        ("[fe80::1%eth0]", "fe80::1%eth0", "fe80::1"),
        ("pop.example.org.", "pop.example.org.", "pop.example.org"),
        ("münchen.example.", "xn--mnchen-3ya.example.", "xn--mnchen-3ya.example"),
    ],
)
def test_a_certificate_names_less_than_what_is_looked_up(
    host: str, address: str, name: str
) -> None:
    assert find_host(host) == Host(address, name)


@pytest.mark.parametrize(
    "host",
    [
        "",
        ".",
        ".example.org",
        "a..example",
        "a" * 64,
        ".".join(["a" * 49] * 6),
        "pop.example.org:995",
        "pop3s://pop.example.org",
        "alice@example.org",
        "pop example",
        "pop.example.org\n",
        "pop.example.org\0",
        "[127.0.0.1]",
        "[::1",
        "[::g]",
        "☃.example",
        "ü..example",
        "ü_.example",
        "ü.example:995",
        "\ud800.example",
    ],
)
def test_what_is_no_host(host: str) -> None:
    with pytest.raises(LocalProtocolError, match="cannot be the name of a host"):
        _ = find_host(host)


def test_without_idna_an_international_name_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "idna", None)
    with pytest.raises(LocalProtocolError, match=r"pip install 'pop3-proto\[idna\]'"):
        _ = find_host("münchen.example")
