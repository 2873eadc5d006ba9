"""/readyz of a daemon that has nothing to serve: it is ready, and says why an Envoy gets nothing."""

from __future__ import annotations

import pytest

from tests.envoy.manifests import gateway, http
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port
from tests.process.redirected import RedirectedDaemon

FILES = ("gateway.yaml", "backend.yaml", "a.yaml")


def ready(daemon: RedirectedDaemon) -> str:
    """Return what /readyz says, which is to be 200."""
    answer = daemon.admin("/readyz")
    assert answer.status == 200
    return answer.text


def test_nothing_to_add_where_there_is_something_to_serve(daemon: RedirectedDaemon) -> None:
    """A Gateway."""
    daemon.start()
    assert ready(daemon) == "ok\n"


def test_no_gateway(daemon: RedirectedDaemon, workspace: Workspace) -> None:
    """Routes alone come to nothing; with a Gateway they do, and nothing more is said."""
    workspace.delete("gateway.yaml")
    daemon.start()
    assert ready(daemon) == "ok\nno Gateway of ours is defined: there is nothing to serve\n"
    workspace.write("gateway.yaml", gateway("web", http(free_port())))
    wait_for(lambda: ready(daemon) == "ok\n", "the Gateway to be served")


def test_no_file(daemon: RedirectedDaemon, workspace: Workspace) -> None:
    """An empty directory, as a mount that failed leaves it."""
    for name in FILES:
        workspace.delete(name)
    daemon.start()
    assert ready(daemon).startswith("ok\nno source has been read: routes: warning: holds no file that is read")
    assert daemon.metric("egxds_config_unreadable") == 0


@pytest.mark.parametrize("path", ["missing", "missing.yaml"])
def test_no_source_that_can_be_read(daemon: RedirectedDaemon, workspace: Workspace, path: str) -> None:
    """A path that does not exist is named, and counted."""
    daemon.settings["sources"]["files"]["paths"] = [str(workspace.root / path)]
    daemon.write_settings()
    daemon.start()
    ok, why = ready(daemon).splitlines()
    assert (ok, why.split(":")[0]) == ("ok", "no source has been read")
    assert path in why
    daemon.wait_metric("egxds_config_unreadable")
