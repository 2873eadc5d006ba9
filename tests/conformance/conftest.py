"""Fixtures of the conformance suite, and the table at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance import networks
from tests.conformance.data import Suite
from tests.conformance.report import Outcome, table
from tests.conformance.site import Site, running_site
from tests.conformance.suite_folder import FOLDER

OUTCOMES = pytest.StashKey[list[Outcome]]()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, envoy_binary: Path) -> Iterator[Site]:
    """A daemon and an Envoy with the base objects, for all tests."""
    refusal = networks.low_port_refusal()
    if refusal:
        pytest.skip(f"the suite asks for ports below 1024: {refusal}")
    with running_site(Suite.read(FOLDER), tmp_path_factory.mktemp("conformance"), envoy_binary, {}) as running:
        yield running


@pytest.fixture
def outcomes(pytestconfig: pytest.Config) -> list[Outcome]:
    """Where tests write down what they came to, for the table."""
    return pytestconfig.stash.setdefault(OUTCOMES, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table."""
    outcomes = config.stash.get(OUTCOMES, [])
    if outcomes:
        terminalreporter.section("Gateway API conformance")
        for line in table(outcomes):
            terminalreporter.write_line(line)
