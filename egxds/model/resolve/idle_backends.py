"""Backends that answer 503, or nothing, as nobody is there, which is no mistake of their route and rarely meant. Pure.

Where a cluster writes EndpointSlices it is a moment; where files are all there is, nobody will ever write one that is
missing. So it is said, with what to write.
"""

from __future__ import annotations

from collections.abc import Iterator

from egxds.model.resolve.fallbacks import can_stand_in, priorities_of
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.index import SERVICE_NAME_LABEL
from egxds.model.resolve.resolved import ResolvedBackend, ResolvedRoute, ResolvedRule
from egxds.model.resolve.upstreams import EndpointsKey, EndpointsShape


def idle_backends(resolved: ResolvedRoute) -> Iterator[Fault]:
    """Say of each backend of a route with a share of its traffic why nobody is there; nothing where somebody is."""
    forwarding = (rule for rule in resolved.rules if not (rule.refusal or rule.is_closed or rule.is_answering))
    for rule in forwarding:
        for backend in rule.backends:
            if backend.endpoints is not None and backend.weight and backend.shape.is_empty:
                message = f"{_why(backend.endpoints, backend.shape)}; {_consequence(rule, backend)}"
                path = ("spec", "rules", rule.index, "backendRefs", backend.index)
                yield Fault(Reason.NO_READY_ENDPOINTS, message, path)


def _consequence(rule: ResolvedRule, backend: ResolvedBackend) -> str:
    fallback = priorities_of(rule).fallback
    if backend in fallback:
        return "it stands in for nobody"
    is_replaced = any(can_stand_in(other, backend) and not other.shape.is_empty for other in fallback)
    if is_replaced:
        return "its share goes to its fallback"
    return "its share is closed" if backend.protocol.is_plain else "its share answers 503"


def _why(key: EndpointsKey, shape: EndpointsShape) -> str:
    service = key.backend
    if shape is EndpointsShape.UNKNOWN:
        label = f"{SERVICE_NAME_LABEL}: {service.name}"
        return f"{service} has no endpoints: no EndpointSlice in its namespace has the label {label}; write one"
    if shape is EndpointsShape.NO_PORT:
        return (
            f"{service} has no endpoints at port {key.port}: no EndpointSlice of it has a TCP port of that name; "
            "give the port of a slice the name that it has in the Service"
        )
    return f"{service} has no endpoint that is ready at port {key.port}"
