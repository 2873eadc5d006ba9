"""What BackendTrafficPolicies ask of connections to backends, and of how these are found to be down."""

from __future__ import annotations

from typing import Any

import pytest
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.base_pb2 import TransportSocket
from envoy.extensions.clusters.dns.v3 import dns_cluster_pb2 as _dns
from envoy.extensions.transport_sockets.proxy_protocol.v3 import upstream_proxy_protocol_pb2 as _proxy
from envoy.extensions.transport_sockets.raw_buffer.v3 import raw_buffer_pb2 as _raw
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import CommonTlsContext, UpstreamTlsContext

from egxds.model.api.backend_traffic.connections import BackendProxyProtocol
from egxds.model.resolve.upstreams import UpstreamProtocol
from egxds.resources.encoding import pack
from egxds.translate.backend_traffic.clusters import write_asked
from egxds.translate.backend_traffic.draft import ClusterDraft
from tests.unit.model.test_backend_traffic_policies import DB, GATEWAY, STREAMS, told, traffic
from tests.unit.model.test_unserved_policies import EVERYTHING
from tests.unit.model.texts import backend, endpoint_slice, service
from tests.unit.model.worlds import resolve
from tests.unit.translate.policies_world import Translated, clusters, http_options
from tests.unit.translate.reading import by_name

CART, REST = "httproute/default/shop/rule/0", "httproute/default/shop/rule/1"
PAYLOADS = (_dns, _proxy, _raw)
"""Modules that must be loaded for the payloads inside to be printed."""


def _cluster(*texts: str, name: str = CART, **spec: Any) -> dict[str, Any]:
    return clusters(Translated().scan(*EVERYTHING, *texts, traffic(GATEWAY, **spec)))[name]


def test_what_is_held_and_made_beforehand() -> None:
    """Sizes in bytes, shares of one."""
    found = _cluster(
        connection={
            "bufferLimit": "1Mi",
            "socketBufferLimit": "64Ki",
            "preconnect": {"perEndpointPercent": 150, "predictivePercent": 200},
        }
    )
    assert found["per_connection_buffer_limit_bytes"] == 1048576
    assert [each["int_value"] for each in found["upstream_bind_config"]["socket_options"]] == ["65536", "65536"]
    assert found["preconnect_policy"] == {"per_upstream_preconnect_ratio": 1.5, "predictive_preconnect_ratio": 2.0}


def test_names_are_resolved_by_the_extension() -> None:
    """And nothing is said of it where there are none."""
    names = backend("[{fqdn: {hostname: db.example, port: 80}}]", "box")
    texts = (*(text for text in EVERYTHING if "kind: Backend\n" not in text), names)
    asked = traffic(GATEWAY, dns={"dnsRefreshRate": "5s", "respectDnsTtl": False, "lookupFamily": "IPv6"})
    found = clusters(Translated().scan(*texts, asked))
    config = found[REST]["cluster_type"]["typed_config"]
    assert (config["dns_refresh_rate"], config["dns_lookup_family"]) == ("5s", "V6_ONLY")
    assert found[CART]["type"] == "EDS"


def test_the_proxy_protocol_stands_around_what_is_spoken() -> None:
    """Of connections that are passed on as a whole, too."""
    asked = traffic(GATEWAY, proxyProtocol={"version": "V2"})
    found = [_cluster(proxyProtocol={"version": "V2"})]
    found += clusters(Translated().scan(STREAMS, DB, service(), endpoint_slice(), asked)).values()
    configs = [each["transport_socket"]["typed_config"] for each in found]
    assert [each["config"] for each in configs] == [{"version": "V2"}] * 2
    assert {each["transport_socket"]["name"] for each in configs} == {"envoy.transport_sockets.raw_buffer"}


def test_http_is_spoken_as_the_client_speaks() -> None:
    """With what is asked of HTTP/2 beside."""
    options = http_options(_cluster(useClientProtocol=True, http2={"maxConcurrentStreams": 7}))
    spoken = options["use_downstream_protocol_config"]
    assert spoken["http_protocol_options"] == {}
    assert spoken["http2_protocol_options"]["max_concurrent_streams"] == 7


def test_what_is_spoken_in_tls_is_agreed_on_with_each_backend() -> None:
    """So a client that speaks HTTP/2 gets nobody to speak HTTP/1.1 by TLS, and the other way round."""
    tls = UpstreamTlsContext(common_tls_context=CommonTlsContext(alpn_protocols=["http/1.1"]), sni="app.test")
    draft = ClusterDraft(Cluster(transport_socket=TransportSocket(typed_config=pack(tls))), UpstreamProtocol.HTTP1)
    write_asked(draft, {"useClientProtocol": True, "proxyProtocol": BackendProxyProtocol(version="V1")})
    outside = _proxy.ProxyProtocolUpstreamTransport.FromString(draft.cluster.transport_socket.typed_config.value)
    found = UpstreamTlsContext.FromString(outside.transport_socket.typed_config.value)
    assert (found.sni, list(found.common_tls_context.alpn_protocols)) == ("app.test", [])


def test_keepalive() -> None:
    """In seconds."""
    found = _cluster(tcpKeepalive={"probes": 3, "idleTime": "20m", "interval": "60s"})
    assert found["upstream_connection_options"]["tcp_keepalive"] == {
        "keepalive_probes": 3,
        "keepalive_time": 1200,
        "keepalive_interval": 60,
    }


