"""What tests of fleets share."""

from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """The event loop of the daemon."""
    return "asyncio"
