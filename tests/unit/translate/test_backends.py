"""Clusters, endpoints, and how traffic is shared among them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from google.protobuf.json_format import MessageToDict

from egxds.incremental.revision import Revision
from egxds.model.resolve.resolved import ResolvedBackend
from egxds.model.resolve.upstreams import EndpointsKey, EndpointTable, SocketAddress, UpstreamProtocol
from egxds.object_key import ObjectKey
from egxds.resources.translation import GatewayTranslation
from egxds.translate.backends.destinations import ClusterPlan
from egxds.translate.backends.load_assignments import load_assignment
from tests.unit.translate.builders import at, backend, gateway, listener, route, rule, serve, source
from tests.unit.translate.reading import by_name, only_route, translate

RULE = "httproute/default/app/rule/0"
REFUSED = "invalid-backend-cluster"


def _backend(number: int) -> str:
    return f"{RULE}/backend/{number}"


IP, OTHER_IP, DNS, UNIX = backend("10.0.0.1"), backend("10.0.0.2"), backend("db.example"), backend("/run/app.sock")
EMPTY, GONE = backend(), backend(refusal="no such Service")
WEIGHTLESS = backend("10.0.0.3", weight=0)
GONE_WEIGHTLESS = backend(refusal="no such Service", weight=0)


@pytest.mark.parametrize(
    ("backends", "shares"),
    [
        ((IP,), {RULE: 1}),
        ((DNS,), {RULE: 1}),
        ((IP, OTHER_IP), {RULE: 1}),
        ((IP, UNIX), {RULE: 1}),
        ((DNS, DNS), {_backend(0): 1, _backend(1): 1}),
        ((EMPTY,), {RULE: 1}),
        ((EMPTY, EMPTY), {RULE: 1}),
        ((IP, WEIGHTLESS), {RULE: 1}),
        ((IP, GONE_WEIGHTLESS), {RULE: 1}),
        ((IP, DNS), {_backend(0): 1, _backend(1): 1}),
        ((WEIGHTLESS, IP, DNS), {_backend(1): 1, _backend(2): 1}),
        ((IP, EMPTY), {_backend(0): 1, _backend(1): 1}),
        ((backend("10.0.0.1", weight=3), GONE, GONE), {_backend(0): 3, REFUSED: 2}),
        ((), {}),
        ((GONE,), {}),
        ((GONE, GONE), {}),
        ((WEIGHTLESS,), {}),
        ((GONE, WEIGHTLESS), {}),
    ],
)
def test_traffic_is_shared_as(backends: tuple[ResolvedBackend, ...], shares: dict[str, int]) -> None:
    """One cluster where one can serve all, else one for each backend; nothing to send to answers 500."""
    gateway_ = serve(rule(*backends))
    found = only_route(gateway_)
    if not shares:
        assert found["direct_response"] == {"status": 500}
    elif len(shares) == 1:
        assert found["route"]["cluster"] == RULE
    else:
        split = found["route"]["weighted_clusters"]["clusters"]
        assert {each["name"]: each["weight"] for each in split} == shares
        assert found["route"]["cluster_not_found_response_code"] == "INTERNAL_SERVER_ERROR"
    assert {each.name for each in translate(gateway_).clusters.values()} == set(shares) - {REFUSED}


def _assignment(name: str, *localities: tuple[int, int, list[dict[str, Any]]]) -> dict[str, Any]:
    return {"cluster_name": name, "endpoints": [_locality(*each) for each in localities]}


def _locality(number: int, weight: int, addresses: list[dict[str, Any]]) -> dict[str, Any]:
    """Write a locality but for its metadata."""
    found = [{"endpoint": {"address": each}, "load_balancing_weight": 1} for each in addresses]
    return {
        "locality": {"region": _backend(number)},
        "load_balancing_weight": weight,
        **({"lb_endpoints": found} if found else {}),
    }


def _without_metadata(assignment: dict[str, Any]) -> dict[str, Any]:
    for locality in assignment["endpoints"]:
        del locality["metadata"]
    return assignment


def _endpoints(translation: GatewayTranslation) -> dict[str, dict[str, Any]]:
    return {name: _without_metadata(found) for name, found in by_name(translation.endpoints).items()}


def _socket(address: str, port: int = 8080) -> dict[str, Any]:
    return {"socket_address": {"address": address, "port_value": port}}


def test_cluster_of_ip_addresses() -> None:
    """Endpoints come by EDS under the cluster's name; fixed values are Envoy Gateway's."""
    (cluster,) = by_name(translate(serve(rule(IP))).clusters).values()
    policy = cluster.pop("load_balancing_policy")["policies"][0]["typed_extension_config"]
    assert policy["name"] == "envoy.load_balancing_policies.least_request"
    assert policy["typed_config"]["locality_lb_config"] == {"locality_weighted_lb_config": {}}
    del cluster["metadata"]
    assert cluster == {
        "name": RULE,
        "type": "EDS",
        "eds_cluster_config": {"eds_config": {"ads": {}, "resource_api_version": "V3"}, "service_name": RULE},
        "connect_timeout": "10s",
        "per_connection_buffer_limit_bytes": 32768,
        "circuit_breakers": {"thresholds": [{"max_retries": 1024}]},
        "dns_lookup_family": "V4_PREFERRED",
        "ignore_health_on_host_removal": True,
    }


def test_cluster_of_names() -> None:
    """Names are resolved by Envoy: the cluster holds them, and EDS delivers nothing."""
    translation = translate(serve(rule(DNS)))
    (cluster,) = by_name(translation.clusters).values()
    assert cluster["type"] == "STRICT_DNS"
    assert _without_metadata(cluster["load_assignment"]) == _assignment(RULE, (0, 1, [_socket("db.example")]))
    assert "eds_cluster_config" not in cluster
    assert not translation.endpoints


def test_endpoints_have_a_locality_for_each_backend() -> None:
    """A locality is named and weighed like its backend; one of weight 0 is left out."""
    backends = (
        backend("10.0.0.1", "10.0.0.2", weight=3),
        backend("10.0.0.3", weight=0),
        backend("/run/app.sock"),
    )
    assert _endpoints(translate(serve(rule(*backends)))) == {
        RULE: _assignment(
            RULE, (0, 3, [_socket("10.0.0.1"), _socket("10.0.0.2")]), (2, 1, [{"pipe": {"path": "/run/app.sock"}}])
        )
    }


def test_a_backend_alone_has_its_locality_whether_or_not_it_has_endpoints() -> None:
    """With its weight, as Envoy Gateway has it: an extension server knows by it whose endpoints it is asked about."""
    assert _endpoints(translate(serve(rule(backend("10.0.0.1", weight=7), EMPTY)))) == {
        _backend(0): _assignment(_backend(0), (0, 7, [_socket("10.0.0.1")])),
        _backend(1): _assignment(_backend(1), (1, 1, [])),
    }
    assert _endpoints(translate(serve(rule(EMPTY, EMPTY)))) == {RULE: _assignment(RULE, (0, 1, []), (1, 1, []))}


def test_a_locality_names_the_service_or_backend_that_its_endpoints_are_of() -> None:
    """By Envoy Gateway's metadata: a Service with its port; where several have the endpoints, all of them."""
    a, b = SocketAddress("10.0.0.1", 80), SocketAddress("10.0.0.2", 80)
    pool = EndpointsKey(ObjectKey("gateway.envoyproxy.io", "Backend", "shop", "pool"))
    web = EndpointsKey(ObjectKey("", "Service", "shop", "web"), 8080)
    backends = (ResolvedBackend(0, 1, pool), ResolvedBackend(1, 1, web))
    plan = ClusterPlan(RULE, RULE, backends, is_dns=False)
    in_pool = {"kind": "Backend", "name": "pool", "namespace": "shop"}
    in_web = {"kind": "Service", "name": "web", "namespace": "shop", "sectionName": "8080"}
    assert _named(plan, Revision({pool: (a,), web: (b,)})) == [[in_pool], [in_web]]
    assert _named(plan, Revision({pool: (a, b), web: (b,)})) == [[in_pool], [in_pool, in_web]]
    assert _named(plan, Revision({pool: (), web: ()})) == [[in_pool], [in_web]]


