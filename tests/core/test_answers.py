"""Commands of one's own that say how a server answers them."""

from dataclasses import FrozenInstanceError, dataclass

import pytest

from pop3_proto import Answer, Answering, Command, Noop, Snapshot, State


@dataclass(frozen=True, slots=True)
class Xcount(Command[int]):
    """How many messages there are."""

    verb = "XCOUNT"
    states = frozenset({State.TRANSACTION})

    def answer(self, messages: Snapshot) -> Answer:
        return Answer(str(messages.stat.messages))


def test_a_command_that_answers() -> None:
    command: object = Xcount()
    assert isinstance(command, Answering)
    assert command.answer(Snapshot()) == Answer("0")


def test_those_of_the_rfcs_do_not_answer_themselves() -> None:
    assert not isinstance(Noop(), Answering)


def test_an_answer_without_anything() -> None:
    assert Answer() == Answer("", ())
    with pytest.raises(FrozenInstanceError):
        Answer().text = "x"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
