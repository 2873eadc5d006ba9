"""A change that there is not enough memory for is refused, and ends nothing, while it runs and at a restart."""

from __future__ import annotations

import pytest

from tests.envoy.manifests import http_route
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.process.many_routes import many_routes
from tests.process.redirected import RedirectedDaemon

LIMIT_S = 60.0


@pytest.fixture
def limited(daemon: RedirectedDaemon) -> RedirectedDaemon:
    """One that may use 300 MB of data, of which it takes some 90 at its start, stacks of threads included.

    Of addresses (`ulimit -v`) it takes 64 MiB for each arena of the C library, more on machines with more processors.
    """
    daemon.before = "ulimit -s 1024; ulimit -d 300000;"
    return daemon


def test_change_that_is_too_large(limited: RedirectedDaemon, workspace: Workspace) -> None:
    """Its file is named, what is in force stays, other files are read; it is over when the file is smaller."""
    limited.start()
    workspace.write("many.yaml", many_routes())
    limited.wait_log("not enough memory", deadline_s=LIMIT_S)
    (problem,) = limited.api("objects")["problems"]
    assert "many.yaml" in str(problem)
    workspace.write("b.yaml", http_route("b", "b.test", "echo"))
    wait_for(lambda: "b.test" in limited.admin("/api/v1/config_dump").text, "the other file", LIMIT_S)
    assert "a.test" in limited.admin("/api/v1/config_dump").text
    workspace.write("many.yaml", http_route("c", "c.test", "echo"))
    wait_for(lambda: "c.test" in limited.admin("/api/v1/config_dump").text, "the smaller file", LIMIT_S)
    assert limited.stop() == 0


def test_start_that_is_too_large(limited: RedirectedDaemon, workspace: Workspace) -> None:
    """It is not ready and says why, and is when the files are smaller."""
    workspace.write("many.yaml", many_routes())
    limited.launch()
    wait_for(lambda: "not enough memory" in limited.admin("/readyz").text, "the reason not to be ready", LIMIT_S)
    assert limited.admin("/readyz").status == 503
    limited.assert_alive()
    workspace.delete("many.yaml")
    wait_for(lambda: limited.admin("/readyz").status == 200, "the daemon to be ready", LIMIT_S)
    assert limited.stop() == 0