ACTIVE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a request": (
        {
            "type": "HTTP",
            "http": {
                "path": "/ready",
                "hostname": "check.test",
                "expectedStatuses": [200, 204],
                "retriableStatuses": [503],
                "expectedResponse": {"type": "Text", "text": "ok"},
            },
            "overrides": {"port": 9000},
        },
        {
            "http_health_check": {
                "path": "/ready",
                "host": "check.test",
                "method": "GET",
                "expected_statuses": [{"start": "200", "end": "201"}, {"start": "204", "end": "205"}],
                "retriable_statuses": [{"start": "503", "end": "504"}],
                "receive": [{"binary": "b2s="}],
            },
        },
    ),
    "bytes": (
        {"type": "TCP", "tcp": {"send": {"type": "Binary", "binary": "cGluZw=="}}, "initialJitter": "1s"},
        {"initial_jitter": "1s", "tcp_health_check": {"send": {"binary": "cGluZw=="}}},
    ),
    "gRPC": (
        {"type": "GRPC", "grpc": {"service": "shop"}},
        {"grpc_health_check": {"service_name": "shop", "authority": "localhost"}},
    ),
}


@pytest.mark.parametrize("case", ACTIVE)
def test_endpoints_are_asked_by(case: str) -> None:
    """With Envoy Gateway's times where none are given."""
    asked, expected = ACTIVE[case]
    (found,) = _cluster(healthCheck={"active": asked, "panicThreshold": 20})["health_checks"]
    usual = {"timeout": "1s", "interval": "3s", "unhealthy_threshold": 3, "healthy_threshold": 1}
    assert found == {**usual, **expected}


def test_endpoints_are_asked_at_another_port() -> None:
    """Each of them says so."""
    asked = {"type": "TCP", "tcp": {}, "overrides": {"port": 9000}}
    found = Translated().scan(*EVERYTHING, traffic(GATEWAY, healthCheck={"active": asked}))
    (locality,) = by_name(found.endpoints)[CART]["endpoints"]
    configs = [each["endpoint"].get("health_check_config") for each in locality["lb_endpoints"]]
    assert {str(each) for each in configs} == {str({"port_value": 9000})}


def test_who_fails_is_left_out() -> None:
    """By Envoy Gateway's numbers where none are given."""
    found = _cluster(healthCheck={"passive": {"consecutiveGatewayErrors": 2}})["outlier_detection"]
    assert found == {
        "consecutive_5xx": 5,
        "interval": "3s",
        "base_ejection_time": "30s",
        "max_ejection_percent": 10,
        "consecutive_gateway_failure": 2,
        "enforcing_consecutive_gateway_failure": 100,
        "consecutive_local_origin_failure": 5,
    }


WRONG: dict[str, dict[str, Any]] = {
    "no time": {"timeout": {"tcp": {"connectTimeout": "0s"}}},
    "another checker": {"healthCheck": {"active": {"type": "TCP", "http": {"path": "/"}}}},
    "a payload without content": {"healthCheck": {"active": {"type": "TCP", "tcp": {"send": {"type": "Text"}}}}},
    "a table of no prime size": {
        "loadBalancer": {"type": "ConsistentHash", "consistentHash": {"type": "SourceIP", "tableSize": 1000}}
    },
    "nothing to hash": {"loadBalancer": {"type": "ConsistentHash", "consistentHash": {"type": "Cookie"}}},
    "a slow start at random": {"loadBalancer": {"type": "Random", "slowStart": {"window": "1s"}}},
    "a zone of two weights": {
        "loadBalancer": {
            "type": "RoundRobin",
            "zoneAware": {"weightedZones": [{"zone": "a", "weight": 1}, {"zone": "a", "weight": 2}]},
        }
    },
    "weights that no number holds": {
        "loadBalancer": {"type": "RoundRobin", "zoneAware": {"weightedZones": [{"zone": "a", "weight": 4_000_000_000}]}}
    },
    "two ways to share out among zones": {
        "loadBalancer": {
            "type": "RoundRobin",
            "zoneAware": {"preferLocal": {}, "weightedZones": [{"zone": "a", "weight": 1}]},
        }
    },
    "one endpoint for all that is alike, and a zone": {
        "loadBalancer": {
            "type": "ConsistentHash",
            "consistentHash": {"type": "SourceIP"},
            "zoneAware": {"preferLocal": {}},
        }
    },
    "more than Envoy makes beforehand": {"connection": {"preconnect": {"predictivePercent": 400}}},
    "a part of a byte": {"connection": {"bufferLimit": "100m"}},
    "more than all": {"healthCheck": {"panicThreshold": 101}},
    "a family that is none": {"dns": {"lookupFamily": "IPv4Only"}},
}


@pytest.mark.parametrize("case", WRONG)
def test_what_envoy_would_not_take_is_an_error(case: str) -> None:
    """And what the policy is for is served without it."""
    assert [each["Accepted"] for each in told(resolve(*EVERYTHING, traffic(GATEWAY, **WRONG[case])))] == [
        "False/Invalid"
    ]


def test_a_zone_is_preferred_within_limits() -> None:
    """As many as are given; Envoy has its own where none are."""
    local = {"force": {"minEndpointsInZoneThreshold": 2}, "minEndpointsThreshold": 3, "percentageEnabled": 50}
    for asked, expected in (
        (local, {"routing_enabled": {"value": 50.0}, "min_cluster_size": "3", "force_local_zone": {"min_size": 2}}),
        ({}, {}),
    ):
        found = _cluster(loadBalancer={"type": "Random", "zoneAware": {"preferLocal": asked}})
        (policy,) = found["load_balancing_policy"]["policies"]
        config = policy["typed_extension_config"]["typed_config"]
        assert config["locality_lb_config"] == {"zone_aware_lb_config": expected}
