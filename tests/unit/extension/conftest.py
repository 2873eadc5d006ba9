"""How asynchronous tests run here."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run them on asyncio, as the daemon does."""
    return "asyncio"
