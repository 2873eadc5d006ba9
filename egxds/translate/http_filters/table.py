"""The HTTP filters by which policies are applied, and where their configuration stands. Pure.

Every connection manager has all of them, disabled. What a policy asks is configuration in RDS, which enables a filter:

    in force at        stands at
    listeners          the head of their RouteConfiguration, where the same is in force at all of these; else the heads
                       of the virtual hosts of each
    a route, a rule    its Envoy routes

Where a filter counts all together that it stands at, and each route is to be counted by itself, it stands at single
routes in any case (`is_for_routes`).

So an edit of a policy never touches a Listener: no connection is drained, and those that are open obey at once, which
they would not if the filter came with a new version of the Listener. A policy of a Gateway is one head, however many
routes there are. Of a route, a virtual host and a RouteConfiguration Envoy takes what the most specific one says of a
filter. So where a policy replaces the one above, it disables every filter of its kind that it does not ask for,
whatever the one above asks: that need not be known, and so a change above is none of such a route.

A filter that cannot be told all of it in RDS has the rest in a resource of its own (`jwt`), which drains nothing, too.

The order is Envoy Gateway's (v1.9, EnvoyProxy.filterOrder), with denials before all others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from envoy.config.route.v3.route_components_pb2 import FilterConfig
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import HttpFilter
from google.protobuf.any_pb2 import Any as AnyMessage

from egxds import names
from egxds.model.resolve.effective_policies import EffectivePolicy, PoliciesInForce
from egxds.model.resolve.features.table import REQUEST_KINDS
from egxds.resources.encoding import pack
from egxds.resources.resource import Key
from egxds.translate.http_filters import (
    api_key_auth,
    authorization,
    bandwidth,
    basic_auth,
    compression,
    cors,
    ext_auth,
    ext_auth_context,
    faults,
    jwt,
    rate_limit,
    request_buffer,
    response_override,
)
from egxds.translate.http_filters.denial import denial_filter
from egxds.translate.http_filters.policy_filter import PolicyFilter

POLICY_FILTERS: tuple[PolicyFilter, ...] = (
    *map(denial_filter, REQUEST_KINDS),
    response_override.FILTER,
    faults.FILTER,
    cors.FILTER,
    ext_auth.FILTER,
    ext_auth_context.CHOICE,
    ext_auth_context.FILTER,
    api_key_auth.FILTER,
    basic_auth.FILTER,
    jwt.FILTER,
    request_buffer.FILTER,
    authorization.FILTER,
    rate_limit.FILTER,
    bandwidth.FILTER,
    *compression.FILTERS,
)
"""A row each, in the order in which a request comes through them."""

_DISABLED = pack(FilterConfig(disabled=True))

FilterConfigs = Mapping[str, AnyMessage]
"""Name of a filter → its configuration, or that it is disabled."""

NO_CONFIGS: FilterConfigs = {}


def policy_filters(gateway: str) -> Iterator[HttpFilter]:
    """Yield the filters as the connection managers of a Gateway, `<namespace>/<name>`, have them."""
    return (row.in_connection_manager(gateway) for row in POLICY_FILTERS)


def fetched_filters(gateway: str) -> frozenset[Key]:
    """Return what the connection managers of a Gateway fetch for these filters."""
    return frozenset((names.EXTENSION_CONFIG, row.name_at(gateway)) for row in POLICY_FILTERS if row.is_fetched)


def configs_of_listener(in_force: PoliciesInForce, gateway: str) -> FilterConfigs:
    """Return what enables the filters for what is in force at a listener of a Gateway."""
    rows = [row for row in POLICY_FILTERS if not row.is_for_routes]
    return {name: config for each in in_force for name, config in _enabled(each, rows, gateway)}


def configs_of_rule(in_force: PoliciesInForce, gateway: str) -> FilterConfigs:
    """Return what enables the filters for what is in force at a rule, and disables all others of the same kinds."""
    found: dict[str, AnyMessage] = {}
    for each in in_force:
        found |= _all_disabled((row for row in POLICY_FILTERS if row.kind == each.kind), gateway)
        found |= _enabled(each, POLICY_FILTERS, gateway)
    return found


def configs_of_traffic(asked: Mapping[str, object], gateway: str) -> FilterConfigs:
    """Return what enables the filters that stand at single routes, for what is asked of the traffic of a rule.

    Args:
        asked: field → what it asks.
        gateway: whose rule it is.
    """
    rows = (row for row in POLICY_FILTERS if row.is_for_routes and row.feature in asked)
    return {row.name_at(gateway): pack(row.write(asked[row.feature])) for row in rows}


def disabled_filters(gateway: str) -> FilterConfigs:
    """Return what disables all filters, for what answers by itself whatever is in force above it."""
    return _all_disabled(POLICY_FILTERS, gateway)


def _enabled(policy: EffectivePolicy, rows: Iterable[PolicyFilter], gateway: str) -> Iterator[tuple[str, AnyMessage]]:
    settings = {"": policy} if policy.faults else policy.settings
    for row in rows:
        if row.kind == policy.kind and row.feature in settings and row.takes(settings[row.feature]):
            yield row.name_at(gateway), pack(row.write(settings[row.feature]))


def _all_disabled(rows: Iterable[PolicyFilter], gateway: str) -> dict[str, AnyMessage]:
    return {row.name_at(gateway): _DISABLED for row in rows}
