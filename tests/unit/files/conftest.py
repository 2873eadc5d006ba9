"""What tests of the files room share."""

from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Run asynchronous tests on asyncio alone, as the daemon does."""
    return "asyncio"
