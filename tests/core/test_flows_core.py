"""Effects: what a flow wants, and how an answer of the application comes back."""

import pytest

from pop3_proto import MaybeAwaitable, ServerConnection
from pop3_proto.flows.core import Flow, Invoke, Send, invoke
from tests.core.playing import play, play_async


def test_what_is_invoked_comes_back() -> None:
    flow = invoke(lambda: 7)
    want = next(flow)
    assert isinstance(want, Invoke)
    want.deliver(want.function())
    with pytest.raises(StopIteration) as stop:
        next(flow)
    assert stop.value.value == 7


def test_what_goes_wrong_comes_out_where_it_was_invoked() -> None:
    caught: list[Exception] = []

    def flow() -> Flow[str]:
        try:
            yield from invoke(lambda: int("seven"))
        except ValueError as error:
            caught.append(error)
        return "caught"

    assert play(ServerConnection(), flow()) == "caught"
    assert len(caught) == 1


@pytest.mark.parametrize("answer", [None, 0, (), "text"])
def test_any_answer_is_delivered(answer: object) -> None:
    def ask() -> object:
        return answer

    assert play(ServerConnection(), invoke(ask)) is answer


def test_what_is_awaitable_is_awaited() -> None:
    async def answer() -> int:
        return 7

    def ask() -> MaybeAwaitable[int]:
        return answer()

    assert play_async(ServerConnection(), invoke(ask)) == 7


def test_what_is_sent_may_hold_a_password() -> None:
    assert repr(Send(b"PASS hunter2\r\n")) == "Send()"
