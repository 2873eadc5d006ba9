"""Backends that go where clients say (DynamicResolver), at listeners that cannot tell them where. Pure.

Source: Envoy Gateway v1.9. A connection that is passed on goes to its server name, at the port of TLS. Where TLS ends
there is no port to go to, so its connections are closed.
"""

from __future__ import annotations

from collections.abc import Iterator

from egxds.model.resolve.attachment import ParentVerdict
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.resolved import ResolvedRoute
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.model.resolve.upstreams import EndpointsShape


def closed_dynamic(resolved: ResolvedRoute, parent: ParentVerdict) -> Iterator[Fault]:
    """Say which backends of a route are closed at a parent of it, since TLS ends there.

    Args:
        resolved: the route.
        parent: one of its parents.
    """
    if not parent.ending_tls or ROUTE_KINDS[resolved.route.key.group_kind].reads_requests:
        return
    for rule in resolved.rules:
        for backend in rule.backends:
            if backend.shape is EndpointsShape.DYNAMIC:
                message = (
                    "Dynamic resolver backend is only supported with TLS passthrough listeners; connections are closed "
                    f"at {', '.join(parent.ending_tls)}"
                )
                path = ("spec", "rules", rule.index, "backendRefs", backend.index)
                yield Fault(Reason.UNSUPPORTED_VALUE, message, path)
