"""Whatever in Envoy's API holds a config source is a reference, or is known not to be one, and why."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from typing import Any

import pytest

from egxds.names import ENDPOINT, ROUTE_CONFIGURATION, SECRET
from tests.unit.resources.envoy_api import NAME

MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3."
NETWORK = "envoy.extensions.filters.network."
BOOTSTRAP = "envoy.config.bootstrap.v3."
EDS = "envoy.config.cluster.v3.Cluster.EdsClusterConfig"

REFERENCES = {
    f"{EDS}.eds_config": ENDPOINT,
    f"{MANAGER}Rds.config_source": ROUTE_CONFIGURATION,
    "envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig.sds_config": SECRET,
}
"""Config source → type of what is fetched from there."""

OF_A_BOOTSTRAP = "stands in the bootstrap, which no control plane sends"
NOT_SERVED = "fetches a type that is not served: "
NAMED_BY_REQUESTS = "fetches what a request, or a message that is fetched itself, names"

NO_REFERENCES = {
    f"{BOOTSTRAP}Bootstrap.config_sources": OF_A_BOOTSTRAP,
    f"{BOOTSTRAP}Bootstrap.default_config_source": OF_A_BOOTSTRAP,
    f"{BOOTSTRAP}Bootstrap.DynamicResources.cds_config": OF_A_BOOTSTRAP,
    f"{BOOTSTRAP}Bootstrap.DynamicResources.lds_config": OF_A_BOOTSTRAP,
    f"{BOOTSTRAP}RuntimeLayer.RtdsLayer.rtds_config": OF_A_BOOTSTRAP,
    "envoy.config.cluster.v3.Cluster.lrs_server": "says where load is reported to; nothing is fetched",
    "envoy.config.core.v3.ExtensionConfigSource.config_source": "is named by the filter around it, and found there",
    "envoy.config.endpoint.v3.LedsClusterLocalityConfig.leds_config": NOT_SERVED + "LbEndpoint (LEDS)",
    "envoy.config.listener.v3.Listener.FcdsConfig.config_source": NOT_SERVED + "FilterChain (FCDS)",
    "envoy.config.route.v3.Vhds.config_source": NOT_SERVED + "VirtualHost (VHDS)",
    "envoy.extensions.access_loggers.filters.process_ratelimit.v3.DynamicTokenBucket.config_source": NOT_SERVED
    + "TokenBucketConfig",
    "envoy.extensions.clusters.aggregate.v3.AggregateClusterResource.config_source": NOT_SERVED
    + "ClusterConfig of an aggregate cluster",
    "envoy.extensions.filters.http.on_demand.v3.OnDemandCds.source": NAMED_BY_REQUESTS,
    f"{NETWORK}dubbo_proxy.v3.Drds.config_source": NOT_SERVED + "RouteConfiguration of Dubbo",
    f"{NETWORK}generic_proxy.v3.GenericRds.config_source": NOT_SERVED + "RouteConfiguration of the generic proxy",
    f"{MANAGER}ScopedRds.scoped_rds_config_source": NOT_SERVED + "ScopedRouteConfiguration (SRDS)",
    f"{MANAGER}ScopedRoutes.rds_config_source": NAMED_BY_REQUESTS,
    f"{NETWORK}tcp_proxy.v3.TcpProxy.OnDemand.odcds_config": "the cluster is named beside it, and found there",
    f"{NETWORK}thrift_proxy.v3.Trds.config_source": NOT_SERVED + "RouteConfiguration of Thrift",
}
"""Config source → why it makes no reference."""

Case = tuple[str, str]
"""(type URL of a Listener or Cluster, hex of its body)."""

ASK = """
import json, os, sys
from egxds.resources.references import children, references

loaded = [name for name in sys.modules if name.partition(".")[0] in ("envoy", "xds", "udpa", "validate")]
assert not loaded, loaded
for case in sys.stdin:
    if os.fork() == 0:
        type_url, body = json.loads(case)
        answers = sorted(references(type_url, bytes.fromhex(body))), children(type_url, bytes.fromhex(body))
        print(json.dumps(answers), flush=True)
        os._exit(0)
    os.wait()
"""


def run(arguments: list[str], stdin: str = "") -> str:
    """Run Python and return what it prints."""
    done = subprocess.run(
        [sys.executable, *arguments], input=stdin, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


@functools.cache
def every_config_source() -> dict[str, dict[str, list[Case]]]:
    """Return each config source of the API → types around it → a Listener and a Cluster that hold one."""
    found: dict[str, dict[str, list[Case]]] = json.loads(run(["-m", "tests.unit.resources.envoy_api"]))
    return found


def ask_afresh(cases: list[Case]) -> list[tuple[Any, Any]]:
    """Return references and children of each case, from a process that has loaded no type before it is asked."""
    answers = run(["-c", ASK], "".join(json.dumps(case) + "\n" for case in cases)).splitlines()
    return [tuple(json.loads(answer)) for answer in answers]


def test_each_config_source_of_the_api_is_known() -> None:
    """A new one in Envoy's API is put into one of the tables above; one that is gone is taken out."""
    assert every_config_source().keys() == REFERENCES.keys() | NO_REFERENCES.keys()
    assert not REFERENCES.keys() & NO_REFERENCES.keys()


@pytest.mark.parametrize("source", sorted(REFERENCES))
def test_a_reference_is_found_in_every_type_that_can_hold_it(source: str) -> None:
    """Behind three and four payloads, whatever was imported before."""
    around = every_config_source()[source]
    # Alone, without the name and the type of its cluster, an EdsClusterConfig says nothing.
    cases = [(name, case) for name, both in around.items() for case in both if name != EDS]
    reference = [REFERENCES[source], NAME]
    answers = ask_afresh([case for _, case in cases])
    missed = [name for (name, _), answer in zip(cases, answers, strict=True) if answer != ([reference], [reference])]
    assert cases
    assert missed == []


def test_nothing_else_is_taken_for_a_reference() -> None:
    """None of the others makes Envoy ask for something that is served."""
    cases = [
        (source, case) for source in NO_REFERENCES for both in every_config_source()[source].values() for case in both
    ]
    answers = ask_afresh([case for _, case in cases])
    assert [source for (source, _), answer in zip(cases, answers, strict=True) if answer != ([], [])] == []
