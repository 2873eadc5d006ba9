"""Envoys whose bootstrap asks for what is not served, as operators come by them: copied from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.envoy.conftest import RunEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.manifests import gateway, http
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

VISITS = 3


def _state_of_the_world(bootstrap: dict[str, Any]) -> None:
    bootstrap["dynamic_resources"]["ads_config"]["api_type"] = "GRPC"


def _rest(bootstrap: dict[str, Any]) -> None:
    source = {"api_type": "REST", "transport_api_version": "V3", "cluster_names": ["xds"], "refresh_delay": "0.1s"}
    (cluster,) = bootstrap["static_resources"]["clusters"]
    source["cluster_names"] = [cluster["name"]]
    config = {"api_config_source": source, "resource_api_version": "V3"}
    bootstrap["dynamic_resources"] = {"cds_config": config, "lds_config": config}


def _rest_by_http1(bootstrap: dict[str, Any]) -> None:
    _rest(bootstrap)
    (cluster,) = bootstrap["static_resources"]["clusters"]
    del cluster["typed_extension_protocol_options"]


@pytest.mark.parametrize(
    ("change", "dialect"),
    [
        pytest.param(_state_of_the_world, "sotw", id="envoyproxy/envoy issue 8927"),
        pytest.param(_rest, "rest", id="REST by HTTP/2"),
        pytest.param(_rest_by_http1, "rest", id="REST by HTTP/1"),
    ],
)
def test_envoy_that_asks_otherwise_is_named_once(
    workspace: Workspace,
    make_daemon: Callable[..., Daemon],
    run_envoy: RunEnvoy,
    change: Callable[[dict[str, Any]], None],
    dialect: str,
) -> None:
    """It comes again and again; one line says who it is and what to change in its bootstrap."""
    workspace.write("gateway.yaml", gateway("web", http(free_port())))
    daemon = make_daemon()
    daemon.start()
    bootstrap: dict[str, Any] = daemon.bootstrap("default/web", "stranger-1")
    change(bootstrap)
    run_envoy(bootstrap)
    counted = f'egxds_xds_strangers_total{{dialect="{dialect}"}}'

    def has_come_back() -> bool:
        visits = [line for line in daemon.admin("/metrics").text.splitlines() if line.startswith(counted)]
        return bool(visits) and float(visits[0].split()[1]) >= VISITS

    wait_for(has_come_back, "the Envoy to come back")
    said = daemon.events("session.not_served")
    assert {(line["node"], line["cluster"], line["user_agent"]) for line in said} == {
        ("stranger-1", "default/web", "envoy")
    }
    # By REST it asks for clusters and listeners.
    assert len({line["asked"] for line in said}) == len(said) <= 2
    assert all(line["peer"].startswith("127.0.0.1:") and "DELTA_GRPC" in line["advice"] for line in said)
    assert "Traceback" not in daemon.log
