"""Zones of endpoints: where they matter, and what that makes of the clusters of a rule."""

from __future__ import annotations

from typing import Any

from tests.unit.model.test_backend_traffic_policies import GATEWAY, ROUTE, traffic
from tests.unit.model.test_policies import on
from tests.unit.model.test_unserved_policies import TWO_LISTENERS, TWO_RULES
from tests.unit.model.texts import endpoint_slice, gateway, gateway_object, service
from tests.unit.translate.policies_world import Translated, clusters
from tests.unit.translate.reading import by_name, routes

SLICE = endpoint_slice(addresses="[{addresses: [10.0.0.1], zone: a}, {addresses: [10.0.0.2], zone: b}]")
WORLD = (TWO_LISTENERS, TWO_RULES, service(), SLICE)
LOCAL: dict[str, Any] = {"loadBalancer": {"type": "RoundRobin", "zoneAware": {"preferLocal": {}}}}


def _localities(found: Any) -> list[list[dict[str, str]]]:
    return [[each["locality"] for each in of_one["endpoints"]] for of_one in by_name(found.endpoints).values()]


def test_endpoints_of_a_service_stand_in_zones_where_a_policy_asks_for_them() -> None:
    """By what its EndpointSlice says; else they stand together."""
    world = Translated()
    assert all(len(each) == 1 for each in _localities(world.scan(*WORLD)))
    found = world.scan(*WORLD, traffic(GATEWAY, **LOCAL))
    assert all(each == [{"zone": "a"}, {"zone": "b"}] for each in _localities(found))


def test_a_zone_that_nothing_is_said_of_is_one_too() -> None:
    """Its endpoints stand in a locality without a name."""
    some = endpoint_slice(addresses="[{addresses: [10.0.0.1], zone: a}, {addresses: [10.0.0.2]}]")
    found = Translated().scan(*WORLD[:3], some, traffic(ROUTE, **LOCAL))
    assert [{}, {"zone": "a"}] in _localities(found)


def test_connections_of_several_backends_are_shared_by_clusters_then() -> None:
    """As requests are: each backend has its share, whatever zones it stands in."""
    both = "[{name: app, port: 80, weight: 3}, {name: app, port: 80}]"
    db = gateway_object("TCPRoute", "db", f"parentRefs: [{{name: web}}]\nrules: [{{backendRefs: {both}}}]")
    listener = gateway(listeners="[{name: db, port: 5432, protocol: TCP}]")
    world = Translated()
    assert len(clusters(world.scan(listener, db, service(), SLICE))) == 1
    found = world.scan(listener, db, service(), SLICE, traffic(on("TCPRoute", "db"), **LOCAL))
    assert {name.rpartition("/")[2] for name in clusters(found)} == {"0", "1"}
    (chains,) = (each["filter_chains"] for each in by_name(found.listeners).values())
    (proxy,) = (each["typed_config"] for chain in chains for each in chain["filters"])
    assert [each["weight"] for each in proxy["weighted_clusters"]["clusters"]] == [3, 1]


def test_a_route_of_one_backend_is_the_same() -> None:
    """Its cluster keeps its name."""
    world = Translated()
    before = {name: each.get("route", {}).get("cluster") for name, each in routes(world.scan(*WORLD)).items()}
    found = routes(world.scan(*WORLD, traffic(GATEWAY, **LOCAL)))
    assert {name: each.get("route", {}).get("cluster") for name, each in found.items()} == before
