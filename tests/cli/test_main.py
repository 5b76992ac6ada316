"""The command as it is installed."""

import subprocess
import sys
from importlib.metadata import entry_points, version

import pytest

from pop3_adapters.cli import main
from pop3_adapters.cli.statuses import Status

from .running import COMMAND, pop3


def test_the_entry_point() -> None:
    (point,) = entry_points(group="console_scripts", name="pop3")
    assert point.load() is main


def test_version() -> None:
    result = pop3("--version")
    assert (result.exit_code, result.stdout) == (0, f"pop3 {version('pop3-proto')}\n")


def test_as_a_module() -> None:
    done = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == pop3("--version").stdout


def test_without_words_it_helps() -> None:
    result = pop3()
    assert result.exit_code == Status.USAGE
    assert "fetch" in result.output


def test_help_has_every_exit_status() -> None:
    text = pop3("fetch", "--help").stdout
    for status in Status:
        assert f"{status:d}  {status.meaning}\n" in text


@pytest.mark.parametrize("missing", ["typer", "rich", "trustme", "cryptography"])
def test_what_is_missing_is_named(missing: str) -> None:
    program = (
        f"import sys; sys.modules[{missing!r}] = None; sys.argv = ['pop3', 'demo']\n"
        "from pop3_adapters.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == (f'pop3: {missing} is missing: pip install "pop3-proto[cli]" brings it\n')
