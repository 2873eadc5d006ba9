"""What a scrape shows does not grow with what there is."""

from __future__ import annotations

from tests.envoy.manifests import http_route
from tests.envoy.workspace import Workspace
from tests.process.redirected import RedirectedDaemon

ROUTES = 1000


def test_a_scrape_has_as_many_series_for_many_routes(daemon: RedirectedDaemon, workspace: Workspace) -> None:
    """They are counted, not listed; their problems, too."""
    daemon.start()
    daemon.wait_metric("egxds_config_last_success_timestamp_seconds")
    before = daemon.admin("/metrics").text.splitlines()
    routes = (http_route(f"r{number}", f"r{number}.test", "missing") for number in range(ROUTES))
    workspace.write("many.yaml", "\n---\n".join(routes))
    daemon.wait_metric("egxds_problems", ROUTES)
    after = daemon.admin("/metrics").text.splitlines()
    assert len(after) == len(before)
    assert f'egxds_objects{{kind="HTTPRoute",state="accepted"}} {ROUTES + 1}.0' in after
