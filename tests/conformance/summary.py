"""The table at the end of a run, from the reports of its tests: where workers run these, others print it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest

from tests.conformance.report import Outcome, table

PROPERTY = "conformance"
"""Of a test's report: the name of the test of the suite, and what does not pass, which is empty where it does."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table."""
    faults = list(_faults(terminalreporter))
    if faults:
        terminalreporter.section("Gateway API conformance")
        for line in table(_outcomes(faults)):
            terminalreporter.write_line(line)


def _faults(terminalreporter: pytest.TerminalReporter) -> Iterator[tuple[str, str]]:
    reports = (report for reports in terminalreporter.stats.values() for report in reports)
    for report in reports:
        if isinstance(report, pytest.TestReport) and report.when == "call":
            yield from (cast("tuple[str, str]", value) for name, value in report.user_properties if name == PROPERTY)


def _outcomes(faults: list[tuple[str, str]]) -> list[Outcome]:
    """Return what tests came to in the order of the suite, whoever was done first."""
    from tests.conformance.cases import TESTS  # noqa: PLC0415 reads the suite, which other tests need not

    return [Outcome(test, fault) for test in TESTS for name, fault in faults if name == test.name]
