"""`egxds explain` of a running daemon: what is denied says which hook it waits for."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

from tests.envoy import manifests
from tests.envoy.daemon import Daemon
from tests.envoy.workspace import Workspace
from tests.ports import free_port

_LIMIT_S = 60.0


def explain(daemon: Daemon, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would."""
    command = [sys.executable, "-m", "egxds", "explain", "--admin", daemon.settings["admin"]["address"], *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)


def test_hook_that_is_down(workspace: Workspace, make_daemon: Callable[..., Daemon]) -> None:
    """The host answers 500, and the command names the extension, its hook, and what it said."""
    port = free_port()
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
    workspace.write("app.yaml", manifests.http_route("app", "app.test", "app"))
    workspace.write("backend.yaml", manifests.backend("app", free_port()))
    service = {"ip": {"address": "127.0.0.1", "port": free_port()}}
    hooks = {"xdsTranslator": {"post": ["VirtualHost"]}}
    manager = {"name": "authz", "hooks": hooks, "service": service, "timeout": "1s"}
    daemon = make_daemon(extensionManagers=[manager])
    daemon.start()
    result = explain(daemon, f"http://app.test:{port}/x", "-o", "json", "-H", "Authorization: Bearer hush")
    assert result.returncode == 1, result.stderr
    (answer,) = json.loads(result.stdout)["answers"]
    (taking,) = answer["takes"]
    assert (taking["outcome"], taking["status"]) == ("denied", 500)
    assert "VirtualHost hook of extension authz fails on default/web/http/app_test" in answer["reasons"][0]
    assert "no connection" in answer["reasons"][0]
