"""How a connection is to be secured, and the ports for it."""

import pytest

from pop3_proto import TlsPolicy


@pytest.mark.parametrize(
    ("policy", "port"),
    [
        (TlsPolicy.IMPLICIT, 995),
        (TlsPolicy.STLS, 110),
        (TlsPolicy.OPPORTUNISTIC, 110),
        (TlsPolicy.NONE, 110),
    ],
)
def test_ports(policy: TlsPolicy, port: int) -> None:
    assert policy.port == port


@pytest.mark.parametrize("policy", TlsPolicy)
def test_a_policy_can_be_named_in_a_configuration(policy: TlsPolicy) -> None:
    assert TlsPolicy(policy.name.lower()) is policy
