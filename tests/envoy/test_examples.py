"""The examples do what they say; that of hooks in the process is what `egxds extension new` writes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from egxds.extension.project import write_project
from tests.envoy.backend import EchoBackend
from tests.envoy.client import http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.processes import ROOT
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

EXAMPLE = ROOT / "config" / "examples" / "in-process-hook"


@pytest.fixture
def port(workspace: Workspace, backend: EchoBackend) -> int:
    """Copies the example into the workspace, on free ports; returns that of its Gateway."""
    shutil.copytree(EXAMPLE, workspace.root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    free = free_port()
    text = (workspace.routes / "site.yaml").read_text()
    workspace.write("site.yaml", text.replace("8080", str(free)).replace("3000", str(backend.port)))
    return free


def test_the_example_is_what_a_new_project_is(tmp_path: Path) -> None:
    """Its files are those of `egxds/extension/template`, and stay so."""
    written = write_project(tmp_path)
    made = {str(path.relative_to(tmp_path)): path.read_text() for path in written}
    assert made == {name: (EXAMPLE / name).read_text() for name in made}


def test_in_process_hook(
    workspace: Workspace, port: int, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> None:
    """Its headers are in the answers, its object is followed, and one that it refuses is denied until it is right."""
    settings = yaml.safe_load((EXAMPLE / "egxds.yaml").read_text())
    daemon = make_daemon(extensionManagers=settings["extensionManagers"])
    daemon.start()
    start_envoy(daemon)

    def answers(status: int, greeting: str | None) -> Callable[[], bool]:
        def scan() -> bool:
            answer = http_get(port)
            assert (answer.status, answer.headers.get("x-greeting")) == (status, greeting), answer
            assert answer.headers["x-served-by"] == "web"
            return True

        return scan

    wait_for(answers(200, "hello from an extension"), "the greeting")
    text = (workspace.routes / "site.yaml").read_text()
    workspace.write("site.yaml", text.replace("hello from an extension", "good evening"))
    wait_for(answers(200, "good evening"), "the new greeting")
    workspace.write("site.yaml", text.replace("text: hello from an extension", "text: 7"))
    wait_for(answers(500, None), "a Greeting without a text to be denied")
    (route, _) = daemon.api("hooks")["items"]
    assert "a Greeting needs spec.text" in route["lastError"]
    workspace.write("site.yaml", text)
    wait_for(answers(200, "hello from an extension"), "the greeting to come back")
