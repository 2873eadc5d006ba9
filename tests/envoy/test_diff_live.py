"""`egxds diff --live`: what files would change of what a daemon has in force."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.envoy import manifests
from tests.envoy.daemon import Daemon
from tests.envoy.workspace import Workspace
from tests.ports import free_port

_LIMIT_S = 60.0


def diff(daemon: Daemon, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would."""
    command = [sys.executable, "-m", "egxds", "diff", "--live", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)


def test_files_that_are_not_in_force_yet(workspace: Workspace, make_daemon: Callable[..., Daemon]) -> None:
    """The files of the daemon are the same; a copy with another route differs in that; and nothing drains."""
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(free_port())))
    workspace.write("app.yaml", manifests.http_route("app", "app.test", "app"))
    workspace.write("backend.yaml", manifests.backend("app", free_port()))
    daemon = make_daemon()
    daemon.start()
    same = diff(daemon, "-c", daemon.settings_path)
    assert (same.returncode, same.stdout) == (0, "the same\n"), same
    draft = workspace.root / "draft-of-routes"
    shutil.copytree(workspace.routes, draft)
    (draft / "app.yaml").write_text(manifests.http_route("app", "new.test", "app"))
    other = diff(daemon, draft, "--admin", daemon.settings["admin"]["address"])
    assert other.returncode == 1, other
    assert "virtual_hosts default/web/http/new_test (added):" in other.stdout
    assert "virtual_hosts default/web/http/app_test (removed):" in other.stdout
    assert other.stdout.splitlines()[-1].endswith("no connection drains")
