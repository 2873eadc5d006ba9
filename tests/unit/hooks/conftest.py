"""A real extension server, one process for all tests that only order it about."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.extension_server.handle import ExtensionHandle
from tests.unit.hooks.thread_code import Code


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run asynchronous tests on asyncio, as the daemon does."""
    return "asyncio"


@pytest.fixture(scope="session")
def extension_process() -> Iterator[ExtensionHandle]:
    """Keep one extension server for the whole run."""
    with ExtensionHandle.start() as handle:
        yield handle


@pytest.fixture
def extension(extension_process: ExtensionHandle) -> ExtensionHandle:
    """Give a test the extension server, working."""
    extension_process.revive()
    extension_process.set_mode("ok")
    return extension_process


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Code:
    """A directory for a module whose name no other test has."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    return Code(tmp_path, f"hooks_{uuid.uuid4().hex}")
