"""The facades have the same names and signatures, with `await` or without."""

import inspect
import re
from collections.abc import Callable
from types import ModuleType

import pytest

from pop3_adapters import anyio, asyncio, socket, trio

BLOCKING = socket
ASYNCHRONOUS = pytest.mark.parametrize(
    "module", [asyncio, trio, anyio], ids=["asyncio", "trio", "anyio"]
)

SAME: dict[str, str] = {
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
}
"""Special methods, and what they are called where nothing is awaited."""


CONNECTED = ("socket.socket | Stream", "Union[~S, AsyncStream]")
"""A connection that `connect_stream` can go on with: a socket, or what each library has for it."""


def public(kind: type) -> dict[str, object]:
    """What a class offers, its own and inherited; iteration counts by `__iter__` alone."""
    names = (name for name in dir(kind) if not name.startswith("_") or name in _special())
    return {SAME.get(name, name): inspect.getattr_static(kind, name) for name in names}


def _special() -> set[str]:
    return {*SAME, *SAME.values()}


def parameters(function: Callable[..., object]) -> list[tuple[str, str, object, str]]:
    """Name, kind, default and annotation of each parameter."""
    return [
        (each.name, each.kind.name, each.default, _annotation(each.annotation))
        for each in inspect.signature(function).parameters.values()
    ]


def result(function: Callable[..., object]) -> str:
    """What comes back, awaited or not."""
    text = _annotation(inspect.signature(function).return_annotation)
    return re.sub(r"^(?:[\w.]+\.)?Fetching$", "collections.abc.Iterator[Message]", text)


def _annotation(annotation: object) -> str:
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    text = re.sub(r"pop3_adapters\.\w+\.", "", text)
    return "connected" if text in CONNECTED else text


def difference(one: type, other: type) -> list[str]:
    """What the one has and the other has not, or has differently."""
    ours, theirs = public(one), public(other)
    differing = [f"only in one of them: {name}" for name in sorted({*ours} ^ {*theirs})]
    for name in sorted({*ours} & {*theirs}):
        mine, yours = ours[name], theirs[name]
        if not callable(mine) or not callable(yours):
            if type(mine) is not type(yours):
                differing.append(f"{name} is a method in one of them")
        elif parameters(mine) != parameters(yours):
            differing.append(f"{name}: {parameters(mine)} and {parameters(yours)}")
        elif name != "__iter__" and result(mine) != result(yours):
            differing.append(f"{name} gives {result(mine)} and {result(yours)}")
    return differing


@ASYNCHRONOUS
def test_the_modules_have_the_same_names(module: ModuleType) -> None:
    assert module.__all__ == BLOCKING.__all__


@ASYNCHRONOUS
@pytest.mark.parametrize("kind", ["Client", "Message"])
def test_the_classes_have_the_same_methods(module: ModuleType, kind: str) -> None:
    assert difference(getattr(BLOCKING, kind), getattr(module, kind)) == []


@ASYNCHRONOUS
def test_the_servers_have_the_same_methods(module: ModuleType) -> None:
    # An asynchronous server is entered where it is made: `async with serve(...)`.
    entered = {"__enter__", "__exit__"}
    missing = {f"only in one of them: {name}" for name in entered}
    assert set(difference(BLOCKING.Server, module.Server)) == missing


@ASYNCHRONOUS
@pytest.mark.parametrize("name", [name for name in BLOCKING.__all__ if name[0].islower()])
def test_the_functions_have_the_same_parameters(module: ModuleType, name: str) -> None:
    assert parameters(getattr(module, name)) == parameters(getattr(BLOCKING, name))


@ASYNCHRONOUS
@pytest.mark.parametrize("name", ["ClientOptions", "ServerOptions", "Timeouts"])
def test_the_options_are_the_same_ones(module: ModuleType, name: str) -> None:
    assert getattr(module, name) is getattr(BLOCKING, name)


def test_all_that_waits_is_awaited() -> None:
    for kind in (asyncio.Client, asyncio.Message):
        for name, method in public(kind).items():
            if inspect.isfunction(method) and name not in ("__iter__", "fetch", "offer"):
                assert inspect.iscoroutinefunction(method), name


def test_a_parameter_that_only_one_has_is_found() -> None:
    class One:
        def stat(self, mark: int = 0) -> int:
            return mark

    class Other:
        async def stat(self) -> int:
            return 0

    class Third:
        async def stat(self, mark: int = 0) -> str:
            return ""

    assert difference(One, One) == []
    assert len(difference(One, Other)) == 1
    assert len(difference(One, Third)) == 1
    assert difference(One, type("Empty", (), {})) == ["only in one of them: stat"]
