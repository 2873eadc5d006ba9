"""`egxds status` and `egxds describe` of a running daemon with a real Envoy: each fault is named, with its line."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

_LIMIT_S = 60.0
Done = subprocess.CompletedProcess[str]


def run(daemon: Daemon, *arguments: str) -> Done:
    """Run a command as a user would."""
    command = [sys.executable, "-m", "egxds", *arguments, "--admin", daemon.settings["admin"]["address"]]
    return subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)


@pytest.fixture
def daemon(workspace: Workspace, make_daemon: Callable[..., Daemon], backend: EchoBackend) -> Daemon:
    """Serves one host."""
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(free_port())))
    workspace.write("app.yaml", manifests.http_route("app", "app.test", "app"))
    workspace.write("backend.yaml", manifests.backend("app", backend.port))
    found = make_daemon()
    found.start()
    return found


def test_nothing_is_wrong(daemon: Daemon, start_envoy: StartEnvoy) -> None:
    """The page says so; an object names its Envoy resources, and the Envoy has them as they are."""
    start_envoy(daemon)

    def is_in_sync() -> bool:
        found = run(daemon, "describe", "httproute/app", "-o", "json")
        assert found.returncode == 0, found
        (envoy,) = json.loads(found.stdout)["envoys"]
        return bool(envoy["of"] and envoy["inSync"] == envoy["of"])

    wait_for(is_in_sync, "the Envoy to have all of it")
    page = run(daemon, "status")
    assert page.returncode == 0, page
    assert page.stdout.startswith("nothing is wrong\n")
    assert "Envoy envoy-1: in sync, default/web" in page.stdout
    told = run(daemon, "describe", "gateways/web", "-n", "default").stdout
    assert re.search(r"HTTPRoute default/app.*\(.*app\.yaml:\d+\)", told)
    assert re.search(r"envoy-1 #\d+: has (\d+) of \1 as they are now", told)
    backend = run(daemon, "describe", "backend/app").stdout
    assert "endpoint httproute/default/app/rule/0" in backend


def test_broken_file(daemon: Daemon, workspace: Workspace) -> None:
    """It is wrong though the version before is still served, and the line is told."""
    workspace.write("broken.yaml", "apiVersion: v1\nkind: [\n")

    def is_told() -> bool:
        page = run(daemon, "status")
        return page.returncode == 1 and re.search(r"^error: .*\(.*broken\.yaml:\d+\)$", page.stdout, re.M) is not None

    wait_for(is_told, "the page to name the file")


def test_envoy_that_refuses(
    workspace: Workspace, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy, backend: EchoBackend
) -> None:
    """A port that somebody else has: the Envoy's words, and the line of the Gateway."""
    with socket.create_server(("0.0.0.0", 0)) as taken:
        workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(taken.getsockname()[1])))
        workspace.write("app.yaml", manifests.http_route("app", "app.test", "app"))
        workspace.write("backend.yaml", manifests.backend("app", backend.port))
        daemon = make_daemon()
        daemon.start()
        start_envoy(daemon)

        def is_told() -> Any:
            page = run(daemon, "status")
            words = r"error: Envoy envoy-1: refuses default/web/http: .*Address already in use.*gateway\.yaml:\d+\)"
            return page.returncode == 1 and re.search(words, page.stdout)

        wait_for(is_told, "the page to say what the Envoy says")
        told = run(daemon, "describe", "gateway/web")
        assert told.returncode == 1, told
        assert re.search(r"refuses default/web/http [0-9a-f]{8}: .*Address already in use", told.stdout)


def test_objects_by_kind_and_name(daemon: Daemon) -> None:
    """What is not there is said, and what was meant."""
    assert run(daemon, "status", "httproutes").stdout.startswith("ok: HTTPRoute default/app (")
    assert run(daemon, "status", "httproute", "app", "-n", "other").returncode == 1
    nobody, typo = run(daemon, "describe", "httproute/nobody"), run(daemon, "describe", "httpruote/app")
    assert (nobody.returncode, typo.returncode) == (1, 2)
    assert "no httproute 'nobody'" in nobody.stderr
    assert "did you mean HTTPRoute?" in typo.stderr
    assert run(daemon, "describe", "app").returncode == 2
