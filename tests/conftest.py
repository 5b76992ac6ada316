"""Where CI is set a skipped test fails: what a test needs is there, or its set-up is at fault."""

import os
import signal
from collections.abc import Generator
from typing import TypeVar

import pytest

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def pytest_configure() -> None:
    """Ctrl-C works in what the tests start, also where they run in a shell's background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return refuse_skip((yield))


def refuse_skip(report: Report) -> Report:
    # An expected failure has the outcome "skipped" too, but no tuple of file, line and reason.
    if os.environ.get("CI") and report.skipped and isinstance(report.longrepr, tuple):
        file, line, reason = report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{file}:{line}: {reason} (with CI set, a skip is a failure)"
    return report
