"""Layers only look down: what does the I/O knows nothing of what it is used for."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import pop3_adapters

ROOT = Path(pop3_adapters.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

LAYERS = (
    {
        "_body_lines",
        "_client_certificate",
        "_deadlines",
        "_event_loop",
        "_gate",
        "_hosts",
        "_http_connect",
        "_tls",
        "_line_ends",
        "_login_log",
        "_mbox",
        "_options",
        "_mbox_lock",
        "_pipe_stream",
        "_poplib_session",
        "_protocol_stream",
        "_replay_mechanism",
        "_replay_script",
        "_scram_extra",
        "_session_trace",
        "_socket_stream",
        "_speakers",
        "_timeouts",
        "streams",
        "_unix",
    },
    {"_primed_stream", "_steps", "poplib", "scram"},
    {
        "_link",
        "_mechanisms",
        "_password_mechanisms",
        "_metrics",
        "_proxy_protocol",
        "_replay_stream",
        "_structured",
        "_trace_log",
        "_turns",
    },
    {
        "_async",
        "_blocking",
        "_facts",
        "_message",
        "_opening",
        "_proxies",
        "_sessions",
        "maildrops",
        "traces",
    },
    {"_keep_alive", "_async_keep_alive", "_listening"},
    {"_client", "_async_client"},
    {"_blocking_session", "_async_session"},
    {"_blocking_server", "_async_server"},
    {"_async_adapter"},
    {"socket", "asyncio", "trio", "anyio"},
    {"cli"},
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def part(path: Path) -> str:
    """The module, or the folder of modules, at the top of the package."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """The parts of the package that are imported from another one."""
    above = len(path.relative_to(ROOT).parts)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == above:
            yield from (
                [node.module.partition(".")[0]] if node.module else [a.name for a in node.names]
            )


def test_every_part_has_its_layer() -> None:
    assert {part(path) for path in FILES} - {"__init__"} == set(RANK)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_layers_only_look_down(path: Path) -> None:
    for name in imported(path):
        if part(path) != "__init__" and name != part(path):
            assert RANK[name] < RANK[part(path)]


def test_the_test_sees_something() -> None:
    assert set(imported(ROOT / "cli" / "fetch.py")) == {"socket"}
    assert set(imported(ROOT / "socket.py")) >= {"_blocking_session", "_client", "_sessions"}
