"""Every limit has a number, a reason, and a way to change it."""

import re
from dataclasses import FrozenInstanceError, fields
from inspect import getsource

import pytest

from pop3_proto import Body, Limits


def test_limits_are_those_of_the_rfcs_or_more() -> None:
    limits = Limits()
    assert limits.line >= 512
    assert limits.command >= 512
    assert limits.sasl >= 64 * 1024 * 4 // 3
    assert limits.command_out == 255
    assert limits.status_out == 512
    assert limits.blank_lines == 16
    assert limits.bad_commands == 16


def test_every_limit_is_explained_and_positive() -> None:
    source = getsource(Limits)
    for field in fields(Limits):
        assert re.search(rf'{field.name}: int = .+\n    """', source)
        assert getattr(Limits(), field.name) > 0


def test_each_kind_of_body_has_its_limit() -> None:
    limits = Limits(capabilities=1, listing=2, message=3)
    assert limits.octets_of(Body.CAPABILITIES) == 1
    assert limits.octets_of(Body.LISTING) == 2
    assert limits.octets_of(Body.MESSAGE) == 3


def test_limits_are_changed_by_another_object() -> None:
    # A type checker refuses it too, and a user may have none.
    with pytest.raises(FrozenInstanceError):
        Limits().line = 1  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