def _named(plan: ClusterPlan, table: EndpointTable) -> list[list[dict[str, str]]]:
    """Return what the metadata of each locality names."""
    assignment = MessageToDict(ClusterLoadAssignment.FromString(load_assignment(plan, table)))
    return [each["metadata"]["filterMetadata"]["envoy-gateway"]["resources"] for each in assignment["endpoints"]]


def test_cluster_is_the_same_for_every_gateway() -> None:
    """Gateways that are served together share the clusters of a route."""
    app = route("app", rule(IP), rule(DNS), rule(IP, EMPTY))
    first, second = (
        translate(gateway(listener("x", at(app, host), port=port), name=name))
        for name, host, port in (("one", "a.example", 80), ("two", "b.example", 8080))
    )
    assert dict(first.clusters) == dict(second.clusters)
    assert dict(first.endpoints) == dict(second.endpoints)


def test_clusters_and_endpoints_name_their_route() -> None:
    """A cluster says in which file it has its cause, and by metadata which object that is."""
    app = route(
        "app",
        rule(IP, name="main"),
        annotations={"gateway.envoyproxy.io/team": "shop", "other": "no"},
    )
    translation = translate(gateway(listener("http", at(app))))
    (cluster,), (endpoints,) = translation.clusters.values(), translation.endpoints.values()
    assert cluster.sources == endpoints.sources == (source("HTTPRoute", "app"),)
    (found,) = by_name(translation.clusters).values()
    assert found["metadata"]["filter_metadata"]["envoy-gateway"]["resources"] == [
        {
            "kind": "HTTPRoute",
            "name": "app",
            "namespace": "default",
            "sectionName": "main",
            "annotations": {"team": "shop"},
        }
    ]


def test_backends_that_speak_http2_get_a_cluster_that_does() -> None:
    """One that speaks another protocol than its neighbours has a cluster of its own."""
    old, new = backend("10.0.0.1"), replace(backend("10.0.0.2"), protocol=UpstreamProtocol.HTTP2)
    translation = translate(gateway(listener("http", at(route("app", rule(old, new))))))
    spoken = {name: _http2(found) for name, found in by_name(translation.clusters).items()}
    assert spoken == {f"{RULE}/backend/0": False, f"{RULE}/backend/1": True}


def _http2(cluster: dict[str, Any]) -> bool:
    options = cluster.get("typed_extension_protocol_options", {})
    return "http2_protocol_options" in str(options)
