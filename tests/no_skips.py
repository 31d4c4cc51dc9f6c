"""A plugin for CI: a test that is skipped fails, unless left_out.txt beside this excuses it."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

LIST = Path(__file__).with_name("left_out.txt")


def _excused() -> dict[str, str]:
    lines = (line.partition("#")[0].strip() for line in LIST.read_text("utf-8").splitlines())
    return dict(line.split(None, 1) for line in lines if line)


EXCUSED = _excused()


def _is_excused(nodeid: str) -> bool:
    return any(fnmatch(nodeid, pattern) for pattern in EXCUSED)


def _refuse(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail") and not _is_excused(report.nodeid):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"left out, which tests/left_out.txt does not excuse: {reason}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Turn a skipped test into a failed one."""
    report = yield
    _refuse(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Iterator[None]:
    """Turn a module that is skipped as a whole into a failed one."""
    report = yield
    _refuse(report)
    return report


def pytest_report_header() -> list[str]:
    """Say what may be left out, and why."""
    return [f"may be left out: {pattern}: {why}" for pattern, why in EXCUSED.items()]
