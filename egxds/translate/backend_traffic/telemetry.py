"""telemetry of a BackendTrafficPolicy: what is traced and counted of the requests of a route. Pure.

What stands here counts instead of what the connection manager says, but for tags of other names. Where no part of the
requests is given, Envoy traces all of a route that says anything, whatever part the EnvoyProxy gives.
"""

from __future__ import annotations

from envoy.config.route.v3.route_components_pb2 import Route
from envoy.type.v3.percent_pb2 import FractionalPercent

from egxds.model.api.backend_traffic.telemetry import ROUTE_KIND, ROUTE_NAME, ROUTE_NAMESPACE, BackendTelemetry
from egxds.model.api.envoy_proxy.tracing import TracedPart
from egxds.object_key import ObjectKey
from egxds.translate.proxies.tracing import custom_tags

_FINEST = 1_000_000


def write_tracing(route: Route, asked: BackendTelemetry) -> None:
    """Write which requests of a route are traced, and what their spans say."""
    if asked.tracing is None:
        return
    tracing = route.tracing
    tracing.SetInParent()
    for name, part in (
        ("random_sampling", asked.tracing.sampling_fraction),
        ("client_sampling", asked.tracing.client_sampling_fraction),
        ("overall_sampling", asked.tracing.overall_sampling_fraction),
    ):
        if part is not None:
            getattr(tracing, name).CopyFrom(_fraction(part))
    tracing.custom_tags.extend(custom_tags(asked.tracing))
    if asked.tracing.span_name is not None:
        tracing.operation, tracing.upstream_operation = asked.tracing.span_name.client, asked.tracing.span_name.server


def stat_name(asked: object, route: ObjectKey) -> str:
    """Return under which name a route is counted; empty where it is not.

    Args:
        asked: what is asked of telemetry, if anything is.
        route: the route, by which it may be named.
    """
    name = asked.metrics.name or "" if isinstance(asked, BackendTelemetry) and asked.metrics is not None else ""
    said = {ROUTE_NAME: route.name, ROUTE_NAMESPACE: route.namespace, ROUTE_KIND: route.kind.lower()}
    for operator, value in said.items():
        name = name.replace(operator, value)
    return name


def _fraction(part: TracedPart) -> FractionalPercent:
    return FractionalPercent(
        numerator=round(_FINEST * part.numerator / part.denominator), denominator=FractionalPercent.MILLION
    )
