"""What tests of the process share: a daemon of its own for each, with one Gateway and one route, and no Envoy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.envoy.manifests import backend, gateway, http, http_route
from tests.envoy.workspace import Workspace
from tests.ports import free_port
from tests.process.redirected import RedirectedDaemon


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """One Gateway and one route."""
    workspace = Workspace(tmp_path / "workspace")
    workspace.write("gateway.yaml", gateway("web", http(free_port())))
    workspace.write("backend.yaml", backend("echo", free_port()))
    workspace.write("a.yaml", http_route("a", "a.test", "echo"))
    return workspace


@pytest.fixture
def daemon(workspace: Workspace) -> Iterator[RedirectedDaemon]:
    """One that is not started yet."""
    daemon = RedirectedDaemon(workspace)
    yield daemon
    daemon.discard()
