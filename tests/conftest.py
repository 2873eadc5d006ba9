"""What tests of every kind share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from egxds.app.envoy import find_envoy
from egxds.errors import StartError


@pytest.fixture(scope="session")
def envoy_binary() -> Path:
    """The Envoy of the extra; in CI its absence is a failure, elsewhere a skip."""
    try:
        return find_envoy(None)
    except StartError as err:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(err))
