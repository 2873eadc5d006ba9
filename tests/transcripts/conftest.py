"""Registers the marker that ties a transcript to the protocol rule it shows."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Make `rule` known."""
    config.addinivalue_line("markers", "rule(*numbers): the rules of the delta xDS checklist that a transcript shows")
