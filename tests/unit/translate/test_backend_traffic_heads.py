"""BackendTrafficPolicies: what of them stands at heads, and what at routes, and what that costs."""

from __future__ import annotations

import json
from typing import Any

from envoy.extensions.filters.http.composite.v3 import composite_pb2 as _composite
from envoy.extensions.filters.http.local_ratelimit.v3 import local_rate_limit_pb2 as _limits
from envoy.extensions.rate_limit_descriptors.expr.v3 import expr_pb2 as _expressions
from envoy.extensions.retry.host.previous_hosts.v3 import previous_hosts_pb2 as _hosts

from egxds.resources.translation import GatewayTranslation
from egxds.translate.http_filters.rest_expression import rest_expression
from tests.unit.model.test_backend_traffic_policies import GATEWAY, HTTP, ROUTE, traffic
from tests.unit.model.test_policies import on
from tests.unit.model.test_unserved_policies import EVERYTHING
from tests.unit.translate.policies_world import Translated
from tests.unit.translate.reading import routes, tables

PAYLOADS = (_composite, _limits, _expressions, _hosts)
"""Modules that must be loaded for the payloads inside to be printed."""

RETRY: dict[str, Any] = {"retry": {"numRetries": 4}}
LIMIT: dict[str, Any] = {"rateLimit": {"local": {"rules": [{"limit": {"requests": 3, "unit": "Hour"}}]}}}
SLOW: dict[str, Any] = {"bandwidthLimit": {"request": {"limit": {"value": "2Ki", "unit": "Second"}}}}
WHOLE: dict[str, Any] = {"requestBuffer": {"limit": "1Mi"}}


def _retries(of: dict[str, Any]) -> object:
    return of.get("retry_policy", {}).get("num_retries")


def _at_hosts(found: GatewayTranslation) -> set[object]:
    return {_retries(host) for table in tables(found).values() for host in table["virtual_hosts"]}


def _at_routes(found: GatewayTranslation) -> dict[str, object]:
    return {
        each["name"].split("/match")[0]: _retries(each["route"]) for each in routes(found).values() if "route" in each
    }


def test_retries_of_a_gateway_stand_at_its_virtual_hosts() -> None:
    """They come and go without a route being written."""
    world = Translated()
    before = world.scan(*EVERYTHING)
    found = world.scan(*EVERYTHING, traffic(GATEWAY, **RETRY))
    assert _at_hosts(found) == {4}
    assert set(_at_routes(found).values()) == {None}
    assert routes(found) == routes(before)
    assert _at_hosts(world.scan(*EVERYTHING)) == {None}


def test_a_policy_of_a_route_says_of_retries_whatever_stands_above() -> None:
    """Also that there are none."""
    own = traffic(on("HTTPRoute", "shop", "cart"), name="own", timeout={})
    found = _at_routes(Translated().scan(*EVERYTHING, traffic(GATEWAY, **RETRY), own))
    assert found == {"httproute/default/shop/rule/0": 0, "httproute/default/shop/rule/1": None}
    own = traffic(ROUTE, name="own", retry={"numRetries": 1})
    assert set(_at_routes(Translated().scan(*EVERYTHING, traffic(GATEWAY, **RETRY), own)).values()) == {1}


def test_retries_of_one_listener_are_those_of_its_hosts() -> None:
    """Others have none."""
    assert _at_hosts(Translated().scan(*EVERYTHING, traffic(HTTP, **RETRY))) == {4, None}


def test_a_limit_of_a_gateway_is_one_head() -> None:
    """Which tells routes apart by their names; no route is written."""
    world = Translated()
    before = routes(world.scan(*EVERYTHING))
    found = world.scan(*EVERYTHING, traffic(GATEWAY, **LIMIT))
    assert routes(found) == before
    heads = json.dumps([table["typed_per_filter_config"] for table in tables(found).values()])
    assert "xds.route_name" in heads


def test_what_is_counted_for_each_route_stands_at_routes() -> None:
    """A bandwidth, and that nothing is led on which is held until its end."""
    found = routes(Translated().scan(*EVERYTHING, traffic(GATEWAY, **SLOW, **WHOLE))).values()
    for each in found:
        if "route" in each:
            (name,) = each["typed_per_filter_config"]
            assert name == "envoy.filters.http.bandwidth_limit/backendtrafficpolicy"
            assert each["request_body_buffer_limit"] == str(1 << 20)
            assert each["route"]["upgrade_configs"] == [{"upgrade_type": "websocket", "enabled": False}]


def test_nothing_but_what_is_left_is_for_the_rest() -> None:
    """Without any rule it is for everything."""
    assert rest_expression([]) == "true"
