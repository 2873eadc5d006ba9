"""What of a BackendTrafficPolicy stands at Envoy routes that send requests on: a row for each field. Pure.

Only what Envoy has nowhere above stands here (`BackendTraffic.of_routes`): a policy of a Gateway costs all of its
routes for it. What a filter does is a row of `egxds.translate.http_filters.table`, and stands at heads. What a rule
says of itself counts before any policy (Envoy Gateway), so these rows are written first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from envoy.config.route.v3.route_components_pb2 import Route

from egxds.object_key import ObjectKey
from egxds.translate.backend_traffic import bodies, load_balancer, telemetry, timeouts
from egxds.translate.upgrades import write_upgrades

_ROWS: tuple[tuple[str, Callable[[Route, Any], None]], ...] = (
    ("timeout", timeouts.write_request_timeouts),
    ("httpUpgrade", write_upgrades),
    ("loadBalancer", load_balancer.hide_reports),
    ("telemetry", telemetry.write_tracing),
    # What is held until it is there as a whole turns to nothing else.
    ("requestBuffer", bodies.write_buffer_limit),
)


def write_asked(route: Route, asked: Mapping[str, object], owner: ObjectKey) -> None:
    """Write what policies ask of the requests of a rule, into a route that sends them on.

    Args:
        route: is written to.
        asked: field → what is asked.
        owner: the route object that it is made from.
    """
    for name, write in _ROWS:
        if name in asked:
            write(route, asked[name])
    route.stat_prefix = telemetry.stat_name(asked.get("telemetry"), owner)
