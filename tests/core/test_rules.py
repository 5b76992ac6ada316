"""What keeps the core pure: no I/O, and layers that only look down."""

import ast
from collections.abc import Iterator
from dataclasses import is_dataclass
from functools import cache
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

import pop3_proto

ROOT = Path(pop3_proto.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))

# Nothing in these reads, writes, waits, or differs from one run to the next.
ALLOWED = {
    "binascii",
    "collections",
    "collections.abc",
    "contextlib",
    "dataclasses",
    "enum",
    "functools",
    "hashlib",
    "hmac",
    "ipaddress",
    "itertools",
    "json",
    "re",
    "stringprep",
    "types",
    "typing",
    "unicodedata",
    "urllib.parse",
    "weakref",
}

# Built-in functions that do I/O, or import what the test does not see.
FORBIDDEN = {"open", "print", "input", "breakpoint", "exec", "eval", "compile", "__import__"}

LAYERS = {
    "wire": {"lines", "body"},
    "rules and vocabulary": {
        *("states", "limits", "errors", "commands", "events", "responses", "capabilities"),
        *("listings", "maildrop", "policies", "top", "url", "answers", "apop", "hints", "sasl"),
        *("snapshot", "trace", "base64", "claims", "verifier", "authenticator", "saslprep"),
        *("mechanisms", "mechanisms.anonymous", "mechanisms.cram_md5", "mechanisms.external"),
        *("mechanisms.login", "mechanisms.messages", "mechanisms.oauth", "mechanisms.oauthbearer"),
        *("mechanisms.plain", "mechanisms.strings", "mechanisms.xoauth2"),
    },
    "machines": {"connection", "exchange", "client", "server"},
    "flows": {
        "flows",
        "flows.core",
        "flows.client",
        "flows.choosing",
        "flows.login",
        "flows.login_oauth",
        "flows.server",
        "flows.server_bodies",
        "flows.server_claims",
        "flows.server_end",
        "flows.server_login",
        "flows.server_mechanisms",
        "flows.window",
        "replay",
    },
    "all": {""},
}
RANK = {name: rank for rank, names in enumerate(LAYERS.values()) for name in names}


def name_of(path: Path) -> str:
    """The module's name within the package: `flows.core`, and nothing for the package itself."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = [name_of(path) for path in MODULES]
PATHS = dict(zip(NAMES, MODULES, strict=True))


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(PATHS[name].read_text("utf-8"))


def outside_type_checking(node: ast.AST) -> Iterator[ast.AST]:
    """Everything that runs: what stands below `if TYPE_CHECKING` does not."""
    for child in ast.iter_child_nodes(node):
        guarded = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        if not guarded:
            yield child
            yield from outside_type_checking(child)


def imported(name: str, nodes: Iterator[ast.AST]) -> Iterator[str]:
    """What is imported: modules of the package begin with a dot."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield absolute(name, node) if node.level else node.module or ""


def absolute(name: str, node: ast.ImportFrom) -> str:
    parts = name.split(".") if name else []
    package = parts if PATHS[name].name == "__init__.py" else parts[:-1]
    above = package[: len(package) - node.level + 1]
    return "." + ".".join([*above, node.module] if node.module else above)


def test_every_module_has_its_layer() -> None:
    assert set(NAMES) == set(RANK)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_imported_that_does_io_or_knows_the_time(name: str) -> None:
    outside = {module for module in imported(name, ast.walk(tree(name))) if module[0] != "."}
    assert outside <= ALLOWED


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_called_that_does_io(name: str) -> None:
    names = {node.id for node in ast.walk(tree(name)) if isinstance(node, ast.Name)}
    assert not names & FORBIDDEN


@pytest.mark.parametrize("name", NAMES)
def test_layers_only_look_down(name: str) -> None:
    for nodes, runs in ((outside_type_checking(tree(name)), True), (ast.walk(tree(name)), False)):
        for module in imported(name, nodes):
            if module.startswith("."):
                assert RANK[module[1:]] <= RANK[name], f"{name or 'the package'}: {module}, {runs}"


def test_the_package_itself_is_imported_by_nobody() -> None:
    assert [name for name in NAMES if "." in imported(name, ast.walk(tree(name)))] == []


def test_no_module_needs_itself() -> None:
    graph = {
        "." + name: {m for m in imported(name, outside_type_checking(tree(name))) if m[0] == "."}
        for name in NAMES
    }
    assert set(TopologicalSorter(graph).static_order()) == set(graph)


def exported(name: str) -> list[str]:
    for node in tree(name).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    return []


def in_order(name: str) -> tuple[int, str]:
    """Constants, then classes, then everything else, as ruff sorts them."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


@pytest.mark.parametrize("name", NAMES)
def test_all_is_in_order(name: str) -> None:
    assert exported(name) == sorted(exported(name), key=in_order)


@pytest.mark.parametrize("name", set(NAMES) - {"flows"})
def test_all_is_there(name: str) -> None:
    assert exported(name)


def test_the_package_exports_all_that_it_imports() -> None:
    origins = {
        alias.name: absolute("", node)[1:]
        for node in tree("").body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert exported("") == sorted(origins, key=in_order)
    for name, module in origins.items():
        assert name in exported(module)
        assert hasattr(pop3_proto, name)


@pytest.mark.parametrize("name", NAMES)
def test_data_does_not_change_and_is_small(name: str) -> None:
    """Each dataclass is frozen and has slots."""
    module = import_module(f"pop3_proto.{name}".rstrip("."))
    for kind in vars(module).values():
        if isinstance(kind, type) and is_dataclass(kind):
            assert kind.__setattr__ is not object.__setattr__, kind
            assert kind.__dictoffset__ == 0, kind


def test_every_error_and_every_event_is_exported() -> None:
    assert set(exported("errors")) <= set(exported(""))
    assert set(exported("events")) - {"Waiting"} <= set(exported(""))
    assert set(exported("commands")) <= set(exported(""))
