"""No more file descriptors: what cannot be opened is done when there are some again."""

from __future__ import annotations

import socket
from contextlib import ExitStack

from tests.envoy.manifests import http_route
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.process.redirected import RedirectedDaemon

LIMIT = 64


def test_descriptors_that_are_used_up(daemon: RedirectedDaemon, workspace: Workspace) -> None:
    """It goes on, and takes in what was written meanwhile, when those who held them are gone."""
    daemon.before = f"ulimit -n {LIMIT};"
    daemon.start()
    host, _, port = daemon.settings["admin"]["address"].rpartition(":")
    with ExitStack() as held:
        for _ in range(2 * LIMIT):
            connection = held.enter_context(socket.create_connection((host, int(port))))
            connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        wait_for(lambda: open_descriptors(daemon) >= LIMIT, "descriptors to be used up")
        workspace.write("b.yaml", http_route("b", "b.test", "echo"))
        daemon.assert_alive()
    wait_for(lambda: "b.test" in daemon.admin("/api/v1/config_dump").text, "the new route", 30)
    assert daemon.stop() == 0


def open_descriptors(daemon: RedirectedDaemon) -> int:
    """Return how many it has open."""
    return len(list(daemon.descriptors.iterdir()))
