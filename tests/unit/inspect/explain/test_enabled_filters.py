"""Which HTTP filters look at a request: the most specific of those that say so counts, as it does for Envoy."""

from __future__ import annotations

import pytest
from envoy.config.route.v3.route_components_pb2 import FilterConfig, Route, VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.http.basic_auth.v3.basic_auth_pb2 import BasicAuthPerRoute
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import HttpFilter
from google.protobuf.any_pb2 import Any as AnyMessage

from egxds.inspect.explain.enabled_filters import is_enabled
from egxds.resources.encoding import pack

Configs = dict[str, AnyMessage]
Levels = tuple[Configs, Configs, Configs]
NAME = "login"
ON: Configs = {NAME: pack(BasicAuthPerRoute())}
OFF: Configs = {NAME: pack(FilterConfig(disabled=True))}
CASES = {
    "nothing is said of one that is disabled": (True, [({}, {}, {})], False),
    "nothing is said of one that is not": (False, [({}, {}, {})], True),
    "enabled above all": (True, [({}, {}, ON)], True),
    "enabled at the virtual host": (True, [({}, ON, OFF)], True),
    "disabled at the route": (True, [(OFF, ON, ON)], False),
    "enabled at one of two routes": (True, [(OFF, {}, ON), ({}, {}, ON)], True),
    "no route takes the request": (True, [], False),
}


@pytest.mark.parametrize(("disabled", "levels", "expected"), CASES.values(), ids=CASES)
def test_the_most_specific_counts(disabled: bool, levels: list[Levels], expected: bool) -> None:
    """Of a route, its virtual host and the RouteConfiguration."""
    taken_by = [
        (
            Route(typed_per_filter_config=of_route),
            VirtualHost(typed_per_filter_config=of_host),
            RouteConfiguration(typed_per_filter_config=of_all),
        )
        for of_route, of_host, of_all in levels
    ]
    assert is_enabled(HttpFilter(name=NAME, disabled=disabled), taken_by) is expected
