"""What Envoys count, as an EnvoyProxy asks for it: who is told, and of what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from tests.envoy.backend import EchoBackend
from tests.envoy.client import http_get
from tests.envoy.collectors import GrpcCollector, said
from tests.envoy.conftest import RunEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.envoy_process import EnvoyProcess
from tests.envoy.envoy_proxies import proxied_class
from tests.envoy.manifests import backend as backend_manifest
from tests.envoy.manifests import gateway, http, http_route
from tests.envoy.test_custom_bootstrap import printed
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

HOST = "a.test"
NOBODY = [{"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "nobody"}]
REFS = [{**NOBODY[0], "name": "collector"}]
_DELTA = 1


@pytest.fixture
def collector() -> Iterator[GrpcCollector]:
    """Somebody who takes metrics."""
    with GrpcCollector() as found:
        yield found


Served = Callable[..., EnvoyProcess]


@pytest.fixture
def served(
    workspace: Workspace,
    backend: EchoBackend,
    collector: GrpcCollector,
    make_daemon: Callable[..., Daemon],
    run_envoy: RunEnvoy,
) -> Served:
    """Start an Envoy of the class by the bootstrap that is printed for it, and ask it once."""

    def start(**metrics: Any) -> EnvoyProcess:
        port = free_port()
        workspace.write("class.yaml", proxied_class(telemetry={"metrics": metrics}))
        workspace.write("gateway.yaml", gateway("web", http(port)))
        workspace.write("backend.yaml", backend_manifest("echo", backend.port))
        workspace.write("collector.yaml", backend_manifest("collector", collector.port))
        workspace.write("a.yaml", http_route("a", HOST, "echo"))
        daemon = make_daemon()
        daemon.start()
        done = printed(daemon)
        assert done.returncode == 0, done.stderr
        envoy = run_envoy({**yaml.safe_load(done.stdout), "stats_flush_interval": "0.2s"})
        envoy.wait_ready()
        wait_for(lambda: http_get(port, HOST).status == 200, "the route")
        return envoy

    return start


def counted(envoy: EnvoyProcess, name: str) -> int:
    """Return a number of Envoy's own page; 0 of what it does not count."""
    lines = (
        line.rpartition(": ") for line in envoy.admin("/stats?filter=" + name.replace("|", "%7C")).text.splitlines()
    )
    return next((int(value) for said, _, value in lines if said == name), 0)


def metrics_of(collector: GrpcCollector) -> dict[str, Any]:
    """Return what a collector was told, by name."""
    # The classes of xds-protos have names that OpenTelemetry has since given up; the numbers are the same.
    found = (part for each in [*collector.metrics] for part in each.instrumentation_library_metrics)
    return {metric.name: metric for part in found for metric in part.metrics}


def test_a_collector_is_told(served: Served, collector: GrpcCollector) -> None:
    """Of what matches alone, as deltas, with whose it is and the headers; a sink that leads nowhere takes no part."""
    asked = {
        "backendRefs": REFS,
        "reportCountersAsDeltas": True,
        "resourceAttributes": {"site": "north"},
        "headers": [{"name": "x-tenant", "value": "shop"}],
    }
    served(
        sinks=[{"type": "OpenTelemetry", "openTelemetry": each} for each in ({"backendRefs": NOBODY}, asked)],
        matches=[{"type": "Prefix", "value": "cluster.httproute/"}, {"value": "server.live"}],
    )
    wait_for(lambda: any("upstream_rq_total" in name for name in metrics_of(collector)), "a counter")
    found = metrics_of(collector)
    assert not [name for name in found if not name.startswith(("cluster.", "server.live"))]
    (counter,) = (metric for name, metric in found.items() if name.endswith("upstream_rq_total"))
    assert counter.sum.aggregation_temporality == _DELTA
    assert said(collector.metrics[0].resource.attributes)["site"] == "north"
    assert collector.metrics_metadata[0]["x-tenant"] == "shop"


def test_more_is_counted(served: Served) -> None:
    """Of virtual hosts, endpoints and sizes; clusters under another name."""
    envoy = served(
        enableVirtualHostStats=True,
        enablePerEndpointStats=True,
        enableRequestResponseSizesStats=True,
        clusterStatName="%ROUTE_KIND%/%ROUTE_NAME%/%BACKEND_REFS%",
    )
    named = "cluster.httproute/a/default/echo"
    wait_for(lambda: counted(envoy, f"{named}.upstream_rq_total") >= 1, "the cluster to be counted")
    assert counted(envoy, "vhost.default/web/http/a_test.vcluster.a_test.upstream_rq_total") >= 1
    assert f"{named}.upstream_rq_headers_size" in envoy.admin("/stats").text
    assert "envoy_cluster_endpoint_rq_total" in envoy.admin("/stats/prometheus").text
