"""BackendTrafficPolicies: what stands at clusters, what at routes, and what is written again for a change."""

from __future__ import annotations

from typing import Any

from tests.unit.model.test_backend_traffic_policies import (
    DB,
    FEW,
    GATEWAY,
    HTTP,
    ROUTE,
    SOON,
    STREAMS,
    traffic,
)
from tests.unit.model.test_policies import on
from tests.unit.model.test_unserved_policies import EVERYTHING
from tests.unit.model.texts import endpoint_slice, gateway, service
from tests.unit.translate.policies_world import Translated, clusters, http_options, named_clusters
from tests.unit.translate.reading import routes

CART, REST = "httproute/default/shop/rule/0", "httproute/default/shop/rule/1"


def _limits(cluster: dict[str, Any]) -> object:
    return cluster["circuit_breakers"]["thresholds"][0].get("max_connections")


def test_a_policy_of_a_rule_is_that_of_its_cluster() -> None:
    """The other rule has what it had."""
    found = clusters(Translated().scan(*EVERYTHING, traffic(on("HTTPRoute", "shop", "cart"), **FEW)))
    assert {name: _limits(each) for name, each in found.items()} == {CART: 4, REST: None}


def test_a_policy_of_a_gateway_is_that_of_all_of_its_clusters() -> None:
    """But of those of a route with a policy of its own, which replaces it as a whole."""
    found = clusters(Translated().scan(*EVERYTHING, traffic(GATEWAY, **FEW)))
    assert {_limits(each) for each in found.values()} == {4}
    found = clusters(Translated().scan(*EVERYTHING, traffic(GATEWAY, **FEW), traffic(ROUTE, name="own", **SOON)))
    assert {_limits(each) for each in found.values()} == {None}


def test_a_policy_that_is_merged_has_what_both_ask() -> None:
    """The route's counting more; without the one above it stands alone."""
    own = traffic(ROUTE, name="own", mergeType="StrategicMerge", circuitBreaker={"maxPendingRequests": 7})
    world = Translated()
    found = clusters(world.scan(*EVERYTHING, traffic(GATEWAY, **FEW, **SOON), own))
    (thresholds,) = found[CART]["circuit_breakers"]["thresholds"]
    assert (thresholds["max_connections"], thresholds["max_pending_requests"]) == (4, 7)
    assert _limits(clusters(world.scan(*EVERYTHING, own))[CART]) == 1024


def test_where_listeners_ask_for_others_rules_have_clusters_of_their_own() -> None:
    """Routes at each listener name theirs, and no policy is chosen silently."""
    found = Translated().scan(*EVERYTHING, traffic(HTTP, name="few", **FEW))
    there = clusters(found)
    assert {name: _limits(each) for name, each in there.items()} == {
        CART: None,
        REST: None,
        f"{CART}@default/few": 4,
        f"{REST}@default/few": 4,
    }
    assert named_clusters(found) == there.keys()
    assert there.keys() == dict(found.endpoints.items()).keys()


def test_clusters_that_are_needed_no_more_go() -> None:
    """Where a policy comes to ask the same as that of the Gateway, or goes."""
    world = Translated()
    world.scan(*EVERYTHING, traffic(HTTP, name="few", **FEW))
    assert clusters(world.scan(*EVERYTHING, traffic(HTTP, name="few", **SOON))).keys() == {CART, REST}
    world.scan(*EVERYTHING, traffic(HTTP, name="few", **FEW))
    found = world.scan(*EVERYTHING)
    assert clusters(found).keys() == {CART, REST}
    assert named_clusters(found) == {CART, REST}


