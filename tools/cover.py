"""Branch coverage of each module of the core by its own tests alone: python -m tools.cover.

What only the tests of another module reach is not tested where one would look for it.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
CORE = ROOT / "pop3_proto"
TESTS = ROOT / "tests" / "core"


def modules() -> Iterator[Path]:
    """All modules of the core but the packages themselves, which contain nothing but imports."""
    return (path for path in sorted(CORE.rglob("*.py")) if path.name != "__init__.py")


def tests_of(module: Path) -> Path:
    """The tests of a module: `flows/client.py` has `test_flows_client.py`."""
    words = module.relative_to(CORE).with_suffix("").parts
    return TESTS / f"test_{'_'.join(words)}.py"


def coverage(*arguments: str) -> tuple[int, str]:
    """What coverage.py says, and its exit status."""
    command = (sys.executable, "-bb", "-W", "error", "-m", "coverage", *arguments)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def gaps(module: Path) -> str:
    """The line of the report with what the module's tests leave out; empty where that is nothing.

    Where they fail it is what they say.
    """
    name, tests = str(module.relative_to(ROOT)), tests_of(module)
    if not tests.exists():
        return f"{name} has no tests: {tests.relative_to(ROOT)} is missing"
    with TemporaryDirectory() as scratch:
        data = f"--data-file={scratch}/coverage"
        pytest = ("-m", "pytest", "--quiet", "-p", "no:cacheprovider", str(tests))
        status, said = coverage("run", data, *pytest)
        if status:
            return said
        status, said = coverage("report", data, f"--include={name}", "--fail-under=100")
    rows = [line for line in said.splitlines() if line.startswith(name)]
    return "\n".join(rows) or said if status else ""


if __name__ == "__main__":
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        sys.exit("\n".join(filter(None, pool.map(gaps, modules()))) or 0)
