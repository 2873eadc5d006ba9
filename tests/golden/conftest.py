"""The option that writes what is expected."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--update-golden`, for `pytest tests/golden`."""
    parser.addoption("--update-golden", action="store_true", help="write what is expected, and remove what is not")


@pytest.fixture
def is_update(request: pytest.FixtureRequest) -> bool:
    """Whether the expected files are to be written."""
    return bool(request.config.getoption("--update-golden"))
