"""Messages that do not depend on what the server says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto import RemoteProtocolError, Response
from pop3_proto.mechanisms.messages import FixedMessages

octets = st.binary()


@given(st.lists(octets, min_size=1), octets)
def test_each_is_said_once(messages: list[bytes], challenge: bytes) -> None:
    client = FixedMessages(*messages)
    responses = [client.respond(challenge) for _ in messages]
    assert [response.data for response in responses] == messages
    assert [response.last for response in responses] == [False] * (len(messages) - 1) + [True]
    for _ in range(2):
        with pytest.raises(RemoteProtocolError, match="after everything has been said"):
            client.respond(challenge)


def test_what_is_to_be_said_is_in_no_repr() -> None:
    client = FixedMessages(b"hunter2")
    assert "hunter2" not in repr(client)
    assert client.respond(b"") == Response(b"hunter2", last=True)