def test_clusters_go_with_the_listener_that_had_them_otherwise() -> None:
    """And those that all others shared, with these."""
    world, few = Translated(), traffic(HTTP, name="few", **FEW)
    world.scan(*EVERYTHING, few)
    without = gateway(listeners="[{name: other, port: 81, protocol: HTTP}]")
    assert clusters(world.scan(without, *EVERYTHING[1:], few)).keys() == {CART, REST}
    world.scan(*EVERYTHING, few)
    alone = gateway(listeners="[{name: http, port: 80, protocol: HTTP}]")
    found = world.scan(alone, *EVERYTHING[1:], few)
    assert clusters(found).keys() == named_clusters(found) == {f"{CART}@default/few", f"{REST}@default/few"}


def test_what_is_asked_of_routes_writes_no_cluster() -> None:
    """The resources are the same objects."""
    world = Translated()
    before = world.scan(*EVERYTHING, traffic(GATEWAY, **FEW))
    now = world.scan(*EVERYTHING, traffic(GATEWAY, **FEW, **SOON))
    assert now.clusters is before.clusters
    assert {each["route"]["timeout"] for each in routes(now).values()} == {"5s"}


def test_what_is_asked_of_clusters_writes_no_route() -> None:
    """RDS has nothing to send, nor has LDS."""
    world = Translated()
    before = world.scan(*EVERYTHING, traffic(GATEWAY, **SOON))
    now = world.scan(*EVERYTHING, traffic(GATEWAY, **FEW, **SOON))
    assert now.route_configurations is before.route_configurations
    assert now.listeners is before.listeners
    assert now.clusters is not before.clusters


def test_a_policy_of_a_rule_writes_nothing_of_the_other() -> None:
    """Neither its cluster nor its endpoints."""
    world, cart = Translated(), on("HTTPRoute", "shop", "cart")
    before = world.scan(*EVERYTHING, traffic(cart, **FEW))
    now = world.scan(*EVERYTHING, traffic(cart, circuitBreaker={"maxConnections": 5}))
    assert now.clusters.changed_since(before.clusters) == {CART}
    assert now.endpoints is before.endpoints


def test_how_connections_to_backends_last() -> None:
    """Timeouts of connections stand at clusters, and HTTP is spoken as it was."""
    asked = {"tcp": {"connectTimeout": "3s"}, "http": {"connectionIdleTimeout": "1m", "maxConnectionDuration": "1h"}}
    found = clusters(Translated().scan(*EVERYTHING, traffic(GATEWAY, timeout=asked)))[CART]
    assert found["connect_timeout"] == "3s"
    options = http_options(found)
    assert options["common_http_protocol_options"] == {"idle_timeout": "60s", "max_connection_duration": "3600s"}
    assert options["explicit_http_config"] == {"http_protocol_options": {}}


def test_what_passes_connections_on_has_the_same_limits() -> None:
    """Without anything that is HTTP's."""
    asked = {"tcp": {"connectTimeout": "3s"}, "http": {"connectionIdleTimeout": "1m"}}
    texts = (STREAMS, DB, service(), endpoint_slice())
    (found,) = clusters(Translated().scan(*texts, traffic(GATEWAY, **FEW, timeout=asked))).values()
    assert (found["connect_timeout"], _limits(found), http_options(found)) == ("3s", 4, {})


def test_a_retry_budget_is_a_part_of_the_requests() -> None:
    """In per cent, whatever the denominator is."""
    budget = {"percent": {"numerator": 1, "denominator": 8}, "minRetryConcurrency": 2}
    asked = {"retryBudget": budget, "perEndpoint": {"maxConnections": 9}, "maxRequestsPerConnection": 1}
    found = clusters(Translated().scan(*EVERYTHING, traffic(GATEWAY, circuitBreaker=asked)))[CART]
    (thresholds,) = found["circuit_breakers"]["thresholds"]
    assert thresholds["retry_budget"] == {"budget_percent": {"value": 12.5}, "min_retry_concurrency": 2}
    assert found["circuit_breakers"]["per_host_thresholds"] == [{"max_connections": 9}]
    assert http_options(found)["common_http_protocol_options"] == {"max_requests_per_connection": 1}
